"""Every documented size beyond those of blocks, at n and at n + 1; and that no documented number was forgotten."""

import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from demo.workspace.client import WorkspaceRefusedError
from tests.contract.test_workspace_blocks import BLOCK_LIMITS, VIEW_LIMITS, mrkdwn, option
from tests.workspace_apps import Json, Wire, installed, manifest
from tests.workspace_surfaces import modal, plain

ALERTS, AIKO = "C0ALERTS01", "U0DEV00001"
TOLD = Path(__file__).parents[3] / "shared" / "slack" / "README.md"
DAY_SECONDS = 86_400
Ask = Callable[[Wire, int], Awaitable[str | None]]


@pytest.fixture
async def wire() -> AsyncIterator[Wire]:
    async with installed() as fresh:
        await fresh.people.fault("rate_limits", enabled=False)
        yield fresh


async def channel_name(wire: Wire, length: int) -> str | None:
    return await wire.error("conversations.create", name="n" * length)


async def topic(wire: Wire, length: int) -> str | None:
    return await wire.error("conversations.setTopic", channel=ALERTS, topic="t" * length)


async def purpose(wire: Wire, length: int) -> str | None:
    return await wire.error("conversations.setPurpose", channel=ALERTS, purpose="p" * length)


async def bookmark_title(wire: Wire, length: int) -> str | None:
    link = {"type": "link", "link": "https://takumi.example/"}
    return await wire.error("bookmarks.add", channel_id=ALERTS, title="t" * length, **link)


async def schedule_days(wire: Wire, days: int) -> str | None:
    """A minute before the day is over: the clock goes on while we ask."""
    post_at = int(wire.running.stand_in.world.clock.now()) + days * DAY_SECONDS - 60
    return await wire.error("chat.scheduleMessage", channel=ALERTS, text="x", post_at=post_at)


async def view_bytes(wire: Wire, size_bytes: int) -> str | None:
    blocks = [{"type": "section", "text": mrkdwn(2900)} for _ in range(84)]
    empty = len(json.dumps(modal(blocks=[*blocks, {"type": "section", "text": mrkdwn(0)}])).encode())
    view = modal(blocks=[*blocks, {"type": "section", "text": mrkdwn(size_bytes - empty)}])
    assert len(json.dumps(view).encode()) == size_bytes
    trigger = wire.running.stand_in.triggers.mint(wire.credentials["app_id"], AIKO)
    return await wire.error("views.open", trigger_id=trigger, view=view)


async def markdown_text(wire: Wire, length: int) -> str | None:
    return await wire.error("chat.postMessage", channel=ALERTS, markdown_text="m" * length)


async def update_text(wire: Wire, length: int) -> str | None:
    return await wire.error("chat.update", channel=ALERTS, ts=(await wire.post())["ts"], text="x" * length)


async def attachments(wire: Wire, count: int) -> str | None:
    return await wire.error("chat.postMessage", channel=ALERTS, attachments=[{"text": "a"}] * count)


async def _installs(wire: Wire, **features: Any) -> str | None:
    wanted = manifest("Another", events=[])
    wanted["features"] |= features
    try:
        await wire.people.install(wanted)
    except WorkspaceRefusedError as refusal:
        return refusal.code
    return None


def _command(number: int = 0, **changes: Any) -> Json:
    return {"command": f"/c{number}", "description": "d", **changes}


async def command(wire: Wire, length: int) -> str | None:
    return await _installs(wire, slash_commands=[_command(command="/" + "c" * (length - 1))])


async def description(wire: Wire, length: int) -> str | None:
    return await _installs(wire, slash_commands=[_command(description="d" * length)])


async def usage_hint(wire: Wire, length: int) -> str | None:
    return await _installs(wire, slash_commands=[_command(usage_hint="h" * length)])


async def commands(wire: Wire, count: int) -> str | None:
    return await _installs(wire, slash_commands=[_command(n) for n in range(count)])


async def shortcuts(wire: Wire, count: int) -> str | None:
    one = {"name": "n", "type": "global", "description": "d"}
    return await _installs(wire, shortcuts=[{**one, "callback_id": f"s{n}"} for n in range(count)])


async def shortcut_name(wire: Wire, length: int) -> str | None:
    one = {"name": "n" * length, "type": "global", "description": "d", "callback_id": "s"}
    return await _installs(wire, shortcuts=[one])


SIZES: dict[str, tuple[int, Ask]] = {
    "channel name": (80, channel_name),
    "topic": (250, topic),
    "purpose": (250, purpose),
    "bookmark title": (256, bookmark_title),
    "scheduled message, days": (120, schedule_days),
    "view, bytes": (250_000, view_bytes),
    "markdown text": (12_000, markdown_text),
    "updated text": (4_000, update_text),
    "attachments": (100, attachments),
    "command": (32, command),
    "command description": (2_000, description),
    "usage hint": (1_000, usage_hint),
    "commands": (50, commands),
    "shortcuts": (10, shortcuts),
    "shortcut name": (24, shortcut_name),
}
SHOWN_ELSEWHERE = {
    40_000: "test_a_posted_text_is_cut_at_40000_characters",
    11_000: "test_blocks_have_at_most_11000_characters_together",
    13_000: "test_blocks_have_at_most_11000_characters_together",  # where sources differ we keep the stricter
    30: "test_a_response_address_lives_thirty_minutes",
    3: "test_three_views_lie_on_each_other_and_not_four",
    250: "test_a_size_holds_at_n_and_not_beyond",  # kB of a view, and characters of a topic
}
"""What has a test of its own, by its number."""


@pytest.mark.parametrize("size", SIZES)
async def test_a_size_holds_at_n_and_not_beyond(wire: Wire, size: str) -> None:
    most, ask = SIZES[size]
    assert await ask(wire, most) is None
    assert await ask(wire, most + 1) is not None


@pytest.mark.parametrize("name", ["War-Room", "war room", "war.room"])
async def test_a_channel_name_is_in_lower_case_without_spaces_or_dots(wire: Wire, name: str) -> None:
    assert await wire.error("conversations.create", name=name) == "invalid_name_specials"


@pytest.mark.skipif(not TOLD.exists(), reason=f"no shared limits at {TOLD}")
def test_no_documented_number_was_forgotten() -> None:
    paragraph = TOLD.read_text(encoding="utf-8").partition("Limits to keep")[2].partition("Wire traps")[0]
    told = {int(number.replace(",", "")) for number in re.findall(r"(?<![\d,.])\d[\d,]*\d|\b\d\b", paragraph)}
    kept = {most for most, _ in [*BLOCK_LIMITS.values(), *VIEW_LIMITS.values(), *SIZES.values()]}
    assert told - kept - SHOWN_ELSEWHERE.keys() == set()
    assert len(told) > 20


def test_what_is_shown_elsewhere_is_shown_there() -> None:
    tests = "".join(path.read_text(encoding="utf-8") for path in Path(__file__).parent.glob("test_workspace_*.py"))
    assert [name for name in SHOWN_ELSEWHERE.values() if f"def {name}(" not in tests] == []


async def test_an_option_is_chosen_by_its_whole_value(wire: Wire) -> None:
    """75 characters come back as they were sent: nothing is cut on the way."""
    value = "v" * 75
    menu = {"type": "static_select", "action_id": "menu", "options": [option(value=value, text=plain("long"))]}
    posted = await wire.post("x", blocks=[{"type": "actions", "elements": [menu]}])
    assert posted["blocks"][0]["elements"][0]["options"][0]["value"] == value

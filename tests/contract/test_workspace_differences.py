"""What docs/known-differences.md says of the stand-in is so, and each of its lines has a test."""

import json
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web

from demo.workspace.api.registry import METHODS
from tests.contract.test_workspace_http_mode import receiving
from tests.workspace_apps import Json, Wire, installed, manifest, until
from tests.workspace_socket import SocketApp, socket_app
from tests.workspace_surfaces import ACTIONS, AIKO, ALERTS, ALERTS_ID, NAME, modal, opened, plain

HERE = Path(__file__).parent
PAGE = (HERE.parents[1] / "docs" / "known-differences.md").read_text(encoding="utf-8")
REFERENCE = HERE.parents[2] / "shared" / "slack" / "web-api-reference.json"


@pytest.fixture
async def wire() -> AsyncIterator[Wire]:
    async with installed() as fresh:
        yield fresh


@pytest.fixture
async def app(wire: Wire) -> AsyncIterator[SocketApp]:
    async with socket_app(wire) as connected:
        yield connected


def rows() -> list[list[str]]:
    """The cells of the table's lines, without its head."""
    lines = [line for line in PAGE.splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines[2:]]


def listed_methods() -> set[str]:
    return set(re.findall(r"`([a-zA-Z.]+)`", PAGE.partition("these answer `unknown_method`")[2]))


def test_every_difference_names_a_test_that_is_there() -> None:
    tests = "".join(path.read_text(encoding="utf-8") for path in HERE.glob("test_workspace_*.py"))
    named = {row[0]: row[-1].strip("`") for row in rows()}
    assert len(named) > 20
    assert [name for name in named.values() if not re.search(rf"^(async )?def {name}\(", tests, re.MULTILINE)] == []


def test_every_test_of_this_file_has_its_line() -> None:
    mine = set(re.findall(r"^async def (test_\w+)\(", Path(__file__).read_text(encoding="utf-8"), re.MULTILINE))
    assert mine - {row[-1].strip("`") for row in rows()} == set()


@pytest.mark.skipif(not REFERENCE.exists(), reason=f"no shared reference at {REFERENCE}")
def test_the_methods_that_are_not_there_are_those_that_are_listed() -> None:
    assert json.loads(REFERENCE.read_text()).keys() - METHODS.keys() == listed_methods()


async def test_a_method_that_is_not_there_is_unknown(wire: Wire) -> None:
    for method in sorted({*listed_methods(), "usergroups.users.update"}):
        assert await wire.error(method) == "unknown_method", method


async def test_a_response_stands_beside_its_message_unless_told(wire: Wire, app: SocketApp) -> None:
    parent = (await wire.post("parent"))["ts"]
    message = await wire.post("buttons", blocks=ACTIONS, thread_ts=parent)
    await wire.aiko.click(message, "Go!", ALERTS)
    url = app.payloads("block_actions")[0]["response_url"]
    for body in ({"text": "beside"}, {"text": "in the thread", "thread_ts": parent}):
        async with wire.session.post(url, json=body) as answer:
            assert answer.status == 200
    assert [m["text"] for m in await wire.aiko.ephemerals(ALERTS)] == ["beside"]
    assert [m["text"] for m in await wire.aiko.ephemerals(ALERTS, parent)] == ["in the thread"]
    assert (await wire.aiko.messages(ALERTS, parent))[1]["text"] == "buttons"


@pytest.mark.parametrize(("length", "error"), [(16_000, None), (16_001, "metadata_too_large")])
async def test_metadata_has_at_most_16000_characters(wire: Wire, length: int, error: str | None) -> None:
    empty = len(json.dumps({"event_type": "a", "event_payload": {"b": ""}}))
    metadata = {"event_type": "a", "event_payload": {"b": "c" * (length - empty)}}
    assert await wire.error("chat.postMessage", channel=ALERTS_ID, text="x", metadata=metadata) == error


async def test_a_missing_argument_is_named(wire: Wire) -> None:
    for name, method in METHODS.items():
        answer = await wire.call(name, token=wire.credentials["app_token"] if method.caller == "app" else None)
        if method.required:
            told = " ".join(answer["response_metadata"]["messages"])
            assert (answer["error"], [one for one in method.required if one not in told]) == ("invalid_arguments", [])


async def test_a_command_arrives_as_typed_or_escaped(wire: Wire, app: SocketApp) -> None:
    escaping = manifest("Escaping", command="/escaping")
    escaping["features"]["slash_commands"][0]["should_escape"] = True
    other = Wire(wire.running, wire.people, await wire.people.install(escaping), wire.session)
    async with socket_app(other) as second:
        for command in ("/takumi", "/escaping"):
            await wire.aiko.command(f"{command} for @Taro Lead & <all>", ALERTS)
        assert app.payloads("slash_commands")[0]["text"] == "for @Taro Lead & <all>"
        assert second.payloads("slash_commands")[0]["text"] == "for <@U0LEAD0001> &amp; &lt;all&gt;"


async def test_a_typed_message_has_no_blocks(wire: Wire, app: SocketApp) -> None:
    await wire.aiko.say("*hello*", ALERTS)
    event = (await app.until(lambda: app.events("message")))[0]
    assert (event["text"], "blocks" in event) == ("*hello*", False)


async def test_plain_text_comes_back_as_it_was_sent(wire: Wire, app: SocketApp) -> None:
    button = {"type": "button", "action_id": "go", "text": plain("a & b < c"), "value": "1"}
    message = await wire.post("x", blocks=[{"type": "actions", "elements": [button]}])
    await wire.aiko.click(message, "go", ALERTS)
    assert app.payloads("block_actions")[0]["actions"][0]["text"]["text"] == "a & b < c"


async def test_opening_over_an_open_modal_replaces_the_stack(wire: Wire, app: SocketApp) -> None:
    first = await opened(wire, app)
    second = await opened(wire, app, modal(title=plain("Second")))
    assert [v["id"] for v in await wire.aiko.views()] == [second["id"]]
    assert await wire.error("views.update", view_id=first["id"], view=modal()) == "not_found"


async def test_a_submission_brings_no_response_urls(wire: Wire, app: SocketApp) -> None:
    where = {"type": "conversations_select", "action_id": "where", "response_url_enabled": True}
    view = await opened(wire, app, modal(blocks=[NAME | {"element": where}]))
    await wire.aiko.submit(view, {"where": ALERTS_ID})
    assert app.payloads("view_submission")[0]["response_urls"] == []


async def test_an_input_in_a_container_has_no_state(wire: Wire, app: SocketApp) -> None:
    held = {"type": "container", "block_id": "box", "title": plain("Box"), "child_blocks": [NAME]}
    view = await opened(wire, app, modal(blocks=[held]))
    assert view["state"]["values"] == {}


async def test_an_external_select_takes_an_option_that_nobody_suggested(wire: Wire, app: SocketApp) -> None:
    view = await opened(wire, app, modal(blocks=[NAME | {"element": {"type": "external_select", "action_id": "who"}}]))
    await wire.aiko.submit(view, {"who": "anybody"})
    state = app.payloads("view_submission")[0]["view"]["state"]["values"]["name"]["who"]
    assert state["selected_option"]["value"] == "anybody"


async def test_a_direct_message_has_two_sides(wire: Wire) -> None:
    assert await wire.error("conversations.open", users=f"{AIKO},U0LEAD0001") == "too_many_users"


async def test_a_private_channel_is_renamed_in_silence() -> None:
    events = ["channel_rename", "channel_archive"]
    async with installed(manifest(events=events)) as wire, socket_app(wire) as app:
        for name, is_private in (("hidden", "true"), ("open", "false")):
            made = await wire.call("conversations.create", name=name, is_private=is_private)
            await wire.call("conversations.rename", channel=made["channel"]["id"], name=f"{name}-room")
        await app.until(lambda: app.events("channel_rename"))
        assert [event["channel"]["name"] for event in app.events("channel_rename")] == ["open-room"]


async def test_a_redirect_is_a_failure() -> None:
    async with receiving() as receiver, installed(manifest(url=receiver.url, events=["app_mention"])) as wire:
        receiver.answer = lambda: web.Response(status=302, headers={"Location": "/slack"})
        await wire.aiko.say("@takumi help", ALERTS)
        await until(lambda: len(receiver.events()) == 2)
        headers: Json = dict(receiver.events()[1][0])
        assert headers["X-Slack-Retry-Reason"] == "http_error"


async def test_of_two_apps_with_one_command_the_later_answers(wire: Wire, app: SocketApp) -> None:
    other = Wire(wire.running, wire.people, await wire.people.install(manifest("Later")), wire.session)
    async with socket_app(other) as later:
        assert (await wire.aiko.command("/takumi help", ALERTS))["ok"]
        assert (len(app.payloads("slash_commands")), len(later.payloads("slash_commands"))) == (0, 1)

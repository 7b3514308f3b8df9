"""Every method once, well used: its answer carries what Slack's carries."""

import json
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from demo.workspace.api.registry import METHODS
from tests.workspace_apps import Json, Wire, installed

RESTATED = json.loads((Path(__file__).parent / "slack_methods.json").read_text())
SHAPES = Path(__file__).parents[3] / "shared" / "slack" / "response-shapes.json"
VIEW: Json = {"type": "modal", "title": {"type": "plain_text", "text": "Title"}, "blocks": []}
UNRECORDED = {
    "pins.list": {"/items/0/channel", "/items/0/message"},  # the recording pinned a file
    "reactions.get": {"/message/edited"},  # the recording's message was never edited
}
HOME: Json = {"type": "home", "blocks": []}


@pytest.fixture
async def wire() -> AsyncIterator[Wire]:
    async with installed() as fresh:
        yield fresh


async def tour(wire: Wire) -> dict[str, Json]:
    """Call every method in an order in which each succeeds; answers by method."""
    answers: dict[str, Json] = {}

    async def go(method: str, token: str | None = None, **arguments: Any) -> Json:
        answers[method] = answer = await wire.call(method, token, **arguments)
        assert answer["ok"], (method, answer)
        return answer

    def trigger(view_id: str | None = None) -> str:
        app_id = wire.credentials["app_id"]
        return wire.running.stand_in.triggers.mint(app_id, "U0DEV00001", view_id)

    await go("api.test", foo="bar")
    await go("auth.test")
    await go("team.info")
    await go("apps.connections.open", wire.credentials["app_token"])
    created = (await go("conversations.create", name="war-room"))["channel"]["id"]
    await go("conversations.invite", channel=created, users="U0LEAD0001,U0CTO00001")
    await go("conversations.setTopic", channel=created, topic="Now")
    await go("conversations.join", channel="C0GENERAL1")
    for method in ("conversations.list", "users.conversations", "users.list", "usergroups.list"):
        await go(method)
    for method in ("conversations.info", "conversations.members"):
        await go(method, channel=created)
    await go("conversations.open", users="U0DEV00001")
    await go("users.info", user="U0DEV00001")
    await go("users.lookupByEmail", email="aiko@takumi.example")
    await go("users.getPresence", user="U0DEV00001")
    await go("usergroups.users.list", usergroup="S0CTO00000")
    await go("bots.info", bot=(await wire.call("auth.test"))["bot_id"])
    ts = (await go("chat.postMessage", channel=created, text="one"))["ts"]
    await go("chat.update", channel=created, ts=ts, text="two")
    await go("chat.postEphemeral", channel=created, user="U0CTO00001", text="psst")
    await go("chat.getPermalink", channel=created, message_ts=ts)
    later = await go("chat.scheduleMessage", channel=created, text="later", post_at=int(time.time()) + 600)
    await go("chat.scheduledMessages.list")
    await go("chat.deleteScheduledMessage", channel=created, scheduled_message_id=later["scheduled_message_id"])
    await go("conversations.history", channel=created)
    await go("conversations.replies", channel=created, ts=ts)
    await go("reactions.add", channel=created, timestamp=ts, name="eyes")
    await go("reactions.get", channel=created, timestamp=ts)
    await go("reactions.remove", channel=created, timestamp=ts, name="eyes")
    await go("pins.add", channel=created, timestamp=ts)
    await go("pins.list", channel=created)
    await go("pins.remove", channel=created, timestamp=ts)
    await go("bookmarks.add", channel_id=created, title="Guide", type="link", link="https://example.com/")
    await go("bookmarks.list", channel_id=created)
    view = (await go("views.open", trigger_id=trigger(), view=VIEW))["view"]
    await go("views.push", trigger_id=trigger(view["id"]), view=VIEW)
    await go("views.update", view_id=view["id"], view=VIEW)
    await go("views.publish", user_id="U0DEV00001", view=HOME)
    await go("blocks.validate", blocks=[{"type": "divider"}])
    upload = await go("files.getUploadURLExternal", filename="a.txt", length=3)
    async with wire.session.post(upload["upload_url"], data=b"abc") as sent:
        assert sent.status == 200
    await go("files.completeUploadExternal", files=[{"id": upload["file_id"]}], channel_id=created)
    await go("files.info", file=upload["file_id"])
    await go("files.delete", file=upload["file_id"])
    await go("chat.delete", channel=created, ts=ts)
    await go("conversations.archive", channel=created)
    return answers


async def test_every_method_answers_with_its_required_keys(wire: Wire) -> None:
    answers = await tour(wire)
    assert answers.keys() == METHODS.keys()
    for method, answer in answers.items():
        assert set(RESTATED[method]["answer"]) <= answer.keys(), method


@pytest.mark.skipif(not SHAPES.exists(), reason=f"no recorded answers at {SHAPES}")
async def test_answers_have_no_key_slack_never_sends(wire: Wire) -> None:
    recorded = json.loads(SHAPES.read_text())
    for method, answer in (await tour(wire)).items():
        if method in recorded:
            foreign = {key for key in _foreign(answer, recorded[method], "") if not _is_channel_key(key)}
            assert foreign <= UNRECORDED.get(method, set()), method


async def test_coverage_counts_calls_and_names_unknown_arguments(wire: Wire) -> None:
    await wire.call("chat.postMessage", channel="C0ALERTS01", text="x", colour="red")
    coverage = await wire.people.coverage()
    assert coverage["called"] == {"chat.postMessage": 1}
    assert coverage["unknown_arguments"] == {"chat.postMessage colour": 1}


def _is_channel_key(place: str) -> bool:
    """Shares are keyed by channel, so each recording has its own keys there."""
    return "/shares/public/" in place


def _foreign(ours: Any, recorded: Any, where: str) -> list[str]:
    """Keys of ours that the recording lacks; parts it records as empty say nothing."""
    if isinstance(ours, dict) and isinstance(recorded, dict) and recorded:
        unknown = [f"{where}/{key}" for key in ours if key not in recorded]
        return unknown + [f for k, v in ours.items() if k in recorded for f in _foreign(v, recorded[k], f"{where}/{k}")]
    if isinstance(ours, list) and isinstance(recorded, list) and recorded:
        return [f for item in ours for f in _foreign(item, recorded[0], f"{where}/0")]
    return []

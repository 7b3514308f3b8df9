"""Every method once, well used: its answer carries what Slack's carries."""

import json
import re
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from demo.workspace.api.registry import METHODS
from tests.workspace_apps import Json, Wire, installed
from tests.workspace_socket import socket_app

RESTATED = json.loads((Path(__file__).parent / "slack_methods.json").read_text())
SHAPES = Path(__file__).parents[3] / "shared" / "slack" / "response-shapes.json"
VIEW: Json = {"type": "modal", "title": {"type": "plain_text", "text": "Title"}, "blocks": []}
UNRECORDED = {
    "pins.list": {"/items/0/channel", "/items/0/message"},  # the recording pinned a file
    "reactions.get": {"/message/edited"},  # the recording's message was never edited
}
SOURCES = Path(__file__).parents[2] / "bot"
HOME: Json = {"type": "home", "blocks": []}


@pytest.fixture
async def wire() -> AsyncIterator[Wire]:
    async with installed() as fresh:
        yield fresh


class Tour:
    """Calls every method in an order in which each succeeds, and keeps the answers."""

    def __init__(self, wire: Wire) -> None:
        self.wire = wire
        self.answers: dict[str, Json] = {}

    async def go(self, method: str, token: str | None = None, **arguments: Any) -> Json:
        self.answers[method] = answer = await self.wire.call(method, token, **arguments)
        assert answer["ok"], (method, answer)
        return answer

    async def everything(self) -> dict[str, Json]:
        await self.myself()
        channel = (await self.go("conversations.create", name="war-room"))["channel"]["id"]
        await self.conversations(channel)
        await self.people()
        await self.messages(channel)
        await self.marks(channel, (await self.wire.post("marked", channel))["ts"])
        await self.views()
        await self.files(channel)
        await self.go("conversations.archive", channel=channel)
        await self.go("conversations.unarchive", channel=channel)
        await self.go("conversations.leave", channel=channel)
        return self.answers

    async def myself(self) -> None:
        await self.go("api.test", foo="bar")
        await self.go("team.info")
        await self.go("apps.connections.open", self.wire.credentials["app_token"])
        await self.go("bots.info", bot=(await self.go("auth.test"))["bot_id"])

    async def conversations(self, channel: str) -> None:
        await self.go("conversations.invite", channel=channel, users="U0LEAD0001,U0CTO00001")
        await self.go("conversations.kick", channel=channel, user="U0LEAD0001")
        await self.go("conversations.setTopic", channel=channel, topic="Now")
        await self.go("conversations.setPurpose", channel=channel, purpose="Then")
        await self.go("conversations.rename", channel=channel, name="peace-room")
        await self.go("conversations.join", channel="C0GENERAL1")
        direct = await self.go("conversations.open", users="U0DEV00001")
        await self.go("conversations.close", channel=direct["channel"]["id"])
        for method in ("conversations.list", "users.conversations"):
            await self.go(method)
        for method in ("conversations.info", "conversations.members"):
            await self.go(method, channel=channel)

    async def people(self) -> None:
        for method in ("users.list", "usergroups.list"):
            await self.go(method)
        await self.go("users.info", user="U0DEV00001")
        await self.go("users.lookupByEmail", email="aiko@takumi.example")
        await self.go("users.getPresence", user="U0DEV00001")
        await self.go("usergroups.users.list", usergroup="S0CTO00000")

    async def messages(self, channel: str) -> None:
        ts = (await self.go("chat.postMessage", channel=channel, text="one"))["ts"]
        await self.go("conversations.mark", channel=channel, ts=ts)
        await self.go("chat.update", channel=channel, ts=ts, text="two")
        await self.go("chat.postEphemeral", channel=channel, user="U0CTO00001", text="psst")
        await self.go("chat.getPermalink", channel=channel, message_ts=ts)
        later = await self.go("chat.scheduleMessage", channel=channel, text="later", post_at=int(time.time()) + 600)
        await self.go("chat.scheduledMessages.list")
        scheduled = later["scheduled_message_id"]
        await self.go("chat.deleteScheduledMessage", channel=channel, scheduled_message_id=scheduled)
        await self.go("conversations.history", channel=channel)
        await self.go("conversations.replies", channel=channel, ts=ts)
        await self.go("chat.delete", channel=channel, ts=ts)
        await self.go("blocks.validate", blocks=[{"type": "divider"}])

    async def marks(self, channel: str, ts: str) -> None:
        await self.go("reactions.add", channel=channel, timestamp=ts, name="eyes")
        await self.go("reactions.get", channel=channel, timestamp=ts)
        await self.go("reactions.list")
        await self.go("reactions.remove", channel=channel, timestamp=ts, name="eyes")
        await self.go("pins.add", channel=channel, timestamp=ts)
        await self.go("pins.list", channel=channel)
        await self.go("pins.remove", channel=channel, timestamp=ts)
        link = {"title": "Guide", "type": "link", "link": "https://example.com/"}
        made = (await self.go("bookmarks.add", channel_id=channel, **link))["bookmark"]["id"]
        await self.go("bookmarks.edit", channel_id=channel, bookmark_id=made, title="The guide")
        await self.go("bookmarks.list", channel_id=channel)
        await self.go("bookmarks.remove", channel_id=channel, bookmark_id=made)

    async def views(self) -> None:
        view = (await self.go("views.open", trigger_id=self.trigger(), view=VIEW))["view"]
        await self.go("views.push", trigger_id=self.trigger(view["id"]), view=VIEW)
        await self.go("views.update", view_id=view["id"], view=VIEW)
        await self.go("views.publish", user_id="U0DEV00001", view=HOME)

    async def files(self, channel: str) -> None:
        upload = await self.go("files.getUploadURLExternal", filename="a.txt", length=3)
        async with self.wire.session.post(upload["upload_url"], data=b"abc") as sent:
            assert sent.status == 200
        await self.go("files.completeUploadExternal", files=[{"id": upload["file_id"]}], channel_id=channel)
        await self.go("files.info", file=upload["file_id"])
        await self.go("files.list", channel=channel)
        await self.go("files.delete", file=upload["file_id"])

    def trigger(self, view_id: str | None = None) -> str:
        return self.wire.running.stand_in.triggers.mint(self.wire.credentials["app_id"], "U0DEV00001", view_id)


async def test_every_method_answers_with_its_required_keys(wire: Wire) -> None:
    answers = await Tour(wire).everything()
    assert answers.keys() == METHODS.keys()
    for method, answer in answers.items():
        assert set(RESTATED[method]["answer"]) <= answer.keys(), method


@pytest.mark.skipif(not SHAPES.exists(), reason=f"no recorded answers at {SHAPES}")
async def test_answers_have_no_key_slack_never_sends(wire: Wire) -> None:
    recorded = json.loads(SHAPES.read_text())
    for method, answer in (await Tour(wire).everything()).items():
        if method in recorded:
            foreign = {key for key in _foreign(answer, recorded[method], "") if not _is_channel_key(key)}
            assert foreign <= UNRECORDED.get(method, set()), method


def test_every_method_that_the_bot_names_is_here() -> None:
    named = {name for path in SOURCES.rglob("*.py") for name in METHOD.findall(path.read_text(encoding="utf-8"))}
    assert named - {"files.upload"} <= METHODS.keys()  # files.upload: how errors of the SDK's upload are reported
    assert {"chat.postMessage", "views.publish", "users.info"} <= named


async def test_coverage_counts_calls_and_names_unknown_arguments(wire: Wire) -> None:
    await wire.call("chat.postMessage", channel="C0ALERTS01", text="x", colour="red")
    coverage = await wire.people.coverage()
    assert coverage["called"] == {"chat.postMessage": 1}
    assert set(coverage["never_called"]) == METHODS.keys() - {"chat.postMessage"}
    assert coverage["unknown_arguments"] == {"chat.postMessage colour": 1}


METHOD = re.compile(
    r'"((?:apps|auth|bookmarks|chat|conversations|files|pins|reactions|usergroups|users|views)\.[A-Za-z.]+)"'
)


async def test_coverage_counts_what_was_sent_and_refused(wire: Wire) -> None:
    async with socket_app(wire) as app:
        await wire.aiko.command("/takumi help", "#takumi-alerts")
        await wire.aiko.say("@takumi help", "#takumi-alerts")
        await app.until(lambda: len(app.received) == 3)
    await wire.call("files.info", file="F0")
    coverage = await wire.people.coverage()
    assert coverage["sent"] == {"slash_commands": 1, "message": 1, "app_mention": 1}
    assert coverage["errors"] == {"files.info file_not_found": 1}


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

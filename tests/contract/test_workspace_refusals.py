"""Every error that a method declares is provoked: a declared one that nothing provokes would prove nothing."""

import re
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from demo.workspace.api.registry import METHODS
from tests.contract.test_workspace_errors import HUGE_MODAL, MISTAKES, MODAL, TOO_LONG_HEADER
from tests.workspace_apps import SCOPES, Json, Wire, installed, manifest

ALERTS, GENERAL, OUTSIDE, NOWHERE = "C0ALERTS01", "C0GENERAL1", "C0RANDOM01", "C0NOWHERE1"
AIKO, TARO, NOBODY = "U0DEV00001", "U0LEAD0001", "U0NOBODY01"
NO_TS = "1.000001"
SOON = int(time.time()) + 600
HOME: Json = {"type": "home", "blocks": []}
FILLING: Json = {
    "text": "x", "ts": NO_TS, "message_ts": NO_TS, "timestamp": NO_TS, "user": AIKO, "users": AIKO, "topic": "t",
    "purpose": "p", "name": "eyes", "post_at": SOON, "scheduled_message_id": "Q0", "title": "t", "type": "link",
    "link": "https://x.y", "bookmark_id": "Bk0", "files": [{"id": "{upload}"}],
}  # fmt: skip
"""Something for each required argument, where another one is to be wrong."""


def filled(method: str, **wrong: Any) -> Json:
    """A call of which only `wrong` is wrong."""
    known = METHODS[method].arguments - {"blocks"}
    return {name: value for name, value in FILLING.items() if name in known} | wrong


def nowhere() -> list[tuple[str, Json, str]]:
    """Every method that takes a channel, with one that is not there."""
    return [
        (name, filled(name, **{_channel_of(name): NOWHERE}), "channel_not_found")
        for name, method in METHODS.items()
        if "channel_not_found" in method.raises
    ]


def _channel_of(name: str) -> str:
    return next(one for one in ("channel", "channel_id") if one in METHODS[name].arguments)


def bad_content() -> list[tuple[str, Json, str]]:
    """What is wrong with a message, by every door it may come in."""
    broken: list[tuple[Json, str]] = [
        ({"text": " "}, "no_text"),
        ({"blocks": "no json"}, "invalid_blocks_format"),
        ({"blocks": TOO_LONG_HEADER}, "invalid_blocks"),
        ({"attachments": [{"text": "a"}] * 101}, "too_many_attachments"),
        ({"metadata": {"event_type": ""}}, "invalid_metadata_format"),
        ({"metadata": {"event_type": "a"}}, "invalid_metadata_schema"),
        ({"metadata": {"event_type": "a", "event_payload": {"b": "c" * 16_000}}}, "metadata_too_large"),
        ({"markdown_text": "y"}, "markdown_text_conflict"),
    ]
    doors: dict[str, Json] = {
        "chat.postEphemeral": {"channel": ALERTS, "user": AIKO},
        "chat.update": {"channel": ALERTS, "ts": "{own}"},
        "chat.scheduleMessage": {"channel": ALERTS, "post_at": SOON},
    }
    return [
        (door, {"text": "x", **at, **wrong}, error)
        for door, at in doors.items()
        for wrong, error in broken
        if error in METHODS[door].raises
    ]


DIRECT = [
    (name, filled(name, channel="{direct}"), "method_not_supported_for_channel_type")
    for name, method in METHODS.items()
    if "method_not_supported_for_channel_type" in method.raises and name != "conversations.close"
]
ARCHIVED = [
    (name, filled(name, channel="{archived}"), "is_archived")
    for name in (
        "chat.postMessage", "chat.postEphemeral", "chat.scheduleMessage", "conversations.invite",
        "conversations.setTopic", "conversations.setPurpose", "conversations.rename", "conversations.join",
        "conversations.leave",
    )
]  # fmt: skip
BAD_PAGES = [
    (name, {**at, wrong: value}, error)
    for name, at in {
        "users.conversations": {}, "conversations.members": {"channel": ALERTS}, "users.list": {},
        "conversations.history": {"channel": ALERTS}, "conversations.replies": {"channel": ALERTS, "ts": "{own}"},
    }.items()
    for wrong, value, error in (
        ("cursor", "nonsense", "invalid_cursor"), ("limit", 0, "invalid_limit"), ("types", "x", "invalid_types"),
        ("latest", "then", "invalid_ts_latest"), ("oldest", "then", "invalid_ts_oldest"),
    )
    if error in METHODS[name].raises
]  # fmt: skip
TOO_MUCH = [{"type": "section", "text": {"type": "mrkdwn", "text": "x" * 2751}}] * 4
LONG_NAME, CAPITALS, DOTS = "n" * 81, "War-Room", "..."
SINGLE: list[tuple[str, Json, str]] = [
    ("team.info", {"team": "T0ELSEWHER"}, "team_not_found"),
    ("blocks.validate", {"message": {"text": " "}}, "invalid_message"),
    ("blocks.validate", {"view": {"type": "modal"}}, "invalid_view"),
    ("chat.postEphemeral", filled("chat.postEphemeral", channel=ALERTS, thread_ts=NO_TS), "cannot_reply_to_message"),
    ("chat.scheduleMessage", filled("chat.scheduleMessage", channel=ALERTS, blocks=TOO_MUCH), "msg_too_long"),
    ("chat.update", {"channel": ALERTS, "ts": "{theirs}", "text": "x"}, "cant_update_message"),
    ("chat.update", {"channel": ALERTS, "ts": "{own}", "text": "x" * 4001}, "msg_too_long"),
    ("chat.delete", {"channel": ALERTS, "ts": "{theirs}"}, "cant_delete_message"),
    ("chat.scheduleMessage", filled("chat.scheduleMessage", channel=OUTSIDE), "not_in_channel"),
    ("chat.scheduledMessages.list", {"channel": NOWHERE}, "invalid_channel"),
    ("conversations.open", {"users": f"{AIKO},{TARO}"}, "too_many_users"),
    ("conversations.invite", {"channel": ALERTS, "users": "{bot}"}, "cant_invite_self"),
    ("conversations.invite", {"channel": ALERTS, "users": ","}, "no_user"),
    ("conversations.invite", {"channel": ALERTS, "users": NOBODY}, "user_not_found"),
    *((name, filled(name, channel=OUTSIDE), "not_in_channel")
      for name in ("conversations.setTopic", "conversations.setPurpose", "conversations.rename", "pins.add",
                   "conversations.archive", "conversations.mark", "conversations.kick")),
    ("conversations.archive", {"channel": "{archived}"}, "already_archived"),
    ("conversations.unarchive", {"channel": ALERTS}, "not_archived"),
    ("conversations.close", {"channel": ALERTS}, "method_not_supported_for_channel_type"),
    ("conversations.mark", {"channel": ALERTS, "ts": NO_TS}, "invalid_timestamp"),
    ("conversations.setPurpose", {"channel": ALERTS, "purpose": "p" * 251}, "too_long"),
    ("conversations.rename", {"channel": ALERTS, "name": "mine"}, "not_authorized"),
    ("conversations.rename", {"channel": "{private}", "name": LONG_NAME}, "invalid_name_maxlength"),
    ("conversations.rename", {"channel": "{private}", "name": CAPITALS}, "invalid_name_specials"),
    ("conversations.rename", {"channel": "{private}", "name": DOTS}, "invalid_name_punctuation"),
    ("conversations.rename", {"channel": "{private}", "name": "general"}, "name_taken"),
    ("conversations.kick", {"channel": ALERTS, "user": "{bot}"}, "cant_kick_self"),
    ("conversations.kick", {"channel": GENERAL, "user": AIKO}, "cant_kick_from_general"),
    ("conversations.kick", {"channel": ALERTS, "user": NOBODY}, "user_not_found"),
    ("conversations.leave", {"channel": GENERAL}, "cant_leave_general"),
    ("conversations.leave", {"channel": "{private}"}, "last_member"),
    ("files.getUploadURLExternal", {"filename": "a", "length": 1, "alt_txt": "a" * 1001}, "alt_txt_too_large"),
    ("files.getUploadURLExternal", {"filename": "a", "length": 10**9 + 1}, "file_upload_size_restricted"),
    ("files.completeUploadExternal", filled("files.completeUploadExternal", channel_id=OUTSIDE), "not_in_channel"),
    (
        "files.completeUploadExternal",
        filled("files.completeUploadExternal", channel_id=ALERTS, blocks=TOO_LONG_HEADER),
        "invalid_blocks",
    ),
    ("files.list", {"user": NOBODY}, "user_not_found"),
    ("files.delete", {"file": "F0"}, "file_not_found"),
    ("files.delete", {"file": "{brought}"}, "cant_delete_file"),
    ("reactions.add", {"channel": ALERTS, "timestamp": "{own}", "name": "no emoji"}, "invalid_name"),
    ("reactions.add", {"channel": "{archived}", "timestamp": "{old}", "name": "eyes"}, "is_archived"),
    ("reactions.remove", {"channel": ALERTS, "timestamp": "{own}", "name": "no emoji"}, "invalid_name"),
    ("reactions.remove", {"channel": ALERTS, "timestamp": "{own}", "name": "eyes"}, "no_reaction"),
    ("reactions.list", {"user": NOBODY}, "user_not_found"),
    *((name, filled(name, channel=ALERTS, timestamp="now"), "bad_timestamp")
      for name in ("reactions.remove", "reactions.get", "pins.add", "pins.remove")),
    *((name, filled(name, channel=ALERTS), "message_not_found")
      for name in ("reactions.remove", "reactions.get", "pins.add", "pins.remove")),
    ("reactions.get", {}, "no_item_specified"),
    ("pins.remove", {"channel": ALERTS}, "no_item_specified"),
    ("pins.remove", {"channel": ALERTS, "timestamp": "{own}"}, "no_pin"),
    *((name, filled(name, channel_id=OUTSIDE), "permission_denied")
      for name in ("bookmarks.add", "bookmarks.edit", "bookmarks.remove")),
    *((name, {"channel_id": ALERTS, "bookmark_id": "Bk0"}, "not_found")
      for name in ("bookmarks.edit", "bookmarks.remove")),
    ("bookmarks.edit", {"channel_id": ALERTS, "bookmark_id": "{bookmark}", "link": "javascript:x"}, "invalid_link"),
    ("views.open", {"view": MODAL | {"external_id": "taken"}, "trigger_id": "{trigger}"}, "duplicate_external_id"),
    ("views.push", {"view": MODAL | {"external_id": "taken"}, "trigger_id": "{trigger}"}, "duplicate_external_id"),
    ("views.push", {"view": MODAL, "trigger_id": "1.2.3"}, "invalid_trigger_id"),
    ("views.push", {"view": MODAL, "trigger_id": "{trigger}"}, "not_found"),
    ("views.push", {"view": HUGE_MODAL, "trigger_id": "{trigger}"}, "view_too_large"),
    ("views.push", {"view": MODAL, "trigger_id": "{used}"}, "exchanged_trigger_id"),
    ("views.push", {"view": MODAL, "trigger_id": "{late}"}, "expired_trigger_id"),
    ("views.open", {"view": MODAL, "trigger_id": "{used}"}, "exchanged_trigger_id"),
    ("views.open", {"view": MODAL, "trigger_id": "{late}"}, "expired_trigger_id"),
    ("views.update", {"view": HUGE_MODAL, "view_id": "{view}"}, "view_too_large"),
    ("views.update", {"view": MODAL, "view_id": "{view}", "hash": "old"}, "hash_conflict"),
    ("views.update", {"view": MODAL | {"external_id": "taken"}, "view_id": "{view}"}, "duplicate_external_id"),
    ("views.publish", {"view": HOME, "user_id": AIKO, "hash": "old"}, "hash_conflict"),
    ("views.publish", {"view": HUGE_MODAL | {"type": "home"}, "user_id": TARO}, "invalid_arguments"),
    ("views.publish", {"view": {"type": "home", "blocks": HUGE_MODAL["blocks"]}, "user_id": TARO}, "view_too_large"),
]  # fmt: skip
ALL = [*nowhere(), *bad_content(), *DIRECT, *ARCHIVED, *BAD_PAGES, *SINGLE]
ELSEWHERE = {
    ("reactions.add", "already_reacted"): "test_marking_twice_is_said",
    ("reactions.add", "too_many_emoji"): "test_a_message_takes_23_kinds_of_reactions",
    ("pins.add", "already_pinned"): "test_marking_twice_is_said",
    ("pins.add", "too_many_pins"): "test_a_channel_takes_a_hundred_pins_and_bookmarks",
    ("bookmarks.add", "too_many_bookmarks"): "test_a_channel_takes_a_hundred_pins_and_bookmarks",
    ("chat.scheduleMessage", "restricted_too_many"): "test_five_minutes_take_thirty_scheduled_messages",
    ("views.push", "push_limit_reached"): "test_three_views_lie_on_each_other_and_not_four",
    ("views.publish", "duplicate_external_id"): "test_an_external_id_is_unique_and_finds_its_view",
    ("views.publish", "not_enabled"): "test_an_app_without_a_home_tab_cannot_publish_one",
}
"""What needs more than one call, with the test that shows it."""


class Stage:
    """A workspace in which every mistake can be made; `names` are what calls refer to in braces."""

    def __init__(self, wire: Wire) -> None:
        self.wire = wire
        self.names: dict[str, str] = {}

    async def set_up(self) -> None:
        wire = self.wire
        await wire.people.fault("rate_limits", enabled=False)
        self.names["bot"] = wire.credentials["bot_user_id"]
        self.names["own"] = (await wire.post())["ts"]
        self.names["theirs"] = await wire.aiko.say("mine", "#takumi-alerts")
        self.names["direct"] = await self.channel("conversations.open", users=AIKO)
        self.names["private"] = await self.channel("conversations.create", name="private", is_private="true")
        self.names["archived"] = await self.channel("conversations.create", name="old")
        self.names["old"] = (await wire.post("old", self.names["archived"]))["ts"]
        await wire.call("conversations.archive", channel=self.names["archived"])
        await wire.call("conversations.join", channel=GENERAL)
        self.names["brought"] = (await wire.aiko.upload("a.txt", b"a"))["id"]
        link = {"channel_id": ALERTS, "title": "t", "type": "link", "link": "https://x.y"}
        self.names["bookmark"] = (await wire.call("bookmarks.add", **link))["bookmark"]["id"]
        await wire.call("views.publish", user_id=AIKO, view=HOME | {"external_id": "taken"})
        await self.triggers()

    async def triggers(self) -> None:
        wire = self.wire
        self.names["used"] = self.trigger()
        self.names["view"] = (await wire.call("views.open", trigger_id=self.names["used"], view=MODAL))["view"]["id"]
        self.names["late"] = self.trigger()
        await wire.people.post("clock", advance_seconds=4)

    def trigger(self) -> str:
        return self.wire.running.stand_in.triggers.mint(self.wire.credentials["app_id"], AIKO)

    async def channel(self, method: str, **arguments: Any) -> str:
        return str((await self.wire.call(method, **arguments))["channel"]["id"])

    async def upload(self) -> str:
        made = await self.wire.call("files.getUploadURLExternal", filename="a.txt", length=1)
        async with self.wire.session.post(made["upload_url"], data=b"a") as sent:
            assert sent.status == 200
        return str(made["file_id"])

    async def error(self, method: str, arguments: Json) -> str | None:
        self.names |= {"trigger": self.trigger()}
        if "files" in arguments:
            self.names["upload"] = await self.upload()
        return await self.wire.error(method, **{name: self.named(value) for name, value in arguments.items()})

    def named(self, value: Any) -> Any:
        if isinstance(value, str):
            return re.sub(r"\{(\w+)\}", lambda found: self.names[found[1]], value)
        if isinstance(value, list):
            return [self.named(item) for item in value]
        return {name: self.named(item) for name, item in value.items()} if isinstance(value, dict) else value


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    async with installed(manifest(scopes=[*SCOPES])) as wire:
        made = Stage(wire)
        await made.set_up()
        yield made


async def test_each_mistake_gets_its_own_code(stage: Stage) -> None:
    """In one workspace: what is refused changes nothing, so that the mistakes do not disturb one another."""
    told = {
        (method, error, str(arguments)[:80]): await stage.error(method, arguments) for method, arguments, error in ALL
    }
    assert {call: answer for call, answer in told.items() if answer != call[1]} == {}


def test_every_declared_error_is_provoked() -> None:
    provoked = {(method, error) for method, _, error in [*MISTAKES, *ALL]} | ELSEWHERE.keys()
    declared = {(name, error) for name, method in METHODS.items() for error in method.raises}
    assert declared - provoked == set()


def test_what_is_shown_elsewhere_is_shown_there() -> None:
    tests = "".join(path.read_text(encoding="utf-8") for path in Path(__file__).parent.glob("test_workspace_*.py"))
    assert [name for name in ELSEWHERE.values() if f"async def {name}(" not in tests] == []


async def test_a_message_takes_23_kinds_of_reactions(stage: Stage) -> None:
    at = {"channel": ALERTS, "timestamp": stage.names["own"]}
    told = [await stage.wire.error("reactions.add", name=f"number-{n}", **at) for n in range(24)]
    assert told == [None] * 23 + ["too_many_emoji"]


async def test_a_channel_takes_a_hundred_pins_and_bookmarks(stage: Stage) -> None:
    wire = stage.wire
    link = {"channel_id": ALERTS, "title": "t", "type": "link", "link": "https://x.y"}
    pinned = [await wire.error("pins.add", channel=ALERTS, timestamp=(await wire.post())["ts"]) for _ in range(101)]
    marked = [await wire.error("bookmarks.add", **link) for _ in range(100)]
    assert pinned == [None] * 100 + ["too_many_pins"]
    assert marked == [None] * 99 + ["too_many_bookmarks"]


async def test_five_minutes_take_thirty_scheduled_messages(stage: Stage) -> None:
    later = {"channel": ALERTS, "text": "x"}
    told = [await stage.wire.error("chat.scheduleMessage", post_at=SOON + n, **later) for n in range(31)]
    assert told == [None] * 30 + ["restricted_too_many"]
    assert await stage.wire.error("chat.scheduleMessage", post_at=SOON + 301, **later) is None

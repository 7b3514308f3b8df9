"""How each method says no: Slack's own code for each mistake."""

import json
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.workspace_apps import SCOPES, Json, Wire, installed, manifest

ALERTS, GENERAL, AIKO, NOBODY = "C0ALERTS01", "C0GENERAL1", "U0DEV00001", "U0NOBODY01"
NO_TS = "1.000001"
HEADER = [{"type": "header", "text": {"type": "plain_text", "text": "h" * 150}}]
TOO_LONG_HEADER = [{"type": "header", "text": {"type": "plain_text", "text": "h" * 151}}]
FULL_SECTIONS = [{"type": "section", "text": {"type": "mrkdwn", "text": "x" * 2750}} for _ in range(4)]
MODAL: Json = {"type": "modal", "title": {"type": "plain_text", "text": "T"}, "blocks": []}
HUGE_MODAL = MODAL | {
    "blocks": [{"type": "section", "text": {"type": "mrkdwn", "text": "\u00e9" * 1000}} for _ in range(100)]
}

MISTAKES: list[tuple[str, Json, str]] = [
    ("chat.postMessage", {"text": "x"}, "invalid_arguments"),
    ("chat.postMessage", {"channel": "C0NOWHERE1", "text": "x"}, "channel_not_found"),
    ("chat.postMessage", {"channel": GENERAL, "text": "x"}, "not_in_channel"),
    ("chat.postMessage", {"channel": ALERTS, "text": " "}, "no_text"),
    ("chat.postMessage", {"channel": ALERTS, "text": "x", "blocks": "no json"}, "invalid_blocks_format"),
    ("chat.postMessage", {"channel": ALERTS, "text": "x", "blocks": {}}, "invalid_blocks_format"),
    ("chat.postMessage", {"channel": ALERTS, "blocks": TOO_LONG_HEADER}, "invalid_blocks"),
    ("chat.postMessage", {"channel": ALERTS, "blocks": [*FULL_SECTIONS, *HEADER]}, "msg_blocks_too_long"),
    ("chat.postMessage", {"channel": ALERTS, "attachments": [{"text": "a"}] * 101}, "too_many_attachments"),
    ("chat.postMessage", {"channel": ALERTS, "text": "x", "metadata": {"event_type": ""}}, "invalid_metadata_format"),
    ("chat.postMessage", {"channel": ALERTS, "text": "x", "metadata": {"event_type": "a"}}, "invalid_metadata_schema"),
    (
        "chat.postMessage",
        {"channel": ALERTS, "text": "x", "metadata": {"event_type": "a", "event_payload": {"b": "c" * 16_000}}},
        "metadata_too_large",
    ),
    ("chat.postMessage", {"channel": ALERTS, "text": "x", "markdown_text": "y"}, "markdown_text_conflict"),
    ("chat.postMessage", {"channel": ALERTS, "text": "x", "thread_ts": NO_TS}, "cannot_reply_to_message"),
    ("chat.postMessage", {"channel": ALERTS, "text": "x", "username": "Somebody"}, "missing_scope"),
    ("chat.postEphemeral", {"channel": GENERAL, "user": AIKO, "text": "x"}, "not_in_channel"),
    ("chat.postEphemeral", {"channel": ALERTS, "user": NOBODY, "text": "x"}, "user_not_in_channel"),
    ("chat.postEphemeral", {"channel": ALERTS, "user": AIKO, "text": "x" * 40_001}, "msg_too_long"),
    ("chat.update", {"channel": ALERTS, "ts": NO_TS, "text": "x"}, "message_not_found"),
    ("chat.delete", {"channel": ALERTS, "ts": NO_TS}, "message_not_found"),
    ("chat.getPermalink", {"channel": ALERTS, "message_ts": NO_TS}, "message_not_found"),
    ("chat.scheduleMessage", {"channel": ALERTS, "text": "x", "post_at": "soon"}, "invalid_time"),
    ("chat.scheduleMessage", {"channel": ALERTS, "text": "x", "post_at": 1}, "time_in_past"),
    (
        "chat.scheduleMessage",
        {"channel": ALERTS, "text": "x", "post_at": int(time.time()) + 121 * 86400},
        "time_too_far",
    ),
    (
        "chat.deleteScheduledMessage",
        {"channel": ALERTS, "scheduled_message_id": "Q1"},
        "invalid_scheduled_message_id",
    ),
    ("conversations.info", {"channel": "C0NOWHERE1"}, "channel_not_found"),
    ("conversations.list", {"types": "spaceship"}, "invalid_types"),
    ("conversations.list", {"types": "private_channel"}, "missing_scope"),
    ("conversations.list", {"limit": 0}, "invalid_limit"),
    ("conversations.list", {"cursor": "bm9uc2Vuc2U="}, "invalid_cursor"),
    ("conversations.history", {"channel": GENERAL}, "not_in_channel"),
    ("conversations.history", {"channel": ALERTS, "oldest": "then"}, "invalid_ts_oldest"),
    ("conversations.replies", {"channel": ALERTS, "ts": NO_TS}, "thread_not_found"),
    ("conversations.open", {}, "users_list_not_supplied"),
    ("conversations.open", {"users": NOBODY}, "user_not_found"),
    ("conversations.open", {"users": "U0GONE0001"}, "user_disabled"),
    ("conversations.invite", {"channel": ALERTS, "users": AIKO}, "already_in_channel"),
    ("conversations.invite", {"channel": ALERTS, "users": "U0GONE0001"}, "cant_invite"),
    ("conversations.invite", {"channel": GENERAL, "users": AIKO}, "not_in_channel"),
    ("conversations.setTopic", {"channel": ALERTS, "topic": "t" * 251}, "too_long"),
    ("conversations.create", {"name": "n" * 81}, "invalid_name_maxlength"),
    ("conversations.create", {"name": "Shouting"}, "invalid_name_specials"),
    ("conversations.create", {"name": "---"}, "invalid_name_punctuation"),
    ("conversations.create", {"name": "general"}, "name_taken"),
    ("conversations.archive", {"channel": "C0RANDOM01"}, "not_in_channel"),
    ("conversations.archive", {"channel": GENERAL}, "cant_archive_general"),
    ("users.info", {"user": NOBODY}, "user_not_found"),
    ("users.lookupByEmail", {"email": "dana@takumi.example"}, "users_not_found"),
    ("usergroups.users.list", {"usergroup": "S0NOBODY00"}, "no_such_subteam"),
    ("reactions.add", {"channel": ALERTS, "timestamp": "x", "name": "eyes"}, "bad_timestamp"),
    ("reactions.add", {"channel": ALERTS, "timestamp": NO_TS, "name": "eyes"}, "message_not_found"),
    ("reactions.remove", {"name": "eyes"}, "no_item_specified"),
    ("pins.add", {"channel": ALERTS}, "no_item_specified"),
    (
        "bookmarks.add",
        {"channel_id": ALERTS, "title": "t", "type": "song", "link": "https://x.y"},
        "invalid_bookmark_type",
    ),
    ("bookmarks.add", {"channel_id": ALERTS, "title": "t", "type": "link", "link": "x"}, "invalid_link"),
    ("bookmarks.list", {"channel_id": "C0NOWHERE1"}, "channel_not_found"),
    ("files.completeUploadExternal", {"files": [{"id": "F0"}]}, "file_not_found"),
    ("files.info", {"file": "F0"}, "file_not_found"),
    ("views.open", {"view": MODAL, "trigger_id": "1.2.3"}, "invalid_trigger_id"),
    ("views.open", {"view": MODAL}, "invalid_arguments"),
    ("views.open", {"view": {"type": "modal"}, "trigger_id": "1.2.3"}, "invalid_arguments"),
    ("views.open", {"view": HUGE_MODAL, "trigger_id": "1.2.3"}, "view_too_large"),
    ("views.update", {"view": MODAL, "view_id": "V0"}, "not_found"),
    ("views.publish", {"view": MODAL, "user_id": AIKO}, "invalid_arguments"),
    ("bots.info", {"bot": "B0"}, "bot_not_found"),
    ("blocks.validate", {"blocks": TOO_LONG_HEADER}, "invalid_blocks"),
    ("blocks.validate", {}, "invalid_arguments"),
    ("apps.connections.open", {}, "not_allowed_token_type"),
    ("chat.postmessage", {"channel": ALERTS, "text": "x"}, "unknown_method"),
]


@pytest.fixture
async def wire() -> AsyncIterator[Wire]:
    async with installed() as fresh:
        yield fresh


@pytest.mark.parametrize(("method", "arguments", "error"), MISTAKES, ids=[f"{m}-{e}" for m, _, e in MISTAKES])
async def test_a_mistake_gets_slacks_code(wire: Wire, method: str, arguments: Json, error: str) -> None:
    assert await wire.error(method, **arguments) == error


async def test_a_call_without_a_token_is_not_authed(wire: Wire) -> None:
    async with wire.session.post(f"{wire.running.api_url}auth.test") as answer:
        assert (await answer.json())["error"] == "not_authed"


async def test_only_tokens_it_minted_are_taken(wire: Wire) -> None:
    assert (await wire.call("auth.test", "xoxb-made-up"))["error"] == "invalid_auth"


async def test_an_app_token_calls_no_bot_methods(wire: Wire) -> None:
    assert (await wire.call("auth.test", wire.credentials["app_token"]))["error"] == "not_allowed_token_type"


async def test_a_replaced_token_is_worth_nothing(wire: Wire) -> None:
    await wire.people.fault("expire_tokens", app_id=wire.credentials["app_id"])
    assert await wire.error("auth.test") == "invalid_auth"


async def test_a_missing_scope_is_named_with_those_there_are() -> None:
    async with installed(manifest(scopes=["chat:write", "commands"], events=[])) as wire:
        answer = await wire.call("users.info", user=AIKO)
        assert (answer["error"], answer["needed"], answer["provided"]) == (
            "missing_scope",
            "users:read",
            "chat:write,commands",
        )


async def test_a_reinstalled_app_keeps_its_tokens_and_gets_its_new_scopes() -> None:
    async with installed(manifest(scopes=["chat:write", "commands"], events=[])) as wire:
        again = await wire.people.install(manifest(scopes=SCOPES))
        assert again["bot_token"] == wire.credentials["bot_token"]
        assert await wire.error("users.info", user=AIKO) is None


async def test_another_apps_message_cannot_be_updated_or_deleted(wire: Wire) -> None:
    other = await wire.people.install(manifest("Staging", command="/takumi-staging"))
    ts = (await wire.post())["ts"]
    for method, error in (("chat.update", "cant_update_message"), ("chat.delete", "cant_delete_message")):
        answer = await wire.call(method, other["bot_token"], channel=ALERTS, ts=ts, text="x")
        assert answer["error"] == error


async def test_a_persons_message_cannot_be_updated(wire: Wire) -> None:
    ts = await wire.aiko.say("mine", "#takumi-alerts")
    assert await wire.error("chat.update", channel=ALERTS, ts=ts, text="yours") == "cant_update_message"


async def test_an_ephemeral_cannot_be_updated(wire: Wire) -> None:
    whispered = await wire.call("chat.postEphemeral", channel=ALERTS, user=AIKO, text="psst")
    assert await wire.error("chat.update", channel=ALERTS, ts=whispered["message_ts"], text="x") == "message_not_found"


@pytest.mark.parametrize(("length", "error"), [(4000, None), (4001, "msg_too_long")])
async def test_an_updated_text_has_at_most_4000_characters(wire: Wire, length: int, error: str | None) -> None:
    ts = (await wire.post())["ts"]
    assert await wire.error("chat.update", channel=ALERTS, ts=ts, text="x" * length) == error


async def test_an_update_keeps_blocks_and_metadata_unless_told(wire: Wire) -> None:
    metadata = {"event_type": "run", "event_payload": {"id": 1}}
    ts = (await wire.post(blocks=HEADER, metadata=metadata))["ts"]
    kept = (await wire.call("chat.update", channel=ALERTS, ts=ts, text="new"))["message"]
    assert (kept["blocks"][0]["type"], kept["metadata"]) == ("header", metadata)
    bare = (await wire.call("chat.update", channel=ALERTS, ts=ts, text="newer", blocks=[]))["message"]
    assert "blocks" not in bare


async def test_a_posted_text_is_cut_at_40000_characters(wire: Wire) -> None:
    assert len((await wire.post("x" * 40_000))["text"]) == 40_000
    cut = (await wire.post("x" * 40_001))["text"]
    assert (len(cut), cut[-3:]) == (40_000, "...")


@pytest.mark.parametrize(("length", "warning"), [(40_000, None), (40_001, "message_truncated")])
async def test_a_scheduled_text_that_is_cut_is_a_warning(wire: Wire, length: int, warning: str | None) -> None:
    later = {"channel": ALERTS, "post_at": int(time.time()) + 600}
    answer = await wire.call("chat.scheduleMessage", text="x" * length, **later)
    assert (len(answer["message"]["text"]), answer.get("warning")) == (40_000, warning)


async def test_joining_twice_is_a_warning(wire: Wire) -> None:
    told = [await wire.call("conversations.join", channel="C0RANDOM01") for _ in range(2)]
    assert [one.get("warning") for one in told] == [None, "already_in_channel"]


@pytest.mark.parametrize(("extra", "error"), [(0, None), (1, "msg_blocks_too_long")])
async def test_blocks_have_at_most_11000_characters_together(wire: Wire, extra: int, error: str | None) -> None:
    texts = ["x" * 2750] * 3 + ["x" * (2750 + extra)]
    blocks = [{"type": "section", "text": {"type": "mrkdwn", "text": text}} for text in texts]
    assert await wire.error("chat.postMessage", channel=ALERTS, blocks=blocks) == error


async def test_an_archived_channel_takes_nothing(wire: Wire) -> None:
    await wire.people.fault("archive", channel=ALERTS)
    assert await wire.error("chat.postMessage", channel=ALERTS, text="x") == "is_archived"


async def test_an_app_without_a_home_tab_cannot_publish_one() -> None:
    async with installed(manifest(home=False)) as wire:
        view = {"type": "home", "blocks": []}
        assert await wire.error("views.publish", user_id=AIKO, view=view) == "not_enabled"


async def test_marking_twice_is_said(wire: Wire) -> None:
    at: dict[str, Any] = {"channel": ALERTS, "timestamp": (await wire.post())["ts"]}
    for method, extra, error in (
        ("reactions.add", {"name": "eyes"}, "already_reacted"),
        ("pins.add", {}, "already_pinned"),
    ):
        assert await wire.error(method, **at, **extra) is None
        assert await wire.error(method, **at, **extra) == error


async def test_invalid_blocks_say_where_and_why(wire: Wire) -> None:
    answer = await wire.call("chat.postMessage", channel=ALERTS, blocks=TOO_LONG_HEADER)
    where = "must be less than 151 characters [json-pointer:/blocks/0/text/text]"
    assert answer["errors"] == [where]
    assert answer["response_metadata"]["messages"] == [f"[ERROR] {where}"]


@pytest.mark.parametrize(
    ("body", "content_type", "error"),
    [
        (b"", "application/json", None),
        (b"{", "application/json", "invalid_json"),
        (b"[1]", "application/json", "json_not_object"),
        (b"<xml/>", "text/xml", "invalid_post_type"),
    ],
)
async def test_a_body_is_understood_or_refused(wire: Wire, body: bytes, content_type: str, error: str | None) -> None:
    headers = {"Authorization": f"Bearer {wire.credentials['bot_token']}", "Content-Type": content_type}
    async with wire.session.post(f"{wire.running.api_url}auth.test", data=body, headers=headers) as answer:
        assert (await answer.json()).get("error") == error


@pytest.mark.parametrize("encoding", ["form", "json", "query", "multipart"])
async def test_arguments_come_in_four_encodings(wire: Wire, encoding: str) -> None:
    arguments = {"channel": ALERTS, "blocks": json.dumps(HEADER), "text": "h"}
    sent: dict[str, Any] = {"form": {"data": arguments}, "query": {"params": arguments}}.get(encoding, {})
    if encoding == "json":
        sent = {"json": arguments | {"blocks": HEADER}}
    if encoding == "multipart":
        sent = {"data": _multipart(arguments)}
    headers = {"Authorization": f"Bearer {wire.credentials['bot_token']}"}
    async with wire.session.post(f"{wire.running.api_url}chat.postMessage", headers=headers, **sent) as answer:
        message = (await answer.json())["message"]
    assert message["blocks"][0]["text"]["text"] == "h" * 150


async def test_methods_that_take_no_json_do_not_see_it(wire: Wire) -> None:
    headers = {"Authorization": f"Bearer {wire.credentials['bot_token']}"}
    address = f"{wire.running.api_url}users.info"
    async with wire.session.post(address, json={"user": AIKO}, headers=headers) as answer:
        assert (await answer.json())["error"] == "invalid_arguments"


def _multipart(arguments: Json) -> Any:
    from aiohttp import MultipartWriter  # noqa: PLC0415 # one test needs it

    writer = MultipartWriter("form-data")
    for name, value in arguments.items():
        writer.append(value).set_content_disposition("form-data", name=name)
    return writer

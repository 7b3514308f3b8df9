"""What people can do and see, each for themselves."""

from collections.abc import AsyncIterator

import aiohttp
import pytest

from demo.workspace.client import WorkspaceRefusedError, visible_text
from tests.workspace_apps import Wire, installed, manifest

ALERTS, ALERTS_ID = "#takumi-alerts", "C0ALERTS01"


@pytest.fixture
async def wire() -> AsyncIterator[Wire]:
    async with installed() as fresh:
        yield fresh


async def test_an_ephemeral_is_seen_by_its_user_alone(wire: Wire) -> None:
    await wire.call("chat.postEphemeral", channel=ALERTS_ID, user="U0DEV00001", text="for Aiko")
    assert [visible_text(m) for m in await wire.aiko.ephemerals(ALERTS)] == ["for Aiko"]
    for other in ("Taro", "Emi", "Kenji", "Sora", "Gus"):
        assert await wire.people.person(other).messages(ALERTS) == []
    assert (await wire.call("conversations.history", channel=ALERTS_ID))["messages"] == []


async def test_an_ephemeral_cannot_be_clicked_by_others(wire: Wire) -> None:
    button = {"type": "button", "action_id": "go", "text": {"type": "plain_text", "text": "Go"}}
    blocks = [{"type": "actions", "elements": [button]}]
    await wire.call("chat.postEphemeral", channel=ALERTS_ID, user="U0DEV00001", blocks=blocks)
    whispered = (await wire.aiko.ephemerals(ALERTS))[0]
    with pytest.raises(WorkspaceRefusedError, match="message_not_found"):
        await wire.people.person("Taro").click(whispered, "go", ALERTS)


async def test_a_deactivated_person_can_do_nothing(wire: Wire) -> None:
    with pytest.raises(WorkspaceRefusedError, match="account_inactive"):
        await wire.people.person("Dana").command("/takumi help", ALERTS)
    await wire.people.fault("deactivate", user="U0DEV00001")
    with pytest.raises(WorkspaceRefusedError, match="account_inactive"):
        await wire.aiko.say("hello", ALERTS)
    assert (await wire.call("users.info", user="U0DEV00001"))["user"]["deleted"] is True


async def test_a_guest_is_restricted_and_sees_only_their_channels(wire: Wire) -> None:
    gus = wire.people.person("Gus")
    assert (await wire.call("users.info", user=await gus.id()))["user"]["is_restricted"] is True
    with pytest.raises(WorkspaceRefusedError, match="not_in_channel"):
        await gus.messages("#general")
    listed = {c["name"] for c in (await wire.people.state(await gus.id()))["channels"]}
    assert listed == {"takumi-alerts", "random"}


async def test_made_a_guest_a_person_is_one_at_once(wire: Wire) -> None:
    await wire.people.fault("guest", user="U0DEV00001")
    assert (await wire.call("users.info", user="U0DEV00001"))["user"]["is_restricted"] is True


async def test_removed_from_a_group_a_person_is_out_at_once(wire: Wire) -> None:
    await wire.people.fault("remove_from_group", user="U0CTO00001", group="S0CTO00000")
    assert (await wire.call("usergroups.users.list", usergroup="S0CTO00000"))["users"] == []


async def test_an_undeclared_command_is_no_command(wire: Wire) -> None:
    ack = await wire.aiko.command("/deploy now", ALERTS)
    assert (ack["error"], ack["text"]) == ("unknown_command", "/deploy is not a valid command.")


async def test_a_slash_command_is_refused_in_a_thread(wire: Wire) -> None:
    parent = await wire.aiko.say("a thread", ALERTS)
    answer = await wire.people.post(
        "type", **{"as": "U0DEV00001", "channel": ALERTS_ID, "text": "/takumi help", "thread_ts": parent}
    )
    assert answer["ack"]["error"] == "not_in_thread"


async def test_typed_text_is_escaped_and_names_become_mentions(wire: Wire) -> None:
    await wire.aiko.say("<!channel> @Emi Engineering & @cto in #general, not a@taro", ALERTS)
    text = (await wire.aiko.messages(ALERTS))[0]["text"]
    expected = "&lt;!channel&gt; <@U0ENGL0001> &amp; <!subteam^S0CTO00000> in <#C0GENERAL1|general>, not a@taro"
    assert text == expected


async def test_a_thread_shows_its_parent_then_its_replies(wire: Wire) -> None:
    parent = (await wire.post("parent"))["ts"]
    await wire.post("one", thread_ts=parent)
    reply = await wire.aiko.say("two", ALERTS, thread=parent)
    assert [m["text"] for m in await wire.aiko.messages(ALERTS, parent)] == ["parent", "one", "two"]
    shown = await wire.aiko.messages(ALERTS)
    assert [(m["text"], m["reply_count"], m["latest_reply"]) for m in shown] == [("parent", 2, reply)]


async def test_a_broadcast_reply_is_seen_in_the_channel_too(wire: Wire) -> None:
    parent = (await wire.post("parent"))["ts"]
    await wire.post("loud", thread_ts=parent, reply_broadcast="true")
    assert [m["text"] for m in await wire.aiko.messages(ALERTS)] == ["parent", "loud"]


async def test_a_deleted_parent_leaves_a_tombstone_over_its_replies(wire: Wire) -> None:
    parent = (await wire.post("parent"))["ts"]
    await wire.post("reply", thread_ts=parent)
    await wire.call("chat.delete", channel=ALERTS_ID, ts=parent)
    texts = [m["text"] for m in await wire.aiko.messages(ALERTS, parent)]
    assert texts == ["This message was deleted.", "reply"]


async def test_unread_counts_what_others_wrote_since(wire: Wire) -> None:
    await wire.post("news")
    assert await _unread(wire) == 1
    await wire.aiko.messages(ALERTS)
    assert await _unread(wire) == 0


async def test_writes_need_the_workspaces_token(wire: Wire) -> None:
    body = {"as": "U0DEV00001", "channel": ALERTS_ID, "text": "x"}
    async with wire.session.post(f"{wire.running.url}_workspace/type", json=body) as answer:
        assert (answer.status, (await answer.json())["error"]) == (403, "bad_token")
    with pytest.raises(aiohttp.WSServerHandshakeError):
        await wire.session.ws_connect(f"{wire.running.url}_workspace/feed?token=wrong")


@pytest.mark.parametrize(
    "headers", [{"Host": "evil.example"}, {"Origin": "https://evil.example"}], ids=["host", "origin"]
)
async def test_other_hosts_and_origins_are_refused(wire: Wire, headers: dict[str, str]) -> None:
    for path in ("", "_workspace/state", "api/auth.test"):
        async with wire.session.get(f"{wire.running.url}{path}", headers=headers) as answer:
            assert answer.status == 403


async def test_it_says_that_it_is_not_slack(wire: Wire) -> None:
    tested = await wire.call("auth.test")
    assert tested["url"] == wire.running.url
    assert tested["url"].startswith("http://127.0.0.1:")
    assert "stand-in" in tested["team"]


async def test_an_event_needs_its_scope_and_the_bot_in_the_channel(wire: Wire) -> None:
    """Seen at the door to the app: nothing is sent for a channel the bot is not in."""
    heard: list[str] = []
    wire.running.stand_in.events._tell = lambda _, event: heard.append(event["type"])  # type: ignore[method-assign] # listens at the door
    await wire.aiko.say("@takumi hello", "#general")
    assert heard == []
    await wire.aiko.say("@takumi hello", ALERTS)
    assert heard == ["message", "app_mention"]


async def test_a_bot_that_names_itself_is_not_told_so(wire: Wire) -> None:
    heard: list[str] = []
    wire.running.stand_in.events._tell = lambda _, event: heard.append(event["type"])  # type: ignore[method-assign] # listens at the door
    await wire.post(f"<@{wire.credentials['bot_user_id']}> is me")
    assert heard == ["message"]


async def test_a_private_channel_is_not_there_for_those_outside(wire: Wire) -> None:
    other = await wire.people.install(manifest("Staging", command="/takumi-staging"))
    created = await wire.call("conversations.create", name="war-room", is_private="true")
    asked = await wire.call("conversations.info", other["bot_token"], channel=created["channel"]["id"])
    assert asked["error"] == "channel_not_found"
    with pytest.raises(WorkspaceRefusedError, match="channel_not_found"):
        await wire.aiko.messages("#war-room")


async def test_the_feed_tells_nobody_of_conversations_they_are_not_in(wire: Wire) -> None:
    """Aiko's direct message is news to Aiko alone; what comes after it in a shared channel is news to Taro."""
    url = f"{wire.running.url}_workspace/feed?token={wire.running.token}&as=U0LEAD0001"
    async with wire.session.ws_connect(url) as feed:
        await wire.post("for Aiko", channel="U0DEV00001")
        await wire.post("for all")
        told = []
        while "C0ALERTS01" not in told:
            told.append((await feed.receive_json(timeout=5)).get("channel"))
    assert set(told) <= {None, "C0ALERTS01"}


async def _unread(wire: Wire) -> int:
    channels = (await wire.people.state("U0DEV00001"))["channels"]
    return int(next(c["unread"] for c in channels if c["id"] == ALERTS_ID))

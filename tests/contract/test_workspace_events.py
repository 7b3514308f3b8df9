"""Events of the team: who moved, what was renamed, whose account changed, each to those who subscribed."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from demo.workspace.state.manifests import EVENT_SCOPES
from tests.workspace_apps import SCOPES, Json, Wire, installed, manifest
from tests.workspace_socket import SocketApp, socket_app

ALERTS, ALERTS_ID, AIKO, KENJI = "#takumi-alerts", "C0ALERTS01", "U0DEV00001", "U0CTO00001"
NEVER_SENT = {"app_uninstalled", "link_shared", "message.mpim", "subteam_updated"}
HEARD = [event for event, scope in EVENT_SCOPES.items() if scope in {None, *SCOPES} and event not in NEVER_SENT]


@pytest.fixture
async def wire() -> AsyncIterator[Wire]:
    async with installed(manifest(events=HEARD)) as fresh:
        yield fresh


@pytest.fixture
async def app(wire: Wire) -> AsyncIterator[SocketApp]:
    async with socket_app(wire) as connected:
        yield connected


async def heard(app: SocketApp, kind: str) -> Json:
    """The first event of that kind."""
    found = await app.until(lambda: app.events(kind))
    return dict(found[0])


async def test_who_leaves_and_who_comes_is_told(wire: Wire, app: SocketApp) -> None:
    await wire.people.fault("leave_channel", user=AIKO, channel=ALERTS)
    left = await heard(app, "member_left_channel")
    assert (left["user"], left["channel"], left["channel_type"]) == (AIKO, ALERTS_ID, "C")
    await wire.people.person("Taro").command("/invite @aiko", ALERTS)
    joined = await heard(app, "member_joined_channel")
    assert (joined["user"], joined["inviter"]) == (AIKO, "U0LEAD0001")
    subtypes = [m.get("subtype") for m in await wire.aiko.messages(ALERTS)]
    assert subtypes == ["channel_leave", "channel_join"]


async def test_who_is_kicked_out_sees_and_hears_nothing_more(wire: Wire, app: SocketApp) -> None:
    room = (await wire.call("conversations.create", name="room"))["channel"]["id"]
    await wire.call("conversations.invite", channel=room, users=AIKO)
    await wire.call("conversations.kick", channel=room, user=AIKO)
    assert (await heard(app, "member_left_channel"))["user"] == AIKO
    assert "room" not in [c["name"] for c in (await wire.people.state(AIKO))["channels"] if c["is_member"]]


async def test_a_bot_that_left_a_channel_hears_nothing_of_it(wire: Wire, app: SocketApp) -> None:
    await wire.call("conversations.leave", channel=ALERTS_ID)
    await heard(app, "member_left_channel")
    before = len(app.received)
    await wire.aiko.say("@takumi are you there?", ALERTS)
    await wire.aiko.say("hello", "#general")
    await wire.people.fault("deactivate", user=KENJI)
    await heard(app, "user_change")
    assert [e["payload"]["event"]["type"] for e in app.received[before:]] == ["user_change"]


async def test_renaming_and_archiving_is_told(wire: Wire, app: SocketApp) -> None:
    room = (await wire.call("conversations.create", name="room"))["channel"]["id"]
    await wire.call("conversations.rename", channel=room, name="war-room")
    assert (await heard(app, "channel_rename"))["channel"]["name"] == "war-room"
    assert (await wire.call("conversations.info", channel=room))["channel"]["previous_names"] == ["room"]
    await wire.call("conversations.archive", channel=room)
    assert (await heard(app, "channel_archive"))["channel"] == room
    await wire.call("conversations.unarchive", channel=room)
    assert (await heard(app, "channel_unarchive"))["channel"] == room


@pytest.mark.parametrize(
    ("kind", "field", "value"),
    [("deactivate", "deleted", True), ("guest", "is_restricted", True), ("stranger", "is_stranger", True)],
)
async def test_a_changed_account_is_told(wire: Wire, app: SocketApp, kind: str, field: str, value: object) -> None:
    await wire.people.fault(kind, user=AIKO)
    told = (await heard(app, "user_change"))["user"]
    assert (told["id"], told[field]) == (AIKO, value)


async def test_who_leaves_a_group_is_told(wire: Wire, app: SocketApp) -> None:
    await wire.people.fault("remove_from_group", user=KENJI, group="S0CTO00000")
    told = await heard(app, "subteam_members_changed")
    assert (told["subteam_id"], told["removed_users"], told["added_users"]) == ("S0CTO00000", [KENJI], [])


async def test_a_revoked_token_is_told(wire: Wire, app: SocketApp) -> None:
    await wire.people.fault("expire_tokens", app_id=wire.credentials["app_id"])
    assert (await heard(app, "tokens_revoked"))["tokens"]["bot"] == [wire.credentials["bot_user_id"]]


async def test_a_reaction_is_told_and_taken_back(wire: Wire, app: SocketApp) -> None:
    at = {"channel": ALERTS_ID, "timestamp": (await wire.post())["ts"], "name": "eyes"}
    await wire.call("reactions.add", **at)
    assert (await heard(app, "reaction_added"))["item"]["ts"] == at["timestamp"]
    await wire.call("reactions.remove", **at)
    assert (await heard(app, "reaction_removed"))["reaction"] == "eyes"


async def test_an_edit_and_a_deletion_are_told_as_message_events(wire: Wire, app: SocketApp) -> None:
    ts = (await wire.post("one"))["ts"]
    await wire.call("chat.update", channel=ALERTS_ID, ts=ts, text="two")
    await wire.call("chat.delete", channel=ALERTS_ID, ts=ts)
    await app.until(lambda: len(app.events("message")) == 3)
    by_subtype = {event.get("subtype"): event for event in app.events("message")}
    assert by_subtype["message_changed"]["previous_message"]["text"] == "one"
    assert by_subtype["message_deleted"]["deleted_ts"] == ts


async def test_a_direct_message_reaches_the_app_that_may_read_it(wire: Wire, app: SocketApp) -> None:
    direct = (await wire.call("conversations.open", users=AIKO))["channel"]["id"]
    await wire.aiko.say("psst", direct)
    event = await heard(app, "message")
    assert (event["channel"], event["channel_type"], event["text"]) == (direct, "im", "psst")


async def test_a_scheduled_message_is_an_event_when_it_comes(wire: Wire, app: SocketApp) -> None:
    soon = int(wire.running.stand_in.world.clock.now()) + 60
    await wire.call("chat.scheduleMessage", channel=ALERTS_ID, text="later", post_at=soon)
    await wire.people.advance_clock(timedelta(seconds=61))
    assert (await heard(app, "message"))["text"] == "later"


async def test_a_stranger_is_of_another_team_everywhere(wire: Wire, app: SocketApp) -> None:
    await wire.people.fault("stranger", user=AIKO)
    seen = (await wire.call("users.info", user=AIKO))["user"]
    assert (seen["team_id"], seen["is_stranger"]) == ("T0STRANGER", True)
    await wire.aiko.say("@takumi hello", ALERTS)
    assert (await heard(app, "app_mention"))["team"] == "T0STRANGER"
    button = {"type": "button", "action_id": "go", "text": {"type": "plain_text", "text": "Go"}}
    message = await wire.post("x", blocks=[{"type": "actions", "elements": [button]}])
    await wire.aiko.click(message, "go", ALERTS)
    payload = app.payloads("block_actions")[0]
    assert (payload["user"]["team_id"], payload["team"]["id"]) == ("T0STRANGER", "T0TAKUMI01")
    await wire.people.fault("member", user=AIKO)
    assert (await wire.call("users.info", user=AIKO))["user"]["team_id"] == "T0TAKUMI01"


async def test_a_single_channel_guest_says_so(wire: Wire) -> None:
    await wire.people.fault("single_channel_guest", user=AIKO)
    seen = (await wire.call("users.info", user=AIKO))["user"]
    assert (seen["is_restricted"], seen["is_ultra_restricted"]) == (True, True)

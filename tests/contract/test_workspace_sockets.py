"""Socket Mode as the protocol says, spoken here by hand."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import timedelta

import aiohttp
import pytest

from tests.workspace_apps import Json, Wire, installed, until, waits_for
from tests.workspace_socket import socket_app

ALERTS = "#takumi-alerts"
Socket = aiohttp.ClientWebSocketResponse


@pytest.fixture
async def wire() -> AsyncIterator[Wire]:
    async with installed() as fresh:
        yield fresh


async def ticket_url(wire: Wire) -> str:
    return str((await wire.call("apps.connections.open", wire.credentials["app_token"]))["url"])


async def connect(wire: Wire) -> Socket:
    """A connection that has read its hello."""
    socket = await wire.session.ws_connect(await ticket_url(wire), autoping=False)
    assert (await socket.receive_json(timeout=5))["type"] == "hello"
    return socket


async def typed(wire: Wire, text: str = "/takumi help") -> "asyncio.Task[Json]":
    return asyncio.create_task(wire.aiko.command(text, ALERTS))


async def test_hello_says_how_many_connections_there_are(wire: Wire) -> None:
    first = await connect(wire)
    socket = await wire.session.ws_connect(await ticket_url(wire))
    hello = await socket.receive_json(timeout=5)
    assert not first.closed
    assert hello["num_connections"] == 2
    assert hello["connection_info"] == {"app_id": wire.credentials["app_id"]}
    assert hello["debug_info"]["approximate_connection_time"] == 3600


async def test_a_ticket_works_once(wire: Wire) -> None:
    url = await ticket_url(wire)
    await wire.session.ws_connect(url)
    with pytest.raises(aiohttp.WSServerHandshakeError):
        await wire.session.ws_connect(url)


async def test_a_ticket_expires_after_thirty_seconds(wire: Wire) -> None:
    url, late = await ticket_url(wire), await ticket_url(wire)
    await wire.people.advance_clock(timedelta(seconds=29))
    await wire.session.ws_connect(url)
    await wire.people.advance_clock(timedelta(seconds=2))
    with pytest.raises(aiohttp.WSServerHandshakeError):
        await wire.session.ws_connect(late)


async def test_an_eleventh_connection_is_sent_away(wire: Wire) -> None:
    ten = [await connect(wire) for _ in range(10)]
    socket = await wire.session.ws_connect(await ticket_url(wire))
    assert (await socket.receive_json(timeout=5))["reason"] == "too_many_websockets"
    assert (await socket.receive(timeout=5)).type is aiohttp.WSMsgType.CLOSE
    assert not any(one.closed for one in ten)


async def test_each_payload_goes_to_exactly_one_connection(wire: Wire) -> None:
    sockets = [await connect(wire) for _ in range(3)]
    received: list[Json] = []

    async def serve(socket: Socket) -> None:
        async for message in socket:
            envelope = message.json()
            received.append(envelope)
            await socket.send_json({"envelope_id": envelope["envelope_id"]})

    servers = [asyncio.create_task(serve(s)) for s in sockets]
    for number in range(9):
        assert (await wire.aiko.command(f"/takumi {number}", ALERTS))["ok"]
    assert [e["payload"]["text"] for e in received] == [str(n) for n in range(9)]
    for server in servers:
        server.cancel()


async def test_an_acknowledgement_may_carry_an_answer(wire: Wire) -> None:
    socket = await connect(wire)
    command = await typed(wire)
    envelope = await socket.receive_json(timeout=5)
    assert envelope["type"] == "slash_commands"
    assert envelope["accepts_response_payload"] is True
    await socket.send_json({"envelope_id": envelope["envelope_id"], "payload": {"text": "hello"}})
    assert (await command)["ok"]
    assert [m["text"] for m in await wire.aiko.ephemerals(ALERTS)] == ["hello"]


async def test_nonsense_from_a_client_does_no_harm(wire: Wire) -> None:
    socket = await connect(wire)
    command = await typed(wire)
    envelope_id = (await socket.receive_json(timeout=5))["envelope_id"]
    for nonsense in ("{", "[1]", '"x"', '{"envelope_id": "unknown"}', "null"):
        await socket.send_str(nonsense)
    await socket.send_json({"envelope_id": envelope_id, "payload": "a bare text"})
    assert (await command)["ok"]
    assert [m["text"] for m in await wire.aiko.ephemerals(ALERTS)] == ["a bare text"]


async def test_without_a_connection_the_person_sees_dispatch_failed(wire: Wire) -> None:
    ack = await wire.aiko.command("/takumi help", ALERTS)
    assert (ack["ok"], ack["error"]) == (False, "dispatch_failed")


async def test_a_command_unanswered_for_three_seconds_has_timed_out(wire: Wire) -> None:
    socket = await connect(wire)
    command = await typed(wire)
    await socket.receive_json(timeout=5)
    clock = wire.running.stand_in.world.clock
    (deadline,) = clock.deadlines
    assert 2.5 < deadline - clock.now() <= 3
    await wire.people.advance_clock(timedelta(seconds=3))
    assert (await command)["error"] == "operation_timeout"


async def test_a_connection_that_dies_unacknowledged_fails_the_command(wire: Wire) -> None:
    socket = await connect(wire)
    command = await typed(wire)
    await socket.receive_json(timeout=5)
    await socket.close()
    assert (await command)["error"] == "dispatch_failed"


async def test_an_event_is_tried_again_at_once_after_a_minute_and_after_five(wire: Wire) -> None:
    socket = await connect(wire)
    await wire.aiko.say("@takumi help", ALERTS)
    first = await _mention(socket)
    assert (first["retry_attempt"], first["retry_reason"]) == (0, "")
    for attempt, pause in ((1, 0), (2, 60), (3, 300)):
        await wire.people.advance_clock(timedelta(seconds=3))
        if pause:
            await until(lambda pause=pause: waits_for(wire, pause))
            await wire.people.advance_clock(timedelta(seconds=pause))
        again = await _mention(socket)
        assert (again["retry_attempt"], again["retry_reason"]) == (attempt, "timeout")
        assert again["payload"]["event_id"] == first["payload"]["event_id"]
        assert again["envelope_id"] != first["envelope_id"]


async def test_an_acknowledged_event_is_not_tried_again(wire: Wire) -> None:
    socket = await connect(wire)
    await wire.aiko.say("@takumi help", ALERTS)
    for _ in range(2):
        await socket.send_json({"envelope_id": (await socket.receive_json(timeout=5))["envelope_id"]})
    await asyncio.sleep(0.05)
    await wire.people.advance_clock(timedelta(minutes=10))
    with pytest.raises(TimeoutError):
        await socket.receive_json(timeout=0.1)


async def test_a_ping_is_answered_with_its_own_payload(wire: Wire) -> None:
    socket = await connect(wire)
    await socket.ping(b"sdk-ping-pong:123.5")
    pong = await socket.receive(timeout=5)
    assert (pong.type, pong.data) == (aiohttp.WSMsgType.PONG, b"sdk-ping-pong:123.5")


async def test_a_refresh_says_so_and_closes(wire: Wire) -> None:
    socket = await connect(wire)
    await wire.people.fault("disconnect_sockets")
    assert (await socket.receive_json(timeout=5))["reason"] == "refresh_requested"
    assert (await socket.receive(timeout=5)).type is aiohttp.WSMsgType.CLOSE


async def test_a_warning_announces_it_and_goes_on(wire: Wire) -> None:
    socket = await connect(wire)
    await wire.people.fault("disconnect_sockets", reason="warning")
    assert (await socket.receive_json(timeout=5))["reason"] == "warning"
    command = await typed(wire)
    await socket.send_json({"envelope_id": (await socket.receive_json(timeout=5))["envelope_id"]})
    assert (await command)["ok"]


async def test_a_duplicate_delivery_carries_the_same_payload_in_a_new_envelope(wire: Wire) -> None:
    await wire.people.fault("duplicate_deliveries", delivery="slash_commands")
    socket = await connect(wire)
    command = await typed(wire)
    first = await socket.receive_json(timeout=5)
    await socket.send_json({"envelope_id": first["envelope_id"]})
    assert (await command)["ok"]
    second = await socket.receive_json(timeout=5)
    assert second["payload"] == first["payload"]
    assert second["envelope_id"] != first["envelope_id"]


async def test_a_lost_acknowledgement_fails_a_command_that_was_delivered(wire: Wire) -> None:
    await wire.people.fault("lose_acks", delivery="slash_commands")
    async with socket_app(wire) as app:
        assert (await wire.aiko.command("/takumi help", ALERTS))["error"] == "operation_timeout"
        assert len(app.payloads("slash_commands")) == 1


async def test_a_delayed_delivery_is_overtaken_by_the_next(wire: Wire) -> None:
    await wire.people.fault("delay_deliveries", delivery="slash_commands", seconds=0.2)
    async with socket_app(wire) as app:
        slow = await typed(wire, "/takumi first")
        await until(lambda: wire.running.stand_in.faults.planned[0].times == 0)
        await wire.aiko.command("/takumi second", ALERTS)
        await slow
        assert [p["text"] for p in app.payloads("slash_commands")] == ["second", "first"]


async def test_a_slash_payload_has_slacks_fields(wire: Wire) -> None:
    socket = await connect(wire)
    command = await typed(wire, "/takumi backup  now")
    payload = (await socket.receive_json(timeout=5))["payload"]
    command.cancel()
    with suppress(asyncio.CancelledError):
        await command
    assert payload["text"] == "backup  now"
    assert payload.keys() == {
        "token", "team_id", "team_domain", "channel_id", "channel_name", "user_id", "user_name", "command", "text",
        "api_app_id", "is_enterprise_install", "response_url", "trigger_id",
    }  # fmt: skip


async def _mention(socket: Socket) -> Json:
    """The next `app_mention`; plain message events beside it are acknowledged."""
    while True:
        envelope: Json = await socket.receive_json(timeout=5)
        if envelope["payload"]["event"]["type"] == "app_mention":
            return envelope
        await socket.send_json({"envelope_id": envelope["envelope_id"]})

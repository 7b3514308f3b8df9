"""Every fault that can be asked for happens, as often as asked, and is over afterwards."""

import asyncio
import re
from collections.abc import AsyncIterator

import pytest

from demo.workspace.control import faulting
from demo.workspace.control.faulting import Faulting
from tests.workspace_apps import Wire, installed, until
from tests.workspace_socket import SocketApp, socket_app

ALERTS, ALERTS_ID = "#takumi-alerts", "C0ALERTS01"


@pytest.fixture
async def wire() -> AsyncIterator[Wire]:
    async with installed() as fresh:
        yield fresh


@pytest.fixture
async def app(wire: Wire) -> AsyncIterator[SocketApp]:
    async with socket_app(wire) as connected:
        yield connected


async def test_every_fault_is_documented_where_it_is_asked_for(wire: Wire) -> None:
    named = set(re.findall(r"`(\w+)`", str(faulting.__doc__)))
    assert {*Faulting(wire.running.stand_in).kinds()} - named == set()


async def test_a_repeated_call_is_worked_twice(wire: Wire) -> None:
    await wire.people.fault("duplicate", method="chat.postMessage")
    ts = (await wire.post("twice"))["ts"]
    shown = await wire.aiko.messages(ALERTS)
    assert [m["text"] for m in shown] == ["twice", "twice"]
    assert shown[-1]["ts"] == ts


async def test_a_planned_error_is_answered(wire: Wire) -> None:
    await wire.people.fault("error", method="chat.postMessage", error="fatal_error")
    assert await wire.error("chat.postMessage", channel=ALERTS_ID, text="x") == "fatal_error"
    assert await wire.aiko.messages(ALERTS) == []


async def test_a_delayed_call_is_overtaken(wire: Wire) -> None:
    await wire.people.fault("delay", method="chat.postMessage", seconds=0.2)
    slow = asyncio.create_task(wire.post("slow"))
    await until(lambda: wire.running.stand_in.faults.as_json() == [])
    await wire.post("quick")
    await slow
    assert [m["text"] for m in await wire.aiko.messages(ALERTS)] == ["quick", "slow"]


async def test_a_dropped_command_never_reaches_the_app(wire: Wire, app: SocketApp) -> None:
    await wire.people.fault("drop_deliveries", delivery="slash_commands")
    assert (await wire.aiko.command("/takumi lost", ALERTS))["error"] == "operation_timeout"
    assert (await wire.aiko.command("/takumi found", ALERTS))["ok"]
    assert [p["text"] for p in app.payloads("slash_commands")] == ["found"]


async def test_a_dropped_event_comes_again_with_its_number(wire: Wire, app: SocketApp) -> None:
    await wire.people.fault("drop_deliveries", delivery="events_api")
    await wire.aiko.say("hello", ALERTS)
    await app.until(lambda: app.received)
    assert [(e["retry_attempt"], e["retry_reason"]) for e in app.received] == [(1, "timeout")]


async def test_a_reordered_delivery_is_overtaken_by_the_next(wire: Wire, app: SocketApp) -> None:
    await wire.people.fault("reorder_deliveries", delivery="slash_commands")
    first = asyncio.create_task(wire.aiko.command("/takumi first", ALERTS))
    await until(lambda: wire.running.stand_in.faults.as_json() == [])
    assert (await wire.aiko.command("/takumi second", ALERTS))["ok"]
    assert (await first)["ok"]
    assert [p["text"] for p in app.payloads("slash_commands")] == ["second", "first"]


async def test_the_page_is_told_which_faults_are_to_come(wire: Wire) -> None:
    await wire.people.fault("http_error", method="auth.test", times=2)
    assert (await wire.people.state())["faults"] == [{"kind": "http_error", "target": "auth.test", "times": 2}]
    await wire.people.fault("clear")
    assert (await wire.people.state())["faults"] == []


SAMPLES: dict[str, object] = {
    "method": "auth.test", "delivery": "interactive", "times": 1, "seconds": 0.01, "status": 500,
    "error": "fatal_error", "enabled": True, "reason": "warning", "user": "U0CTO00001", "group": "S0CTO00000",
    "channel": "C0RANDOM01",
}  # fmt: skip


async def test_every_fault_is_asked_for_with_the_fields_the_page_offers(wire: Wire) -> None:
    known = (await wire.people.get("faults"))["kinds"]
    for kind in known:
        samples = SAMPLES | {"app_id": wire.credentials["app_id"]}
        await wire.people.fault(kind, **{name: samples[name] for name in known[kind]})
    await wire.people.fault("clear")
    kenji = (await wire.people.state())["people"][3]
    assert (kenji["id"], kenji["kind"]) == ("U0CTO00001", "guest")

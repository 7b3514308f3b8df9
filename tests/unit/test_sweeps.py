"""Sweeps go on whatever happens, and the watchdog sees a blocked loop."""

import asyncio
import time
from datetime import UTC, datetime, timedelta

import pytest

from bot.engine import sweeps
from bot.engine.sweeps import Sweep, run_sweeps
from bot.engine.watchdog import Watchdog
from bot.services.rows import Job, MessageRow
from bot.services.sweeping import OLDER_THAN, SIDE_BY_SIDE, sweep
from bot.stores.memory.store import MemoryStore

OFTEN = timedelta(milliseconds=5)


async def test_a_sweep_that_fails_is_repeated_and_keeps_no_other_waiting():
    looks: dict[str, int] = {"good": 0, "bad": 0, "stuck": 0}
    enough, stop = asyncio.Event(), asyncio.Event()

    async def good() -> None:
        looks["good"] += 1
        if min(looks["good"], looks["bad"]) >= 3:
            enough.set()

    async def bad() -> None:
        looks["bad"] += 1
        raise ConnectionError("away")

    async def stuck() -> None:
        looks["stuck"] += 1
        await stop.wait()

    sweeps = [Sweep("stuck", stuck, OFTEN), Sweep("bad", bad, OFTEN), Sweep("good", good, OFTEN)]
    running = asyncio.create_task(run_sweeps(sweeps, stop))
    await asyncio.wait_for(enough.wait(), 5)
    stop.set()
    await asyncio.wait_for(running, 5)
    assert looks["stuck"] == 1


async def test_the_watchdog_sees_how_long_the_loop_was_blocked():
    stop = asyncio.Event()
    watchdog = Watchdog(every=timedelta(milliseconds=20), limit=timedelta(milliseconds=50))
    running = asyncio.create_task(watchdog.run(stop))
    await asyncio.sleep(0.01)
    time.sleep(0.2)  # noqa: ASYNC251 - blocking the loop is what is tested
    await asyncio.sleep(0.05)
    stop.set()
    await asyncio.wait_for(running, 5)
    assert watchdog.worst >= timedelta(milliseconds=150)


async def test_a_look_that_does_not_end_is_left_at_a_stop(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sweeps, "DRAIN", timedelta(milliseconds=20))
    begun, stop = asyncio.Event(), asyncio.Event()

    async def endless() -> None:
        begun.set()
        await asyncio.Event().wait()

    running = asyncio.create_task(run_sweeps([Sweep("endless", endless)], stop))
    await begun.wait()
    stop.set()
    await asyncio.wait_for(running, 5)


async def test_what_waits_is_handled_at_once_and_a_queue_that_is_behind_gets_no_more_jobs():
    passed = timedelta()
    store = MemoryStore(lambda: datetime(2026, 11, 24, tzinfo=UTC) + passed)
    keys = [f"m{number}" for number in range(30)]
    async with store.work() as work:
        for key in keys:
            await work.messages.want(MessageRow(key, "C1"))
    passed = OLDER_THAN + timedelta(seconds=1)
    handled: list[str] = []
    at_work, most = 0, 0

    async def handle(key: str) -> None:
        nonlocal at_work, most
        at_work, most = at_work + 1, max(most, at_work + 1)
        await asyncio.sleep(0)
        at_work -= 1
        handled.append(key)
        if key == "m3":
            raise ConnectionError("away")

    for _ in range(3):
        await sweep(store, Job.DRAW_MESSAGE, handle)
    assert sorted(handled) == sorted(keys * 3), "one that fails keeps no other waiting"
    assert most == SIDE_BY_SIDE
    assert store.wakes == []

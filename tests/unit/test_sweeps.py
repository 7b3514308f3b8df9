"""Sweeps go on whatever happens, and the watchdog sees a blocked loop."""

import asyncio
import time
from datetime import timedelta

from bot.engine.sweeps import Sweep, run_sweeps
from bot.engine.watchdog import Watchdog

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

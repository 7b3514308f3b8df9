"""Runs are worked on beside the queue: a wake-up never waits for one."""

import asyncio
from contextvars import ContextVar
from datetime import timedelta

import pytest

from bot.services import workbench
from bot.services.rows import Job, Wake
from bot.services.workbench import Workbench

WHOSE: ContextVar[str] = ContextVar("whose")


class Runs:
    """Runs that last until the test lets them end."""

    def __init__(self) -> None:
        self.begun: list[str] = []
        self.ended: list[str] = []
        self.let_end = asyncio.Event()

    async def advance(self, run_id: str) -> None:
        self.begun.append(run_id)
        try:
            await self.let_end.wait()
        finally:
            self.ended.append(run_id)


async def test_a_wake_up_does_not_wait_for_the_run() -> None:
    runs = Runs()
    bench = Workbench(runs.advance)
    await bench.wake("a")
    await asyncio.sleep(0)
    assert (runs.begun, runs.ended) == (["a"], [])
    runs.let_end.set()


async def test_a_second_wake_up_for_a_run_that_is_under_way_does_nothing() -> None:
    runs = Runs()
    bench = Workbench(runs.advance)
    await bench.wake("a")
    await bench.wake("a")
    await asyncio.sleep(0)
    assert runs.begun == ["a"]
    runs.let_end.set()


async def test_no_more_runs_at_once_than_there_are_places_and_a_place_is_free_again() -> None:
    runs = Runs()
    bench = Workbench(runs.advance, places=1)
    await bench.wake("a")
    await bench.wake("b")
    await asyncio.sleep(0)
    assert runs.begun == ["a"]
    runs.let_end.set()
    await asyncio.sleep(0.01)
    await bench.wake("b")
    await asyncio.sleep(0.01)
    assert runs.ended == ["a", "b"]


async def test_a_run_that_fails_unexpectedly_takes_nothing_else_along() -> None:
    async def fails(_run_id: str) -> None:
        raise RuntimeError("a bug")

    bench = Workbench(fails)
    await bench.wake("a")
    await asyncio.sleep(0.01)
    await bench.wake("a")


async def test_at_a_stop_runs_get_time_to_end() -> None:
    runs, stop = Runs(), asyncio.Event()
    bench = Workbench(runs.advance)
    await bench.wake("a")
    await asyncio.sleep(0)
    serving = asyncio.create_task(bench.serve(stop))
    stop.set()
    runs.let_end.set()
    await serving
    assert runs.ended == ["a"]


async def test_what_does_not_end_in_time_is_left_to_another_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workbench, "DRAIN", timedelta(milliseconds=10))
    runs, stop = Runs(), asyncio.Event()
    bench = Workbench(runs.advance)
    await bench.wake("a")
    await asyncio.sleep(0)
    stop.set()
    await bench.serve(stop)
    assert runs.ended == ["a"]


async def test_a_run_that_is_woken_here_is_taken_up_at_once_and_inherits_nothing_of_whoever_woke_it() -> None:
    seen: list[tuple[str, object]] = []

    async def advance(run_id: str) -> None:
        seen.append((run_id, WHOSE.get(None)))

    WHOSE.set("the request's")
    bench = Workbench(advance)
    await bench.nearby(Wake(Job.DRAW_MESSAGE, "a"))
    await bench.nearby(Wake(Job.ADVANCE_RUN, "b"))
    await asyncio.sleep(0)
    assert seen == [("b", None)]


async def test_a_bench_that_closes_takes_nothing_up() -> None:
    runs, stop = Runs(), asyncio.Event()
    bench = Workbench(runs.advance)
    stop.set()
    await bench.serve(stop)
    await bench.wake("a")
    await asyncio.sleep(0)
    assert runs.begun == []

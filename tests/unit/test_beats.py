"""A part that has stopped is told by /readyz, one that never began is not; a process that drains takes nothing new."""

import asyncio
from contextlib import suppress
from datetime import timedelta

import pytest

from bot.app import Bot
from bot.config import Settings
from bot.engine.beats import OVERDUE, Beats
from bot.engine.calendar import Calendar, Firings


@pytest.fixture
def now() -> list[float]:
    return [1000.0]


@pytest.fixture
def beats(now: list[float]) -> Beats:
    return Beats(lambda: now[0])


def test_a_part_that_comes_round_is_well_and_one_that_does_not_is_named(beats: Beats, now: list[float]) -> None:
    beats.beat("worker")
    beats.beat("calendar")
    now[0] += OVERDUE.total_seconds()
    beats.beat("worker")
    now[0] += 1
    assert list(beats.overdue()) == ["calendar"]
    assert "91 s" in beats.overdue()["calendar"]


def test_a_part_of_another_process_is_not_missed(beats: Beats, now: list[float]) -> None:
    now[0] += 10_000
    assert beats.overdue() == {}


def nobody() -> Firings:
    async def never(*_: object) -> None: ...

    return Firings(never, never, never)  # type: ignore[arg-type] # no schedule asks


async def test_the_calendar_beats_at_every_look_and_one_that_hangs_does_not(beats: Beats, now: list[float]) -> None:
    calendar = Calendar([], nobody())
    calendar.beat = lambda: beats.beat("calendar")
    stop = asyncio.Event()
    work = asyncio.create_task(calendar.run(stop, timedelta(milliseconds=1)))
    await asyncio.sleep(0.01)
    now[0] += OVERDUE.total_seconds() + 1
    await asyncio.sleep(0.05)
    assert beats.overdue() == {}

    async def hangs() -> None:
        await stop.wait()

    calendar.look = hangs  # type: ignore[method-assign] # a look that a lost answer holds up
    await asyncio.sleep(0.05)
    now[0] += OVERDUE.total_seconds() + 1
    assert list(beats.overdue()) == ["calendar"]
    stop.set()
    with suppress(TimeoutError):
        await asyncio.wait_for(work, 5)


async def test_a_process_that_was_told_to_stop_is_not_ready_and_says_so() -> None:
    settings = {"database_url": "postgresql://u@127.0.0.1:1/x", "slack_bot_token": "xoxb-1", "channel": "C1"}
    bot = Bot(Settings(**settings, environment="staging"))
    assert "draining" not in await bot.wrong()
    bot.stopping.set()
    told = await bot.wrong()
    assert "told to stop" in told["draining"]
    assert "database" in told

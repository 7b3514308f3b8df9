"""An instant of the calendar fires once, and never before its time: both stores."""

import asyncio
from datetime import datetime, timedelta

import pytest

from tests.stores import StoreUnderTest

LONG = timedelta(minutes=1)


async def now(under_test: StoreUnderTest) -> datetime:
    async with under_test.store.work() as work:
        return await work.now()


async def test_an_instant_fires_once_however_many_propose_it(under_test: StoreUnderTest):
    planned = await now(under_test) - LONG

    async def fire() -> bool:
        async with under_test.store.work() as work:
            return await work.schedules.fire("daily-backup", planned)

    won = await asyncio.gather(*(fire() for _ in range(8)))
    assert won.count(True) == 1


async def test_nothing_fires_before_its_time(under_test: StoreUnderTest):
    planned = await now(under_test) + LONG
    async with under_test.store.work() as work:
        assert not await work.schedules.fire("daily-backup", planned)
        assert await work.schedules.last("daily-backup") is None


async def test_a_rolled_back_firing_can_be_won_again(under_test: StoreUnderTest):
    planned = await now(under_test) - LONG
    with pytest.raises(ZeroDivisionError):  # noqa: PT012 - the rollback is what is tested
        async with under_test.store.work() as work:
            assert await work.schedules.fire("daily-backup", planned)
            raise ZeroDivisionError
    async with under_test.store.work() as work:
        assert await work.schedules.fire("daily-backup", planned)


async def test_schedules_are_kept_apart_and_their_latest_comes_first(under_test: StoreUnderTest):
    at = await now(under_test)
    async with under_test.store.work() as work:
        for minutes in (3, 1, 2):
            assert await work.schedules.fire("daily-backup", at - minutes * LONG)
        assert await work.schedules.fire("weekly", at - 9 * LONG)
        assert await work.schedules.last("daily-backup") == at - LONG
        assert await work.schedules.last("monthly") is None
        firings = await work.schedules.firings("daily-backup", 2)
    assert [planned for planned, _ in firings] == [at - LONG, at - 2 * LONG]
    assert all(at <= fired <= at + LONG for _, fired in firings)

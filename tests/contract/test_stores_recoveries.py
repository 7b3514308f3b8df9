"""Measured recoveries come back newest first, in both stores."""

from datetime import timedelta

from bot.domain.recoveries import Recovery
from tests.stores import StoreUnderTest


async def test_the_newest_measurement_of_a_component_comes_first(under_test: StoreUnderTest):
    first = Recovery("Database", timedelta(seconds=12.5), "a proof", "run-1")
    second = Recovery("Database", timedelta(minutes=2), "a restore", "run-2")
    other = Recovery("Frontend", timedelta(minutes=3), "a redeployment", "run-3")
    for recovery in (first, second, other):
        async with under_test.store.work() as work:
            await work.recoveries.add(recovery)
    async with under_test.store.work() as work:
        found = await work.recoveries.recent("Database", 5)
        assert [(one.took, one.how, one.run) for one in found] == [
            (second.took, second.how, second.run),
            (first.took, first.how, first.run),
        ]
        assert all(one.at is not None for one in found)
        assert len(await work.recoveries.recent("Database", 1)) == 1
        assert list(await work.recoveries.recent("Backend API", 5)) == []


async def test_an_installation_began_before_now(under_test: StoreUnderTest):
    async with under_test.store.work() as work:
        assert await work.recoveries.began() <= await work.now()

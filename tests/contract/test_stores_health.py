"""Counted looks come back as they were kept, one caller has the turn, and one trouble is one group, in both stores."""

import asyncio
from dataclasses import replace
from datetime import timedelta

from bot.domain.alerts import Alert, AlertGroup, Source, Status
from bot.domain.risk import Severity
from bot.domain.tallies import Tally
from bot.policy.rules import Rules
from bot.services.alerts import Alerts
from tests.builders import AN_INSTANT
from tests.stores import StoreUnderTest

THEIRS = AlertGroup(Source.ALERTMANAGER, "redis", Severity.P1, "RedisConnectionFailure")
OURS = AlertGroup(Source.BOT, "health:Redis", Severity.P1, "Redis is not well", {"component": "Redis"})
ALERT = Alert("f1", Status.FIRING, AN_INSTANT)


async def test_a_tally_comes_back_and_is_replaced(under_test: StoreUnderTest) -> None:
    redis, chain = Tally("Redis", 3, 0, AN_INSTANT, 7), Tally("Chain", well=1)
    for tally in (replace(redis, bad=1, alert=0), chain, redis):
        async with under_test.store.work() as work:
            await work.health.save(tally)
    async with under_test.store.work() as work:
        assert list(await work.health.tallies()) == [chain, redis]


async def test_one_caller_has_the_turn_until_it_is_time_again(under_test: StoreUnderTest) -> None:
    async def turn(every: timedelta) -> bool:
        async with under_test.store.work() as work:
            return await work.health.take_turn(every)

    turns = await asyncio.gather(*(turn(timedelta(hours=1)) for _ in range(5)))
    assert sorted(turns) == [False] * 4 + [True]
    assert await turn(timedelta(0))


async def test_told_from_both_sides_at_once_it_is_one_group(under_test: StoreUnderTest) -> None:
    alerts = Alerts(under_test.store, Rules(alerts_channel="C1"))
    told = ((THEIRS, ALERT), (OURS, replace(ALERT, fingerprint=OURS.key))) * 4
    groups = await asyncio.gather(*(alerts.take(group, [alert]) for group, alert in told))
    assert len({group.number for group in groups}) == 1
    async with under_test.store.work() as work:
        (kept,) = await work.alerts.firing()
        held = await work.alerts.alerts(kept.number)
    assert (kept.source, kept.key, len(held)) == (Source.ALERTMANAGER, THEIRS.key, 2)

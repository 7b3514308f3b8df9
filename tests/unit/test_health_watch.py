"""The probe raises what stays bad, settles what stays well, and shares a message with Alertmanager's alert."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from bot.domain.alerts import Alert, AlertGroup, Source, Status
from bot.domain.risk import Severity
from bot.policy.alert_routes import SEEN_ALERTS
from bot.policy.components import COMPONENT_OF
from bot.policy.rules import Rules
from bot.services.alerts import Alerts
from bot.services.health_watch import HealthWatch
from bot.services.ports import Health, HealthState
from bot.services.silences import Silences
from bot.stores.memory.store import MemoryStore
from tests.approving import AIKO
from tests.builders import AN_INSTANT

OK, DOWN, DEGRADED, UNKNOWN = HealthState.OK, HealthState.DOWN, HealthState.DEGRADED, HealthState.UNKNOWN
MINUTE = timedelta(minutes=1)
THEIRS = AlertGroup(Source.ALERTMANAGER, "redis", Severity.P0, "RedisConnectionFailure", link="http://there")
THEIR_ALERT = Alert("f1", Status.FIRING, AN_INSTANT, {"alertname": "RedisConnectionFailure"})
THEIR_END = replace(THEIR_ALERT, status=Status.RESOLVED, ends_at=AN_INSTANT + MINUTE)


class Forgetful:
    """An Alertmanager that keeps every silence, and in which nothing fires."""

    async def stands(self, _silence: str) -> bool:
        return True

    async def firing(self, _labels: object) -> frozenset[str]:
        return frozenset()


class Watched:
    """One component, a store on a clock that looks move, and as many replicas as a test makes."""

    def __init__(self, component: str = "Redis") -> None:
        self.now = datetime.now(UTC)
        self.store = MemoryStore(lambda: self.now)
        self.alerts = Alerts(self.store, Rules(alerts_channel="C1"))
        self.seen = [Health(component, OK, "PONG")]
        self.looks = 0

    async def look(self) -> list[Health]:
        self.looks += 1
        return self.seen

    async def sees(self, *states: HealthState, detail: str = "no answer") -> None:
        """One look a minute, each by a process that has just started."""
        for state in states:
            self.now += MINUTE
            self.seen = [replace(self.seen[0], state=state, detail=detail, advice="Start it.")]
            await self.replica().look()

    def replica(self) -> HealthWatch:
        return HealthWatch(self.store, self.alerts, self)

    async def groups(self) -> list[tuple[str, str, bool]]:
        async with self.store.work() as work:
            return [(one.title, one.severity.value, one.is_firing) for one in reversed(await work.alerts.recent(9))]

    async def history(self) -> int:
        async with self.store.work() as work:
            return len(await work.alerts.events(1))


NOT_WELL = "Redis is not well"


async def test_two_bad_looks_are_no_alert_and_three_are() -> None:
    redis = Watched()
    await redis.sees(DOWN, DOWN, OK, DOWN, DOWN)
    assert await redis.groups() == []
    await redis.sees(DOWN)
    assert await redis.groups() == [(NOT_WELL, "P1", True)]


async def test_one_good_look_settles_nothing_and_two_do() -> None:
    redis = Watched()
    await redis.sees(DOWN, DOWN, DOWN, OK, DOWN, OK)
    assert await redis.groups() == [(NOT_WELL, "P1", True)]
    await redis.sees(OK)
    assert await redis.groups() == [(NOT_WELL, "P1", False)]


async def test_what_stays_bad_is_told_once_and_again_when_it_gets_worse() -> None:
    redis = Watched()
    await redis.sees(DEGRADED, DEGRADED, DEGRADED)
    for minutes in range(3):
        await redis.sees(DEGRADED, detail=f"for {minutes} minutes")
    assert (await redis.groups(), await redis.history()) == ([(NOT_WELL, "P2", True)], 1)
    await redis.sees(DOWN, DOWN, DEGRADED)
    assert (await redis.groups(), await redis.history()) == ([(NOT_WELL, "P1", True)], 3)


async def test_a_look_that_could_not_be_made_counts_for_nothing() -> None:
    redis = Watched()
    await redis.sees(DOWN, DOWN, UNKNOWN, UNKNOWN)
    assert await redis.groups() == []
    await redis.sees(DOWN)
    assert await redis.groups() == [(NOT_WELL, "P1", True)]


async def test_one_replica_looks_at_a_time() -> None:
    redis = Watched()
    redis.seen = [replace(redis.seen[0], state=DOWN)]
    for _ in range(5):
        await redis.replica().look()
    assert (redis.looks, await redis.groups()) == (1, [])


async def test_closed_by_hand_it_stays_closed_until_it_was_well() -> None:
    redis = Watched()
    await redis.sees(DOWN, DOWN, DOWN)
    await redis.alerts.close(1, AIKO, "we know")
    await redis.sees(DOWN, DOWN)
    assert await redis.groups() == [(NOT_WELL, "P1", False)]
    await redis.sees(OK, OK, DOWN, DOWN, DOWN)
    assert await redis.groups() == [(NOT_WELL, "P1", True)]


async def test_who_died_before_the_count_was_kept_tells_the_same_again() -> None:
    redis = Watched()
    await redis.sees(DOWN, DOWN)
    async with redis.store.work() as work:
        (before,) = await work.health.tallies()
    await redis.sees(DOWN)
    async with redis.store.work() as work:
        await work.health.save(before)
    await redis.sees(DOWN)
    assert (await redis.groups(), await redis.history()) == ([(NOT_WELL, "P1", True)], 1)


async def test_a_component_that_is_no_longer_configured_fires_no_longer() -> None:
    redis = Watched()
    await redis.sees(DOWN, DOWN, DOWN)
    redis.now, redis.seen = redis.now + MINUTE, []
    await redis.replica().look()
    assert await redis.groups() == [(NOT_WELL, "P1", False)]


async def test_where_alertmanager_fires_already_the_probe_adds_a_line() -> None:
    redis = Watched()
    await redis.alerts.take(THEIRS, [THEIR_ALERT])
    await redis.sees(DOWN, DOWN, DOWN)
    assert (await redis.groups(), await redis.history()) == ([(THEIRS.title, "P0", True)], 2)
    await redis.alerts.take(THEIRS, [THEIR_END])
    assert await redis.groups() == [(THEIRS.title, "P0", True)]
    await redis.sees(OK, OK)
    assert await redis.groups() == [(THEIRS.title, "P0", False)]


async def test_where_the_probe_fires_already_alertmanager_takes_its_message_over() -> None:
    redis = Watched()
    await redis.sees(DOWN, DOWN, DOWN)
    await redis.alerts.acknowledge(1, AIKO)
    group = await redis.alerts.take(THEIRS, [THEIR_ALERT])
    assert (group.number, group.acknowledged_by, group.link) == (1, AIKO.principal, THEIRS.link)
    assert await redis.groups() == [(THEIRS.title, "P0", True)]
    await redis.sees(OK, OK)
    assert await redis.groups() == [(THEIRS.title, "P0", True)]
    await redis.alerts.take(THEIRS, [THEIR_END])
    assert await redis.groups() == [(THEIRS.title, "P0", False)]


async def test_alerts_of_other_components_stay_apart() -> None:
    chain = Watched("Chain")
    await chain.alerts.take(THEIRS, [THEIR_ALERT])
    await chain.sees(DOWN, DOWN, DOWN)
    assert await chain.groups() == [(THEIRS.title, "P0", True), ("Chain is not well", "P1", True)]
    await chain.alerts.take(
        replace(THEIRS, key="other", title="HighErrorRate"), [replace(THEIR_ALERT, fingerprint="f2")]
    )
    assert len(await chain.groups()) == 3


async def test_every_database_joins_the_alert_about_databases() -> None:
    staging = Watched("Database takumi_staging")
    await staging.alerts.take(replace(THEIRS, title="DatabaseConnectionFailure"), [THEIR_ALERT])
    await staging.sees(DOWN, DOWN, DOWN)
    assert len(await staging.groups()) == 1


def test_the_mapped_alerts_are_alerts_that_exist() -> None:
    assert set(COMPONENT_OF) <= set(SEEN_ALERTS)


async def test_what_alertmanager_no_longer_knows_of_ends_theirs_and_not_ours() -> None:
    redis = Watched()
    told = replace(THEIRS, labels={"alertname": THEIRS.title})
    await redis.alerts.take(told, [THEIR_ALERT])
    await redis.sees(DOWN, DOWN, DOWN)
    async with redis.store.work() as work:
        group = await work.alerts.get(1)
        assert group is not None
        await work.alerts.save(replace(group, silence="s1", silenced_until=redis.now + timedelta(hours=1)))
    forgetful: Any = Forgetful()
    await Silences(redis.store, redis.alerts, forgetful).look()
    async with redis.store.work() as work:
        assert {one.fingerprint: one.is_firing for one in await work.alerts.alerts(1)} == {
            "f1": False,
            "health:Redis": True,
        }

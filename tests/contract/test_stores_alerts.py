"""Alerts come back as they were told, one open group a key, in both stores."""

import asyncio
from dataclasses import replace
from datetime import timedelta

from bot.domain.alerts import Alert, AlertEvent, AlertEventKind, AlertGroup, Source, Status
from bot.domain.risk import Severity
from bot.policy.rules import Rules
from bot.services.alerts import Alerts
from tests.builders import AN_INSTANT
from tests.stores import StoreUnderTest

GROUP = AlertGroup(
    Source.ALERTMANAGER, '{}:{alertname="APIDown"}', Severity.P0, "APIDown", {"a": "1"}, {"b": "2"}, "http://x"
)
ALERT = Alert("f1", Status.FIRING, AN_INSTANT, {"alertname": "APIDown"}, {"summary": "It's down"}, None, "http://y", 1)
WITHIN = timedelta(minutes=30)


async def test_a_group_is_opened_once_and_carries_its_number(under_test: StoreUnderTest):
    async with under_test.store.work() as work:
        first, is_new = await work.alerts.open(GROUP, WITHIN)
        again, is_new_again = await work.alerts.open(GROUP, WITHIN)
        other, _ = await work.alerts.open(replace(GROUP, source=Source.BOT), WITHIN)
        now = await work.now()
    assert (is_new, is_new_again) == (True, False)
    assert again == first != other
    assert first.opened_at is not None
    assert abs(first.opened_at - now) < timedelta(minutes=1)
    assert replace(first, number=0, opened_at=None) == GROUP


async def test_two_deliveries_at_once_open_one_group(under_test: StoreUnderTest):
    async def opened() -> int:
        async with under_test.store.work() as work:
            group, _ = await work.alerts.open(GROUP, WITHIN)
            return group.number

    numbers = await asyncio.gather(*(opened() for _ in range(5)))
    assert len(set(numbers)) == 1


async def test_a_group_that_was_resolved_lately_goes_on_and_an_older_one_does_not(under_test: StoreUnderTest):
    async with under_test.store.work() as work:
        group, _ = await work.alerts.open(GROUP, WITHIN)
        now = await work.now()
        await work.alerts.save(replace(group, status=Status.RESOLVED, resolved_at=now))
    async with under_test.store.work() as work:
        goes_on, is_new = await work.alerts.open(GROUP, WITHIN)
        assert (goes_on.number, is_new) == (group.number, False)
        fresh, is_new = await work.alerts.open(GROUP, timedelta(0))
        assert is_new
        assert fresh.number > group.number


async def test_what_may_change_of_a_group_comes_back(under_test: StoreUnderTest):
    async with under_test.store.work() as work:
        group, _ = await work.alerts.open(GROUP, WITHIN)
        changed = replace(
            group,
            severity=Severity.P1,
            title="API",
            labels={"c": "3"},
            annotations={},
            link="",
            acknowledged_by="slack:T1:U1",
            acknowledged_slack="U1",
            acknowledged_at=AN_INSTANT,
            silence="s1",
            silenced_until=AN_INSTANT,
            incident=4,
            flaps=2,
            clock=3,
        )
        await work.alerts.save(changed)
    async with under_test.store.work() as work:
        assert await work.alerts.get(group.number) == changed
        assert await work.alerts.get(group.number, hold=True) == changed
        assert await work.alerts.get(group.number + 1) is None


async def test_alerts_are_replaced_by_their_fingerprint(under_test: StoreUnderTest):
    ended = replace(ALERT, status=Status.RESOLVED, ends_at=AN_INSTANT + WITHIN, changes=2)
    other = replace(ALERT, fingerprint="f2")
    async with under_test.store.work() as work:
        group, _ = await work.alerts.open(GROUP, WITHIN)
        await work.alerts.save_alerts(group.number, [ALERT, other])
        await work.alerts.save_alerts(group.number, [ended])
        await work.alerts.save_alerts(group.number, [])
    async with under_test.store.work() as work:
        assert list(await work.alerts.alerts(group.number)) == [ended, other]


async def test_the_history_grows_in_order(under_test: StoreUnderTest):
    async with under_test.store.work() as work:
        group, _ = await work.alerts.open(GROUP, WITHIN)
        first = await work.alerts.note(group.number, AlertEvent(AlertEventKind.FIRED, "3 alerts"))
        second = await work.alerts.note(group.number, AlertEvent(AlertEventKind.ACKNOWLEDGED, "", "slack:T1:U1", "U1"))
        events = await work.alerts.events(group.number)
    assert (first, second) == (1, 2)
    assert [(event.kind, event.text, event.slack_user) for event in events] == [
        (AlertEventKind.FIRED, "3 alerts", ""),
        (AlertEventKind.ACKNOWLEDGED, "", "U1"),
    ]
    assert all(event.at is not None for event in events)


async def test_what_fires_comes_by_urgency_and_what_was_by_age(under_test: StoreUnderTest):
    async with under_test.store.work() as work:
        low, _ = await work.alerts.open(replace(GROUP, key="low", severity=Severity.P3), WITHIN)
        high, _ = await work.alerts.open(replace(GROUP, key="high"), WITHIN)
        over, _ = await work.alerts.open(replace(GROUP, key="over"), WITHIN)
        await work.alerts.save(replace(over, status=Status.RESOLVED, resolved_at=await work.now()))
        assert [group.number for group in await work.alerts.firing()] == [high.number, low.number]
        assert [group.number for group in await work.alerts.recent(2)] == [over.number, high.number]


async def test_a_storm_is_kept_whole_and_acknowledged_at_once(under_test: StoreUnderTest) -> None:
    async with under_test.store.work() as work:
        first, _ = await work.alerts.open(replace(GROUP, storm=7, severity=Severity.P1), WITHIN)
        low, _ = await work.alerts.open(replace(GROUP, key="low", storm=7, severity=Severity.P2), WITHIN)
        high, _ = await work.alerts.open(replace(GROUP, key="high", storm=7), WITHIN)
        await work.alerts.open(replace(GROUP, key="other"), WITHIN)
        await work.alerts.save(replace(low, status=Status.RESOLVED, resolved_at=await work.now()))
    async with under_test.store.work() as work:
        assert [one.number for one in await work.alerts.of_storm(7)] == [first.number, low.number, high.number]
        assert [await work.alerts.storm_is_told(one) for one in (first, low, high)] == [False, True, False]
        assert await work.alerts.acknowledge_storm(7, "slack:T1:U1", "U1") == 2
        assert await work.alerts.acknowledge_storm(7, "slack:T1:U2", "U2") == 0
        assert [one.acknowledged_slack for one in await work.alerts.of_storm(7)] == ["U1", "", "U1"]


async def test_many_deliveries_of_the_same_alerts_never_wait_in_a_circle(under_test: StoreUnderTest) -> None:
    alerts = Alerts(under_test.store, Rules(alerts_channel="C1"))
    told = [replace(ALERT, fingerprint=f"f{number}") for number in range(30)]

    async def deliver(turn: int) -> None:
        began = AN_INSTANT + turn * timedelta(seconds=1)
        for key in ("a", "b") if turn % 2 else ("b", "a"):
            shuffled = sorted(told, key=lambda one: hash((turn, one.fingerprint)))
            await alerts.take(replace(GROUP, key=key), [replace(one, starts_at=began) for one in shuffled])

    await asyncio.gather(*(deliver(turn) for turn in range(12)))
    async with under_test.store.work() as work:
        groups = await work.alerts.firing()
        kept = [one for group in groups for one in await work.alerts.alerts(group.number)]
    assert len(groups) == 2
    assert {one.starts_at for one in kept} == {AN_INSTANT + 11 * timedelta(seconds=1)}
    assert len(kept) == 60

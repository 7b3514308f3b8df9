"""What waits, fires and was measured is counted alike by both stores."""

from dataclasses import replace
from datetime import timedelta

from bot.domain.alerts import AlertGroup, Source, Status
from bot.domain.backups import Verdict
from bot.domain.recoveries import Recovery
from bot.domain.risk import Severity
from bot.domain.runs import RunState
from bot.domain.verdicts import Retention
from bot.services.figure_ports import Backlog
from bot.services.rows import MessageRow
from tests.builders import a_backup, a_delivery, a_run
from tests.stores import StoreUnderTest

NOTHING = Backlog(0, timedelta())
MINUTE = timedelta(minutes=1)


async def test_an_empty_store_has_nothing_waiting(under_test: StoreUnderTest):
    async with under_test.store.work() as work:
        seen = await work.figures.look()
    assert (dict(seen.runs), seen.inbox, seen.approvals, seen.calls) == ({}, NOTHING, NOTHING, NOTHING)
    assert (dict(seen.alerts), dict(seen.proven_age), dict(seen.recovered)) == ({}, {}, {})


async def test_what_has_not_ended_is_counted_and_what_has_is_not(under_test: StoreUnderTest):
    async with under_test.store.work() as work:
        for state in (RunState.REQUESTED, RunState.REQUESTED, RunState.APPROVED):
            await work.runs.add(a_run(state=state))
        ended = await work.runs.add(a_run(state=RunState.REQUESTED))
        await work.runs.move(ended.id, RunState.REQUESTED, RunState.CANCELLED)
        seen = await work.figures.look()
    assert dict(seen.runs) == {"requested": 2, "approved": 1}
    assert seen.approvals.count == 2


async def test_a_request_waits_until_it_is_finished(under_test: StoreUnderTest):
    inbox_id, _ = await under_test.store.receive(a_delivery())
    async with under_test.store.work() as work:
        waiting = (await work.figures.look()).inbox
        await work.inbox.claim(inbox_id, "worker", MINUTE)
        await work.inbox.finish(inbox_id, "")
        done = (await work.figures.look()).inbox
    assert waiting.count == 1
    assert timedelta() <= waiting.age < MINUTE
    assert done == NOTHING


async def test_a_message_waits_until_it_is_shown(under_test: StoreUnderTest):
    async with under_test.store.work() as work:
        await work.messages.want(MessageRow("run:1", "C1"))
    async with under_test.store.work() as work:
        assert (await work.figures.look()).messages.count == 1


async def test_firing_alerts_are_counted_by_severity(under_test: StoreUnderTest):
    group = AlertGroup(Source.BOT, "a", Severity.P0, "A")
    async with under_test.store.work() as work:
        for key, severity in (("a", Severity.P0), ("b", Severity.P2), ("c", Severity.P2)):
            await work.alerts.open(replace(group, key=key, severity=severity), MINUTE)
        over, _ = await work.alerts.open(replace(group, key="d"), MINUTE)
        await work.alerts.save(replace(over, status=Status.RESOLVED, resolved_at=await work.now()))
        assert dict((await work.figures.look()).alerts) == {"P0": 1, "P2": 2}


async def test_the_age_is_that_of_the_newest_proven_backup_that_is_kept(under_test: StoreUnderTest):
    async with under_test.store.work() as work:
        now = await work.now()
        for hours, changes in (
            (5, {}),
            (3, {}),
            (2, {"verdict": Verdict.UNPROVEN}),
            (1, {"retention": Retention.DELETED}),
        ):
            await work.backups.add(
                replace(a_backup(taken_at=now - timedelta(hours=hours), verdict=Verdict.PROVEN), **changes)
            )  # type: ignore[arg-type] # plain changes
        age = (await work.figures.look()).proven_age["takumi"]
    assert timedelta(hours=3) <= age < timedelta(hours=3) + MINUTE


async def test_the_last_recovery_of_each_component_is_told(under_test: StoreUnderTest):
    for component, seconds in (("Database", 9), ("Frontend", 7), ("Database", 3)):
        async with under_test.store.work() as work:
            await work.recoveries.add(Recovery(component, timedelta(seconds=seconds), "a proof"))
    async with under_test.store.work() as work:
        recovered = (await work.figures.look()).recovered
    assert recovered == {"Database": timedelta(seconds=3), "Frontend": timedelta(seconds=7)}

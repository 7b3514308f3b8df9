"""Calls are made once, incidents are open until resolved, freezes end, reviews are another's: both stores."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from bot.domain.calls import CallRow, Event
from bot.domain.freezes import Freeze
from bot.domain.incidents import Incident
from bot.domain.people import Role
from bot.domain.reviews import Review
from bot.domain.risk import Severity
from bot.domain.runs import Run, RunState
from tests.builders import a_run
from tests.stores import BotDatabase, StoreUnderTest, rows

HOUR = timedelta(hours=1)


async def a_stored_run(under_test: StoreUnderTest, **changes) -> Run:
    async with under_test.store.work() as work:
        return await work.runs.add(a_run(state=RunState.REQUESTED, **changes))


async def test_a_call_is_made_once_by_whoever_is_first(under_test: StoreUnderTest):
    async with under_test.store.work() as work:
        now = await work.now()
        row = CallRow("run:a", 0, Event.CALLED, Role.CTO, now - HOUR)
        await work.calls.add(row, CallRow("run:a", 1, Event.REMINDED, None, now + HOUR))
        await work.calls.add(CallRow("run:a", 0, Event.ASKED, None, now))

    async def make(user: str) -> bool:
        async with under_test.store.work() as work:
            return await work.calls.make("run:a", 0, [user])

    made = await asyncio.gather(*(make(user) for user in ("U1", "U2", "U3")))
    assert sorted(made) == [False, False, True]
    async with under_test.store.work() as work:
        first, second = await work.calls.about("run:a")
    assert (first.event, first.role, second.role, second.made_at) == (Event.CALLED, Role.CTO, None, None)
    assert first.made_at is not None
    assert len(first.users) == 1


async def test_a_call_that_is_not_due_is_not_made_and_one_that_is_due_is_found(under_test: StoreUnderTest):
    async with under_test.store.work() as work:
        now = await work.now()
        await work.calls.add(CallRow("run:b", 0, Event.ASKED, None, now - HOUR))
        await work.calls.add(CallRow("run:c", 0, Event.ASKED, None, now + HOUR))
        await work.calls.add(CallRow("run:d", 0, Event.ASKED, None, now - 2 * HOUR))
        assert await work.calls.due(9) == ["run:d", "run:b"]
        assert not await work.calls.make("run:c", 0, [])
        assert await work.calls.make("run:b", 0, [])
        assert await work.calls.due(9) == ["run:d"]


async def test_the_most_urgent_open_incident_comes_first(under_test: StoreUnderTest):
    async with under_test.store.work() as work:
        for severity in (Severity.P2, Severity.P0, Severity.P0):
            await work.incidents.add(Incident(severity, "it is slow", "somebody"))
        found = await work.incidents.open()
        assert [(one.severity, one.number) for one in found] == [("P0", 2), ("P0", 3), ("P2", 1)]
        assert await work.incidents.resolve(2, "somebody")
        assert not await work.incidents.resolve(2, "somebody")
        assert not await work.incidents.resolve(77, "somebody")
        assert [one.number for one in await work.incidents.open()] == [3, 1]


async def test_a_freeze_stands_until_its_time_or_until_it_is_lifted(under_test: StoreUnderTest):
    async with under_test.store.work() as work:
        now = await work.now()
        await work.freezes.add(Freeze(now - HOUR, "over", "somebody"))
        await work.freezes.add(Freeze(now + HOUR, "short", "somebody"))
        await work.freezes.add(Freeze(now + 2 * HOUR, "long", "somebody"))
        assert [one.reason for one in await work.freezes.standing()] == ["long", "short"]
        assert await work.freezes.lift("another") == 2
        assert list(await work.freezes.standing()) == []


async def test_a_review_is_done_once_and_never_by_who_broke_the_glass(under_test: StoreUnderTest):
    run = await a_stored_run(under_test)
    async with under_test.store.work() as work:
        await work.reviews.add(Review(run.id, run.requester))
        await work.reviews.add(Review(run.id, run.requester))
        assert [one.run for one in await work.reviews.undone()] == [run.id]
        now = await work.now()
        assert not await work.reviews.done(run.id, run.requester, "fine", now)
        assert await work.reviews.done(run.id, "another", "fine", now)
        assert not await work.reviews.done(run.id, "a third", "fine", now)
        found = await work.reviews.get(run.id)
        assert list(await work.reviews.undone()) == []
    assert found is not None
    assert (found.done_by, found.note) == ("another", "fine")


async def test_severity_incident_and_glass_come_back_with_the_run(under_test: StoreUnderTest):
    async with under_test.store.work() as work:
        incident = await work.incidents.add(Incident(Severity.P0, "down", "somebody"))
        run = a_run(state=RunState.REQUESTED, severity=Severity.P0, incident=incident.number, glass="nobody awake")
        run = replace(run, own_severity=Severity.P2, as_production=True)
        stored = await work.runs.add(run)
        assert await work.runs.get(run.id) == stored
    assert (stored.severity, stored.incident, stored.glass) == (Severity.P0, incident.number, "nobody awake")


@pytest.mark.parametrize(("severity", "incident"), [("P0", "NULL"), ("P2", "1")])
async def test_the_database_lets_glass_be_broken_in_an_urgent_incident_alone(
    migrated: BotDatabase, severity: str, incident: str
):
    await rows(migrated.owner_url, "INSERT INTO incidents (severity, title, declared_by) VALUES ('P0', 'down', 'x')")
    values = "'r', 'b', 't', '{}', '{}', '{}', 'd', 'd', 'routine', 'demo', 'requested', 'q', '', '', ''"
    columns = "id, runbook, title, params, facts, described, digest, definition, risk, environment, state, requester"
    statement = f"INSERT INTO runs ({columns}, requester_slack, channel, thread, severity, incident, glass)"
    with pytest.raises(Exception, match="glass_needs_incident"):
        await rows(migrated.url, f"{statement} VALUES ({values}, '{severity}', {incident}, 'because')")

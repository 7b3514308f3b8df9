"""Telling people what waits for them, reminding them, and calling the next one; silence never approves."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from bot.domain.alerts import AlertGroup
from bot.domain.approvals import Verdict
from bot.domain.audit import Entry, Verb
from bot.domain.calls import CallRow, Event
from bot.domain.people import ENGINE, Role
from bot.domain.risk import Severity
from bot.domain.runs import Run, RunState
from bot.policy.escalation import PAGED, DueCall
from bot.policy.rules import Rules
from bot.policy.severities import MATRIX
from bot.services.messages import want
from bot.services.ports import Chat, Store, Work
from bot.services.rows import Job, MessageRow, Wake
from bot.services.seats import need_of, open_seats

# How soon somebody must have looked at broken glass: as at a P2.
REVIEW_SEVERITY = Severity.P2
REVIEWERS = frozenset({Role.CTO, Role.SECURITY, Role.ENGINEERING_LEAD})


def run_calls(run: Run, rules: Rules) -> tuple[CallRow, ...]:
    """Every call that a request will make unless somebody decides."""
    due = rules.timetable.calls(run.severity, run.created_at)
    paged = tuple(DueCall(run.created_at, call) for call in PAGED) if run.glass else ()
    return call_rows(f"run:{run.id}", (*paged, *due))


def call_rows(about: str, due: Iterable[DueCall], first: int = 0) -> tuple[CallRow, ...]:
    return tuple(CallRow(about, number, one.call.event, one.call.role, one.at) for number, one in enumerate(due, first))


async def schedule(work: Work, rows: Sequence[CallRow]) -> None:
    """Note the calls, and wake up when each is due."""
    await work.calls.add(*rows)
    await work.defer(*(Wake(Job.MAKE_CALLS, row.about, at=row.due_at) for row in rows))


async def alert_calls(work: Work, group: AlertGroup, rules: Rules, now: datetime) -> tuple[CallRow, ...]:
    """Every call that an alert will make unless somebody answers; its own message asks first."""
    about = f"alert:{group.number}"
    due = rules.timetable.calls(group.severity, now)[1:]
    return call_rows(about, due, first=len(await work.calls.about(about)))


@dataclass(frozen=True)
class Waiting:
    """What a call is about: whose word is missing, who is spared, the message that heads its thread.

    `entry` is what the trail says of each call; `first` is the first call of the clock in force.
    """

    entry: Entry
    roles: frozenset[Role]
    spared: frozenset[str]
    parent: str
    channel: str
    first: int = 0


@dataclass(frozen=True)
class Calls:
    """Makes calls that are due; a wake-up looks at the rows, so that a duplicate does nothing."""

    store: Store
    chat: Chat
    rules: Rules

    async def make(self, about: str) -> None:
        """Make what is due about one thing; what no longer waits is settled without a word."""
        async with self.store.work() as work:
            now = await work.now()
            due = [row for row in await work.calls.about(about) if row.made_at is None and row.due_at <= now]
            waiting = await self._waiting(work, about)
        for row in due:
            stands = waiting if waiting and row.position >= waiting.first else None
            await self._make(row, stands, await self._users(row, stands) if stands else ())

    async def _waiting(self, work: Work, about: str) -> Waiting | None:
        kind, _, run_id = about.partition(":")
        if kind == "alert":
            return await self._alert(work, int(run_id))
        run = await work.runs.get(run_id)
        if run is None:
            return None
        if kind == "review":
            review = await work.reviews.get(run_id)
            undone = review is not None and review.done_at is None
            return self._at(run, REVIEWERS, frozenset(), f"review:{run_id}") if undone else None
        if run.state is not RunState.REQUESTED:
            return None
        decisions = await work.approvals.of_run(run.id)
        missing = frozenset[Role]().union(*open_seats(need_of(run), decisions))
        decided = frozenset(one.slack_user for one in decisions if one.verdict is Verdict.APPROVED)
        has_copy = await work.messages.get(f"ask:{run.id}") is not None
        return self._at(run, missing, decided, f"ask:{run.id}" if has_copy else f"run:{run.id}")

    async def _alert(self, work: Work, number: int) -> Waiting | None:
        group = await work.alerts.get(number)
        if group is None:
            return None
        now = await work.now()
        # In a storm one clock calls for all of its groups.
        groups = await work.alerts.of_storm(group.storm) if group.storm else [group]
        if not any(one.waits(now) for one in groups):
            return None
        entry = Entry(ENGINE, Verb.CALL_MADE, group.label)
        role = MATRIX[group.severity].escalation
        channel = self.rules.alerts_channel
        return Waiting(entry, frozenset({role}), frozenset(), group.message, channel, group.clock)

    def _at(self, run: Run, roles: frozenset[Role], decided: frozenset[str], parent: str) -> Waiting:
        away = self.rules.approvals_channel if parent.startswith("ask:") else ""
        entry = Entry(ENGINE, Verb.CALL_MADE, run.runbook, run.id, run.digest)
        channel = away or run.origin.channel or self.rules.alerts_channel
        return Waiting(entry, roles, decided | {run.requester_slack}, parent, channel)

    async def _users(self, row: CallRow, waiting: Waiting) -> tuple[str, ...]:
        roles = frozenset({row.role}) if row.role else waiting.roles
        users = frozenset[str]().union(*[await self.chat.members(role) for role in sorted(roles)])
        return tuple(sorted(users - waiting.spared))

    async def _make(self, row: CallRow, waiting: Waiting | None, users: tuple[str, ...]) -> None:
        async with self.store.work() as work:
            if not await work.calls.make(row.about, row.position, users) or waiting is None:
                return
            details = {"event": row.event.value, "role": row.role.value if row.role else "", "users": list(users)}
            await work.audit.record(replace(waiting.entry, details=details))
            key = f"{row.about}:{row.position}"
            rows = [MessageRow(f"call:{key}", waiting.channel, parent=waiting.parent)]
            if row.event in (Event.CALLED, Event.PAGED):
                rows += [MessageRow(f"direct:{key}:{user}", user) for user in users]
            await want(work, *rows)
            if row.about.startswith("review:"):
                await self._again(work, row, await work.now())

    async def _again(self, work: Work, row: CallRow, now: datetime) -> None:
        """A review is never forgotten: after the table's last call the CTO is reminded, again and again."""
        rows = await work.calls.about(row.about)
        if row.position != rows[-1].position:
            return
        at = self.rules.timetable.at(REVIEW_SEVERITY, now, 1)
        later = CallRow(row.about, row.position + 1, Event.REMINDED, Role.CTO, at)
        await schedule(work, [later])

"""What the calendar would do, beside the scripts that still do it: looked at, planned, posted, and not done."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from bot.domain import phrases
from bot.domain.audit import Entry, RecordedEntry, Verb
from bot.domain.documents import Document, Text
from bot.domain.errors import BotError
from bot.domain.people import CALENDAR
from bot.policy.adoption import OBSERVED_FOR
from bot.policy.schedule import ScheduleRow
from bot.services.messages import want
from bot.services.ports import Store, Work
from bot.services.rows import AuditQuery, MessageRow
from bot.services.runs import Runs
from bot.services.schedules import Starter

HEAD = "observing"
LOOKED_AT = 400


@dataclass(frozen=True)
class Observation:
    """Makes the plan that a firing would have run; one thread of the channel tells all of them."""

    runs: Runs
    channel: str

    def starter(self, row: ScheduleRow) -> Starter:
        """In place of the schedule's own starter."""

        async def start(planned: datetime) -> None:
            await self.observe(row, planned)

        return start

    async def observe(self, row: ScheduleRow, planned: datetime) -> None:
        """Look, plan, record and tell; worked on twice for one instant, it is told once."""
        async with self.runs.store.work() as work:
            if any(one.entry.details["planned"] == planned.isoformat() for one in await observations(work, row.key)):
                return
        details = await self._would(row) | {"planned": planned.isoformat()}
        async with self.runs.store.work() as work:
            await work.audit.record(Entry(CALENDAR, Verb.SCHEDULE_OBSERVED, row.key, details=details))
            told = MessageRow(f"observed:{row.key}|{planned.isoformat()}", self.channel, parent=HEAD)
            await want(work, MessageRow(HEAD, self.channel), told)

    async def _would(self, row: ScheduleRow) -> dict[str, Any]:
        """The plan in words, or why there would have been none: both are what the week is for."""
        assert row.starter is not None  # noqa: S101 - the calendar carries no other rows
        runbook = self.runs.runbook(row.starter.name)
        try:
            plan = await self.runs.preview(row.starter.name, runbook.params(**dict(row.starter.params)))
        except BotError as error:
            return {"would": "", "why_not": f"{error} {error.hint}".strip()}
        return {"would": plan.summary, "steps": [step.do.describe() for step in plan.steps]}


@dataclass(frozen=True)
class ObservationPainter:
    """Paints the thread from the trail; the channel's one message says what is observed and for how long."""

    store: Store
    observed: Sequence[str]

    async def paint_head(self, key: str) -> Document | None:  # noqa: ARG002 - there is one
        async with self.store.work() as work:
            now = await work.now()
            lines = [_standing(name, await since(work, name), now) for name in self.observed]
        told = "I observe: I look and say what I would do, and do nothing. The scripts do it as before."
        return Document(told, [Text(told), *map(Text, lines)])

    async def paint(self, key: str) -> Document | None:
        schedule, _, planned = key.partition(":")[2].partition("|")
        async with self.store.work() as work:
            found = await observations(work, schedule)
        return next((_told(one) for one in found if one.entry.details["planned"] == planned), None)


async def observations(work: Work, schedule: str) -> Sequence[RecordedEntry]:
    """What was observed of it, newest first."""
    found = await work.audit.find(AuditQuery(subject=schedule, limit=LOOKED_AT))
    return [one for one in found if one.entry.verb is Verb.SCHEDULE_OBSERVED]


async def since(work: Work, schedule: str) -> datetime | None:
    """When it was first observed; None for never."""
    return min((one.at for one in await observations(work, schedule)), default=None)


def _standing(schedule: str, began: datetime | None, now: datetime) -> str:
    if began is None:
        return f"{schedule}: not observed yet."
    left = began + OBSERVED_FOR - now
    rest = f"{phrases.duration(left)} to go" if left.total_seconds() > 0 else "long enough to be taken over"
    return f"{schedule}: since {phrases.instant(began)}, {rest}."


def _told(recorded: RecordedEntry) -> Document:
    details = recorded.entry.details
    schedule = recorded.entry.subject
    due = phrases.instant(datetime.fromisoformat(details["planned"]))
    if not details["would"]:
        told = f"{schedule}, {due}: I could not have done it. {details['why_not']}"
        return Document(told, [Text(told)])
    steps = [f"{number}. {step}" for number, step in enumerate(details["steps"], 1)] or ["There was nothing to do."]
    told = f"{schedule}, {due}: I would have done this: {details['would']}."
    return Document(told, [Text(told), *map(Text, steps)])


def observed_rows(rows: Iterable[ScheduleRow], names: Iterable[str]) -> dict[str, ScheduleRow]:
    """The rows that only observe. Raises: ValueError for a name that the calendar does not know."""
    known = {row.key: row for row in rows}
    unknown = sorted(set(names) - set(known))
    if unknown:
        raise ValueError(f"there is no schedule {unknown[0]!r}; there are {', '.join(known)}")
    return {name: known[name] for name in names}

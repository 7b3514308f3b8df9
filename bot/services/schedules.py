"""The calendar's firings: one replica wins an instant, and what it starts belongs to that instant."""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

import structlog

from bot.domain.audit import Entry, Verb
from bot.domain.people import CALENDAR
from bot.domain.runs import Origin
from bot.services import traces
from bot.services.ports import Store
from bot.services.rows import Job, Wake
from bot.services.runs import Asked, Runs

log = structlog.get_logger()

Starter = Callable[[datetime], Awaitable[None]]


@dataclass(frozen=True)
class Schedules:
    """Starts what a schedule is for; `starters` maps the names of the schedules to what they start."""

    store: Store
    starters: Mapping[str, Starter]

    async def fire(self, schedule: str, planned: datetime) -> bool:
        """Win the instant: its row, its entry and the job that starts it commit together."""
        async with self.store.work() as work:
            if not await work.schedules.fire(schedule, planned):
                return False
            details = {"planned": planned.isoformat()}
            await work.audit.record(Entry(CALENDAR, Verb.SCHEDULE_FIRED, schedule, details=details))
            await work.defer(Wake(Job.START_SCHEDULED, f"{schedule}|{planned.isoformat()}"))
        log.info("schedule.fired", schedule=schedule, planned=planned.isoformat())
        return True

    async def start(self, key: str) -> None:
        """Start what an instant is for; started twice, it is the same run."""
        schedule, _, planned = key.partition("|")
        with traces.request("calendar", key):
            await self.starters[schedule](datetime.fromisoformat(planned))

    async def last(self, schedule: str) -> datetime | None:
        async with self.store.work() as work:
            return await work.schedules.last(schedule)

    async def missed(self, schedule: str, count: int, since: datetime) -> None:
        """Say in the trail what did not happen while nobody was there."""
        async with self.store.work() as work:
            details = {"count": count, "since": since.isoformat()}
            await work.audit.record(Entry(CALENDAR, Verb.SCHEDULE_MISSED, schedule, details=details))
        log.warning("schedule.missed", schedule=schedule, count=count, since=since.isoformat())


def starts_runbook(runs: Runs, runbook: str, channel: str, values: Iterable[tuple[str, str]] = ()) -> Starter:
    """A starter that requests a runbook, with its defaults but for `values`; twice for one instant, it is one run."""

    async def start(planned: datetime) -> None:
        params = runs.runbook(runbook).params(**dict(values))
        await runs.request(runbook, params, Asked(f"calendar:{planned.isoformat()}", CALENDAR, Origin(channel)))

    return start

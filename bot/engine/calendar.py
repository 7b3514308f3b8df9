"""The calendar: proposes instants when they are due, and the newest of those that were missed."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import structlog
from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.base import BaseTrigger

from bot.engine.instants import CalendarEntry

log = structlog.get_logger()

LATE = timedelta(minutes=1)
LOOK_EVERY = timedelta(seconds=20)

Clock = Callable[[], datetime]


@dataclass(frozen=True)
class Firings:
    """What the calendar asks and tells.

    `fire(schedule, planned)` tries to win an instant; `last(schedule)` is the newest that anybody won;
    `missed(schedule, count, since)` is told by the winner how many instants passed unfired, the one it caught up among
    them, and when the first of them was due.
    """

    fire: Callable[[str, datetime], Awaitable[bool]]
    last: Callable[[str], Awaitable[datetime | None]]
    missed: Callable[[str, int, datetime], Awaitable[None]]


def utc_now() -> datetime:
    return datetime.now(UTC)


class Calendar:
    """The same entries run in every replica; whoever wins an instant's row starts what it is for."""

    def __init__(self, entries: Sequence[CalendarEntry], firings: Firings, clock: Clock = utc_now) -> None:
        self._entries = {entry.name: entry for entry in entries}
        self._firings = firings
        self._clock = clock
        # Called whenever every schedule was looked at.
        self.beat: Callable[[], None] = lambda: None
        # Up to when each schedule needs no more looking; a schedule that never fired begins now.
        self._settled = dict.fromkeys(self._entries, clock())
        self._known: set[str] = set()

    def next_firing(self, schedule: str) -> datetime:
        """When a schedule is due next (UTC). Raises: KeyError for one that the calendar does not have."""
        return self._entries[schedule].after(self._clock())

    async def run(self, stop: asyncio.Event, look_every: timedelta = LOOK_EVERY) -> None:
        """Catch up, then fire on time until `stop`; what could not be fired is looked at again every now and then."""
        scheduler = self._scheduler()
        scheduler.start()
        self.beat()
        try:
            while not stop.is_set():
                await self.look()
                self.beat()
                with suppress(TimeoutError):
                    wait = look_every.total_seconds() * random.uniform(0.75, 1.25)  # noqa: S311 - jitter
                    await asyncio.wait_for(stop.wait(), wait)
        finally:
            scheduler.shutdown(wait=False)

    async def look(self) -> None:
        """Fire whatever is due, schedule by schedule; one that fails is tried again at the next look."""
        for schedule in self._entries:
            await self._look_at(schedule)

    async def _look_at(self, schedule: str) -> None:
        try:
            await self._settle(schedule)
        except Exception as error:  # noqa: BLE001 - the next look tries again, and the others must not wait for it
            log.warning("schedule.not_fired", schedule=schedule, error=str(error))

    async def _settle(self, schedule: str) -> None:
        if schedule not in self._known:
            await self._recall(schedule)
        now = self._clock()
        due = self._entries[schedule].between(self._settled[schedule], now)
        if not due:
            return
        if await self._firings.fire(schedule, due[-1]):
            # Settled first: should telling fail, nothing is told twice and nothing is fired again.
            self._settled[schedule] = due[-1]
            late = [instant for instant in due if now - instant > LATE]
            if late:
                await self._firings.missed(schedule, len(late), late[0])
        else:
            # Another replica had it, or it lies in the future of the database's clock and comes up again.
            await self._recall(schedule)

    async def _recall(self, schedule: str) -> None:
        last = await self._firings.last(schedule)
        if last is not None:
            self._settled[schedule] = last if schedule not in self._known else max(last, self._settled[schedule])
        self._known.add(schedule)

    def _scheduler(self) -> AsyncIOScheduler:
        scheduler = AsyncIOScheduler(timezone=UTC)
        for entry in self._entries.values():
            scheduler.add_job(
                self._look_at, _Due(entry), args=[entry.name], id=entry.name, coalesce=True, misfire_grace_time=None
            )
        return scheduler


class _Due(BaseTrigger):  # type: ignore[misc] # APScheduler has no types
    """An entry's instants, for APScheduler."""

    def __init__(self, entry: CalendarEntry) -> None:
        self._entry = entry

    def get_next_fire_time(self, previous_fire_time: datetime | None, now: datetime) -> datetime:
        return self._entry.after(previous_fire_time or now)

"""The calendar fires each instant once, catches up once, and says what was missed."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from bot.engine.calendar import Calendar, Firings
from bot.engine.instants import CalendarEntry
from bot.stores.memory.store import MemoryStore

TWO = datetime(2026, 11, 24, 2, tzinfo=UTC)
DAY = timedelta(days=1)
MINUTE = timedelta(minutes=1)
ENTRY = CalendarEntry("daily-backup", "0 2 * * *", "UTC")


class Wall:
    """A clock that stands until it is set."""

    def __init__(self, now: datetime) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now


class Book:
    """Firings in a store with the database's clock; notes who was told what."""

    def __init__(self, clock: Wall) -> None:
        self.store = MemoryStore(clock)
        self.fired: list[datetime] = []
        self.told: list[tuple[str, int, datetime]] = []
        self.broken = False

    def firings(self) -> Firings:
        return Firings(self._fire, self._last, self._missed)

    async def _fire(self, schedule: str, planned: datetime) -> bool:
        if self.broken:
            raise ConnectionError("the database is away")
        async with self.store.work() as work:
            won = await work.schedules.fire(schedule, planned)
        if won:
            self.fired.append(planned)
        return won

    async def _last(self, schedule: str) -> datetime | None:
        async with self.store.work() as work:
            return await work.schedules.last(schedule)

    async def _missed(self, schedule: str, count: int, since: datetime) -> None:
        self.told.append((schedule, count, since))


@pytest.fixture
def clock() -> Wall:
    return Wall(TWO - MINUTE)


@pytest.fixture
def book(clock: Wall) -> Book:
    return Book(clock)


def replica(book: Book, clock: Wall) -> Calendar:
    return Calendar([ENTRY], book.firings(), clock)


async def test_nothing_fires_before_it_is_due_and_then_once(book: Book, clock: Wall):
    calendar = replica(book, clock)
    await calendar.look()
    assert book.fired == []
    clock.now = TWO
    await calendar.look()
    await calendar.look()
    assert book.fired == [TWO]
    assert book.told == []


async def test_of_three_replicas_one_fires(book: Book, clock: Wall):
    replicas = [replica(book, clock) for _ in range(3)]
    for now in (TWO, TWO + DAY):
        clock.now = now
        await asyncio.gather(*(one.look() for one in replicas))
    assert book.fired == [TWO, TWO + DAY]


async def test_a_schedule_that_never_fired_begins_now_and_not_in_the_past(book: Book, clock: Wall):
    clock.now = TWO + MINUTE
    await replica(book, clock).look()
    assert book.fired == []


async def test_a_start_after_an_outage_catches_up_once_and_says_what_was_missed(book: Book, clock: Wall):
    clock.now = TWO - 4 * DAY
    async with book.store.work() as work:
        await work.schedules.fire("daily-backup", clock.now)
    clock.now = TWO + timedelta(hours=1)
    await asyncio.gather(*(replica(book, clock).look() for _ in range(3)))
    assert book.fired == [TWO]
    assert book.told == [("daily-backup", 4, TWO - 3 * DAY)]


async def test_a_database_that_is_away_when_it_is_due_is_asked_again(book: Book, clock: Wall):
    calendar = replica(book, clock)
    clock.now, book.broken = TWO, True
    await calendar.look()
    clock.now, book.broken = TWO + timedelta(seconds=20), False
    await calendar.look()
    assert book.fired == [TWO]
    assert book.told == []


async def test_one_that_comes_late_is_said(book: Book, clock: Wall):
    calendar = replica(book, clock)
    clock.now, book.broken = TWO, True
    await calendar.look()
    clock.now, book.broken = TWO + timedelta(minutes=40), False
    await calendar.look()
    assert book.told == [("daily-backup", 1, TWO)]


async def test_a_replica_whose_clock_is_ahead_waits_for_the_database(book: Book, clock: Wall):
    ahead = Wall(clock.now)
    calendar = replica(book, ahead)
    ahead.now = TWO + timedelta(seconds=40)
    clock.now = TWO - timedelta(seconds=20)
    await calendar.look()
    assert book.fired == []
    clock.now, ahead.now = TWO + timedelta(seconds=1), TWO + timedelta(seconds=61)
    await calendar.look()
    assert book.fired == [TWO]


async def test_a_schedule_that_fails_does_not_keep_the_others_waiting(book: Book, clock: Wall):
    fired = []

    async def fire(schedule: str, planned: datetime) -> bool:
        if schedule == "broken":
            raise ConnectionError("no")
        fired.append((schedule, planned))
        return True

    original = book.firings()
    broken = CalendarEntry("broken", "0 2 * * *", "UTC")
    calendar = Calendar([broken, ENTRY], Firings(fire, original.last, original.missed), clock)
    clock.now = TWO
    await calendar.look()
    assert fired == [("daily-backup", TWO)]


async def test_the_next_firing_is_told(book: Book, clock: Wall):
    assert replica(book, clock).next_firing("daily-backup") == TWO
    with pytest.raises(KeyError):
        replica(book, clock).next_firing("nothing")


async def test_it_fires_by_itself_at_the_instant():
    """With the real clock and scheduler: an entry that is due every second."""

    def now() -> datetime:
        return datetime.now(UTC)

    class EverySecond(CalendarEntry):
        def after(self, instant: datetime) -> datetime:
            return instant.replace(microsecond=0) + timedelta(seconds=1)

    fired: list[datetime] = []
    enough, stop = asyncio.Event(), asyncio.Event()

    async def fire(_schedule: str, planned: datetime) -> bool:
        assert planned <= now()
        fired.append(planned)
        if len(fired) == 2:
            enough.set()
        return True

    async def last(_schedule: str) -> None:
        return None

    async def missed(*_: object) -> None:
        pytest.fail("nothing was missed")

    calendar = Calendar([EverySecond("s", "* * * * *", "UTC")], Firings(fire, last, missed), now)
    running = asyncio.create_task(calendar.run(stop, look_every=timedelta(hours=1)))
    await asyncio.wait_for(enough.wait(), 10)
    stop.set()
    await running
    assert fired[1] - fired[0] == timedelta(seconds=1)

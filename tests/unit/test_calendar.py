"""The calendar fires each instant once, catches up once, and says what was missed."""

import asyncio
import random
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


BERLIN = (
    CalendarEntry("daily", "30 2 * * *", "Europe/Berlin"),
    CalendarEntry("hourly", "5 * * * *", "Europe/Berlin"),
)


class Site:
    """Three replicas whose clocks are up to a minute apart from the database's, and each other's; any may be dead."""

    def __init__(self, seed: int, begin: datetime) -> None:
        self.random = random.Random(seed)  # noqa: S311 - told again from its seed, and no secret
        self.database = Wall(begin)
        self.book = Book(self.database)
        self.skews = [timedelta(seconds=self.random.uniform(-30, 30)) for _ in range(3)]
        self.replicas: list[Calendar | None] = [None, None, None]
        self.fired: dict[str, list[datetime]] = {entry.name: [] for entry in BERLIN}

    def firings(self) -> Firings:
        """The book's, with a note of what fired under which name, and with a database that is sometimes away."""
        its = self.book.firings()

        async def fire(schedule: str, planned: datetime) -> bool:
            won = await its.fire(schedule, planned)
            if won:
                self.fired[schedule].append(planned)
                assert planned <= self.database.now, "nothing fires before its time on the database's clock"
            return won

        return Firings(fire, its.last, its.missed)

    def start(self, number: int) -> None:
        self.replicas[number] = Calendar(BERLIN, self.firings(), lambda: self.database.now + self.skews[number])

    async def pass_by(self, until: datetime, *, outage: tuple[datetime, datetime]) -> None:
        """Time goes by; replicas die in the middle of it and come back, and in the outage there is none."""
        while self.database.now < until:
            self.database.now += timedelta(seconds=self.random.uniform(10, 60))
            is_out = outage[0] <= self.database.now < outage[1]
            for number in range(3):
                if is_out or self.random.random() < 0.02:
                    self.replicas[number] = None
                elif self.replicas[number] is None:
                    self.start(number)
            self.book.broken = self.random.random() < 0.05
            await asyncio.gather(*(one.look() for one in self.replicas if one is not None))


@pytest.mark.parametrize("day", ["2026-03-28", "2026-10-24"], ids=["spring", "autumn"])
async def test_each_instant_fires_once_over_kills_an_outage_a_change_of_the_clock_and_clocks_apart(day: str) -> None:
    begin = datetime.fromisoformat(f"{day}T21:30:00+00:00")
    site, end = Site(7, begin), begin + timedelta(hours=6)
    async with site.book.store.work() as work:
        for entry in BERLIN:  # what fired last, so that a start knows what it missed
            await work.schedules.fire(entry.name, entry.between(begin - DAY, begin)[-1])
    outage = (begin + timedelta(minutes=20), begin + timedelta(minutes=100))
    await site.pass_by(end, outage=outage)
    for entry in BERLIN:
        fired, wanted = site.fired[entry.name], entry.between(begin, end - MINUTE)
        missed = set(wanted) - set(fired)
        assert len(fired) == len(set(fired)), "no instant twice"
        assert missed <= {one for one in wanted if outage[0] <= one < outage[1]}, "none lost but in the outage"
    assert len([one for one in site.fired["hourly"] if outage[0] <= one < outage[1]]) == 1, "caught up once"
    assert [count for schedule, count, _ in site.book.told if schedule == "hourly" and count > 1] == [2]
    assert len(site.fired["daily"]) == 1, "once on the day of the change"

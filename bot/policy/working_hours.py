"""When the clocks of less urgent requests run: a working week in a time zone, as data."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_LONGEST_SEARCH_DAYS = 3660


@dataclass(frozen=True)
class WorkingHours:
    """The hours from `start` to `end` on `days` (0 is Monday), without the holidays; local times of `zone`."""

    zone: str = "UTC"
    days: frozenset[int] = frozenset(range(5))
    start: time = time(9)
    end: time = time(17)
    holidays: frozenset[date] = frozenset()

    def after(self, moment: datetime, length: timedelta) -> datetime:
        """The instant at which so much working time has passed since `moment` (UTC)."""
        left, day = length, moment.astimezone(ZoneInfo(self.zone)).date()
        for _ in range(_LONGEST_SEARCH_DAYS):
            opens, closes = self._span(day)
            begins = max(opens, moment)
            if begins < closes:
                if left <= closes - begins:
                    return begins + left
                left -= closes - begins
            day += timedelta(days=1)
        raise ValueError(f"{length} of working time do not pass in ten years of this calendar")

    def contains(self, moment: datetime) -> bool:
        today = moment.astimezone(ZoneInfo(self.zone)).date()
        spans = (self._span(today), self._span(today - timedelta(days=1)))
        return any(opens <= moment < closes for opens, closes in spans)

    def _span(self, day: date) -> tuple[datetime, datetime]:
        """From when to when somebody works that day (UTC); the same instant twice for a day off."""
        zone = ZoneInfo(self.zone)
        opens = datetime.combine(day, self.start, zone).astimezone(UTC)
        if day.weekday() not in self.days or day in self.holidays:
            return opens, opens
        # By the local date: a night in which the clocks are turned is 23 or 25 hours from midnight to midnight.
        last = day if self.end > self.start else day + timedelta(days=1)
        return opens, datetime.combine(last, self.end, zone).astimezone(UTC)

    def __str__(self) -> str:
        days = ", ".join(_DAYS[day] for day in sorted(self.days))
        off = f", without {len(self.holidays)} holidays" if self.holidays else ""
        return f"{days} {self.start:%H:%M}-{self.end:%H:%M} {self.zone}{off}"


def read_hours(text: str, zone: str, holidays: frozenset[date] = frozenset()) -> WorkingHours:
    """`mon-fri 09:00-17:00`. Raises: ValueError saying what is expected."""
    try:
        days, hours = text.split()
        start, end = (time.fromisoformat(part) for part in hours.split("-"))
        read = WorkingHours(zone, _read_days(days), start, end, holidays)
    except ValueError:
        raise ValueError(f"{text!r} is not like `mon-fri 09:00-17:00`") from None
    return read


def _read_days(text: str) -> frozenset[int]:
    found: set[int] = set()
    for part in text.lower().split(","):
        first, _, last = part.partition("-")
        begin, end = _DAYS.index(first), _DAYS.index(last or first)
        if end < begin:
            raise ValueError(part)
        found |= set(range(begin, end + 1))
    return frozenset(found)

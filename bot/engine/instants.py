"""When a schedule is due: cron in a time zone, with each day's firing exactly once across daylight saving."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from apscheduler.triggers.cron import CronTrigger

from bot.domain.errors import Misconfigured

# Longer than any clock was ever turned back or forth.
_LOOK_BACK = timedelta(hours=3)
_EARLIER = datetime(2000, 1, 1, tzinfo=UTC)
_WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat", "sun")
_WEEKDAY_NUMBER = re.compile(r"(?<![/\w])[0-7](?!\w)")


@dataclass(frozen=True)
class CalendarEntry:
    """A schedule: `cron` has the five fields of crontab, its weekday 0 and 7 are Sunday.

    Differs: where both day and weekday are given, both must fit (crontab takes either).
    """

    name: str
    cron: str
    time_zone: str

    def __post_init__(self) -> None:
        """Raises: Misconfigured, so that a typing error stops the start and not the first night."""
        try:
            self.after(_EARLIER)
        except (ValueError, ZoneInfoNotFoundError) as error:
            raise Misconfigured(
                f"The schedule {self.name} cannot be read: {error}.",
                hint=f"{self.cron!r}: minute hour day month weekday. {self.time_zone!r}: a zone like Europe/Berlin.",
            ) from error

    def after(self, instant: datetime) -> datetime:
        """The first instant (UTC) later than this one."""
        if not self._is_fixed:
            return self._next(instant).astimezone(UTC)
        # A fixed hour is asked for by the clock on the wall, where every time of the year stands exactly once: one
        # that is shown twice counts the first time, one that is skipped comes as much later as the clock was put on.
        wall = instant.astimezone(self._zone).replace(tzinfo=UTC) - _LOOK_BACK
        while True:
            wall = self._next(wall)
            found = wall.replace(tzinfo=self._zone, fold=0).astimezone(UTC)
            if found > instant:
                return found

    def between(self, after: datetime, until: datetime) -> list[datetime]:
        """Every instant later than `after`, up to and with `until`."""
        found = []
        instant = self.after(after)
        while instant <= until:
            found.append(instant)
            instant = self.after(instant)
        return found

    @cached_property
    def _zone(self) -> ZoneInfo:
        return ZoneInfo(self.time_zone)

    @property
    def _is_fixed(self) -> bool:
        """Whether the hours are named; `*` and `*/2` go on through a change of the clock instead."""
        return "*" not in self._fields[1]

    @property
    def _fields(self) -> tuple[str, str, str, str, str]:
        minute, hour, day, month, weekday = self.cron.split()
        return minute, hour, day, month, _WEEKDAY_NUMBER.sub(lambda number: _WEEKDAYS[int(number[0])], weekday)

    @cached_property
    def _trigger(self) -> Any:
        return CronTrigger.from_crontab(" ".join(self._fields), timezone=UTC if self._is_fixed else self._zone)

    def _next(self, moment: datetime) -> datetime:
        # In UTC: adding to a local time of the hour that is shown twice falls back into the first showing.
        later = moment.astimezone(UTC) + timedelta(microseconds=1)
        found: datetime | None = self._trigger.get_next_fire_time(None, later)
        if found is None:
            raise ValueError(f"{self.cron!r} is never due")
        return found

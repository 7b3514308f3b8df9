"""Cron in a time zone: each day's firing exactly once, whatever the clock on the wall does."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from bot.domain.errors import Misconfigured
from bot.engine.instants import CalendarEntry


def entry(cron: str, time_zone: str = "UTC") -> CalendarEntry:
    return CalendarEntry("daily-backup", cron, time_zone)


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "UTC"])
@pytest.mark.parametrize("cron", ["0 2 * * *", "30 2 * * *", "30 1 * * *", "0 3 * * *", "0 0 * * *"])
def test_a_daily_entry_fires_once_every_local_day_of_the_year(cron: str, zone: str):
    begin = datetime(2026, 1, 1, tzinfo=ZoneInfo(zone)) - timedelta(seconds=1)
    instants = entry(cron, zone).between(begin, begin.replace(year=2027, month=1, day=1))
    days = Counter(instant.astimezone(ZoneInfo(zone)).date() for instant in instants)
    assert len(days) == 366  # with the first of January after it
    assert set(days.values()) == {1}


@pytest.mark.parametrize(
    ("cron", "zone", "day", "expected"),
    [
        # The clock is put on: 02:00 becomes 03:00. What would stand in the gap comes as much later.
        ("0 2 * * *", "Europe/Berlin", (2026, 3, 29), "2026-03-29T01:00"),
        ("30 2 * * *", "Europe/Berlin", (2026, 3, 29), "2026-03-29T01:30"),
        ("0 2 * * *", "America/New_York", (2026, 3, 8), "2026-03-08T07:00"),
        ("30 2 * * *", "America/New_York", (2026, 3, 8), "2026-03-08T07:30"),
        # The clock is put back, in Berlin 03:00 to 02:00, in New York 02:00 to 01:00: the first showing counts.
        ("0 2 * * *", "Europe/Berlin", (2026, 10, 25), "2026-10-25T00:00"),
        ("30 2 * * *", "Europe/Berlin", (2026, 10, 25), "2026-10-25T00:30"),
        ("0 2 * * *", "America/New_York", (2026, 11, 1), "2026-11-01T07:00"),
        ("30 2 * * *", "America/New_York", (2026, 11, 1), "2026-11-01T07:30"),
        ("30 1 * * *", "America/New_York", (2026, 11, 1), "2026-11-01T05:30"),
    ],
)
def test_when_the_clock_changes(cron: str, zone: str, day: tuple[int, int, int], expected: str):
    begin = datetime(*day, tzinfo=ZoneInfo(zone)) - timedelta(seconds=1)
    instants = entry(cron, zone).between(begin, begin + timedelta(hours=23))
    assert instants == [datetime.fromisoformat(expected).replace(tzinfo=UTC)]


def test_a_start_inside_the_changed_hour_neither_skips_nor_repeats():
    berlin = entry("30 2 * * *", "Europe/Berlin")
    put_on = datetime(2026, 3, 29, 1, 10, tzinfo=UTC)  # 03:10 on the wall, ten minutes after the change
    assert berlin.after(put_on) == datetime(2026, 3, 29, 1, 30, tzinfo=UTC)
    second_showing = datetime(2026, 10, 25, 1, 10, tzinfo=UTC)  # 02:10 on the wall for the second time
    assert berlin.after(second_showing) == datetime(2026, 10, 26, 1, 30, tzinfo=UTC)


@pytest.mark.parametrize(("begin", "hours"), [((2026, 3, 28, 23), 4), ((2026, 10, 24, 22), 5)])
def test_an_entry_without_named_hours_goes_on_through_a_change(begin: tuple[int, int, int, int], hours: int):
    after = datetime(*begin, tzinfo=UTC)
    instants = entry("*/15 * * * *", "Europe/Berlin").between(after, after + timedelta(hours=hours))
    assert instants == [after + timedelta(minutes=15 * number) for number in range(1, 4 * hours + 1)]


@pytest.mark.parametrize(
    ("weekday", "expected"),
    [("0", "Sun"), ("7", "Sun"), ("1", "Mon"), ("5", "Fri"), ("sun", "Sun"), ("6", "Sat")],
)
def test_weekdays_are_numbered_as_in_crontab(weekday: str, expected: str):
    assert entry(f"0 4 * * {weekday}").after(datetime(2026, 11, 24, tzinfo=UTC)).strftime("%a") == expected


def test_a_range_of_weekdays_is_monday_to_friday():
    begin = datetime(2026, 11, 22, 23, tzinfo=UTC)
    days = [instant.strftime("%a") for instant in entry("0 4 * * 1-5").between(begin, begin + timedelta(days=7))]
    assert days == ["Mon", "Tue", "Wed", "Thu", "Fri"]


def test_after_is_strictly_later_and_between_includes_its_end():
    daily = entry("0 2 * * *")
    two = datetime(2026, 11, 24, 2, tzinfo=UTC)
    assert daily.after(two) == two + timedelta(days=1)
    assert daily.between(two - timedelta(seconds=1), two) == [two]
    assert daily.between(two, two) == []


@pytest.mark.parametrize(
    ("cron", "zone"),
    [
        ("0 2 * *", "UTC"),
        ("0 25 * * *", "UTC"),
        ("at two", "UTC"),
        ("", "UTC"),
        ("0 2 30 2 *", "UTC"),
        ("0 2 * * *", "Europe/Atlantis"),
        ("0 2 * * 9", "UTC"),
    ],
)
def test_what_cannot_be_read_stops_the_start(cron: str, zone: str):
    with pytest.raises(Misconfigured, match="daily-backup cannot be read"):
        entry(cron, zone)

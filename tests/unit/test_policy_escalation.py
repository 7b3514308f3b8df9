"""Who hears of a request that nobody answers, and when: every cell of the table, and the working week."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest

from bot.domain.calls import Event
from bot.domain.errors import RequestError
from bot.domain.moments import read_moment, read_past
from bot.domain.people import Role
from bot.domain.risk import Severity
from bot.policy.escalation import ESCALATIONS, Timetable
from bot.policy.severities import MATRIX
from bot.policy.working_hours import WorkingHours, read_hours

MONDAY = datetime(2026, 11, 23, 9, tzinfo=UTC)
DEV, TEAM, ENG, CTO = Role.DEVELOPER, Role.TEAM_LEAD, Role.ENGINEERING_LEAD, Role.CTO
A, R, C = Event.ASKED, Event.REMINDED, Event.CALLED

# Hours after the request, of working time for P2 and P3. Source: the guide's matrix and the issue of this part.
CELLS = [
    (Severity.P0, [(0, A, None), (0.125, R, None), (0.25, C, CTO), (0.5, R, CTO)], 0.75),
    (Severity.P1, [(0, A, None), (0.5, R, None), (1, C, ENG), (2, C, CTO), (3, R, CTO)], 4),
    (Severity.P2, [(0, A, None), (2, R, None), (4, C, TEAM), (8, C, ENG), (12, C, CTO), (16, R, CTO)], 20),
    (
        Severity.P3,
        [(0, A, None), (12, R, None), (24, C, DEV), (48, C, TEAM), (72, C, ENG), (96, C, CTO), (120, R, CTO)],
        144,
    ),
]
ROUND_THE_CLOCK = Timetable(hours=WorkingHours(days=frozenset(range(7)), start=time(0), end=time(0)))


@pytest.mark.parametrize(("severity", "calls", "expires"), CELLS)
def test_each_cell_of_the_table(severity: Severity, calls: Any, expires: float):
    due = ROUND_THE_CLOCK.calls(severity, MONDAY)
    assert [((one.at - MONDAY) / timedelta(hours=1), one.call.event, one.call.role) for one in due] == calls
    assert ROUND_THE_CLOCK.expires_at(severity, MONDAY) - MONDAY == timedelta(hours=expires)


@pytest.mark.parametrize("severity", Severity)
def test_the_rules_behind_the_cells(severity: Severity):
    row = ESCALATIONS[severity]
    called = [call for call in row.calls if call.event is C]
    assert called[0].role is MATRIX[severity].escalation
    assert [call.responses for call in called] == [number + 1 for number in range(len(called))]
    assert called[-1].role is CTO
    assert row.expires == called[-1].responses + 2
    assert [call.responses for call in row.calls] == sorted(call.responses for call in row.calls)


def test_the_more_urgent_clocks_never_rest_and_the_others_work_office_hours():
    assert {severity: row.always for severity, row in ESCALATIONS.items()} == {
        Severity.P0: True,
        Severity.P1: True,
        Severity.P2: False,
        Severity.P3: False,
    }


def test_a_request_late_on_friday_is_reminded_on_monday():
    friday = datetime(2026, 11, 20, 16, tzinfo=UTC)
    reminder = Timetable().calls(Severity.P2, friday)[1]
    assert reminder.at == datetime(2026, 11, 23, 10, tzinfo=UTC)


def test_a_p0_on_a_saturday_night_is_called_in_a_quarter_of_an_hour():
    saturday = datetime(2026, 11, 21, 23, tzinfo=UTC)
    assert Timetable().calls(Severity.P0, saturday)[2].at == saturday + timedelta(minutes=15)


def test_a_configured_response_time_moves_every_cell_of_its_row():
    quick = Timetable({Severity.P1: timedelta(seconds=4)})
    assert [(one.at - MONDAY).total_seconds() for one in quick.calls(Severity.P1, MONDAY)] == [0, 2, 4, 8, 12]
    assert quick.expires_at(Severity.P1, MONDAY) == MONDAY + timedelta(seconds=16)
    assert quick.response(Severity.P0) == timedelta(minutes=15)


HOURS = WorkingHours("Europe/Berlin", holidays=frozenset({date(2026, 12, 25)}))


@pytest.mark.parametrize(
    ("since", "hours", "then"),
    [
        ("2026-11-23T08:00", 1, "2026-11-23T09:00"),  # 09:00 in Berlin
        ("2026-11-23T03:00", 1, "2026-11-23T09:00"),  # before the day begins
        ("2026-11-23T15:30", 1, "2026-11-24T08:30"),  # over the night
        ("2026-11-23T08:00", 8, "2026-11-23T16:00"),  # a whole day ends with the day
        ("2026-12-24T15:00", 2, "2026-12-28T09:00"),  # a holiday and a weekend
        ("2026-10-23T14:00", 2, "2026-10-26T09:00"),  # the clocks are turned back in between
        ("2026-03-27T15:00", 2, "2026-03-30T08:00"),  # the clocks are turned forward in between
    ],
)
def test_working_time_passes_in_working_hours_alone(since: str, hours: int, then: str):
    moment = datetime.fromisoformat(since).replace(tzinfo=UTC)
    assert HOURS.after(moment, timedelta(hours=hours)) == datetime.fromisoformat(then).replace(tzinfo=UTC)


@pytest.mark.parametrize("evening", ["2026-10-24T12:00", "2026-03-28T12:00"])
def test_who_works_round_the_clock_loses_and_gains_no_hour_when_the_clocks_are_turned(evening: str):
    always = WorkingHours("Europe/Berlin", frozenset(range(7)), time(0), time(0))
    moment = datetime.fromisoformat(evening).replace(tzinfo=UTC)
    for hours in range(48):
        later = moment + timedelta(hours=hours)
        assert always.after(moment, timedelta(hours=hours)) == later
        assert always.contains(later)


def test_a_week_without_working_days_is_said_and_never_waited_for():
    with pytest.raises(ValueError, match="ten years"):
        WorkingHours(days=frozenset()).after(MONDAY, timedelta(hours=1))


def test_hours_are_read_as_they_are_shown():
    assert str(read_hours("mon-thu,sat 22:00-06:00", "UTC")) == "mon, tue, wed, thu, sat 22:00-06:00 UTC"


@pytest.mark.parametrize("text", ["", "mon-fri", "mon-foo 09:00-17:00", "fri-mon 09:00-17:00", "mon 9-17-18"])
def test_hours_that_cannot_be_read_say_what_is_expected(text: str):
    with pytest.raises(ValueError, match="mon-fri 09:00-17:00"):
        read_hours(text, "UTC")


def test_a_window_over_midnight_is_open_on_both_sides_of_it():
    night = read_hours("mon 22:00-06:00", "UTC")
    assert night.contains(datetime(2026, 11, 23, 23, tzinfo=UTC))
    assert night.contains(datetime(2026, 11, 24, 5, tzinfo=UTC))
    assert not night.contains(datetime(2026, 11, 24, 7, tzinfo=UTC))


@pytest.mark.parametrize(
    ("typed", "then"),
    [
        ("2h", "2026-11-23T11:00:00+00:00"),
        ("3d", "2026-11-26T09:00:00+00:00"),
        ("18:00", "2026-11-23T17:00:00+00:00"),  # Berlin
        ("08:00", "2026-11-24T07:00:00+00:00"),
        ("2026-11-30", "2026-11-29T23:00:00+00:00"),
        ("2026-11-30T18:00Z", "2026-11-30T18:00:00+00:00"),
    ],
)
def test_moments_are_read_as_people_type_them(typed: str, then: str):
    assert read_moment(typed, MONDAY, "Europe/Berlin").isoformat() == then


@pytest.mark.parametrize("typed", ["", "soon", "2026-11-01", "99:00"])
def test_a_moment_that_is_none_or_over_is_refused(typed: str):
    with pytest.raises(RequestError):
        read_moment(typed, MONDAY, "UTC")


@pytest.mark.parametrize(
    ("typed", "then"),
    [
        ("2h", "2026-11-23T07:00:00+00:00"),
        ("7d", "2026-11-16T09:00:00+00:00"),
        ("08:00", "2026-11-23T07:00:00+00:00"),
        ("18:00", "2026-11-22T17:00:00+00:00"),
        ("2026-11-20", "2026-11-19T23:00:00+00:00"),
        ("2026-11-20T18:00Z", "2026-11-20T18:00:00+00:00"),
    ],
)
def test_moments_that_are_over_are_read_as_people_type_them(typed: str, then: str):
    assert read_past(typed, MONDAY, "Europe/Berlin").isoformat() == then


@pytest.mark.parametrize("typed", ["", "once", "2026-12-01", "99:00"])
def test_a_past_moment_that_is_none_or_still_to_come_is_refused(typed: str):
    with pytest.raises(RequestError):
        read_past(typed, MONDAY, "UTC")

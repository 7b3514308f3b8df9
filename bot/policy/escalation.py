"""What happens while nobody answers a request: who is asked, reminded and called, when, and when it ends."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from bot.domain.calls import Event
from bot.domain.people import Role
from bot.domain.risk import Severity
from bot.policy.severities import MATRIX
from bot.policy.working_hours import WorkingHours


@dataclass(frozen=True)
class Call:
    """Somebody hears of it so many response times after the request; no role means those whose yes it waits for."""

    responses: float
    event: Event
    role: Role | None = None


@dataclass(frozen=True)
class Escalation:
    """One row of the table; `expires` counts in response times, and `always` is a clock that never rests."""

    severity: Severity
    calls: tuple[Call, ...]
    expires: float
    always: bool


_ASKED, _REMINDED = Call(0, Event.ASKED), Call(0.5, Event.REMINDED)


def _called(responses: float, role: Role) -> Call:
    return Call(responses, Event.CALLED, role)


def _cto_reminded(responses: float) -> Call:
    return Call(responses, Event.REMINDED, Role.CTO)


# severity | asked | reminded | called, one a response time, up to the CTO | the CTO reminded | expires
ESCALATIONS: Mapping[Severity, Escalation] = {
    row.severity: row
    for row in (
        Escalation(
            Severity.P0,
            (_ASKED, _REMINDED, _called(1, Role.CTO), _cto_reminded(2)),
            expires=3,
            always=True,
        ),
        Escalation(
            Severity.P1,
            (_ASKED, _REMINDED, _called(1, Role.ENGINEERING_LEAD), _called(2, Role.CTO), _cto_reminded(3)),
            expires=4,
            always=True,
        ),
        Escalation(
            Severity.P2,
            (
                _ASKED,
                _REMINDED,
                _called(1, Role.TEAM_LEAD),
                _called(2, Role.ENGINEERING_LEAD),
                _called(3, Role.CTO),
                _cto_reminded(4),
            ),
            expires=5,
            always=False,
        ),
        Escalation(
            Severity.P3,
            (
                _ASKED,
                _REMINDED,
                _called(1, Role.DEVELOPER),
                _called(2, Role.TEAM_LEAD),
                _called(3, Role.ENGINEERING_LEAD),
                _called(4, Role.CTO),
                _cto_reminded(5),
            ),
            expires=6,
            always=False,
        ),
    )
}
# Whoever breaks glass is heard at once.
PAGED = (Call(0, Event.PAGED, Role.CTO), Call(0, Event.PAGED, Role.SECURITY))


@dataclass(frozen=True)
class DueCall:
    """A call with its instant (UTC)."""

    at: datetime
    call: Call


@dataclass(frozen=True)
class Timetable:
    """The table on a clock: response times (the matrix's unless configured) and the working week."""

    responses: Mapping[Severity, timedelta] = field(default_factory=dict)
    hours: WorkingHours = field(default_factory=WorkingHours)

    def response(self, severity: Severity) -> timedelta:
        return self.responses.get(severity, MATRIX[severity].time)

    def calls(self, severity: Severity, asked_at: datetime) -> tuple[DueCall, ...]:
        row = ESCALATIONS[severity]
        return tuple(DueCall(self.at(severity, asked_at, call.responses), call) for call in row.calls)

    def expires_at(self, severity: Severity, asked_at: datetime) -> datetime:
        return self.at(severity, asked_at, ESCALATIONS[severity].expires)

    def at(self, severity: Severity, asked_at: datetime, responses: float) -> datetime:
        """The instant so many response times after another one; at once is at once, whatever the hour."""
        length = self.response(severity) * responses
        if ESCALATIONS[severity].always or not length:
            return asked_at + length
        return self.hours.after(asked_at, length)

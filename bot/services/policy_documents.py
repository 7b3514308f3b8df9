"""The rules as people read them: made from the same tables that decide."""

from collections.abc import Sequence
from itertools import product

from bot.domain import phrases
from bot.domain.calls import Event
from bot.domain.documents import Heading, Part, Table, Text
from bot.domain.incidents import Incident
from bot.domain.people import Role
from bot.domain.risk import Risk, Severity
from bot.domain.runbooks import Runbook
from bot.domain.targets import Environment
from bot.policy.approvals import START_WITHIN, needed
from bot.policy.escalation import ESCALATIONS, Call, Timetable
from bot.policy.rules import Rules
from bot.services.circumstances import DISTURBING
from bot.services.seats import named

EVERYWHERE = "Production's rules hold everywhere here, whatever the environment."
_WHERE = (Environment.STAGING, Environment.PRODUCTION)


def everything(rules: Rules) -> list[Part]:
    return [
        Heading("Approvals"),
        *([Text(EVERYWHERE)] if rules.as_production else []),
        Table(("Risk", "Where", "Severity", "Needs"), approval_rows()),
        Heading("While nobody answers"),
        Table(("Severity", "Asked", "Reminded", "Called", "CTO reminded", "Expires"), escalation_rows(rules.timetable)),
        Text(f"Silence never approves. P2 and P3 clocks run in working hours: {rules.timetable.hours}."),
        Text(f"Approved and not started within {phrases.duration(START_WITHIN)} is void."),
        *_exceptions(rules),
    ]


def approval_rows() -> tuple[tuple[str, ...], ...]:
    """One row for every cell in which something is needed, severities with the same seats in one."""
    rows: dict[tuple[str, str, str], list[str]] = {}
    for risk, where, severity in product(Risk, _WHERE, Severity):
        seats = needed(risk, where, severity).seats
        wanted = ", and ".join(named(seat) for seat in seats) or "nobody; it is audited"
        rows.setdefault((risk.value, where.value, wanted), []).append(severity.value)
    return tuple((risk, where, ", ".join(severities), wanted) for (risk, where, wanted), severities in rows.items())


def escalation_rows(timetable: Timetable) -> tuple[tuple[str, ...], ...]:
    rows = []
    for severity, row in ESCALATIONS.items():
        called = [_told(timetable, severity, call) for call in row.calls if call.event is Event.CALLED]
        again = [_after(timetable, severity, call.responses) for call in row.calls if _is_last_reminder(call)]
        reminded = [
            _after(timetable, severity, c.responses) for c in row.calls if c.event is Event.REMINDED and not c.role
        ]
        expires = _after(timetable, severity, row.expires)
        rows.append((severity.value, "at once", *reminded, ", ".join(called), *again, expires))
    return tuple(rows)


def _is_first_reminder(call: Call) -> bool:
    return call.event is Event.REMINDED and call.role is None


def _is_last_reminder(call: Call) -> bool:
    return call.event is Event.REMINDED and call.role is Role.CTO


def _told(timetable: Timetable, severity: Severity, call: Call) -> str:
    return f"{call.role.label if call.role else ''} after {_after(timetable, severity, call.responses)}"


def _after(timetable: Timetable, severity: Severity, responses: float) -> str:
    length = phrases.duration(timetable.response(severity) * responses)
    return length if ESCALATIONS[severity].always else f"{length} of work"


def _exceptions(rules: Rules) -> list[Part]:
    windows = "; ".join(map(str, rules.windows)) or "always"
    books = ", ".join(sorted(rules.glass_runbooks)) or "no runbook"
    people = ", ".join(sorted(rules.glass_people)) or "nobody"
    return [
        Heading("Windows and glass"),
        Text(f"What is disruptive or destructive runs in these windows: {windows}; never in a freeze."),
        Text(f"Glass may be broken for {books}, by {people}, in an open P0 or P1, with a reason. It takes one approval "
             "away, never the last; CTO and security are paged, and somebody else has to look back."),
        Text("A destructive request for production names its target: confirm=<name>."),
    ]  # fmt: skip


def explained(book: Runbook, rules: Rules, incident: Incident | None) -> Sequence[Part]:
    """What one runbook needs, in the circumstances of now."""
    severity = incident.severity if incident else book.severity
    asked = min(severity, book.severity)
    why = f"the open incident {incident.number}" if incident else "the runbook itself; no incident is open"
    parts: list[Part] = [*([Text(EVERYWHERE)] if rules.as_production else [])]
    parts.append(Text(f"{book.name} is {book.risk.value}; a request would be {severity.value}, from {why}."))
    if asked is not severity:
        parts.append(Text(f"The incident is less urgent than the runbook: it needs the yes of {asked.value}."))
    if book.risk not in DISTURBING:
        return [*parts, Text("It needs nobody's yes, and is audited.")]
    rows = [(where.value, _seats(book, rules.ruled_as(where), asked)) for where in _WHERE]
    glass = book.breakable and book.name in rules.glass_runbooks
    row = next(row for row in escalation_rows(rules.timetable) if row[0] == severity.value)
    return [
        *parts,
        Table(("Where", "Needs"), tuple(rows)),
        Table(("Severity", "Asked", "Reminded", "Called", "CTO reminded", "Expires"), (row,)),
        Text("Glass may be broken for it." if glass else "Glass may not be broken for it."),
    ]


def _seats(book: Runbook, where: Environment, severity: Severity) -> str:
    return ", and ".join(named(seat) for seat in needed(book.risk, where, severity).seats)

"""What a request is made in: the open incident, a freeze, the maintenance windows, broken glass."""

from dataclasses import dataclass, replace
from datetime import datetime

from bot.domain import phrases
from bot.domain.errors import Refused
from bot.domain.incidents import Incident
from bot.domain.people import Actor
from bot.domain.risk import Risk, Severity
from bot.domain.runbooks import Runbook
from bot.domain.runs import Run
from bot.policy.rules import Rules
from bot.services.ports import Work

DISTURBING = (Risk.DISRUPTIVE, Risk.DESTRUCTIVE)
URGENT = (Severity.P0, Severity.P1)


@dataclass(frozen=True)
class Circumstances:
    """How urgent a request is, because of what, for which reason glass is broken for it, and under whose rules."""

    severity: Severity
    incident: Incident | None
    glass: str
    as_production: bool

    def of(self, run: Run) -> Run:
        """The run, in them."""
        number = self.incident.number if self.incident else None
        found = replace(run, severity=self.severity, incident=number, glass=self.glass)
        return replace(found, as_production=self.as_production)


async def circumstances(work: Work, rules: Rules, book: Runbook, actor: Actor, glass: str) -> Circumstances:
    """Raises: Refused for a disturbing request in a freeze, outside the windows, or with glass it may not break."""
    found = await work.incidents.open()
    incident = found[0] if found else None
    severity = incident.severity if incident else book.severity
    if glass:
        _must_be_breakable(rules, book, actor, incident)
    elif book.risk in DISTURBING:
        why = await frozen(work, rules, await work.now())
        if why:
            raise Refused(f"{why}.", hint="Ask again afterwards; in an open P0 or P1, glass can be broken.")
    return Circumstances(severity, incident, glass, rules.as_production)


async def frozen(work: Work, rules: Rules, now: datetime) -> str:
    """Why nothing disturbing may happen now, or an empty string."""
    standing = await work.freezes.standing()
    if standing:
        return f"There is a freeze until {phrases.instant(standing[0].until)}: {standing[0].reason}"
    if not rules.window_open(now):
        return f"This is outside the maintenance windows ({'; '.join(map(str, rules.windows))})"
    return ""


def _must_be_breakable(rules: Rules, book: Runbook, actor: Actor, incident: Incident | None) -> None:
    """Raises: Refused naming what is missing for breaking glass."""
    if not book.breakable or book.name not in rules.glass_runbooks:
        raise Refused(f"Glass may not be broken for {book.name}.", hint="Ask for it without.")
    if actor.principal not in rules.glass_people:
        raise Refused("You are not among those who may break glass.", hint="`/takumi policy` says who may.")
    if incident is None or incident.severity not in URGENT:
        raise Refused(
            "Glass is broken only in an open P0 or P1 incident.", hint="`/takumi incident declare P1 because ...`"
        )

"""Whose yes an action needs, by its risk, its environment and the severity of what it answers."""

from dataclasses import dataclass
from datetime import timedelta

from bot.domain.people import Role
from bot.domain.risk import Risk, Severity
from bot.domain.targets import Environment
from bot.policy.severities import MATRIX

# What is approved and not started by then is void: the world it was approved for has gone.
START_WITHIN = timedelta(minutes=30)
LEADS = frozenset({Role.TEAM_LEAD, Role.ENGINEERING_LEAD, Role.CTO})


@dataclass(frozen=True)
class ApprovalNeed:
    """One seat for each yes: a seat is filled by somebody in any of its roles.

    One person sits in one seat and one role fills one seat; the requester sits in none.
    """

    seats: tuple[frozenset[Role], ...]

    @property
    def count(self) -> int:
        return len(self.seats)

    @property
    def roles(self) -> frozenset[Role]:
        """Every role whose yes can count."""
        return frozenset().union(*self.seats)


def needed(risk: Risk, environment: Environment, severity: Severity, *, glass: bool = False) -> ApprovalNeed:
    """The approvals that an action waits for; none for what reads or is routine.

    Broken glass takes one seat away, but never the last one: whoever could fill any of them fills what is left.
    """
    seats = _seats(risk, environment, severity)
    if glass and len(seats) > 1:
        seats = (seats[0] | seats[1], *seats[2:])
    return ApprovalNeed(seats)


def _seats(risk: Risk, environment: Environment, severity: Severity) -> tuple[frozenset[Role], ...]:
    if risk is Risk.DISRUPTIVE:
        return (LEADS,)
    if risk is not Risk.DESTRUCTIVE:
        return ()
    if environment is not Environment.PRODUCTION:
        return (frozenset({Role.ENGINEERING_LEAD}),)
    matrix_role = MATRIX[severity].escalation
    return (frozenset({matrix_role}), LEADS - {matrix_role})

"""How soon somebody answers, and who is called when nobody does."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from bot.domain.people import Role
from bot.domain.risk import Severity


@dataclass(frozen=True)
class Response:
    """One row of the matrix: within `time` somebody answers, or the person of `escalation` is called."""

    severity: Severity
    label: str
    time: timedelta
    escalation: Role


# Source: Maintenance Guide, Escalation Matrix.
MATRIX: Mapping[Severity, Response] = {
    row.severity: row
    for row in (
        Response(Severity.P0, "Critical", timedelta(minutes=15), Role.CTO),
        Response(Severity.P1, "High", timedelta(hours=1), Role.ENGINEERING_LEAD),
        Response(Severity.P2, "Medium", timedelta(hours=4), Role.TEAM_LEAD),
        Response(Severity.P3, "Low", timedelta(hours=24), Role.DEVELOPER),
    )
}

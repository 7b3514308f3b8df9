"""What an installation decides about approvals: its clock, its windows, its glass."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from bot.domain.targets import Environment
from bot.policy.escalation import Timetable
from bot.policy.working_hours import WorkingHours


@dataclass(frozen=True)
class Rules:
    """No window means at any time. `glass_people` are principals; `approvals_channel` gets a copy of every card.

    `as_production` puts every environment under production's rules; nothing puts production under another's.
    """

    timetable: Timetable = field(default_factory=Timetable)
    windows: Sequence[WorkingHours] = ()
    glass_runbooks: frozenset[str] = frozenset()
    glass_people: frozenset[str] = frozenset()
    approvals_channel: str = ""
    alerts_channel: str = ""
    as_production: bool = False

    def ruled_as(self, environment: Environment) -> Environment:
        """Whose rules of approval hold there."""
        return Environment.PRODUCTION if self.as_production else environment

    def window_open(self, now: datetime) -> bool:
        return not self.windows or any(window.contains(now) for window in self.windows)

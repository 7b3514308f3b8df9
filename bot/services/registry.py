"""What a command handler can call."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from bot.domain.catalog import Catalog
from bot.domain.commands import Family, Place
from bot.services.alerts import Alerts
from bot.services.approvals import Approvals
from bot.services.archive_ports import ArchiveProbe
from bot.services.backups import Backups
from bot.services.enrolment import Enrolment
from bot.services.exceptions import Exceptions
from bot.services.interruptions import Interruptions
from bot.services.ports import HealthProbe, Store
from bot.services.runs import Runs
from bot.services.scoreboard import Scoreboard
from bot.services.silences import Silences
from bot.services.summoning import Summoning
from bot.services.trail import Trail


@dataclass(frozen=True)
class Firing:
    """One line of the calendar: `next_at` is None for what nothing starts yet; `note` says why."""

    schedule: str
    task: str
    cron: str
    next_at: datetime | None
    note: str = ""


@dataclass(frozen=True)
class Places:
    """Where families may be used: channel ids by kind of place; an empty tuple means anywhere."""

    command: str = "/takumi"
    alerts: tuple[str, ...] = ()

    def allows(self, family: Family, channel: str) -> bool:
        return family.place is Place.ANYWHERE or not self.alerts or channel in self.alerts


@dataclass(frozen=True, kw_only=True)
class Services:
    """Handed to every command handler."""

    store: Store
    runs: Runs
    approvals: Approvals
    interruptions: Interruptions
    exceptions: Exceptions
    enrolment: Enrolment
    backups: Backups
    trail: Trail
    health: HealthProbe
    catalog: Catalog
    alerts: Alerts
    silences: Silences
    summoning: Summoning
    scoreboard: Scoreboard
    # None where there is no repository of physical backups.
    archive: ArchiveProbe | None = None
    places: Places = field(default_factory=Places)
    calendar: Callable[[], Sequence[Firing]] = tuple

"""What the twin remembers: frozen rows in plain dictionaries, so that a shallow copy is a snapshot."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from bot.domain.alerts import Alert, AlertEvent, AlertGroup
from bot.domain.approvals import Decision
from bot.domain.audit import RecordedEntry
from bot.domain.backups import Backup
from bot.domain.calls import CallRow
from bot.domain.factors import Factor
from bot.domain.freezes import Freeze
from bot.domain.incidents import Incident
from bot.domain.recoveries import Recovery
from bot.domain.reviews import Review
from bot.domain.runs import Lease, Run
from bot.domain.tallies import Tally
from bot.domain.verdicts import Finding
from bot.services.rows import InboxRow, MessageRow

Clock = Callable[[], datetime]

LONG_AGO = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True)
class InboxRecord:
    """A delivery, and who works on it until when."""

    row: InboxRow
    owner: str = ""
    claimed_until: datetime = LONG_AGO


@dataclass(frozen=True)
class MessageRecord:
    """A message, and who draws it until when."""

    row: MessageRow
    wanted_at: datetime
    claimed_at: datetime = LONG_AGO
    claimed_until: datetime = LONG_AGO
    shown_at: datetime = LONG_AGO


@dataclass
class Tables:
    """Claims map a run to the names it took when it started; they are held as long as its state says."""

    inbox: dict[str, InboxRecord] = field(default_factory=dict)
    runs: dict[str, Run] = field(default_factory=dict)
    leases: dict[str, Lease] = field(default_factory=dict)
    claims: dict[str, dict[str, bool]] = field(default_factory=dict)
    decisions: list[Decision] = field(default_factory=list)
    entries: list[RecordedEntry] = field(default_factory=list)
    # The last entry that counts as chained and as anchored, and how often an anchor was asked for.
    trail: dict[str, int] = field(default_factory=lambda: {"chained": 0, "anchored": 0, "wanted": 0})
    # Why the last anchor failed, under "trouble".
    anchors: dict[str, str] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    backups: dict[str, Backup] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)
    messages: dict[str, MessageRecord] = field(default_factory=dict)
    firings: dict[tuple[str, datetime], datetime] = field(default_factory=dict)
    calls: dict[tuple[str, int], CallRow] = field(default_factory=dict)
    incidents: dict[int, Incident] = field(default_factory=dict)
    freezes: dict[int, Freeze] = field(default_factory=dict)
    reviews: dict[str, Review] = field(default_factory=dict)
    factors: dict[str, Factor] = field(default_factory=dict)
    retired: set[str] = field(default_factory=set)
    attempts: list[tuple[str, datetime]] = field(default_factory=list)
    steps_used: set[tuple[str, int]] = field(default_factory=set)
    # When the store was made, under "schema".
    began: dict[str, datetime] = field(default_factory=dict)
    recoveries: list[Recovery] = field(default_factory=list)
    alert_groups: dict[int, AlertGroup] = field(default_factory=dict)
    alerts: dict[tuple[int, str], Alert] = field(default_factory=dict)
    alert_events: dict[tuple[int, int], AlertEvent] = field(default_factory=dict)
    health_tallies: dict[str, Tally] = field(default_factory=dict)
    # When somebody looked last, under "last".
    health_turns: dict[str, datetime] = field(default_factory=dict)
    challenges: dict[tuple[str, str, str], str] = field(default_factory=dict)


class Draft(Tables):
    """What a transaction makes of the tables: each is copied when it is first looked at."""

    def __init__(self, kept: Tables) -> None:
        self._kept = kept

    def __getattr__(self, name: str) -> Any:
        copied = getattr(self._kept, name).copy()
        setattr(self, name, copied)
        return copied

    def commit(self) -> None:
        for name, table in vars(self).items():
            if name != "_kept":
                setattr(self._kept, name, table)

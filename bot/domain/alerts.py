"""Alerts as their senders tell them, and the groups in which people meet them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum

from bot.domain.risk import Severity

# Who fires again that soon flaps: it goes on in the thread that it has.
AGAIN_WITHIN = timedelta(minutes=30)
FLAPS_FROM = 3


class Status(StrEnum):
    """Of one alert, and of a group: a group is resolved once all of its alerts are."""

    FIRING = "firing"
    RESOLVED = "resolved"


class Source(StrEnum):
    """Who told us; `BOT` is the bot's own look at the platform."""

    ALERTMANAGER = "alertmanager"
    WEBHOOK = "webhook"
    BOT = "bot"


@dataclass(frozen=True)
class Alert:
    """One alert: the same labels have the same fingerprint; `changes` counts how often its status turned."""

    fingerprint: str
    status: Status
    starts_at: datetime
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    ends_at: datetime | None = None
    link: str = ""
    changes: int = 0

    @property
    def name(self) -> str:
        return self.labels.get("alertname", "")

    @property
    def is_firing(self) -> bool:
        return self.status is Status.FIRING


@dataclass(frozen=True)
class AlertGroup:
    """What one message shows: `key` is the sender's name of the group, `flaps` how often it fired again.

    `silenced_until` is None without a silence; `incident` is the number of the incident it belongs to, 0 for none;
    `clock` is the place of the first call of the clock in force; `storm` the storm whose message it shares, or 0.
    """

    source: Source
    key: str
    severity: Severity
    title: str
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    link: str = ""
    number: int = 0
    status: Status = Status.FIRING
    opened_at: datetime | None = None
    resolved_at: datetime | None = None
    acknowledged_by: str = ""
    acknowledged_slack: str = ""
    acknowledged_at: datetime | None = None
    silence: str = ""
    silenced_until: datetime | None = None
    incident: int = 0
    flaps: int = 0
    clock: int = 0
    storm: int = 0

    @property
    def label(self) -> str:
        return f"alert {self.number}"

    @property
    def is_firing(self) -> bool:
        return self.status is Status.FIRING

    @property
    def is_flapping(self) -> bool:
        return self.flaps >= FLAPS_FROM

    @property
    def message(self) -> str:
        """The key of the message that shows it."""
        return f"storm:{self.storm}" if self.storm else f"alert:{self.number}"

    def waits(self, now: datetime) -> bool:
        """Whether somebody still has to answer it."""
        silenced = self.silenced_until is not None and now < self.silenced_until
        return self.is_firing and not self.acknowledged_by and not silenced


@dataclass(frozen=True)
class Silence:
    """A silence that Alertmanager keeps: its id there, and when it ends."""

    id: str
    until: datetime


class AlertEventKind(StrEnum):
    """What a group's history holds."""

    FIRED = "fired"
    RESOLVED = "resolved"
    AGAIN = "fired again"
    ACKNOWLEDGED = "acknowledged"
    SILENCED = "silenced"
    SILENCE_LIFTED = "silence lifted"
    ESCALATED = "escalated"
    SEVERITY = "severity changed"
    INCIDENT = "incident"
    CLOSED = "closed by hand"


@dataclass(frozen=True)
class AlertEvent:
    """One line of a group's history; `by` is a principal, empty for the sender itself."""

    kind: AlertEventKind
    text: str
    by: str = ""
    slack_user: str = ""
    at: datetime | None = None


def newer(known: Alert | None, told: Alert) -> Alert | None:
    """What to store when `told` arrives beside what is known; None when it is old or changes nothing.

    Deliveries repeat and overtake one another: a later start wins; of one and the same start, the end wins.
    """
    if known is None:
        return replace(told, changes=1)
    if told.starts_at < known.starts_at:
        return None
    same_episode = told.starts_at == known.starts_at
    if same_episode and not known.is_firing and told.is_firing:
        return None
    turned = told.status is not known.status or not same_episode
    merged = replace(told, changes=known.changes + int(turned))
    return None if merged == known else merged


def merged(known: Iterable[Alert], told: Sequence[Alert]) -> tuple[dict[str, Alert], tuple[Alert, ...]]:
    """(all alerts by fingerprint, those to store, in the order of their fingerprints)."""
    alerts = {alert.fingerprint: alert for alert in known}
    changed: dict[str, Alert] = {}
    for alert in told:
        stored = newer(alerts.get(alert.fingerprint), alert)
        if stored is not None:
            alerts[alert.fingerprint] = changed[alert.fingerprint] = stored
    return alerts, tuple(changed[fingerprint] for fingerprint in sorted(changed))

"""What the trail records: one append-only entry a change, refusal or sensitive read."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from bot.domain.people import Actor


class Verb(StrEnum):
    """What happened; the trail knows no other verbs."""

    BOT_STARTED = "bot.started"
    COMMAND_RECEIVED = "command.received"
    COMMAND_REFUSED = "command.refused"
    RUN_REQUESTED = "run.requested"
    RUN_APPROVED = "run.approved"
    RUN_REFUSED = "run.refused"
    RUN_STARTED = "run.started"
    RUN_TAKEN_OVER = "run.taken_over"
    RUN_SUCCEEDED = "run.succeeded"
    RUN_FAILED = "run.failed"
    RUN_UNDONE = "run.undone"
    RUN_CANCELLED = "run.cancelled"
    RUN_EXPIRED = "run.expired"
    RUN_INTERRUPTED = "run.interrupted"
    RUN_RESUMED = "run.resumed"
    CANCEL_ASKED = "run.cancel_asked"
    APPROVAL_GIVEN = "approval.given"
    APPROVAL_DENIED = "approval.denied"
    APPROVAL_REFUSED = "approval.refused"
    APPROVAL_VOIDED = "approval.voided"
    STEP_INTENDED = "step.intended"
    STEP_DONE = "step.done"
    STEP_FAILED = "step.failed"
    STEP_UNDO_INTENDED = "step.undo_intended"
    STEP_UNDONE = "step.undone"
    CALL_MADE = "call.made"
    ALERT_FIRED = "alert.fired"
    ALERT_RESOLVED = "alert.resolved"
    ALERT_ACKNOWLEDGED = "alert.acknowledged"
    ALERT_SILENCED = "alert.silenced"
    ALERT_SILENCE_LIFTED = "alert.silence_lifted"
    ALERT_ESCALATED = "alert.escalated"
    ALERT_IN_INCIDENT = "alert.in_incident"
    GLASS_BROKEN = "glass.broken"
    REVIEW_DONE = "review.done"
    INCIDENT_DECLARED = "incident.declared"
    INCIDENT_RESOLVED = "incident.resolved"
    FACTOR_BEGUN = "factor.begun"
    FACTOR_SHOWN = "factor.shown"
    FACTOR_VOUCHED = "factor.vouched"
    FREEZE_DECLARED = "freeze.declared"
    FREEZE_LIFTED = "freeze.lifted"
    LEFTOVERS_REMOVED = "leftovers.removed"
    BACKUP_RECORDED = "backup.recorded"
    SCHEDULE_FIRED = "schedule.fired"
    SCHEDULE_MISSED = "schedule.missed"
    SCHEDULE_OBSERVED = "schedule.observed"
    TRAIL_VOID = "trail.void"
    TRAIL_BEGUN = "trail.begun"
    TRAIL_EXPORTED = "trail.exported"
    TRAIL_RETIRED = "trail.retired"
    NAME_ERASED = "name.erased"


@dataclass(frozen=True)
class Entry:
    """What is to be recorded; `details` holds JSON values, secrets are redacted before it is stored."""

    actor: Actor
    verb: Verb
    subject: str
    run: str = ""
    digest: str = ""
    details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class RecordedEntry:
    """An entry as it stands in the trail."""

    id: int
    at: datetime
    entry: Entry

"""What the stores keep for the services: deliveries, messages, wake-ups, and questions to the trail."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any


class Job(StrEnum):
    """The wake-ups that the engine carries; each looks at a row and acts only if that is still true."""

    WORK_INBOX = "inbox.work"
    ADVANCE_RUN = "run.advance"
    DRAW_MESSAGE = "message.draw"
    START_SCHEDULED = "schedule.start"
    MAKE_CALLS = "calls.make"


@dataclass(frozen=True)
class Wake:
    """A job to defer: `key` is the id of the row to look at; `at` is the earliest instant, None is at once."""

    job: Job
    key: str
    at: datetime | None = None


class DeliveryKind(StrEnum):
    """What Slack sends."""

    COMMAND = "command"
    MENTION = "mention"
    ACTION = "action"
    SUBMISSION = "submission"
    CLOSED = "closed"
    SHORTCUT = "shortcut"
    EVENT = "event"


@dataclass(frozen=True)
class Delivery:
    """One request from Slack: `key` is Slack's own stable id, equal for every redelivery of the same request."""

    kind: DeliveryKind
    key: str
    payload: Mapping[str, Any]


@dataclass(frozen=True)
class InboxRow:
    """A delivery as it was recorded; `answer` is what its sender is told, kept as soon as it had an effect."""

    id: str
    delivery: Delivery
    received_at: datetime
    worked: bool = False
    attempts: int = 0
    answer: str = ""


@dataclass(frozen=True)
class AuditQuery:
    """What to look for in the trail, newest first; empty fields do not narrow. `before` is an entry id for paging.

    `target` is found as a subject, or anywhere in what was recorded.
    """

    run: str = ""
    principal: str = ""
    subject: str = ""
    target: str = ""
    since: datetime | None = None
    before: int | None = None
    limit: int = 20


@dataclass(frozen=True)
class MessageRow:
    """A message as a view of a row: `key` names what it shows, `ts` is empty until Slack has it.

    `drawn` is the digest of what was sent last. `parent` is the key of the message that heads its thread.
    """

    key: str
    channel: str
    parent: str = ""
    thread: str = ""
    ts: str = ""
    drawn: str = ""
    posting: bool = False
    attempts: int = 0

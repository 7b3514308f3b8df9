"""What the services need from the outside, as protocols; `bot.app` picks who fulfils them."""

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Protocol

from bot.domain.documents import Document, Form
from bot.domain.operations import StepContext
from bot.domain.people import Person, Role
from bot.services.alert_ports import AlertStore
from bot.services.approval_ports import CallStore, FreezeStore, IncidentStore, ReviewStore
from bot.services.audit_ports import AuditStore
from bot.services.backup_ports import BackupStore
from bot.services.factor_ports import FactorStore
from bot.services.figure_ports import FigureStore
from bot.services.health_ports import HealthStore
from bot.services.recovery_ports import RecoveryStore
from bot.services.rows import Delivery, InboxRow, MessageRow, Wake
from bot.services.run_ports import ApprovalStore, RunStore


class InboxStore(Protocol):
    """Requests, recorded before they are acknowledged."""

    async def get(self, inbox_id: str) -> InboxRow | None: ...

    async def claim(self, inbox_id: str, owner: str, lease: timedelta) -> InboxRow | None:
        """Take an unworked row whose claim is free or has run out; None when there is nothing to do."""
        ...

    async def renew(self, inbox_id: str, owner: str, lease: timedelta) -> bool:
        """A longer claim for who holds it; False when it has run out."""
        ...

    async def answer(self, inbox_id: str, said: str) -> bool:
        """Keep what the sender is told, with the effect of the request; False when it has an answer already."""
        ...

    async def finish(self, inbox_id: str, note: str) -> None: ...

    async def let_go(self, inbox_id: str, owner: str) -> None:
        """End our claim without having finished, so that a retry need not wait for it to run out."""
        ...

    async def unworked(self, older_than: timedelta, limit: int) -> Sequence[str]:
        """Ids of rows that nobody has finished and nobody holds, oldest first."""
        ...


class MessageStore(Protocol):
    """Which messages there should be and where they are; what they say is drawn from the rows they show."""

    async def want(self, row: MessageRow) -> bool:
        """Note that this message should exist as its row now is; False when it exists (its place is unchanged)."""
        ...

    async def get(self, key: str) -> MessageRow | None: ...

    async def claim(self, key: str, owner: str, lease: timedelta) -> MessageRow | None:
        """The row, for one drawer at a time; None when another draws it."""
        ...

    async def posting(self, key: str) -> None:
        """Note that a post is about to be tried: from here on it may exist although `ts` is empty."""
        ...

    async def drawn(self, key: str, ts: str, digest: str) -> None:
        """It is there, and shows what was wanted before it was claimed."""
        ...

    async def shown(self, key: str) -> None:
        """The same, when nothing had to be sent for it."""
        ...

    async def let_go(self, key: str, rest: timedelta | None = None) -> bool:
        """End the claim, once that much time has passed; True when more is wanted by now than was shown."""
        ...

    async def undrawn(self, older_than: timedelta, limit: int) -> Sequence[str]:
        """Keys of messages that do not show all that was wanted of them, and that nobody holds."""
        ...

    async def children(self, parent: str) -> Sequence[MessageRow]: ...


class ScheduleStore(Protocol):
    """Firings of the calendar: one row an instant."""

    async def fire(self, schedule: str, planned: datetime) -> bool:
        """Win the instant: False when it lies in the database's future or another replica had it first."""
        ...

    async def last(self, schedule: str) -> datetime | None: ...

    async def firings(self, schedule: str, limit: int) -> Sequence[tuple[datetime, datetime]]:
        """(planned, fired), newest first."""
        ...


class Work(Protocol):
    """A unit of work: one transaction over every store; `defer` puts a job into the same transaction."""

    inbox: InboxStore
    runs: RunStore
    approvals: ApprovalStore
    audit: AuditStore
    backups: BackupStore
    messages: MessageStore
    schedules: ScheduleStore
    calls: CallStore
    incidents: IncidentStore
    freezes: FreezeStore
    reviews: ReviewStore
    factors: FactorStore
    alerts: AlertStore
    recoveries: RecoveryStore
    figures: FigureStore
    health: HealthStore

    async def defer(self, *wakes: Wake) -> None: ...

    async def now(self) -> datetime:
        """The database's clock (UTC)."""
        ...


class Store(Protocol):
    """The bot's own database."""

    def work(self) -> AbstractAsyncContextManager[Work]:
        """A transaction: committed at the end of the block, rolled back when it raises. Raises: Unavailable."""
        ...

    async def receive(self, delivery: Delivery) -> tuple[str, bool]:
        """Record a delivery and defer its job in one transaction (concurrent calls may share it).

        Answers its inbox id and whether it is new. Raises: Unavailable when it could not be confirmed.
        """
        ...


@dataclass(frozen=True)
class Posted:
    """Where a message is."""

    channel: str
    ts: str


class ChatUnavailable(Exception):
    """Slack did not take it now; `retry_after` says when to try again, `in_doubt` whether it may have happened."""

    def __init__(self, message: str, retry_after: timedelta, *, in_doubt: bool) -> None:
        super().__init__(message)
        self.retry_after = retry_after
        self.in_doubt = in_doubt


class Chat(Protocol):
    """What the bot says and looks up in Slack. All raise: ChatUnavailable, OperationFailed."""

    async def post(self, channel: str, thread: str, document: Document, key: str) -> Posted: ...

    async def update(self, posted: Posted, document: Document, key: str) -> None: ...

    async def find(self, channel: str, thread: str, key: str) -> Posted | None:
        """The message that carries this key in its metadata, for one whose post was in doubt."""
        ...

    async def whisper(self, channel: str, user: str, thread: str, document: Document) -> None:
        """An ephemeral message, seen by one person; its files go to their direct messages."""
        ...

    async def respond(self, response_url: str, user: str, document: Document) -> None:
        """The same, as the answer to what that person asked."""
        ...

    async def person(self, user: str, *, fresh_roles: bool = False) -> Person:
        """A fresh look at somebody, with the roles they fill; `fresh_roles` reads the user groups now."""
        ...

    async def members(self, role: Role) -> frozenset[str]:
        """The Slack users who fill a role."""
        ...

    async def show_home(self, user: str, document: Document) -> None:
        """Draw somebody's Home tab."""
        ...

    async def link(self, posted: Posted) -> str: ...

    async def fill_modal(self, external_id: str, content: Form | Document) -> None:
        """Fill a modal that was opened as "loading"; OperationFailed when it is not there."""
        ...


class Tools(Protocol):
    """What the operations package hands out, opaque to the services."""

    def for_look_up(self) -> Any: ...

    def for_step(self, context: StepContext) -> Any: ...

    async def end_effects(self, run_id: str) -> Sequence[str]:
        """End, or wait for the end of, every session and child that this run has on the platform; names them."""
        ...


class HealthState(StrEnum):
    """What a look at one component found."""

    OK = "ok"
    DEGRADED = "degraded"
    DOWN = "down"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Health:
    """One component: what was seen, and what to do about it."""

    component: str
    state: HealthState
    detail: str
    advice: str = ""
    took: timedelta = timedelta()


class HealthProbe(Protocol):
    """Looks at the platform; every look has its own time limit and never raises."""

    async def look(self) -> Sequence[Health]: ...

"""A unit of work over dictionaries: one at a time, on a copy that replaces the original when it ends well."""

import asyncio
import json
import uuid
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from bot.domain.redaction import NOTHING_SECRET, Redactor
from bot.services.alert_ports import AlertStore
from bot.services.approval_ports import CallStore, FreezeStore, IncidentStore, ReviewStore
from bot.services.audit_ports import AuditStore
from bot.services.backup_ports import BackupStore
from bot.services.factor_ports import FactorStore
from bot.services.figure_ports import FigureStore
from bot.services.health_ports import HealthStore
from bot.services.ports import (
    InboxStore,
    MessageStore,
    ScheduleStore,
    Work,
)
from bot.services.recovery_ports import RecoveryStore
from bot.services.rows import Delivery, Job, Wake
from bot.services.run_ports import ApprovalStore, RunStore
from bot.stores.memory.alerts import MemoryAlerts
from bot.stores.memory.approvals import MemoryApprovals
from bot.stores.memory.audit import MemoryAudit
from bot.stores.memory.backups import MemoryBackups
from bot.stores.memory.calls import MemoryCalls
from bot.stores.memory.exceptions import MemoryFreezes, MemoryIncidents, MemoryReviews
from bot.stores.memory.factors import MemoryFactors
from bot.stores.memory.figures import MemoryFigures
from bot.stores.memory.health import MemoryHealth
from bot.stores.memory.inbox import MemoryInbox
from bot.stores.memory.messages import MemoryMessages
from bot.stores.memory.recoveries import MemoryRecoveries
from bot.stores.memory.runs import MemoryRuns
from bot.stores.memory.schedules import MemorySchedules
from bot.stores.memory.tables import Clock, Draft, Tables


def utc_now() -> datetime:
    return datetime.now(UTC)


_STORES: Mapping[str, Callable[..., Any]] = {
    "inbox": MemoryInbox,
    "runs": MemoryRuns,
    "approvals": MemoryApprovals,
    "backups": MemoryBackups,
    "messages": MemoryMessages,
    "schedules": MemorySchedules,
    "calls": MemoryCalls,
    "incidents": MemoryIncidents,
    "freezes": MemoryFreezes,
    "reviews": MemoryReviews,
    "factors": MemoryFactors,
    "alerts": MemoryAlerts,
    "recoveries": MemoryRecoveries,
    "figures": MemoryFigures,
    "health": MemoryHealth,
}


class MemoryWork:
    """One transaction; each store is made when it is first asked for."""

    inbox: InboxStore
    runs: RunStore
    approvals: ApprovalStore
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

    def __init__(self, tables: Tables, clock: Clock, redactor: Redactor) -> None:
        self.wakes: list[Wake] = []
        self._tables, self._clock = tables, clock
        self.audit: AuditStore = MemoryAudit(tables, clock, redactor)

    def __getattr__(self, name: str) -> Any:
        if name not in _STORES:
            raise AttributeError(name)
        store = _STORES[name](self._tables, self._clock)
        setattr(self, name, store)
        return store

    async def defer(self, *wakes: Wake) -> None:
        self.wakes.extend(wakes)

    async def now(self) -> datetime:
        return self._clock()


class MemoryStore:
    """`wakes` holds the deferred jobs of committed transactions; whoever plays the engine takes them from there."""

    def __init__(self, clock: Clock = utc_now, redactor: Redactor = NOTHING_SECRET) -> None:
        self._clock = clock
        self._redactor = redactor
        self._tables = Tables(began={"schema": clock()})
        self._turn = asyncio.Lock()
        self.wakes: list[Wake] = []

    @asynccontextmanager
    async def work(self) -> AsyncIterator[Work]:
        async with self._turn:
            draft = Draft(self._tables)
            work = MemoryWork(draft, self._clock, self._redactor)
            yield work
            draft.commit()
            self.wakes.extend(work.wakes)

    async def receive(self, delivery: Delivery) -> tuple[str, bool]:
        # As PostgreSQL would give it back.
        stored = replace(delivery, payload=json.loads(json.dumps(dict(delivery.payload))))
        async with self._turn:
            inbox_id, is_new = MemoryInbox(self._tables, self._clock).insert(uuid.uuid4().hex, stored)
            if is_new:
                self.wakes.append(Wake(Job.WORK_INBOX, inbox_id))
        return inbox_id, is_new

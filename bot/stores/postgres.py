"""The bot's own PostgreSQL: a unit of work is one transaction over every store."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import datetime

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
from bot.services.rows import Delivery, Wake
from bot.services.run_ports import ApprovalStore, RunStore
from bot.stores.alerts import PostgresAlerts
from bot.stores.approvals import PostgresApprovals
from bot.stores.audit import Pending, PostgresAudit
from bot.stores.backups import PostgresBackups
from bot.stores.calls import PostgresCalls
from bot.stores.chain import publish_key
from bot.stores.connections import Connection, Deferrer, Pool, told_as_unavailable, transaction
from bot.stores.exceptions import PostgresFreezes, PostgresIncidents, PostgresReviews
from bot.stores.factors import PostgresFactors
from bot.stores.figures import PostgresFigures
from bot.stores.health import PostgresHealth
from bot.stores.inbox import PostgresInbox
from bot.stores.messages import PostgresMessages
from bot.stores.reception import Reception
from bot.stores.recoveries import PostgresRecoveries
from bot.stores.runs import PostgresRuns
from bot.stores.schedules import PostgresSchedules
from bot.stores.signing import Writer, passing_key
from bot.stores.voids import Voids

Nearby = Callable[[Wake], Awaitable[None]]


async def nobody(_wake: Wake) -> None:
    """Leaves it to the queue."""


class PostgresWork:
    """One transaction; every store in it shares the connection."""

    def __init__(
        self, connection: Connection, defer: Deferrer, redactor: Redactor, writer: Writer, pending: Pending
    ) -> None:
        self._connection = connection
        self._defer = defer
        self.woken: list[Wake] = []
        self.inbox: InboxStore = PostgresInbox(connection)
        self.runs: RunStore = PostgresRuns(connection)
        self.approvals: ApprovalStore = PostgresApprovals(connection)
        self.audit: AuditStore = PostgresAudit(connection, redactor, writer, pending)
        self.backups: BackupStore = PostgresBackups(connection)
        self.messages: MessageStore = PostgresMessages(connection)
        self.schedules: ScheduleStore = PostgresSchedules(connection)
        self.calls: CallStore = PostgresCalls(connection)
        self.incidents: IncidentStore = PostgresIncidents(connection)
        self.freezes: FreezeStore = PostgresFreezes(connection)
        self.reviews: ReviewStore = PostgresReviews(connection)
        self.factors: FactorStore = PostgresFactors(connection)
        self.alerts: AlertStore = PostgresAlerts(connection)
        self.recoveries: RecoveryStore = PostgresRecoveries(connection)
        self.figures: FigureStore = PostgresFigures(connection)
        self.health: HealthStore = PostgresHealth(connection)

    async def defer(self, *wakes: Wake) -> None:
        await self._defer(self._connection, wakes)
        self.woken += [wake for wake in wakes if wake.at is None]

    async def now(self) -> datetime:
        cursor = await self._connection.execute("SELECT clock_timestamp() AS now")
        row = await cursor.fetchone()
        assert row is not None  # noqa: S101 - a SELECT without FROM has one row
        now: datetime = row["now"]
        return now


class PostgresStore:
    """The bot's own database.

    `defer` puts wake-ups into a caller's transaction; `defer_received` is an SQL expression that does so for every
    `id` of the inbox rows it stands over, so that a request and its job are one statement. `writer` signs the entries.

    `nearby` is told of every wake-up that is due at once, after the commit: whoever can act on it in this process need
    not wait for the queue, whose job stays for everybody else and for a process that dies here.
    """

    def __init__(
        self,
        pool: Pool,
        defer: Deferrer,
        defer_received: str,
        redactor: Redactor = NOTHING_SECRET,
        writer: Writer | None = None,
    ) -> None:
        self._pool = pool
        self._writer = writer or Writer(passing_key())
        self.voids = Voids(pool, self._writer)
        self._redactor = redactor
        self._defer = defer
        self.nearby: Nearby = nobody
        self._at_work = 0
        self._reception = Reception(pool, defer_received)

    @asynccontextmanager
    async def work(self) -> AsyncIterator[Work]:
        pending = Pending(lambda: self._at_work == 1)
        self._at_work += 1
        try:
            with told_as_unavailable():
                async with transaction(self._pool, pending.commit) as connection:
                    work = PostgresWork(connection, self._defer, self._redactor, self._writer, pending)
                    yield work
        except BaseException as error:
            await self.voids.after(error, pending.taken)
            raise
        finally:
            self._at_work -= 1
        for wake in work.woken:
            await self.nearby(wake)

    async def publish_key(self) -> None:
        """Note the public half of the key that signs our entries."""
        with told_as_unavailable():
            async with transaction(self._pool) as connection:
                await publish_key(connection, self._writer.key, "entries")

    async def receive(self, delivery: Delivery) -> tuple[str, bool]:
        return await self._reception.receive(delivery)

"""Recording requests before they are acknowledged; those that arrive together share one transaction."""

import asyncio
import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import psycopg
from psycopg_pool import PoolTimeout

from bot.services.ports import Delivery, Job, Wake
from bot.stores.connections import PATIENCE, Deferrer, Pool, transaction, unavailable
from bot.stores.inbox import PostgresInbox

BATCH_SIZE = 256
_LOST = (psycopg.OperationalError, psycopg.InterfaceError, PoolTimeout, TimeoutError)

Answer = tuple[str, bool]


@dataclass(eq=False)
class Waiting:
    """A delivery whose sender waits: its id is made here, so that a second try of the same insert is recognised."""

    delivery: Delivery
    payload: str
    answer: "asyncio.Future[Answer]"
    id: str = field(default_factory=lambda: uuid.uuid4().hex)

    @property
    def order(self) -> tuple[str, str]:
        return self.delivery.kind.value, self.delivery.key

    def fail(self, error: Exception) -> None:
        if not self.answer.done():
            self.answer.set_exception(error)


class Reception:
    """Group commit: whatever queued while one transaction was on its way goes into the next."""

    def __init__(self, pool: Pool, defer: Deferrer) -> None:
        self._pool = pool
        self._defer = defer
        self._queue: list[Waiting] = []
        self._working: asyncio.Task[None] | None = None
        self._abandoned: set[asyncio.Task[Mapping[str, Answer]]] = set()

    async def receive(self, delivery: Delivery) -> tuple[str, bool]:
        """Raises: Unavailable when it could not be confirmed in time; TypeError for a payload that is no JSON."""
        payload = json.dumps(dict(delivery.payload))
        waiting = Waiting(delivery, payload, asyncio.get_running_loop().create_future())
        self._queue.append(waiting)
        if self._working is None or self._working.done():
            self._working = asyncio.create_task(self._work_off())
        try:
            return await asyncio.wait_for(waiting.answer, PATIENCE.total_seconds())
        except TimeoutError as error:
            raise unavailable(error) from error

    async def _work_off(self) -> None:
        while self._queue:
            batch, self._queue = self._queue[:BATCH_SIZE], self._queue[BATCH_SIZE:]
            # Whoever gave up was told so: it must not happen after all.
            await self._settle([waiting for waiting in batch if not waiting.answer.done()])

    async def _settle(self, batch: Sequence[Waiting]) -> None:
        """Answer everybody in the batch; a row that the database refuses spoils no other."""
        if not batch:
            return
        try:
            answers = await self._persist(batch)
        except _LOST as error:
            for waiting in batch:
                waiting.fail(unavailable(error))
        except Exception as error:  # noqa: BLE001 - told to whoever sent it, alone
            if len(batch) == 1:
                batch[0].fail(error)
                return
            for waiting in batch:
                await self._settle([waiting])
        else:
            for waiting in batch:
                if not waiting.answer.done():
                    waiting.answer.set_result(answers[waiting.id])

    async def _persist(self, batch: Sequence[Waiting]) -> Mapping[str, Answer]:
        try:
            return await self._in_time(batch)
        except psycopg.OperationalError:
            # The connection died: the same insert once more is harmless, even when the first was committed.
            return await self._in_time(batch)

    async def _in_time(self, batch: Sequence[Waiting]) -> Mapping[str, Answer]:
        """Raises TimeoutError without waiting for a server that does not even answer a cancellation."""
        attempt = asyncio.create_task(self._transact(batch))
        done, _ = await asyncio.wait({attempt}, timeout=PATIENCE.total_seconds())
        if not done:
            self._abandoned.add(attempt)
            attempt.add_done_callback(self._forget)
            attempt.cancel()
            raise TimeoutError("the transaction did not end in time")
        return attempt.result()

    async def _transact(self, batch: Sequence[Waiting]) -> Mapping[str, Answer]:
        ordered = sorted(batch, key=lambda waiting: waiting.order)
        async with transaction(self._pool) as connection:
            inbox = PostgresInbox(connection)
            new = await inbox.insert([(one.id, one.delivery, one.payload) for one in ordered])
            if new:
                await self._defer(connection, [Wake(Job.WORK_INBOX, inbox_id) for inbox_id in sorted(new)])
            if len(new) == len(batch):
                return {inbox_id: (inbox_id, True) for inbox_id in new}
            existing = await inbox.existing([one.delivery for one in batch])
        ids = {one.id: existing[one.order] for one in batch}
        return {own: (inbox_id, inbox_id == own) for own, inbox_id in ids.items()}

    def _forget(self, attempt: "asyncio.Task[Mapping[str, Answer]]") -> None:
        self._abandoned.discard(attempt)
        if not attempt.cancelled():
            attempt.exception()

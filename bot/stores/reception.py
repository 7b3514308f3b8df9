"""Recording requests before they are acknowledged; those that arrive together share one statement."""

import asyncio
import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import psycopg
from psycopg_pool import PoolTimeout

from bot.services.ports import Delivery
from bot.stores.connections import PATIENCE, Connection, Pool, unavailable
from bot.stores.inbox import existing, insert

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

    def fail(self, error: Exception) -> None:
        if not self.answer.done():
            self.answer.set_exception(error)


class Reception:
    """Group commit: whatever queued while one insert was on its way goes into the next.

    `defer` is an SQL expression that makes a job for each `id` of the rows it stands over.
    """

    def __init__(self, pool: Pool, defer: str) -> None:
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
            answers = await self._in_time(batch)
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

    async def _in_time(self, batch: Sequence[Waiting]) -> Mapping[str, Answer]:
        """Raises TimeoutError without waiting for a server that does not even answer a cancellation."""
        attempt = asyncio.create_task(self._persist(batch))
        done, _ = await asyncio.wait({attempt}, timeout=PATIENCE.total_seconds())
        if not done:
            self._abandoned.add(attempt)
            attempt.add_done_callback(self._forget)
            attempt.cancel()
            raise TimeoutError("the insert did not end in time")
        return attempt.result()

    async def _persist(self, batch: Sequence[Waiting]) -> Mapping[str, Answer]:
        """Insert on a living connection: after a lost one the same again is harmless, even if it was committed."""
        while True:
            connection = await self._pool.getconn(PATIENCE.total_seconds())
            try:
                return await self._insert(connection, batch)
            except psycopg.OperationalError:
                if not connection.closed:
                    raise
            finally:
                if not connection.closed:
                    await connection.set_autocommit(False)
                await self._pool.putconn(connection)

    async def _insert(self, connection: Connection, batch: Sequence[Waiting]) -> Mapping[str, Answer]:
        await connection.set_autocommit(True)
        new = await insert(connection, self._defer, [(one.id, one.delivery, one.payload) for one in batch])
        answers = {inbox_id: (inbox_id, True) for inbox_id in new}
        old = [one for one in batch if one.id not in new]
        if old:
            ids = await existing(connection, [one.delivery for one in old])
            for one in old:
                first = ids[one.delivery.kind.value, one.delivery.key]
                answers[one.id] = first, first == one.id
        return answers

    def _forget(self, attempt: "asyncio.Task[Mapping[str, Answer]]") -> None:
        self._abandoned.discard(attempt)
        if not attempt.cancelled():
            attempt.exception()

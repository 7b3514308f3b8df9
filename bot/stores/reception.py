"""Recording requests before they are acknowledged; those that arrive together share one statement."""

import asyncio
import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import psycopg
from psycopg_pool import PoolTimeout

from bot.services.rows import Delivery
from bot.stores.connections import PATIENCE, Pool, unavailable, unwritable
from bot.stores.inbox import as_arrays, existing, insert_statement
from bot.stores.line import Line

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

    def give_up(self) -> None:
        self.fail(unavailable(TimeoutError("no answer in time")))

    def fail(self, error: Exception) -> None:
        if not self.answer.done():
            self.answer.set_exception(error)


class Reception:
    """Group commit: whatever queued while one insert was on its way goes into the next.

    `defer` is an SQL expression that makes a job for each `id` of the rows it stands over.
    """

    def __init__(self, pool: Pool, defer: str) -> None:
        self._pool = pool
        self._statement = insert_statement(defer)
        self._line: Line | None = None
        self._queue: list[Waiting] = []
        self._working: asyncio.Task[None] | None = None

    async def receive(self, delivery: Delivery) -> tuple[str, bool]:
        """Raises: Unavailable when it could not be confirmed in time; TypeError for a payload that is no JSON."""
        payload = json.dumps(dict(delivery.payload))
        loop = asyncio.get_running_loop()
        waiting = Waiting(delivery, payload, loop.create_future())
        self._queue.append(waiting)
        if self._working is None or self._working.done():
            self._working = loop.create_task(self._work_off())
        patience = loop.call_later(PATIENCE.total_seconds(), waiting.give_up)
        try:
            return await waiting.answer
        finally:
            patience.cancel()

    async def _work_off(self) -> None:
        while self._queue:
            await asyncio.sleep(0)  # whatever can be read in this turn of the loop joins the batch
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
                waiting.fail(unwritable(error) or unavailable(error))
        except Exception as error:  # noqa: BLE001 - told to whoever sent it, alone
            if len(batch) == 1:
                batch[0].fail(unwritable(error) or error)
                return
            for waiting in batch:
                await self._settle([waiting])
        else:
            for waiting in batch:
                if not waiting.answer.done():
                    waiting.answer.set_result(answers[waiting.id])

    async def _in_time(self, batch: Sequence[Waiting]) -> Mapping[str, Answer]:
        async with asyncio.timeout(PATIENCE.total_seconds()):
            return await self._persist(batch)

    async def _persist(self, batch: Sequence[Waiting]) -> Mapping[str, Answer]:
        """Insert on a living connection: after a lost one the same again is harmless, even if it was committed."""
        while True:
            try:
                line = await self._usable_line()
                new = set(await insert(line, [(one.id, one.delivery, one.payload) for one in batch]))
            except psycopg.OperationalError:
                if self._line is not None and self._line.usable:
                    raise
            else:
                return await self._answers(batch, new)

    async def _answers(self, batch: Sequence[Waiting], new: set[str]) -> Mapping[str, Answer]:
        answers = {inbox_id: (inbox_id, True) for inbox_id in new}
        old = [one for one in batch if one.id not in new]
        if old:
            async with self._pool.connection() as connection:
                ids = await existing(connection, [one.delivery for one in old])
            for one in old:
                first = ids[one.delivery.kind.value, one.delivery.key]
                answers[one.id] = first, first == one.id
        return answers

    async def _usable_line(self) -> Line:
        """The line that is open, or a new one on a connection of the pool."""
        if self._line is not None and self._line.usable:
            return self._line
        await self._drop()
        connection = await self._pool.getconn(PATIENCE.total_seconds())
        self._line = Line(connection)
        await self._line.prepare(self._statement)
        return self._line

    async def _drop(self) -> None:
        """Give back a connection on which something may still be under way: closed, so that nobody meets it."""
        line, self._line = self._line, None
        if line is not None:
            line.close()
            await line.connection.close()
            await self._pool.putconn(line.connection)


async def insert(line: Line, new: Sequence[tuple[str, Delivery, str]]) -> Sequence[str]:
    """The ids that were not there before."""
    return await line.execute(*as_arrays(new))

"""Numbers of entries that were rolled back: each is declared void by an entry of its own, so that a gap is an alarm."""

import asyncio
import time
from datetime import timedelta

import psycopg
import structlog
from psycopg_pool import PoolTimeout

from bot.domain.audit import Entry, Verb
from bot.domain.errors import Unavailable
from bot.domain.people import ENGINE
from bot.domain.redaction import NOTHING_SECRET
from bot.stores.audit import body_of
from bot.stores.connections import Pool, transaction
from bot.stores.signing import Writer

log = structlog.get_logger()

# After it, no transaction of ours can still be on its way: the server has ended every one that was idle or slow.
IN_DOUBT = timedelta(seconds=90)

_DECLARE = """
INSERT INTO audit_entries (body, writer, number, signature)
SELECT %(body)s, %(writer)s, %(number)s, %(signature)s
WHERE NOT EXISTS (
    SELECT FROM audit_entries
    WHERE writer = %(writer)s AND number = %(number)s AND at > clock_timestamp() - interval '1 day'
)
"""


class Voids:
    """What one writer took and did not use."""

    def __init__(self, pool: Pool, writer: Writer) -> None:
        self._pool, self._writer = pool, writer
        self._pending: dict[int, float] = {}
        # Two at once would declare the same number twice.
        self._declaring = asyncio.Lock()

    @property
    def left(self) -> int:
        """How many numbers are still to be declared."""
        return len(self._pending)

    async def after(self, error: BaseException, taken: list[int]) -> None:
        """A transaction ended so: its numbers are void, at once where it is certain that it did not commit."""
        if not taken:
            return
        in_doubt = isinstance(error, Unavailable)
        due = time.monotonic() + (IN_DOUBT.total_seconds() if in_doubt else 0.0)
        self._pending |= dict.fromkeys(taken, due)
        if not in_doubt and not isinstance(error, asyncio.CancelledError):
            await self.declare()

    async def declare(self) -> None:
        """Record a void for each number that is due; those that cannot be recorded now stay due."""
        async with self._declaring:
            await self._declare()

    async def _declare(self) -> None:
        due = [number for number, at in self._pending.items() if at <= time.monotonic()]
        if not due:
            return
        try:
            async with transaction(self._pool) as connection:
                for number in due:
                    await connection.execute(_DECLARE, self._void(number))
        except (psycopg.Error, PoolTimeout) as error:
            log.warning("trail.void_not_recorded", numbers=due, error=str(error))
            return
        for number in due:
            self._pending.pop(number, None)

    def _void(self, number: int) -> dict[str, object]:
        body = body_of(Entry(ENGINE, Verb.TRAIL_VOID, str(number)), NOTHING_SECRET)
        signature = self._writer.sign(number, body)
        return {"body": body, "writer": self._writer.name, "number": number, "signature": signature}

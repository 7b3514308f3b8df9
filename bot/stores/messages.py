"""Which messages there should be in Slack, where they are, and who is drawing them."""

from collections.abc import Sequence
from dataclasses import fields
from datetime import timedelta

from psycopg.rows import DictRow

from bot.services.rows import MessageRow
from bot.stores.connections import Connection

_WANT = """
INSERT INTO messages (key, channel, parent, thread, ts, drawn, posting, attempts)
VALUES (%(key)s, %(channel)s, %(parent)s, %(thread)s, %(ts)s, %(drawn)s, %(posting)s, %(attempts)s)
ON CONFLICT (key) DO UPDATE SET wanted_at = clock_timestamp()
RETURNING xmax = 0 AS is_new
"""
_CLAIM = """
UPDATE messages SET owner = %s, claimed_at = clock_timestamp(), claimed_until = clock_timestamp() + %s,
                    attempts = attempts + 1
WHERE key = %s AND claimed_until <= clock_timestamp()
RETURNING *
"""
_DRAWN = """
UPDATE messages SET ts = %s, drawn = %s, posting = false, attempts = 0, shown_at = claimed_at WHERE key = %s
"""
_LET_GO = """
UPDATE messages SET claimed_until = coalesce(clock_timestamp() + %(rest)s::interval, 'epoch') WHERE key = %(key)s
RETURNING shown_at < wanted_at AS is_behind
"""
_UNDRAWN = """
SELECT key FROM messages
WHERE shown_at < wanted_at AND claimed_until <= clock_timestamp() AND wanted_at <= clock_timestamp() - %s
ORDER BY number LIMIT %s
"""


class PostgresMessages:
    """Messages in one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def want(self, row: MessageRow) -> bool:
        cursor = await self._connection.execute(_WANT, vars(row))
        wanted = await cursor.fetchone()
        return wanted is not None and bool(wanted["is_new"])

    async def get(self, key: str) -> MessageRow | None:
        cursor = await self._connection.execute("SELECT * FROM messages WHERE key = %s", (key,))
        return _row(await cursor.fetchone())

    async def claim(self, key: str, owner: str, lease: timedelta) -> MessageRow | None:
        cursor = await self._connection.execute(_CLAIM, (owner, lease, key))
        return _row(await cursor.fetchone())

    async def posting(self, key: str) -> None:
        await self._connection.execute("UPDATE messages SET posting = true WHERE key = %s", (key,))

    async def drawn(self, key: str, ts: str, digest: str) -> None:
        await self._connection.execute(_DRAWN, (ts, digest, key))

    async def shown(self, key: str) -> None:
        await self._connection.execute("UPDATE messages SET shown_at = claimed_at WHERE key = %s", (key,))

    async def let_go(self, key: str, rest: timedelta | None = None) -> bool:
        row = await (await self._connection.execute(_LET_GO, {"key": key, "rest": rest})).fetchone()
        return row is not None and bool(row["is_behind"])

    async def undrawn(self, older_than: timedelta, limit: int) -> Sequence[str]:
        cursor = await self._connection.execute(_UNDRAWN, (older_than, limit))
        return [row["key"] for row in await cursor.fetchall()]

    async def children(self, parent: str) -> Sequence[MessageRow]:
        cursor = await self._connection.execute("SELECT * FROM messages WHERE parent = %s ORDER BY number", (parent,))
        return [_message(row) for row in await cursor.fetchall()]


def _row(row: DictRow | None) -> MessageRow | None:
    return None if row is None else _message(row)


def _message(row: DictRow) -> MessageRow:
    return MessageRow(**{field.name: row[field.name] for field in fields(MessageRow)})

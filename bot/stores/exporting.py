"""The trail as lines for the verifier, read in one snapshot and in constant memory."""

import json
from collections.abc import AsyncIterator
from typing import Any

from psycopg.rows import tuple_row

from bot.stores.connections import Connection, Pool, told_as_unavailable, transaction
from bot.verifier import FORMAT, line_of, signed_text

AT_ONCE = 2000

_KEYS = "SELECT use, key FROM audit_keys ORDER BY first_seen_at"
_NOW = "SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint AS at"
_HEADS = "SELECT first, last, body, signature FROM audit_heads ORDER BY batch"
_ENTRIES = """
SELECT position, id, (extract(epoch FROM at) * 1000000)::bigint, signature, writer, number, body, encode(hash, 'hex')
FROM audit_entries WHERE position IS NOT NULL ORDER BY position
"""


class Exports:
    """Reads the trail as any role that may read it."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def lines(self) -> AsyncIterator[bytes]:
        """Every line with its end; entries that are not chained yet are left for the next export."""
        with told_as_unavailable():
            async with transaction(self._pool) as connection:
                await connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
                await connection.execute("SET LOCAL statement_timeout = 0")
                await connection.execute("SET LOCAL idle_in_transaction_session_timeout = 0")
                async for line in _lines(connection):
                    yield line

    async def keys(self) -> dict[str, list[str]]:
        """The public keys that have signed here, by use."""
        with told_as_unavailable():
            async with transaction(self._pool) as connection:
                return await _keys(connection)

    async def head(self, batch: int = 0) -> str:
        """The canonical text of that batch's head, or of the last one; empty when it is not there."""
        with told_as_unavailable():
            async with transaction(self._pool) as connection:
                cursor = await connection.execute(
                    "SELECT body FROM audit_heads WHERE batch = %(batch)s OR %(batch)s = 0 ORDER BY batch DESC LIMIT 1",
                    {"batch": batch},
                )
                row = await cursor.fetchone()
        return str(row["body"]) if row else ""

    async def retired(self) -> int:
        """The last position that the retention dropped."""
        with told_as_unavailable():
            async with transaction(self._pool) as connection:
                row = await (
                    await connection.execute("SELECT coalesce(max(last), 0) AS last FROM audit_retired")
                ).fetchone()
        return int(row["last"]) if row else 0

    async def place_of(self, entry: int) -> tuple[dict[str, Any], list[bytes]] | None:
        """An entry with its batch's head, and the hashes of that batch; None when it is not under a head."""
        with told_as_unavailable():
            async with transaction(self._pool) as connection:
                return await _place_of(connection, entry)


async def _keys(connection: Connection) -> dict[str, list[str]]:
    keys: dict[str, list[str]] = {"entries": [], "heads": []}
    for row in await (await connection.execute(_KEYS)).fetchall():
        keys[row["use"]].append(row["key"])
    return keys


async def _lines(connection: Connection) -> AsyncIterator[bytes]:
    now = await (await connection.execute(_NOW)).fetchone()
    assert now is not None  # noqa: S101 - a SELECT without FROM has one row
    about = {"format": FORMAT, "exported_at_us": now["at"], "keys": await _keys(connection)}
    yield json.dumps(about).encode() + b"\n"
    entries = heads = 0
    async with connection.cursor("heads", row_factory=tuple_row) as signed:
        await signed.execute(_HEADS)
        waiting = await signed.fetchone()
        async with connection.cursor("entries", binary=True, row_factory=tuple_row) as cursor:
            cursor.itersize = AT_ONCE
            await cursor.execute(_ENTRIES)
            async for row in cursor:
                while waiting is not None and waiting[1] < row[0]:
                    yield _head_line(waiting)
                    waiting, heads = await signed.fetchone(), heads + 1
                yield _entry_line(row)
                entries += 1
        while waiting is not None:
            yield _head_line(waiting)
            waiting, heads = await signed.fetchone(), heads + 1
    yield f"Z {entries} {heads}\n".encode()


def _entry_line(row: tuple[Any, ...]) -> bytes:
    position, entry, at_us, signature, writer, number, body, stored = row
    line = line_of(position, entry, at_us, signature, signed_text(writer, number, body))
    return b"E %b %b\n" % (stored.encode(), line)


def _head_line(row: tuple[Any, ...]) -> bytes:
    return f"H {row[3]} {row[2]}\n".encode()


async def _place_of(connection: Connection, entry: int) -> tuple[dict[str, Any], list[bytes]] | None:
    async with connection.cursor(row_factory=tuple_row) as cursor:
        selected = _ENTRIES.replace("WHERE position IS NOT NULL", "WHERE position IS NOT NULL AND id = %s")
        row = await (await cursor.execute(selected.encode(), (entry,))).fetchone()
        if row is None:
            return None
        found = await cursor.execute(
            "SELECT first, last, body, signature FROM audit_heads WHERE %s BETWEEN first AND last", (row[0],)
        )
        head = await found.fetchone()
        if head is None:
            return None
        hashes = await cursor.execute(
            "SELECT hash FROM audit_entries WHERE position BETWEEN %s AND %s ORDER BY position", head[:2]
        )
        leaves = [one for (one,) in await hashes.fetchall()]
        found = await cursor.execute("SELECT encode(previous, 'hex') FROM audit_entries WHERE id = %s", (entry,))
        previous = await found.fetchone()
    assert previous is not None  # noqa: S101 - it was there a moment ago, and entries stay
    line = _entry_line(row).decode().rstrip("\n")
    parts = {"entry": line, "previous": previous[0], "head": _head_line(head).decode().rstrip("\n")}
    return parts | {"index": row[0] - head[0]}, leaves

"""The sequencer's side of the trail: committed entries get their places, in batches with signed heads."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from psycopg.rows import DictRow, tuple_row

from bot.domain.canonical import canonical_json
from bot.services.chaining import Batch
from bot.stores.connections import Connection, Pool, told_as_unavailable, transaction
from bot.stores.signing import Key
from bot.verifier import NOTHING, line_of, linked, root_of, signed_text

_TAKE = """
UPDATE audit_sequencing SET owner = %(owner)s, token = %(token)s, until = clock_timestamp() + %(length)s
WHERE token = %(token)s OR until <= clock_timestamp()
"""
# Locked until the transaction ends: whoever else holds a lease by mistake waits here, and then sees our batch.
_HOLD = "SELECT FROM audit_sequencing WHERE token = %s AND until > clock_timestamp() FOR UPDATE"
_TOP = "SELECT batch, last, body FROM audit_heads ORDER BY batch DESC LIMIT 1"
_UNCHAINED = """
SELECT id, at, (extract(epoch FROM at) * 1000000)::bigint, signature, writer, number, body
FROM audit_entries WHERE position IS NULL ORDER BY id LIMIT %s
"""
# The bounds let the planner see that one partition is meant, and read it once for the whole batch.
_CHAIN = """
UPDATE audit_entries SET position = placed.position, previous = placed.previous, hash = placed.hash
FROM unnest(%(ids)b::bigint[], %(instants)b::timestamptz[], %(positions)b::bigint[], %(previous)b::bytea[],
            %(hashes)b::bytea[]) AS placed (id, at, position, previous, hash)
WHERE audit_entries.id = placed.id AND audit_entries.at = placed.at AND audit_entries.position IS NULL
    AND audit_entries.id BETWEEN %(first)s AND %(last)s AND audit_entries.at BETWEEN %(earliest)s AND %(latest)s
"""
_UNANCHORED = """
SELECT batch, first, last, body, signature, signed_at FROM audit_heads
WHERE batch > (SELECT coalesce(max(last_batch), 0) FROM audit_anchors) ORDER BY batch LIMIT %s
"""
_IS_DUE = """
SELECT EXISTS (
    SELECT FROM audit_heads WHERE batch > (SELECT coalesce(max(last_batch), 0) FROM audit_anchors)
        AND (signed_at <= clock_timestamp() - %s::interval OR anchor_wanted_at >=
             (SELECT coalesce(max(anchored_at), 'epoch') FROM audit_anchors))
) AS due FROM audit_sequencing
"""


@dataclass(frozen=True)
class Top:
    """Where the chain ends: the next batch hangs on it."""

    batch: int = 0
    last: int = 0
    last_hash: bytes = NOTHING
    head: str = NOTHING.hex()

    def after(self, body: str) -> "Top":
        """The end of the chain once this head is signed."""
        head = json.loads(body)
        digest = hashlib.sha256(body.encode()).hexdigest()
        return Top(head["batch"], head["last"], bytes.fromhex(head["last_hash"]), digest)


class PostgresChain:
    """The trail as the sequencer's role sees it; `key` signs the heads."""

    def __init__(self, pool: Pool, key: Key) -> None:
        self._pool, self._key = pool, key

    async def take(self, owner: str, token: str, length: timedelta) -> bool:
        """Become the sequencer, or stay it; False while another one is."""
        with told_as_unavailable():
            async with transaction(self._pool) as connection:
                cursor = await connection.execute(_TAKE, {"owner": owner, "token": token, "length": length})
                return cursor.rowcount == 1

    async def chain(self, token: str, limit: int) -> int | None:
        """Chain at most so many entries as one batch; None when the lease is not ours."""
        with told_as_unavailable():
            async with transaction(self._pool) as connection:
                if (await connection.execute(_HOLD, (token,))).rowcount == 0:
                    return None
                rows = await _unchained(connection, limit)
                if rows:
                    await self._place(connection, await _top(connection), rows)
                return len(rows)

    async def _place(self, connection: Connection, top: Top, rows: Sequence[tuple[Any, ...]]) -> None:
        hashes = [top.last_hash]
        for position, (entry, _, at_us, signature, writer, number, body) in enumerate(rows, top.last + 1):
            line = line_of(position, entry, at_us, signature, signed_text(writer, number, body))
            hashes.append(linked(hashes[-1], line))
        positions = list(range(top.last + 1, top.last + 1 + len(rows)))
        ids, instants = [row[0] for row in rows], [row[1] for row in rows]
        placed = {"ids": ids, "instants": instants, "positions": positions}
        links = {"previous": hashes[:-1], "hashes": hashes[1:]}
        bounds = {"first": min(ids), "last": max(ids), "earliest": min(instants), "latest": max(instants)}
        cursor = await connection.execute(_CHAIN, placed | links | bounds, prepare=False)
        if cursor.rowcount != len(rows):
            raise RuntimeError(f"{len(rows)} entries were to be chained, and {cursor.rowcount} were")
        body = head_of(top, hashes[1:])
        await connection.execute(
            "INSERT INTO audit_heads (body, signature) VALUES (%s, %s)", (body, self._key.sign_head(body))
        )

    async def publish_key(self) -> None:
        with told_as_unavailable():
            async with transaction(self._pool) as connection:
                await publish_key(connection, self._key, "heads")

    async def make_months(self, ahead: int) -> None:
        """Partitions for this month and the next ones."""
        with told_as_unavailable():
            async with transaction(self._pool) as connection:
                await connection.execute(
                    "SELECT make_audit_partition((now() AT TIME ZONE 'UTC' + n * interval '1 month')::date) "
                    "FROM generate_series(0, %s) n",
                    (ahead,),
                )

    async def is_anchor_due(self, every: timedelta) -> bool:
        with told_as_unavailable():
            async with transaction(self._pool) as connection:
                row = await (await connection.execute(_IS_DUE, (every,))).fetchone()
        return bool(row and row["due"])

    async def unanchored(self, limit: int) -> Sequence[Batch]:
        """The oldest batches that are not outside yet, with their hashes."""
        with told_as_unavailable():
            async with transaction(self._pool) as connection:
                heads = await (await connection.execute(_UNANCHORED, (limit,))).fetchall()
                return [await _batch(connection, head) for head in heads]

    async def note_anchor(self, last_batch: int, name: str) -> None:
        with told_as_unavailable():
            async with transaction(self._pool) as connection:
                await connection.execute(
                    "INSERT INTO audit_anchors (last_batch, object) VALUES (%s, %s) ON CONFLICT DO NOTHING",
                    (last_batch, name),
                )
                await connection.execute("UPDATE audit_sequencing SET anchor_trouble = '' WHERE anchor_trouble <> ''")

    async def note_trouble(self, why: str) -> None:
        with told_as_unavailable():
            async with transaction(self._pool) as connection:
                await connection.execute("UPDATE audit_sequencing SET anchor_trouble = %s", (why,))


async def publish_key(connection: Connection, key: Key, use: str) -> None:
    """Note a public key that signs here from now on."""
    await connection.execute(
        "INSERT INTO audit_keys (key, use) VALUES (%s, %s) ON CONFLICT DO NOTHING", (key.public, use)
    )


async def _unchained(connection: Connection, limit: int) -> list[tuple[Any, ...]]:
    """The next batch in order of id, all of one month: a month is retired by whole batches."""
    async with connection.cursor(binary=True, row_factory=tuple_row) as cursor:
        await cursor.execute(_UNCHAINED, (limit,))
        rows = await cursor.fetchall()
    months = [_month(row[1]) for row in rows]
    same = next((index for index, month in enumerate(months) if month != months[0]), len(rows))
    return rows[:same]


def _month(at: datetime) -> tuple[int, int]:
    at = at.astimezone(UTC)
    return at.year, at.month


async def _top(connection: Connection) -> Top:
    row = await (await connection.execute(_TOP)).fetchone()
    if row is None:
        return Top()
    return Top().after(row["body"])


def head_of(top: Top, hashes: Sequence[bytes]) -> str:
    """What is signed of a batch."""
    return canonical_json(
        {
            "batch": top.batch + 1,
            "first": top.last + 1,
            "last": top.last + len(hashes),
            "last_hash": hashes[-1].hex(),
            "previous": top.head,
            "root": root_of(hashes).hex(),
            "at": datetime.now(UTC),
        }
    )


async def _batch(connection: Connection, head: DictRow) -> Batch:
    cursor = await connection.execute(
        "SELECT hash FROM audit_entries WHERE position BETWEEN %s AND %s ORDER BY position",
        (head["first"], head["last"]),
    )
    hashes = tuple(row["hash"] for row in await cursor.fetchall())
    return Batch(head["batch"], head["body"], head["signature"], hashes)

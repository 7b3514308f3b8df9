"""Requests from Slack, as rows that outlive whoever was told to work on them."""

from collections.abc import Sequence
from datetime import timedelta

from psycopg import DataError
from psycopg.rows import DictRow

from bot.services.rows import Delivery, DeliveryKind, InboxRow
from bot.stores.connections import Connection

_CLAIM = """
UPDATE inbox SET owner = %(owner)s, claimed_until = clock_timestamp() + %(lease)s, attempts = attempts + 1
WHERE id = %(id)s AND worked_at IS NULL AND claimed_until <= clock_timestamp()
RETURNING *
"""
_RENEW = """
UPDATE inbox SET claimed_until = clock_timestamp() + %s
WHERE id = %s AND owner = %s AND worked_at IS NULL AND claimed_until > clock_timestamp()
"""
_UNWORKED = """
SELECT id FROM inbox
WHERE worked_at IS NULL AND claimed_until <= clock_timestamp() AND received_at <= clock_timestamp() - %s
ORDER BY received_at LIMIT %s
"""
# One statement is one transaction and one round trip. Rows come sorted by key, so that two replicas with the same
# duplicates wait for one another and do not deadlock. `{defer}` makes a job for every new id.
_INSERT = """
WITH new AS (
    INSERT INTO inbox (id, kind, key, payload)
    SELECT id, kind, key, payload::json FROM unnest($1::text[], $2::text[], $3::text[], $4::text[])
        AS received (id, kind, key, payload)
    ON CONFLICT (kind, key) DO NOTHING RETURNING id
), jobs AS (SELECT {defer} FROM new HAVING count(*) > 0)
SELECT id, (SELECT count(*) FROM jobs) FROM new
"""
_EXISTING = """
SELECT inbox.id, kind, key FROM inbox JOIN unnest(%s::text[], %s::text[]) AS sought (kind, key) USING (kind, key)
"""


class PostgresInbox:
    """The inbox in one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def get(self, inbox_id: str) -> InboxRow | None:
        cursor = await self._connection.execute("SELECT * FROM inbox WHERE id = %s", (inbox_id,))
        return _row(await cursor.fetchone())

    async def claim(self, inbox_id: str, owner: str, lease: timedelta) -> InboxRow | None:
        cursor = await self._connection.execute(_CLAIM, {"id": inbox_id, "owner": owner, "lease": lease})
        return _row(await cursor.fetchone())

    async def renew(self, inbox_id: str, owner: str, lease: timedelta) -> bool:
        cursor = await self._connection.execute(_RENEW, (lease, inbox_id, owner))
        return cursor.rowcount == 1

    async def answer(self, inbox_id: str, said: str) -> bool:
        cursor = await self._connection.execute(
            "UPDATE inbox SET note = %s WHERE id = %s AND note = '' AND worked_at IS NULL", (said, inbox_id)
        )
        return cursor.rowcount == 1

    async def finish(self, inbox_id: str, note: str) -> None:
        await self._connection.execute(
            "UPDATE inbox SET worked_at = clock_timestamp(), note = %s WHERE id = %s AND worked_at IS NULL",
            (note, inbox_id),
        )

    async def let_go(self, inbox_id: str, owner: str) -> None:
        await self._connection.execute(
            "UPDATE inbox SET claimed_until = 'epoch' WHERE id = %s AND owner = %s AND worked_at IS NULL",
            (inbox_id, owner),
        )

    async def unworked(self, older_than: timedelta, limit: int) -> Sequence[str]:
        cursor = await self._connection.execute(_UNWORKED, (older_than, limit))
        return [row["id"] for row in await cursor.fetchall()]


def insert_statement(defer: str) -> str:
    """Inserts a batch with its jobs and answers the ids that were not there before; its values are `as_arrays`."""
    return _INSERT.replace("{defer}", defer)


def as_arrays(new: Sequence[tuple[str, Delivery, str]]) -> tuple[str, str, str, str]:
    """(id, delivery, payload as JSON) as the statement's four arrays. Raises: psycopg.DataError for a NUL in a key."""
    ordered = sorted(new, key=lambda row: (row[1].kind.value, row[1].key))
    return (
        _array([inbox_id for inbox_id, _, _ in ordered]),
        _array([delivery.kind.value for _, delivery, _ in ordered]),
        _array([delivery.key for _, delivery, _ in ordered]),
        _array([payload for _, _, payload in ordered]),
    )


def _array(values: Sequence[str]) -> str:
    """PostgreSQL's text of a text[]; the driver's own writer takes ten times as long for JSON full of quotes."""
    escaped = (value.replace("\\", "\\\\").replace('"', '\\"') for value in values)
    text = "{" + ",".join(f'"{value}"' for value in escaped) + "}"
    if "\0" in text:
        raise DataError("PostgreSQL text cannot hold NUL characters")
    return text


async def existing(connection: Connection, deliveries: Sequence[Delivery]) -> dict[tuple[str, str], str]:
    """(kind, key) to id."""
    columns = [delivery.kind.value for delivery in deliveries], [delivery.key for delivery in deliveries]
    cursor = await connection.execute(_EXISTING, columns)
    return {(row["kind"], row["key"]): row["id"] for row in await cursor.fetchall()}


def _row(row: DictRow | None) -> InboxRow | None:
    if row is None:
        return None
    delivery = Delivery(DeliveryKind(row["kind"]), row["key"], row["payload"])
    worked = row["worked_at"] is not None
    return InboxRow(row["id"], delivery, row["received_at"], worked, row["attempts"], row["note"])

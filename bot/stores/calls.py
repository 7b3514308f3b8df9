"""Calls to people: each is made once, by whoever writes `made_at` first."""

from collections.abc import Sequence

from psycopg.rows import DictRow

from bot.domain.calls import CallRow, Event
from bot.domain.people import Role
from bot.stores.connections import Connection

_ADD = """
INSERT INTO calls (about, position, event, role, due_at)
VALUES (%(about)s, %(position)s, %(event)s, %(role)s, %(due_at)s)
ON CONFLICT DO NOTHING
"""
_MAKE = """
UPDATE calls SET made_at = clock_timestamp(), users = %(users)s
WHERE about = %(about)s AND position = %(position)s AND made_at IS NULL AND due_at <= clock_timestamp()
"""
_DUE = """
SELECT about FROM calls WHERE made_at IS NULL AND due_at <= clock_timestamp()
GROUP BY about ORDER BY min(due_at) LIMIT %s
"""


class PostgresCalls:
    """Calls in one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def add(self, *rows: CallRow) -> None:
        for row in rows:
            values = {"about": row.about, "position": row.position, "event": row.event.value, "due_at": row.due_at}
            await self._connection.execute(_ADD, values | {"role": row.role.value if row.role else ""})

    async def about(self, about: str) -> Sequence[CallRow]:
        cursor = await self._connection.execute("SELECT * FROM calls WHERE about = %s ORDER BY position", (about,))
        return [_call(row) for row in await cursor.fetchall()]

    async def make(self, about: str, position: int, users: Sequence[str]) -> bool:
        values = {"about": about, "position": position, "users": list(users)}
        return (await self._connection.execute(_MAKE, values)).rowcount == 1

    async def due(self, limit: int) -> Sequence[str]:
        cursor = await self._connection.execute(_DUE, (limit,))
        return [row["about"] for row in await cursor.fetchall()]


def _call(row: DictRow) -> CallRow:
    same = {name: row[name] for name in ("about", "position", "due_at", "made_at")}
    role = Role(row["role"]) if row["role"] else None
    return CallRow(**same, event=Event(row["event"]), role=role, users=tuple(row["users"]))

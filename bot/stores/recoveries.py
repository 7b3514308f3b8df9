"""Measured recoveries."""

from collections.abc import Sequence
from datetime import datetime

from bot.domain.recoveries import Recovery
from bot.stores.connections import Connection

_ADD = "INSERT INTO recoveries (component, took, how, run) VALUES (%s, %s, %s, %s)"
_RECENT = """
SELECT component, took, how, run, at FROM recoveries WHERE component = %s ORDER BY at DESC, id DESC LIMIT %s
"""
_BEGAN = "SELECT min(applied_at) AS began FROM schema_migrations"


class PostgresRecoveries:
    """Recoveries in one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def add(self, recovery: Recovery) -> None:
        values = (recovery.component, recovery.took, recovery.how, recovery.run)
        await self._connection.execute(_ADD, values)

    async def recent(self, component: str, limit: int) -> Sequence[Recovery]:
        cursor = await self._connection.execute(_RECENT, (component, limit))
        return [Recovery(**row) for row in await cursor.fetchall()]

    async def began(self) -> datetime:
        row = await (await self._connection.execute(_BEGAN)).fetchone()
        assert row is not None  # noqa: S101 - an aggregate has one row
        began: datetime = row["began"]
        return began

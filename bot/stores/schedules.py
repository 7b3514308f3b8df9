"""Firings of the calendar: one row an instant, never in the future of the database's clock."""

from collections.abc import Sequence
from datetime import datetime

from bot.stores.connections import Connection

_FIRE = """
INSERT INTO schedule_firings (schedule, planned)
SELECT %(schedule)s, %(planned)s WHERE %(planned)s::timestamptz <= clock_timestamp()
ON CONFLICT DO NOTHING
"""


class PostgresSchedules:
    """Firings in one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def fire(self, schedule: str, planned: datetime) -> bool:
        cursor = await self._connection.execute(_FIRE, {"schedule": schedule, "planned": planned})
        return cursor.rowcount == 1

    async def last(self, schedule: str) -> datetime | None:
        cursor = await self._connection.execute(
            "SELECT max(planned) AS planned FROM schedule_firings WHERE schedule = %s", (schedule,)
        )
        row = await cursor.fetchone()
        return row["planned"] if row else None

    async def firings(self, schedule: str, limit: int) -> Sequence[tuple[datetime, datetime]]:
        cursor = await self._connection.execute(
            "SELECT planned, fired_at FROM schedule_firings WHERE schedule = %s ORDER BY planned DESC LIMIT %s",
            (schedule, limit),
        )
        return [(row["planned"], row["fired_at"]) for row in await cursor.fetchall()]

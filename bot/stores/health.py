"""Counted looks at the platform's components."""

from collections.abc import Sequence
from datetime import timedelta

from bot.domain.alerts import AlertGroup
from bot.domain.tallies import Tally
from bot.stores.connections import Connection

_TURN = """
INSERT INTO health_turns (single) VALUES (true)
ON CONFLICT (single) DO UPDATE SET at = clock_timestamp() WHERE health_turns.at <= clock_timestamp() - %s
RETURNING at
"""
_SAVE = """
INSERT INTO health_tallies (component, bad, well, since, alert) VALUES (%s, %s, %s, %s, %s)
ON CONFLICT (component) DO UPDATE SET bad = excluded.bad, well = excluded.well, since = excluded.since,
    alert = excluded.alert
"""
_HOLD = "SELECT pg_advisory_xact_lock(hashtextextended('takumi component ' || %s, 0))"


class PostgresHealth:
    """Tallies in one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def take_turn(self, every: timedelta) -> bool:
        return await (await self._connection.execute(_TURN, (every,))).fetchone() is not None

    async def tallies(self) -> Sequence[Tally]:
        cursor = await self._connection.execute("SELECT * FROM health_tallies ORDER BY component")
        return [Tally(**row) for row in await cursor.fetchall()]

    async def save(self, tally: Tally) -> None:
        values = (tally.component, tally.bad, tally.well, tally.since, tally.alert)
        await self._connection.execute(_SAVE, values)

    async def hold(self, component: str) -> None:
        await self._connection.execute(_HOLD, (component,))

    async def adopt(self, group: AlertGroup) -> None:
        await self._connection.execute(
            "UPDATE alert_groups SET source = %s, key = %s WHERE number = %s",
            (group.source.value, group.key, group.number),
        )

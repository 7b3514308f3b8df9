"""Firings in memory."""

from collections.abc import Sequence
from datetime import datetime

from bot.stores.memory.tables import Clock, Tables


class MemorySchedules:
    """Firings in one transaction."""

    def __init__(self, tables: Tables, clock: Clock) -> None:
        self._firings = tables.firings
        self._clock = clock

    async def fire(self, schedule: str, planned: datetime) -> bool:
        if planned > self._clock() or (schedule, planned) in self._firings:
            return False
        self._firings[schedule, planned] = self._clock()
        return True

    async def last(self, schedule: str) -> datetime | None:
        return max((planned for name, planned in self._firings if name == schedule), default=None)

    async def firings(self, schedule: str, limit: int) -> Sequence[tuple[datetime, datetime]]:
        found = [(planned, fired) for (name, planned), fired in self._firings.items() if name == schedule]
        return sorted(found, reverse=True)[:limit]

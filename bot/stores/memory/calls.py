"""Calls in memory."""

from collections.abc import Sequence
from dataclasses import replace

from bot.domain.calls import CallRow
from bot.stores.memory.tables import Clock, Tables


class MemoryCalls:
    """Calls in one transaction."""

    def __init__(self, tables: Tables, clock: Clock) -> None:
        self._calls = tables.calls
        self._clock = clock

    async def add(self, *rows: CallRow) -> None:
        for row in rows:
            self._calls.setdefault((row.about, row.position), row)

    async def about(self, about: str) -> Sequence[CallRow]:
        return sorted((row for row in self._calls.values() if row.about == about), key=lambda row: row.position)

    async def make(self, about: str, position: int, users: Sequence[str]) -> bool:
        row = self._calls.get((about, position))
        if row is None or row.made_at is not None or row.due_at > self._clock():
            return False
        self._calls[about, position] = replace(row, made_at=self._clock(), users=tuple(users))
        return True

    async def due(self, limit: int) -> Sequence[str]:
        now = self._clock()
        waiting = [row for row in self._calls.values() if row.made_at is None and row.due_at <= now]
        return list(dict.fromkeys(row.about for row in sorted(waiting, key=lambda row: row.due_at)))[:limit]

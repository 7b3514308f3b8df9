"""Measured recoveries in memory."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from bot.domain.recoveries import Recovery
from bot.stores.memory.tables import Clock, Tables


class MemoryRecoveries:
    """Recoveries in one transaction."""

    def __init__(self, tables: Tables, clock: Clock) -> None:
        self._recoveries, self._began, self._clock = tables.recoveries, tables.began["schema"], clock

    async def add(self, recovery: Recovery) -> None:
        self._recoveries.append(replace(recovery, at=self._clock()))

    async def recent(self, component: str, limit: int) -> Sequence[Recovery]:
        return [one for one in reversed(self._recoveries) if one.component == component][:limit]

    async def began(self) -> datetime:
        return self._began

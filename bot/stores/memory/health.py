"""Counted looks in memory."""

from collections.abc import Sequence
from datetime import timedelta

from bot.domain.alerts import AlertGroup
from bot.domain.tallies import Tally
from bot.stores.memory.tables import Clock, Tables


class MemoryHealth:
    """Tallies in one transaction; the store's one turn holds every component."""

    def __init__(self, tables: Tables, clock: Clock) -> None:
        self._tallies, self._turns, self._groups = tables.health_tallies, tables.health_turns, tables.alert_groups
        self._clock = clock

    async def take_turn(self, every: timedelta) -> bool:
        now, last = self._clock(), self._turns.get("last")
        if last is not None and last > now - every:
            return False
        self._turns["last"] = now
        return True

    async def tallies(self) -> Sequence[Tally]:
        return [self._tallies[component] for component in sorted(self._tallies)]

    async def save(self, tally: Tally) -> None:
        self._tallies[tally.component] = tally

    async def hold(self, component: str) -> None:
        """Held already."""

    async def adopt(self, group: AlertGroup) -> None:
        self._groups[group.number] = group

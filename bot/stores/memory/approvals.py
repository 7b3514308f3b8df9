"""Decisions in memory."""

from collections.abc import Sequence
from dataclasses import replace

from bot.domain.approvals import Decision, broken_rule
from bot.domain.errors import Refused
from bot.stores.memory.tables import Clock, Tables


class MemoryApprovals:
    """Decisions in one transaction."""

    def __init__(self, tables: Tables, clock: Clock) -> None:
        self._tables = tables
        self._clock = clock

    async def add(self, decision: Decision) -> Decision:
        run, earlier = self._tables.runs.get(decision.run), await self.of_run(decision.run)
        rule = broken_rule(decision, run, earlier, self._clock())
        if rule is not None:
            raise Refused(rule)
        stored = replace(decision, at=self._clock())
        self._tables.decisions.append(stored)
        return stored

    async def of_run(self, run_id: str) -> Sequence[Decision]:
        return [decision for decision in self._tables.decisions if decision.run == run_id]

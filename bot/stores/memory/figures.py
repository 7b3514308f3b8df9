"""One look over what waits, fires and was measured, in memory."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta

from bot.domain.backups import Verdict
from bot.domain.runs import RunState
from bot.domain.verdicts import Retention
from bot.services.figure_ports import Backlog, RowFigures
from bot.stores.memory.tables import Clock, Tables


class MemoryFigures:
    """Figures in one transaction."""

    def __init__(self, tables: Tables, clock: Clock) -> None:
        self._tables, self._clock = tables, clock

    async def look(self) -> RowFigures:
        tables, now = self._tables, self._clock()
        runs = [run for run in tables.runs.values() if not run.state.is_final]
        proven = [one for one in tables.backups.values() if one.verdict is Verdict.PROVEN]
        kept = sorted((one.taken_at, one.database) for one in proven if one.retention is Retention.KEPT)
        return RowFigures(
            runs=Counter(run.state.value for run in runs),
            approvals=self._backlog([run.created_at for run in runs if run.state is RunState.REQUESTED]),
            inbox=self._backlog([one.row.received_at for one in tables.inbox.values() if not one.row.worked]),
            messages=self._backlog([one.wanted_at for one in tables.messages.values() if one.shown_at < one.wanted_at]),
            calls=self._backlog([one.due_at for one in tables.calls.values() if not one.made_at and one.due_at <= now]),
            alerts=Counter(one.severity.value for one in tables.alert_groups.values() if one.is_firing),
            proven_age={database: now - taken_at for taken_at, database in kept},
            recovered={one.component: one.took for one in tables.recoveries},
        )

    def _backlog(self, since: Sequence[datetime]) -> Backlog:
        return Backlog(len(since), max((self._clock() - at for at in since), default=timedelta()))

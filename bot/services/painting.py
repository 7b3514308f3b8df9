"""What a run's messages say now, from the rows they show."""

from dataclasses import dataclass

from bot.domain.catalog import Catalog
from bot.domain.documents import Document
from bot.domain.runs import Run, RunState
from bot.services import run_documents
from bot.services.cards import card
from bot.services.gate import Gate, disturbs
from bot.services.kept_copies import kept_until
from bot.services.ports import Store
from bot.services.seats import need_of


@dataclass(frozen=True)
class RunPainter:
    """Paints the messages whose keys `bot.services.messages.run_keys` makes."""

    store: Store
    catalog: Catalog
    # None is for tests of other rules alone: `bot.app` always gives one.
    gate: Gate | None = None

    async def paint(self, key: str) -> Document | None:
        """None for a run that is not there."""
        _, run_id, *which = key.split(":")
        async with self.store.work() as work:
            run = await work.runs.get(run_id)
        if run is None:
            return None
        if which == ["steps"]:
            return run_documents.steps(run)
        if which == ["result"]:
            return run_documents.result(run, self.catalog.runbooks[run.runbook].runbook)
        if which == ["warning"]:
            until = kept_until(run)
            return run_documents.warning(run, until) if until else None
        return await self._head(run)

    async def _head(self, run: Run) -> Document:
        """A card where approvals are needed; a request that could not even be planned has no environment."""
        need = need_of(run) if run.environment else None
        if need is None or not need.count:
            return run_documents.head(run)
        async with self.store.work() as work:
            decisions, state = await work.approvals.of_run(run.id), await work.audit.state()
        waits = run.state in (RunState.REQUESTED, RunState.APPROVED) and disturbs(run)
        return card(run, need, decisions, self.gate.unreachable(state) if self.gate and waits else "")

"""No target stays closed to its clients: what a run closed and did not open again is opened by whoever finds it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Protocol

import structlog

from bot.domain.audit import Entry, Verb
from bot.domain.errors import OperationFailed
from bot.domain.people import ENGINE
from bot.domain.runs import RESUME_STEP, Run, RunState, StepRow, StepState
from bot.services.messages import want_run_messages
from bot.services.ports import Store, Work

log = structlog.get_logger()

# A run that nobody could take over for so long (its runbook is another one by now) opens nothing itself.
DEAD_AFTER = timedelta(minutes=10)


@dataclass(frozen=True)
class Closed:
    """A database that takes no sessions, or whose clients a pooler holds back; `step` is the key of what does so.

    `claim` is the name under which runs hold it.
    """

    step: str
    claim: str
    database: str
    oid: int


class Targets(Protocol):
    """The platform. Raises: OperationFailed."""

    async def closed(self) -> Sequence[Closed]:
        """What is closed now, as a look at the platform shows it, whoever closed it."""
        ...

    async def open(self, closed: Closed, run: str, attempt: int) -> str:
        """Open it as that run would, unless it is another database by now; the answer says what was done."""
        ...


@dataclass(frozen=True)
class Reopening:
    """What a person closed, or a run that is at work, is left alone."""

    store: Store
    targets: Targets

    async def look(self) -> None:
        for closed in await self.targets.closed():
            run = await self._left_by(closed)
            # Looked at once more: a run that was at work may have opened it, or swapped it, and ended in between.
            if run is None or closed not in await self.targets.closed():
                continue
            try:
                await self._open(closed, run)
            except OperationFailed as error:
                log.error("target.still_closed", run=run.id, database=closed.database, why=str(error))  # noqa: TRY400 - the trace says no more

    async def _left_by(self, closed: Closed) -> Run | None:
        """The run that closed it, unless it will open it itself; None as well when nobody knows who did."""
        async with self.store.work() as work:
            run = await work.runs.last_holder(closed.claim)
            if run is None or not _has_closed(run, closed):
                log.warning("target.closed_by_others", database=closed.database, step=closed.step)
                return None
            waits = run.state is RunState.INTERRUPTED or await work.runs.unattended(run.id) >= DEAD_AFTER
        return run if run.state.is_final or waits else None

    async def _open(self, closed: Closed, run: Run) -> None:
        """With an intent before and an outcome after, as an attempt of the step's own undo."""
        row = run.step(closed.step)
        row = replace(row, attempt=row.attempt + 1)
        async with self.store.work() as work:
            await work.runs.save_step(run.id, row)
            details = {"step": row.key, "attempt": row.attempt, "does": f"Open {closed.database} again"}
            await work.audit.record(Entry(ENGINE, Verb.STEP_UNDO_INTENDED, run.runbook, run.id, run.digest, details))
        said = await self.targets.open(closed, run.id, row.attempt)
        async with self.store.work() as work:
            await self._note(work, run, row, said)
        log.warning("target.opened_again", run=run.id, database=closed.database, step=closed.step)

    async def _note(self, work: Work, run: Run, row: StepRow, said: str) -> None:
        if run.state.is_final:  # any other run goes on from its steps as they are
            await work.runs.save_step(run.id, replace(row, state=StepState.UNDONE, note=said))
        details = {"step": row.key, "outcome": said}
        await work.audit.record(Entry(ENGINE, Verb.STEP_UNDONE, run.runbook, run.id, run.digest, details))
        await want_run_messages(work, run)


def _has_closed(run: Run, closed: Closed) -> bool:
    """Whether this run began to close exactly that database, and has not opened it since."""
    if run.described.get("bound", {}).get("oid") != closed.oid:
        return False
    states = {row.key: row.state for row in run.steps}
    is_begun = states.get(closed.step, StepState.PENDING) not in (StepState.PENDING, StepState.UNDONE)
    return is_begun and states.get(RESUME_STEP) is not StepState.DONE

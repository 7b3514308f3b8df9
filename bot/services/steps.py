"""Working through the steps of a run: intents before effects, outcomes after, undo on failure."""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import structlog

from bot.domain.audit import Entry, Verb
from bot.domain.errors import BotError, OperationFailed, Unavailable, Unrecorded
from bot.domain.operations import Observation, Operation, Outcome, Seen, StepContext
from bot.domain.people import ENGINE
from bot.domain.plans import Plan, Step
from bot.domain.runs import Run, RunState, StepRow, StepState
from bot.services import traces
from bot.services.backup_records import SETTLED, record_backup, record_settled
from bot.services.gate import Gate
from bot.services.leases import Kept, LeaseLost
from bot.services.messages import want_run_messages
from bot.services.ports import Store, Tools, Work
from bot.services.recoveries import measure_run

log = structlog.get_logger()

WATCH_EVERY = timedelta(seconds=1)
PROGRESS_EVERY = timedelta(seconds=2)
RECORD_AGAIN = timedelta(seconds=1)
NO_FACTS: Mapping[str, Any] = {}


class StepFailed(Exception):
    """A step did not do what it should; what was done is to be put back."""

    def __init__(
        self, step: Step, message: str, hint: str = "", *, cancelled: bool = False, facts: Mapping[str, Any] = NO_FACTS
    ) -> None:
        super().__init__(message)
        self.step, self.message, self.hint, self.cancelled, self.facts = step, message, hint, cancelled, facts


class CannotTell(Exception):
    """A dead worker's effect may or may not have happened, and no look can settle it: a person must."""

    def __init__(self, step: Step, told: str) -> None:
        super().__init__(told)
        self.step, self.told = step, told


class StepWork:
    """One worker's time with one run, for as long as it keeps the lease."""

    def __init__(
        self, store: Store, tools: Tools, keeper: Kept, plan: Plan, run: Run, *, gate: Gate | None = None
    ) -> None:
        self._store, self._tools, self._keeper, self._plan, self._run = store, tools, keeper, plan, run
        self._gate = gate
        self._rows: dict[str, StepRow] = {row.key: row for row in run.steps}
        self._told_at = 0.0

    async def work(self) -> None:
        """Do what is left to do, or put back what a failure left. Raises: LeaseLost, Unavailable."""
        try:
            if any(row.state in (StepState.FAILED, StepState.UNDONE) for row in self._rows.values()):
                await self._put_back()
                return
            for step in self._plan.steps:
                await self._do(step)
            await self._end(RunState.SUCCEEDED, Verb.RUN_SUCCEEDED)
        except StepFailed as failure:
            await self._note_failure(failure)
            await self._put_back()
        except CannotTell as doubt:
            hint = "Look yourself, then say in this thread: was done, run again, or abort."
            await self._end(RunState.INTERRUPTED, Verb.RUN_INTERRUPTED, f"{doubt.step.title}: {doubt.told}", hint)

    async def _do(self, step: Step) -> None:
        row = self._rows[step.key]
        if row.state is StepState.DONE or (row.state is StepState.INTENDED and await self._was_done(step)):
            return
        row = replace(row, state=StepState.INTENDED, attempt=row.attempt + 1, note="", finished_at=None)
        await self._record(row, Verb.STEP_INTENDED, {"attempt": row.attempt, "does": step.do.describe()}, starts=True)
        await self._must_be_proven(step)
        outcome = await self._effect(step, row)
        await self._record_done(step, outcome)

    async def _must_be_proven(self, step: Step) -> None:
        """The intent stands where nobody can take it away, before anything happens. Raises: StepFailed."""
        if self._gate is None:
            return
        try:
            await self._gate.wait(self._run)
        except OperationFailed as error:
            raise StepFailed(step, str(error), error.hint) from error

    async def _was_done(self, step: Step) -> bool:
        """After a crash inside a step: whether its effect happened. Raises: CannotTell, when nobody can know."""
        if step.do.safe_to_repeat:
            return False
        probe = getattr(step.do, "probe", None)
        if probe is None:
            raise CannotTell(step, "the worker died during this step, and there is nothing to look at.")
        seen: Observation = await probe(self._tools.for_step(self._context(step.key, self._rows[step.key].attempt)))
        if seen.seen is Seen.CANNOT_TELL:
            raise CannotTell(step, seen.told)
        if seen.seen is Seen.HAPPENED:
            await self._record_done(step, seen.outcome or Outcome(seen.told))
        return seen.seen is Seen.HAPPENED

    async def _record_done(self, step: Step, outcome: Outcome) -> None:
        row = replace(self._rows[step.key], state=StepState.DONE, note=outcome.summary, data=dict(outcome.data))
        await self._record(row, Verb.STEP_DONE, {"outcome": outcome.summary}, ends=True)

    async def _effect(self, step: Step, row: StepRow) -> Outcome:
        """Run and verify. Raises: StepFailed, LeaseLost."""
        tools = self._tools.for_step(self._context(step.key, row.attempt))
        with traces.step(step.key, row.attempt):
            return await self._watched(step, _run_and_verify(step, tools), step.do.timeout, may_cancel=True)

    async def _watched(self, step: Step, effect: Any, limit: timedelta, *, may_cancel: bool) -> Outcome:
        """Wait for an effect, but not past its limit, a cancellation or a lost lease; then until it has ended."""
        task: asyncio.Task[Outcome] = asyncio.create_task(effect)
        try:
            await self._watch(step, task, limit, may_cancel=may_cancel)
        except BaseException as why:
            # Whatever ends the watch, a worker that is told to stop included, ends the effect first.
            await self._stop(task, why)
            raise
        return self._outcome_of(step, task)

    async def _watch(self, step: Step, task: asyncio.Task[Outcome], limit: timedelta, *, may_cancel: bool) -> None:
        loop = asyncio.get_running_loop()
        until = loop.time() + limit.total_seconds()
        while not task.done():
            stop = await self._reason_to_stop(step, limit, overdue=loop.time() >= until, may_cancel=may_cancel)
            if stop is not None:
                raise stop
            await asyncio.wait({task}, timeout=max(0.0, min(WATCH_EVERY.total_seconds(), until - loop.time())))

    async def _reason_to_stop(
        self, step: Step, limit: timedelta, *, overdue: bool, may_cancel: bool
    ) -> Exception | None:
        if not self._keeper.is_held:
            return LeaseLost(self._run.id)
        if overdue:
            return StepFailed(step, f"It took longer than {limit}, and was stopped.", "Look at the platform.")
        if may_cancel and await self._cancel_asked():
            return StepFailed(step, "It was stopped because somebody cancelled the run.", cancelled=True)
        return None

    async def _cancel_asked(self) -> bool:
        try:
            async with self._store.work() as work:
                run = await work.runs.get(self._run.id)
        except Unavailable:
            return False
        return run is not None and bool(run.cancel_asked_by)

    async def _stop(self, task: asyncio.Task[Outcome], why: BaseException) -> None:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        if not isinstance(why, LeaseLost):  # then what the run has on the platform may be another worker's
            await self._tools.end_effects(self._run.id)

    def _outcome_of(self, step: Step, task: asyncio.Task[Outcome]) -> Outcome:
        try:
            return task.result()
        except BotError as error:
            raise StepFailed(step, str(error), error.hint, facts=error.facts) from error
        except Exception as error:
            reference = uuid4().hex[:8]
            log.exception("step.bug", run=self._run.id, step=step.key, reference=reference)
            message = f"An unexpected error ({type(error).__name__}, reference {reference})."
            raise StepFailed(step, message, "This is a bug of the bot: report it with the reference.") from error

    def _context(self, key: str, attempt: int) -> StepContext:
        earlier = {row.key: row.data for row in self._rows.values() if row.state is StepState.DONE}
        return StepContext(
            self._run.id, key, attempt, earlier, lambda text: self._say(key, text), lambda: self._keeper.is_held
        )

    async def _say(self, key: str, text: str) -> None:
        """Progress, written at most once in two seconds; the step's outcome replaces it, and no step fails for it."""
        now = asyncio.get_running_loop().time()
        if key in self._rows and now - self._told_at >= PROGRESS_EVERY.total_seconds():
            self._told_at = now
            with suppress(Unavailable, Unrecorded, LeaseLost):
                await self._write(replace(self._rows[key], note=text), None, {})

    async def _note_failure(self, failure: StepFailed) -> None:
        data: dict[str, Any] = {"failure": failure.message, "hint": failure.hint, "cancelled": failure.cancelled}
        if SETTLED in failure.facts:
            data[SETTLED] = failure.facts[SETTLED]
        row = replace(self._rows[failure.step.key], state=StepState.FAILED, note=failure.message, data=data)
        await self._record(row, Verb.STEP_FAILED, data, ends=True)

    async def _put_back(self) -> None:
        """Undo, last first, whatever was begun; a failure to undo is told and does not stop the others."""
        failed = next(row for row in self._rows.values() if "failure" in row.data)
        problems = []
        for step in reversed(self._plan.steps):
            if step.undo is not None and self._rows[step.key].state in (StepState.DONE, StepState.FAILED):
                problems += await self._undo(step, step.undo)
        undone = any(row.state is StepState.UNDONE for row in self._rows.values())
        state = RunState.CANCELLED if failed.data["cancelled"] else RunState.UNDONE if undone else RunState.FAILED
        verbs = {RunState.CANCELLED: Verb.RUN_CANCELLED, RunState.UNDONE: Verb.RUN_UNDONE}
        state = RunState.FAILED if problems else state
        failure = " ".join([f"{failed.title}: {failed.data['failure']}", *problems])
        await self._end(state, verbs.get(state, Verb.RUN_FAILED), failure, failed.data["hint"])

    async def _undo(self, step: Step, undo: Operation) -> list[str]:
        """Put one step back, as an attempt of its own: what a dead worker began of it is ended before."""
        row = self._rows[step.key]
        row = replace(row, attempt=row.attempt + 1)
        await self._record(row, Verb.STEP_UNDO_INTENDED, {"attempt": row.attempt, "does": undo.describe()})
        tools = self._tools.for_step(self._context(f"{step.key}.undo", row.attempt))
        try:
            with traces.step(f"{step.key}.undo", row.attempt):
                outcome = await self._watched(step, undo.run(tools), undo.timeout, may_cancel=False)
        except StepFailed as error:
            log.warning("step.not_undone", run=self._run.id, step=step.key, error=error.message)
            return [f"Could not put back {step.title!r}: {error.message}"]
        row = replace(row, state=StepState.UNDONE, note=row.data.get("failure", "") or outcome.summary)
        await self._record(row, Verb.STEP_UNDONE, {"outcome": outcome.summary}, ends=True)
        return []

    async def _record(
        self, row: StepRow, verb: Verb | None, details: Mapping[str, Any], *, starts: bool = False, ends: bool = False
    ) -> None:
        """Write it; an outcome waits for a database that is away or takes nothing. Raises: LeaseLost, Unavailable."""
        while True:
            try:
                await self._write(row, verb, details, starts=starts, ends=ends)
            except (Unavailable, Unrecorded):
                if not ends or not self._keeper.is_held:
                    raise
                log.warning("step.not_recorded_yet", run=self._run.id, step=row.key)
                await asyncio.sleep(RECORD_AGAIN.total_seconds())
            else:
                return

    async def _write(
        self, row: StepRow, verb: Verb | None, details: Mapping[str, Any], *, starts: bool = False, ends: bool = False
    ) -> None:
        """Write a step's row, its audit entry and its products together. Raises: LeaseLost, and writes nothing then."""
        async with self._store.work() as work:
            now = await self._must_hold(work)
            row = replace(row, started_at=now if starts else row.started_at, finished_at=now if ends else None)
            if not (ends and await self._is_written(work, row)):
                await self._save(work, row, verb, details)
        self._rows[row.key] = row

    async def _save(self, work: Work, row: StepRow, verb: Verb | None, details: Mapping[str, Any]) -> None:
        await work.runs.save_step(self._run.id, row)
        if verb is not None:
            await work.audit.record(self._entry(verb, {"step": row.key, **details}))
        if verb is Verb.STEP_DONE and "backup" in row.data:
            await record_backup(work, self._run, row.data["backup"])
        if verb in (Verb.STEP_DONE, Verb.STEP_FAILED) and SETTLED in row.data:
            await record_settled(work, self._run, row.data[SETTLED])
        await want_run_messages(work, self._run)

    async def _is_written(self, work: Work, row: StepRow) -> bool:
        """Whether it was committed before, and only the answer was lost."""
        stored = await work.runs.get(self._run.id)
        return stored is not None and (stored.step(row.key).state, stored.step(row.key).attempt) == (
            row.state,
            row.attempt,
        )

    async def _end(self, state: RunState, verb: Verb, failure: str = "", hint: str = "") -> None:
        async with self._store.work() as work:
            await self._must_hold(work)
            if not await work.runs.move(self._run.id, RunState.RUNNING, state, failure=failure, hint=hint):
                return  # it was committed before, and only the answer was lost
            await work.audit.record(self._entry(verb, {"failure": failure} if failure else {}))
            if state is RunState.SUCCEEDED:
                await measure_run(work, self._run, self._plan.recovers)
            await want_run_messages(work, replace(self._run, state=state))

    async def _must_hold(self, work: Work) -> datetime:
        if not await work.runs.holds(self._keeper.lease):
            raise LeaseLost(self._run.id)
        return await work.now()

    def _entry(self, verb: Verb, details: Mapping[str, Any]) -> Entry:
        return Entry(ENGINE, verb, self._run.runbook, self._run.id, self._run.digest, details)


async def _run_and_verify(step: Step, tools: Any) -> Outcome:
    """An exit code is not success: what was done is looked at before it counts."""
    outcome = await step.do.run(tools)
    if step.verify is not None:
        await step.verify.run(tools)
    return outcome

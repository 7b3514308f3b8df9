"""What a run closed and did not open again is opened; what a person closed, or a run at work, is left alone."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import pytest

from bot.domain.audit import Verb
from bot.domain.errors import OperationFailed
from bot.domain.runs import CLOSE_STEP, PAUSE_STEP, RESUME_STEP, Run, RunState, StepRow, StepState
from bot.services.reopening import DEAD_AFTER, Closed, Reopening
from bot.services.rows import AuditQuery
from bot.stores.memory.store import MemoryStore
from tests.builders import a_run

CLAIM, OID = "7123/takumi", 16384
SHUT = Closed(CLOSE_STEP, CLAIM, "takumi", OID)
HELD_BACK = replace(SHUT, step=PAUSE_STEP)
MOMENT = timedelta(seconds=1)


@dataclass
class FakeTargets:
    """What is closed, until it is opened; `looks` closes or opens something between two looks."""

    store: MemoryStore
    found: list[Closed]
    opened: list[tuple[str, int]] = field(default_factory=list)
    trail: list[Verb] = field(default_factory=list)
    trouble: list[OperationFailed] = field(default_factory=list)
    vanishes: bool = False

    async def closed(self) -> Sequence[Closed]:
        found = list(self.found)
        if self.vanishes:
            self.found.clear()
        return found

    async def open(self, closed: Closed, run: str, attempt: int) -> str:
        async with self.store.work() as work:
            self.trail = [one.entry.verb for one in await work.audit.find(AuditQuery(run=run))]
        if self.trouble:
            raise self.trouble.pop()
        self.opened.append((run, attempt))
        self.found.remove(closed)
        return f"{closed.database} is open"


class Site:
    """One run that closed a database, and a platform on which it is closed."""

    def __init__(self, *found: Closed) -> None:
        self.passed = timedelta()
        self.store = MemoryStore(lambda: datetime.now(UTC) + self.passed)
        self.targets = FakeTargets(self.store, list(found or [SHUT]))
        self.reopening = Reopening(self.store, self.targets)

    async def run(self, state: RunState, close: StepState = StepState.DONE, **more: StepState) -> Run:
        states = {CLOSE_STEP: close, **more}
        steps = tuple(StepRow(key, key) for key in states)
        run = replace(a_run(), steps=steps, described={"bound": {"oid": OID}})
        async with self.store.work() as work:
            await work.runs.add(run)
            await work.runs.start(run.id, "a worker", MOMENT, [(CLAIM, True)])
            for key, its in states.items():
                await work.runs.save_step(run.id, StepRow(key, key, its, 1))
            if state is not RunState.RUNNING:
                await work.runs.move(run.id, RunState.RUNNING, state)
        return await self.look_at(run)

    async def look_at(self, run: Run) -> Run:
        async with self.store.work() as work:
            found = await work.runs.get(run.id)
        assert found is not None
        return found

    async def verbs(self, run: Run) -> list[Verb]:
        async with self.store.work() as work:
            return [one.entry.verb for one in reversed(await work.audit.find(AuditQuery(run=run.id)))]


ENDED = [RunState.FAILED, RunState.CANCELLED, RunState.UNDONE]


@pytest.mark.parametrize("state", ENDED)
@pytest.mark.parametrize("close", [StepState.DONE, StepState.FAILED, StepState.INTENDED])
async def test_what_an_ended_run_left_closed_is_opened_once_with_an_intent_before(
    state: RunState, close: StepState
) -> None:
    site = Site()
    run = await site.run(state, close)
    await site.reopening.look()
    await site.reopening.look()
    assert site.targets.opened == [(run.id, 2)]
    assert site.targets.trail == [Verb.STEP_UNDO_INTENDED]
    assert await site.verbs(run) == [Verb.STEP_UNDO_INTENDED, Verb.STEP_UNDONE]
    step = (await site.look_at(run)).step(CLOSE_STEP)
    assert (step.state, step.note) == (StepState.UNDONE, "takumi is open")


async def test_a_pooler_that_still_holds_clients_back_is_resumed() -> None:
    site = Site(HELD_BACK)
    run = await site.run(RunState.FAILED, **{PAUSE_STEP: StepState.DONE})
    await site.reopening.look()
    assert site.targets.opened == [(run.id, 2)]


async def test_a_pooler_that_was_resumed_by_the_run_is_somebody_elses_now() -> None:
    site = Site(HELD_BACK)
    await site.run(RunState.SUCCEEDED, **{PAUSE_STEP: StepState.DONE, RESUME_STEP: StepState.DONE})
    await site.reopening.look()
    assert site.targets.opened == []


async def test_a_run_that_asks_a_person_does_not_keep_clients_out_until_somebody_answers() -> None:
    site = Site()
    run = await site.run(RunState.INTERRUPTED)
    await site.reopening.look()
    assert site.targets.opened == [(run.id, 2)]
    assert (await site.look_at(run)).step(CLOSE_STEP).state is StepState.DONE


async def test_a_run_at_work_is_left_alone_and_one_that_nobody_takes_over_is_not() -> None:
    site = Site()
    await site.run(RunState.RUNNING)
    await site.reopening.look()
    site.passed = MOMENT + DEAD_AFTER - timedelta(seconds=5)
    await site.reopening.look()
    assert site.targets.opened == []
    site.passed += timedelta(seconds=10)
    await site.reopening.look()
    assert len(site.targets.opened) == 1


async def test_what_nobody_knows_to_have_closed_is_left_alone() -> None:
    site = Site()
    await site.reopening.look()
    assert site.targets.opened == []


@pytest.mark.parametrize("close", [StepState.UNDONE, StepState.PENDING])
async def test_what_the_run_opened_itself_or_never_closed_was_closed_by_somebody_else(close: StepState) -> None:
    site = Site()
    await site.run(RunState.FAILED, close)
    await site.reopening.look()
    assert site.targets.opened == []


async def test_another_database_of_that_name_is_left_alone() -> None:
    site = Site(replace(SHUT, oid=OID + 1))
    await site.run(RunState.FAILED)
    await site.reopening.look()
    assert site.targets.opened == []


async def test_the_run_that_had_it_last_decides() -> None:
    site = Site()
    await site.run(RunState.FAILED)
    site.passed = timedelta(minutes=1)
    await site.run(RunState.RUNNING)
    await site.reopening.look()
    assert site.targets.opened == []


async def test_what_is_open_by_the_second_look_gets_no_intent() -> None:
    site = Site()
    site.targets.vanishes = True
    run = await site.run(RunState.FAILED)
    await site.reopening.look()
    assert await site.verbs(run) == []


async def test_one_that_does_not_open_is_tried_again_and_does_not_stop_the_others() -> None:
    site = Site(SHUT, HELD_BACK)
    site.targets.trouble = [OperationFailed("no answer")]
    run = await site.run(RunState.FAILED, **{PAUSE_STEP: StepState.DONE})
    await site.reopening.look()
    assert site.targets.opened == [(run.id, 2)]
    await site.reopening.look()
    assert site.targets.opened == [(run.id, 2), (run.id, 3)]

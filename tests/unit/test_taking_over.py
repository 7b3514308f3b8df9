"""What a worker that was away may still do, what undoing leaves in the trail, and what a takeover ends first."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest

from bot.domain.audit import Verb
from bot.domain.errors import OperationFailed, Unavailable
from bot.domain.operations import Outcome
from bot.domain.plans import Step
from bot.domain.runs import RunState, StepRow, StepState
from bot.services import steps as steps_module
from bot.services.execution import Execution
from bot.services.leases import Kept
from bot.services.ports import Work
from bot.stores.memory.runs import MemoryRuns
from bot.stores.memory.store import MemoryStore
from tests.fakes import Scripted, StepTools, failing, forever, runbook
from tests.unit.test_execution import AIKO, World

QUICKLY = timedelta(milliseconds=20)


@pytest.fixture(autouse=True)
def watch_quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(steps_module, "WATCH_EVERY", QUICKLY)


def with_short_lease(world: World) -> Execution:
    return Execution(world.store, world.tools, world.catalog, world.approvals, "worker", timedelta(milliseconds=60))


def never_renewed(monkeypatch: pytest.MonkeyPatch) -> None:
    async def refuse(*_: object) -> None:
        return None

    monkeypatch.setattr(MemoryRuns, "renew", refuse)


async def test_a_worker_that_lost_its_lease_stops_its_step_and_leaves_the_sessions_to_the_next(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """They may be the next one's already."""
    never_renewed(monkeypatch)
    world = World(runbook(Step("one", "One", Scripted("one", forever()), undo=Scripted("undo one"))))
    run = await world.ask()
    async with asyncio.timeout(5):
        await with_short_lease(world).advance(run.id)
    assert world.tools.happened == ["one", "stopped"]
    assert world.tools.ended == []
    assert (await world.look(run)).steps[0].state is StepState.INTENDED


async def test_a_worker_whose_lease_ran_out_begins_nothing_more_before_it_has_asked_anybody(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    never_renewed(monkeypatch)
    refused: list[str] = []

    async def wake_up_too_late(tools: StepTools) -> Outcome | None:
        tools.context.must_hold()
        await asyncio.sleep(0.1)
        try:
            tools.context.must_hold()
        except OperationFailed as error:
            refused.append(str(error))
        return None

    world = World(runbook(Step("one", "One", Scripted("one", wake_up_too_late))))
    monkeypatch.setattr(steps_module, "WATCH_EVERY", timedelta(seconds=5))
    run = await world.ask()
    await with_short_lease(world).advance(run.id)
    assert len(refused) == 1
    assert (await world.look(run)).steps[0].state is StepState.INTENDED


async def test_a_lease_is_held_for_its_length_from_when_it_was_asked_for() -> None:
    now = asyncio.get_running_loop().time()
    lease = object()
    assert Kept(lease, now + 60).is_held  # type: ignore[arg-type] # only its clock is looked at
    assert not Kept(lease, now - 0.001).is_held  # type: ignore[arg-type] # as above


async def test_an_undo_is_intended_before_it_is_done_as_an_attempt_of_its_own() -> None:
    seen: list[tuple[str, int, bool]] = []

    async def note(tools: StepTools) -> Outcome | None:
        run = (await world.runs.recent(1))[0]
        intended = Verb.STEP_UNDO_INTENDED in await world.verbs(run)
        seen.append((tools.context.session_name.removeprefix(f"takumi:{run.id}:"), run.steps[0].attempt, intended))
        return None

    bad = Scripted("two", failing(OperationFailed("No.")))
    world = World(runbook(Step("one", "One", Scripted("one"), undo=Scripted("undo", note)), Step("two", "Two", bad)))
    run = await world.run()
    assert seen == [("one.undo:2", 2, True)]
    assert run.state is RunState.UNDONE


async def test_a_cancellation_does_not_stop_the_putting_back() -> None:
    async def take_a_while(_tools: StepTools) -> Outcome | None:
        await asyncio.sleep(0.1)
        return None

    step = Step("one", "One", Scripted("one", forever()), undo=Scripted("undo one", take_a_while))
    world = World(runbook(step))
    run = await world.ask()
    working = asyncio.create_task(world.execution.advance(run.id))
    await world.tools.started.wait()
    await world.runs.cancel(run.id, AIKO)
    await working
    assert world.tools.happened == ["one", "stopped", "undo one"]
    assert (await world.look(run)).state is RunState.CANCELLED


async def test_a_bug_in_an_undo_is_told_and_ends_the_run() -> None:
    step = Step("one", "One", Scripted("one", failing(OperationFailed("No."))), undo=Scripted("u", failing(KeyError())))
    run = await World(runbook(step)).run()
    assert run.state is RunState.FAILED
    assert "Could not put back 'One': An unexpected error (KeyError, reference" in run.failure


async def test_an_undo_over_its_limit_is_stopped_and_told() -> None:
    slow = Scripted("undo one", forever(), timeout=timedelta(milliseconds=10))
    step = Step("one", "One", Scripted("one", failing(OperationFailed("No."))), undo=slow)
    world = World(runbook(step))
    run = await world.run()
    assert world.tools.happened == ["one", "undo one", "stopped"]
    assert "Could not put back 'One': It took longer than" in run.failure


def away_for_a_while(monkeypatch: pytest.MonkeyPatch, wanted: Callable[[StepRow], bool]) -> list[str]:
    """The bot's database is away for the first two tries to save such a row; answers what was tried."""
    original, tries = MemoryRuns.save_step, []

    async def save(self: MemoryRuns, run_id: str, row: StepRow) -> None:
        if wanted(row) and len(tries) < 2:
            tries.append(row.key)
            raise Unavailable("The bot's own database did not answer.")
        await original(self, run_id, row)

    monkeypatch.setattr(MemoryRuns, "save_step", save)
    monkeypatch.setattr(steps_module, "RECORD_AGAIN", QUICKLY)
    return tries


async def test_an_outcome_is_recorded_once_the_database_is_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """An hour's dump is not made again because the database blinked in its last second."""
    world = World(runbook(Step("one", "One", Scripted("one"))))
    tries = away_for_a_while(monkeypatch, lambda row: row.state is StepState.DONE)
    run = await world.run()
    assert len(tries) == 2
    assert run.state is RunState.SUCCEEDED
    assert world.tools.happened == ["one"]


async def test_an_outcome_whose_commit_was_not_answered_is_not_recorded_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(runbook(Step("one", "One", Scripted("one"))))
    original, lost = MemoryStore.work, []

    @asynccontextmanager
    async def work(self: MemoryStore) -> AsyncIterator[Work]:
        async with original(self) as unit:
            yield unit
        run = self._tables.runs.get(run_id)
        if run is not None and run.steps[0].state is StepState.DONE and not lost:
            lost.append(run_id)
            raise Unavailable("The bot's own database did not answer.")

    run_id = (await world.ask()).id
    monkeypatch.setattr(MemoryStore, "work", work)
    monkeypatch.setattr(steps_module, "RECORD_AGAIN", QUICKLY)
    await world.execution.advance(run_id)
    monkeypatch.undo()
    run = (await world.runs.recent(1))[0]
    assert lost == [run_id]
    assert run.state is RunState.SUCCEEDED
    assert (await world.verbs(run)).count(Verb.STEP_DONE) == 1


async def test_progress_that_cannot_be_written_fails_no_step(monkeypatch: pytest.MonkeyPatch) -> None:
    async def talk(tools: StepTools) -> Outcome | None:
        await tools.context.say("half way")
        return None

    world = World(runbook(Step("one", "One", Scripted("one", talk))))
    tries = away_for_a_while(monkeypatch, lambda row: row.note == "half way")
    run = await world.run()
    assert tries == ["one"]
    assert run.state is RunState.SUCCEEDED

"""A run of a release that is gone: left alone while somebody may come back for it, then ended and told."""

from dataclasses import replace
from datetime import timedelta

from bot.domain.audit import Verb
from bot.domain.plans import Claim, Step
from bot.domain.runs import Run, RunState, StepState
from bot.services.left_behind import LEFT_AFTER_LEASES
from tests.fakes import Scripted, catalog_of, runbook
from tests.unit.test_execution import World

STEPS = (Step("one", "One", Scripted("one"), undo=Scripted("undo one")), Step("two", "Two", Scripted("two")))
LONG = timedelta(seconds=20) * (LEFT_AFTER_LEASES + 1)


async def left_in_step_two(world: World) -> Run:
    """A worker that died after step one was done, and two was intended."""
    run = await world.ask()
    async with world.store.work() as work:
        await work.runs.start(run.id, "old release", timedelta(0), [("7/takumi", True)])
        await work.runs.save_step(run.id, replace(run.steps[0], state=StepState.DONE, attempt=1))
        await work.runs.save_step(run.id, replace(run.steps[1], state=StepState.INTENDED, attempt=1))
    return run


def upgraded(world: World, source: str = "the next release") -> None:
    """From now on the world's worker has another text of the runbook."""
    loaded = replace(world.catalog.runbooks["try-a-thing"], source_sha256=source)
    world.execution = world.worker(replace(world.catalog, runbooks={"try-a-thing": loaded}))


async def test_a_run_of_another_release_is_left_to_that_release_for_a_while() -> None:
    world = World(runbook(*STEPS))
    run = await left_in_step_two(world)
    upgraded(world)
    world.passed = timedelta(seconds=60)
    await world.execution.advance(run.id)
    assert (await world.look(run)).state is RunState.RUNNING
    assert world.tools.ended == []


async def test_a_run_whose_release_is_gone_ends_and_says_what_stands_and_what_is_in_doubt() -> None:
    world = World(runbook(*STEPS))
    run = await left_in_step_two(world)
    upgraded(world)
    world.passed = LONG
    await world.execution.advance(run.id)
    ended = await world.look(run)
    assert ended.state is RunState.FAILED
    assert "Done: One. Under way, and ended: Two. Nothing was put back." in ended.failure
    assert "yourself" in ended.hint
    assert world.tools.ended == [run.id], "what it has on the platform is ended first"
    assert world.tools.happened == [], "nothing is repeated, and nothing is put back"
    assert (await world.verbs(run))[-2:] == [Verb.RUN_TAKEN_OVER, Verb.RUN_FAILED]


async def test_its_target_is_free_again() -> None:
    world = World(runbook(*STEPS, claims=(Claim("7/takumi"),)))
    run = await left_in_step_two(world)
    upgraded(world)
    world.passed = LONG
    await world.execution.advance(run.id)
    world.execution = world.worker(world.catalog)
    again = await world.ask(request="inbox-2")
    await world.execution.advance(again.id)
    assert (await world.look(again)).state is RunState.SUCCEEDED


async def test_a_runbook_that_the_release_no_longer_has_ends_in_the_same_way() -> None:
    world = World(runbook(*STEPS))
    run = await left_in_step_two(world)
    world.execution, world.passed = world.worker(catalog_of()), LONG
    await world.execution.advance(run.id)
    assert (await world.look(run)).state is RunState.FAILED


async def test_a_worker_that_has_the_plan_goes_on_however_late() -> None:
    world = World(runbook(STEPS[0], replace(STEPS[1], do=Scripted("two", safe_to_repeat=True))))
    run = await left_in_step_two(world)
    world.passed = LONG
    await world.execution.advance(run.id)
    assert (await world.look(run)).state is RunState.SUCCEEDED

"""What restores replaced: a warning before it goes, a run when it has expired, silence otherwise."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from bot.domain.operations import Outcome
from bot.domain.plans import Step
from bot.domain.runs import Run
from bot.services import run_documents
from bot.services.kept_copies import KeptCopies
from tests.fakes import Scripted, StepTools, runbook
from tests.unit.test_execution import World

DROP = replace(runbook(Step("drop", "Drop", Scripted("drop"))), name="drop-kept-copies")
NOTHING = replace(runbook(), name="drop-kept-copies")


def replaced(hours: float) -> Step:
    """A swap whose former database is kept for so long."""

    async def act(_tools: StepTools) -> Outcome:
        until = datetime.now(UTC) + timedelta(hours=hours)
        return Outcome("swapped", {"kept": "takumi_before", "expires_at": until.isoformat()})

    return Step("swap", "Swap", Scripted("swap", act))


async def looked_after(world: World) -> set[str]:
    """The keys that were woken by looking after the copies."""
    before = len(world.store.wakes)
    await KeptCopies(world.store, world.runs, "C1").look_after(datetime.now(UTC))
    return {wake.key for wake in world.store.wakes[before:]}


@pytest.mark.parametrize(("hours", "warned"), [(12, True), (25, True), (40, False), (-1, False)])
async def test_a_warning_comes_a_day_before_the_way_back_is_gone_and_only_then(hours: float, warned: bool) -> None:
    world = World(runbook(replaced(hours)), NOTHING)
    run = await world.run()
    assert await looked_after(world) == ({f"run:{run.id}:warning"} if warned else set())


async def test_what_has_expired_is_dropped_by_a_run_of_its_own_and_a_quiet_day_says_nothing() -> None:
    quiet, busy = World(NOTHING), World(DROP)
    assert await looked_after(quiet) == set()
    await looked_after(busy)
    assert [run.runbook for run in await busy.runs.recent(9)] == ["drop-kept-copies"]


async def test_the_same_day_asked_twice_makes_one_run() -> None:
    world, planned = World(DROP), datetime.now(UTC)
    copies = KeptCopies(world.store, world.runs, "C1")
    await copies.look_after(planned)
    await copies.look_after(planned)
    assert len(await world.runs.recent(9)) == 1


async def test_the_warning_says_until_when_and_how_to_go_back() -> None:
    world = World(runbook(replaced(12)), NOTHING)
    run: Run = await world.run()
    said = run_documents.warning(run, datetime(2026, 11, 27, 7, 0, tzinfo=UTC))
    assert "2026-11-27 07:00:00 UTC" in said.summary
    assert f"/takumi undo {run.number}" in str(said.parts)

"""Each safety rule is broken on purpose, and the judge of the soak notices: else its silence would prove nothing."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
import pytest_asyncio

from bot.domain.operations import Observation, Outcome, Seen
from bot.domain.plans import Step
from bot.domain.runs import Lease, RunState, StepState
from bot.operations.tools.toolbox import StepTools, Toolbox
from bot.services import steps as steps_module
from bot.services.leases import Kept
from bot.services.steps import StepWork
from bot.stores.postgres import PostgresStore
from bot.stores.runs import PostgresRuns
from demo.platform.databases import PLATFORM_MAINTENANCE, PLATFORM_OWNER
from demo.platform.postgres import Cluster
from tests.integration.backups import platform
from tests.mutations.scenes import Scene
from tests.soak.checker import endings, intents, overlapping, repeated
from tests.soak.platform_log import Rename
from tests.stores import BotDatabase, rows


@pytest.fixture(autouse=True)
def watch_quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(steps_module, "WATCH_EVERY", timedelta(milliseconds=20))


@pytest.fixture
def scene(postgres_store: PostgresStore, migrated: BotDatabase) -> Scene:
    return Scene(postgres_store, migrated)


# The lease: a worker that was paused comes back when another has finished the run.


async def a_paused_worker_comes_back(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the judge says of it."""
    original = PostgresRuns.renew

    async def paused(self: PostgresRuns, lease: Lease, length: timedelta) -> Lease | None:
        await scene.gates["first"].wait()
        return await original(self, lease, length)

    monkeypatch.setattr(PostgresRuns, "renew", paused)
    run = await scene.ask()
    first = asyncio.create_task(scene.worker("paused").advance(run.id))
    await scene.begun.wait()
    await asyncio.sleep(0.6)
    await scene.worker("second").advance(run.id)
    assert await scene.state(run) is RunState.SUCCEEDED
    scene.gates["first"].set()
    await first
    return list(endings(await scene.evidence()))


def believe_the_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Kept, "is_held", property(lambda _: True))


def believe_the_row(monkeypatch: pytest.MonkeyPatch) -> None:
    async def always(_self: PostgresRuns, _lease: Lease) -> bool:
        return True

    monkeypatch.setattr(PostgresRuns, "holds", always)


@pytest.mark.parametrize("broken", [(), (believe_the_clock,), (believe_the_row,)], ids=["none", "clock", "row"])
async def test_either_check_of_the_lease_keeps_a_paused_worker_from_recording(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, broken: Sequence[object]
) -> None:
    for breaking in broken:
        breaking(monkeypatch)  # type: ignore[operator] # one of the two above
    assert await a_paused_worker_comes_back(scene, monkeypatch) == []


async def test_without_the_lease_the_judge_sees_a_run_that_goes_on_after_its_end(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    believe_the_clock(monkeypatch)
    believe_the_row(monkeypatch)
    assert any("went on after its end" in found for found in await a_paused_worker_comes_back(scene, monkeypatch))


# The intent: what the platform sees must be in the trail already.


async def a_run(scene: Scene) -> list[str]:
    run = await scene.ask()
    scene.gates["first"].set()
    await scene.worker("only").advance(run.id)
    assert await scene.state(run) is RunState.SUCCEEDED
    return list(intents(await scene.evidence()))


async def test_with_intents_first_the_judge_is_content(scene: Scene) -> None:
    assert await a_run(scene) == []


async def test_an_effect_before_its_intent_is_seen(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    async def effect_first(self: StepWork, step: Step) -> None:
        row = replace(self._rows[step.key], state=StepState.INTENDED, attempt=1)
        outcome = await self._effect(step, row)
        await self._record(row, steps_module.Verb.STEP_INTENDED, {"attempt": 1, "does": step.do.describe()})
        await self._record_done(step, outcome)

    monkeypatch.setattr(StepWork, "_do", effect_first)
    assert any("before its intent" in found for found in await a_run(scene))


async def test_an_effect_without_any_intent_is_seen(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    async def no_intent(self: StepWork, step: Step) -> None:
        outcome = await self._effect(step, replace(self._rows[step.key], attempt=1))
        await self._record_done(step, outcome)

    monkeypatch.setattr(StepWork, "_do", no_intent)
    assert any("there is no intent" in found for found in await a_run(scene))


# The exclusion: two runs that change one database.


async def two_runs_at_one_target(scene: Scene) -> list[str]:
    first, second = await scene.ask("one"), await scene.ask("two")
    working = [asyncio.create_task(scene.worker(name).advance(run.id)) for name, run in (("a", first), ("b", second))]
    await asyncio.sleep(0.3)
    scene.gates["first"].set()
    await asyncio.gather(*working)
    for run in (first, second):
        await scene.worker("later").advance(run.id)
        assert await scene.state(run) is RunState.SUCCEEDED
    return list(overlapping(await scene.evidence()))


async def test_with_the_constraint_two_runs_at_one_target_come_one_after_the_other(scene: Scene) -> None:
    assert await two_runs_at_one_target(scene) == []


async def test_without_the_constraint_the_judge_sees_them_at_once(scene: Scene) -> None:
    await rows(scene.database.owner_url, "ALTER TABLE run_claims DROP CONSTRAINT run_claims_exclude")
    assert any("at one target at once" in found for found in await two_runs_at_one_target(scene))


# The session fence: a dead worker's statement goes on and commits, when nobody ends it.


@dataclass(frozen=True)
class Append:
    """A destructive step: each time it happens there is one row more."""

    timeout: timedelta = timedelta(seconds=20)
    safe_to_repeat: bool = False

    def describe(self) -> str:
        return "Append a row"

    async def run(self, tools: StepTools) -> Outcome:
        access = tools.database("")
        async with tools.fence(access), tools.session(access) as session:
            await session.rows("INSERT INTO effects VALUES (%s)", (tools.context.run,))
        return Outcome("appended")

    async def probe(self, tools: StepTools) -> Observation:
        async with tools.session(tools.database("")) as session:
            found = await session.value("SELECT count(*) FROM effects WHERE run = %s", (tools.context.run,))
        return Observation(Seen.HAPPENED if found else Seen.NOT_HAPPENED, f"{found} rows")


@pytest_asyncio.fixture
async def target(cluster: Cluster, fresh_database: str) -> AsyncIterator[str]:
    async with cluster.connect(fresh_database, PLATFORM_OWNER) as connection:
        await connection.execute("CREATE TABLE effects (run text, at timestamptz DEFAULT clock_timestamp())")
    yield fresh_database


async def a_dead_workers_statement_goes_on(scene: Scene, cluster: Cluster, target: str) -> list[str]:
    """The worker is gone, and its INSERT ends a moment after the takeover."""
    scene.use(Step("append", "Append", Append()))
    run = await scene.ask()
    async with scene.store.work() as work:
        assert await work.runs.start(run.id, "dead", timedelta(0), [("1/takumi", True)])
        await work.runs.save_step(run.id, replace(run.steps[0], state=StepState.INTENDED, attempt=1))
    url = cluster.url(target, PLATFORM_MAINTENANCE)
    name = f"takumi:{run.id}:append:1"
    orphan = await psycopg.AsyncConnection.connect(url, application_name=name, autocommit=True)
    going_on = asyncio.create_task(orphan.execute("INSERT INTO effects SELECT %s FROM pg_sleep(1)", (run.id,)))
    await asyncio.sleep(0.2)
    await scene.worker("second").advance(run.id)
    await asyncio.gather(going_on, return_exceptions=True)
    await orphan.close()
    assert await scene.state(run) is RunState.SUCCEEDED
    found = await rows(url, "SELECT run, at FROM effects")
    swaps = [Rename(one, at.astimezone(UTC) if at else datetime.now(UTC), "takumi", "aside") for one, at in found]
    return list(repeated(await scene.evidence(swaps)))


@pytest.fixture
def real_scene(
    postgres_store: PostgresStore, migrated: BotDatabase, cluster: Cluster, target: str, tmp_path: object
) -> Scene:
    toolbox = Toolbox(platform(cluster, target, tmp_path))  # type: ignore[arg-type] # a Path
    return Scene(postgres_store, migrated, toolbox)


async def test_a_takeover_that_ends_the_sessions_does_the_step_once(
    real_scene: Scene, cluster: Cluster, target: str
) -> None:
    assert await a_dead_workers_statement_goes_on(real_scene, cluster, target) == []


async def test_without_the_session_fence_the_judge_sees_the_effect_twice(
    real_scene: Scene, cluster: Cluster, target: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def leave_them(_self: Toolbox, _run: str) -> Sequence[str]:
        return []

    monkeypatch.setattr(Toolbox, "end_effects", leave_them)
    found = await a_dead_workers_statement_goes_on(real_scene, cluster, target)
    assert any("swapped 2 times" in one for one in found)

"""What keeps an old attempt from acting beside a new one, on a real server."""

import asyncio
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest

from bot.domain.errors import OperationFailed
from bot.domain.operations import StepContext
from bot.operations.tools import fences
from bot.operations.tools.access import DatabaseAccess
from bot.operations.tools.toolbox import Toolbox
from demo.platform.postgres import Cluster
from tests.integration.backups import platform, sessions_named
from tests.servers import free_port, unique_name


@pytest.fixture
def toolbox(cluster: Cluster, tmp_path: Path) -> Toolbox:
    return Toolbox(platform(cluster, "postgres", tmp_path))


@pytest.fixture
def access(toolbox: Toolbox) -> DatabaseAccess:
    return toolbox.platform.databases[0]


def attempt(run: str, number: int) -> StepContext:
    return StepContext(run, "step", number)


async def living_session(cluster: Cluster, name: str) -> psycopg.AsyncConnection:
    """A session whose client lives on and knows nothing, as that of a stopped worker."""
    url = cluster.url("postgres", "takumi_maintenance")
    return await psycopg.AsyncConnection.connect(url, application_name=name, autocommit=True)


async def test_ending_the_effects_of_a_run_ends_its_sessions_and_no_others(cluster: Cluster, toolbox: Toolbox) -> None:
    run = unique_name("run")[:20]
    old = await living_session(cluster, f"takumi:{run}:swap:1")
    running = asyncio.create_task(old.execute("SELECT pg_sleep(60)"))
    other = await living_session(cluster, f"takumi:{run}0:swap:1")
    await asyncio.sleep(0.2)
    assert await toolbox.end_effects(run) == [f"takumi:{run}:swap:1"]
    with pytest.raises(psycopg.OperationalError):
        await running
    assert await sessions_named(cluster, f"takumi:{run}:") == []
    await other.execute("SELECT 1")
    await other.close()
    await old.close()


async def test_a_step_that_fails_ends_whatever_bears_its_name(
    cluster: Cluster, toolbox: Toolbox, access: DatabaseAccess
) -> None:
    context = attempt(unique_name("run")[:20], 1)
    left = await living_session(cluster, context.session_name)
    with pytest.raises(ValueError, match="boom"):
        async with toolbox.for_step(context).fence(access):
            raise ValueError("boom")
    assert await sessions_named(cluster, context.session_name) == []
    await left.close()


async def test_a_step_that_succeeds_ends_nothing_but_its_own_session(
    cluster: Cluster, toolbox: Toolbox, access: DatabaseAccess
) -> None:
    context = attempt(unique_name("run")[:20], 1)
    async with toolbox.for_step(context).fence(access):
        assert await sessions_named(cluster, context.session_name) == [context.session_name]
    assert await sessions_named(cluster, context.session_name) == []


async def test_a_new_attempt_waits_for_the_old_one_and_does_not_begin_beside_it(
    toolbox: Toolbox, access: DatabaseAccess, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fences, "LOCK_PATIENCE_SECONDS", 0.3)
    run = unique_name("run")[:20]
    async with toolbox.for_step(attempt(run, 1)).fence(access):
        with pytest.raises(OperationFailed, match="Another attempt"):
            async with toolbox.for_step(attempt(run, 2)).fence(access):
                pytest.fail("two attempts acted at once")
        async with toolbox.for_step(attempt(unique_name("run")[:20], 1)).fence(access):
            pass
    async with toolbox.for_step(attempt(run, 3)).fence(access):
        pass


async def test_a_session_that_does_not_end_is_named(
    cluster: Cluster, toolbox: Toolbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fences, "END_PATIENCE_SECONDS", 0.3)
    run = unique_name("run")[:20]
    url = cluster.url("postgres")
    superusers = await psycopg.AsyncConnection.connect(url, application_name=f"takumi:{run}:x:1", autocommit=True)
    with pytest.raises(OperationFailed, match="refused: "):
        await toolbox.end_effects(run)
    await superusers.close()


async def test_a_session_sees_that_the_lock_of_its_step_is_gone(
    cluster: Cluster, toolbox: Toolbox, access: DatabaseAccess
) -> None:
    tools = toolbox.for_step(attempt(unique_name("run")[:20], 1))
    async with tools.session(access) as session, tools.session(access) as lock:
        await fences.wait_for_lock(lock, fences.LOCK_CLASS, 1)
        await fences.must_be_held(session, lock)
        async with cluster.connect() as superuser:
            await superuser.execute("SELECT pg_terminate_backend(%s, 5000)", (lock.pid,))
        with pytest.raises(OperationFailed, match="lock on the target was lost"):
            await fences.must_be_held(session, lock)


async def test_a_cluster_that_is_away_does_not_keep_a_run_on_another_from_being_taken_over(
    cluster: Cluster, toolbox: Toolbox, access: DatabaseAccess
) -> None:
    run = unique_name("run")[:20]
    old = await living_session(cluster, f"takumi:{run}:swap:1")
    away = replace(access, name="away", port=free_port())
    both = Toolbox(replace(toolbox.platform, databases=(away, access)))
    assert await both.end_effects(run) == [f"takumi:{run}:swap:1"]
    await old.close()

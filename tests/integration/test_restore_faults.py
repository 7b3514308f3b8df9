"""A restore that goes wrong, is stopped or overtaken: the target stays, and whatever was begun goes."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
import pytest_asyncio

from bot.domain.errors import OperationFailed, Refused, RequestError
from bot.domain.operations import Seen
from bot.operations.restorers import restorer
from bot.operations.swapping import SwapDatabases
from bot.operations.tools.toolbox import Toolbox
from demo.platform.postgres import Cluster
from tests.integration.backups import (
    SmallEngine,
    backup_plan,
    connected,
    filled_database,
    oid_of,
    platform,
    restore_plan,
    rows,
    sessions_named,
    undo_plan,
    until,
    untouched,
    with_restorer,
)


@pytest_asyncio.fixture
async def source(cluster: Cluster) -> AsyncIterator[str]:
    async with filled_database(cluster) as name:
        yield name


@pytest_asyncio.fixture
async def toolbox(cluster: Cluster, source: str, tmp_path: Path) -> Toolbox:
    return Toolbox(with_restorer(platform(cluster, source, tmp_path), cluster))


@pytest_asyncio.fixture
async def backup(toolbox: Toolbox) -> str:
    """The file name of a proven backup of `source`."""
    engine = SmallEngine(toolbox)
    await engine.execute(await backup_plan(toolbox))
    return str(engine.earlier["publish"]["backup"]["file"])


async def test_a_session_that_cannot_be_ended_stops_the_swap_and_leaves_the_target_open(
    cluster: Cluster, source: str, toolbox: Toolbox, backup: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.operations.swapping.ATTEMPTS", 1)
    oid, engine = await oid_of(cluster, source), SmallEngine(toolbox)
    async with cluster.connect(source) as superusers:
        with pytest.raises(OperationFailed, match="kept coming back: postgres"):
            await engine.execute(await restore_plan(engine, backup, source))
        await superusers.execute("SELECT 1")
    await untouched(cluster, source, oid)


@pytest.mark.parametrize("key", ["load", "compare", "properties", "close", "swap"])
async def test_a_restore_cancelled_in_any_step_leaves_the_target_as_it_was(
    cluster: Cluster, source: str, toolbox: Toolbox, backup: str, key: str
) -> None:
    oid, engine = await oid_of(cluster, source), SmallEngine(toolbox)
    plan = await restore_plan(engine, backup, source)

    async def cancelled_in_the_middle() -> None:
        task = asyncio.current_task()
        asyncio.get_running_loop().call_later(0.03, task.cancel)

    steps = tuple(
        replace(step, do=Before(step.do, cancelled_in_the_middle)) if step.key == key else step for step in plan.steps
    )
    with pytest.raises(asyncio.CancelledError):
        await asyncio.create_task(engine.execute(replace(plan, steps=steps)))
    assert await sessions_named(cluster, f"takumi:{engine.run}") == []
    await untouched(cluster, source, oid)


class Before:
    """An operation before which something happens."""

    def __init__(self, operation: Any, first: Any) -> None:
        self.operation, self.first = operation, first

    async def run(self, tools: Any) -> Any:
        await self.first()
        return await self.operation.run(tools)


async def test_a_file_that_is_replaced_after_it_was_looked_at_is_never_swapped_in(
    cluster: Cluster, source: str, toolbox: Toolbox, backup: str, tmp_path: Path
) -> None:
    oid, engine = await oid_of(cluster, source), SmallEngine(toolbox)
    plan = await restore_plan(engine, backup, source)
    other = SmallEngine(toolbox)
    async with connected(cluster, source) as connection:
        await connection.execute("UPDATE profiles SET name = 'x' WHERE profile_id = 1")
        await other.execute(await backup_plan(toolbox))
        await connection.execute("UPDATE profiles SET name = 'y' WHERE profile_id = 1")
    replacement = tmp_path / other.earlier["publish"]["backup"]["file"]
    (tmp_path / backup).write_bytes(replacement.read_bytes())
    with pytest.raises(OperationFailed, match="is not the file it should be"):
        await plan.steps[0].do.run(engine.tools("load"))
    await untouched(cluster, source, oid)
    with pytest.raises(OperationFailed, match="is not the file it should be"):
        await engine.execute(plan)
    await untouched(cluster, source, oid)


async def test_the_probe_of_a_swap_sees_whether_it_happened(
    cluster: Cluster, source: str, toolbox: Toolbox, backup: str
) -> None:
    engine = SmallEngine(toolbox)
    plan = await restore_plan(engine, backup, source)
    *before, swap = plan.steps
    await engine.execute(replace(plan, steps=tuple(before)))
    assert (await swap.do.probe(engine.tools("swap"))).seen is Seen.NOT_HAPPENED
    outcome = await swap.do.run(engine.tools("swap"))
    seen = await swap.do.probe(engine.tools("swap"))
    assert (seen.seen, seen.outcome.data["kept"]) == (Seen.HAPPENED, outcome.data["kept"])
    async with cluster.connect() as connection:
        await connection.execute(f"ALTER DATABASE {outcome.data['kept']} RENAME TO {outcome.data['kept']}_x")
    assert (await swap.do.probe(engine.tools("swap"))).seen is Seen.CANNOT_TELL
    with pytest.raises(OperationFailed, match="the swap has happened, and stays"):
        await plan.steps[3].undo.run(engine.tools("close.undo"))
    async with cluster.connect() as connection:
        await connection.execute(f"DROP DATABASE {outcome.data['kept']}_x")


async def test_a_swap_whose_sessions_were_ended_by_whoever_took_over_does_not_happen(
    cluster: Cluster, source: str, toolbox: Toolbox, backup: str
) -> None:
    oid, engine = await oid_of(cluster, source), SmallEngine(toolbox)
    plan = await restore_plan(engine, backup, source)
    *before, swap = plan.steps
    await engine.execute(replace(plan, steps=tuple(before)))
    holder = await psycopg.AsyncConnection.connect(cluster.url(swap.do.replacement))
    old = asyncio.create_task(swap.do.run(engine.tools("swap", 1)))
    await until(lambda: renames(cluster))
    await toolbox.end_effects(engine.run)
    with pytest.raises(OperationFailed):
        await old
    await holder.close()
    assert (await swap.do.probe(engine.tools("swap", 2))).seen is Seen.NOT_HAPPENED
    for step in reversed(before):
        if step.undo:
            await step.undo.run(engine.tools(f"{step.key}.undo"))
    await untouched(cluster, source, oid)


async def renames(cluster: Cluster) -> bool:
    """Whether a swap waits inside its transaction."""
    found = await rows(cluster, "postgres", "SELECT query FROM pg_stat_activity WHERE query LIKE 'ALTER DATABASE %'")
    return bool(found)


async def test_an_undo_is_refused_when_there_is_nothing_to_go_back_to(
    cluster: Cluster, source: str, toolbox: Toolbox, backup: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = SmallEngine(toolbox), SmallEngine(toolbox)
    with pytest.raises(RequestError, match="Nothing of"):
        await undo_plan(SmallEngine(toolbox), first.run, source)
    await first.execute(await restore_plan(first, backup, source))
    monkeypatch.setattr("runbooks.restore_database.do.SwapDatabases", expiring)
    await second.execute(await restore_plan(second, backup, source))
    with pytest.raises(Refused, match="replaced again"):
        await undo_plan(SmallEngine(toolbox), first.run, source)
    with pytest.raises(Refused, match="was kept until"):
        await undo_plan(SmallEngine(toolbox), second.run, source)
    for engine in (first, second):
        async with cluster.connect() as connection:
            await connection.execute(f"DROP DATABASE {engine.earlier['swap']['kept']}")


def expiring(*args: Any) -> Any:
    return SwapDatabases(*args, keep=timedelta(seconds=-1))


async def test_a_database_that_was_replaced_since_the_plan_is_not_touched(
    cluster: Cluster, source: str, toolbox: Toolbox, backup: str
) -> None:
    engine, backing = SmallEngine(toolbox), SmallEngine(toolbox)
    plan, dump = await restore_plan(engine, backup, source), await backup_plan(toolbox)
    async with cluster.connect() as connection:
        await connection.execute(f"ALTER DATABASE {source} RENAME TO {source}_moved")
        await connection.execute(f"CREATE DATABASE {source} OWNER takumi TEMPLATE {source}_moved")
    with pytest.raises(OperationFailed, match="no longer the database that this run was planned for"):
        await engine.execute(plan)
    assert engine.earlier == {}
    with pytest.raises(OperationFailed, match="no longer the database that this run was planned for"):
        await backing.execute(dump)
    with pytest.raises(OperationFailed, match="no longer the database that this run was planned for"):
        await plan.steps[3].do.run(engine.tools("close"))
    async with cluster.connect() as connection:
        await connection.execute(f"DROP DATABASE {source}_moved")
    await untouched(cluster, source, await oid_of(cluster, source))


async def test_databases_that_somebody_renamed_are_not_swapped(
    cluster: Cluster, source: str, toolbox: Toolbox, backup: str
) -> None:
    engine = SmallEngine(toolbox)
    plan = await restore_plan(engine, backup, source)
    *before, swap = plan.steps
    await engine.execute(replace(plan, steps=tuple(before)))
    async with cluster.connect() as connection:
        await connection.execute(f"ALTER DATABASE {swap.do.replacement} RENAME TO {source}_mine")
        await connection.execute(f"CREATE DATABASE {swap.do.replacement} OWNER takumi")
    with pytest.raises(OperationFailed, match="not where they were"):
        await swap.do.run(engine.tools("swap"))
    async with cluster.connect() as connection:
        await connection.execute(f"DROP DATABASE {source}_mine")
    for step in reversed(before):
        if step.undo:
            await step.undo.run(engine.tools(f"{step.key}.undo"))


async def test_the_role_that_restores_serves_one_restore_at_a_time(source: str, toolbox: Toolbox, backup: str) -> None:
    engine, tools = SmallEngine(toolbox), SmallEngine(toolbox).tools("other")
    plan = await restore_plan(engine, backup, source)
    async with restorer(tools, tools.database(source), untrusted=True):
        waiting = asyncio.create_task(plan.steps[0].do.run(engine.tools("load")))
        await until(lambda: is_said(engine, "waiting for the role that restores"))
        await asyncio.sleep(1)
        assert not waiting.done()
    await waiting
    await plan.steps[0].undo.run(engine.tools("load.undo"))


async def is_said(engine: SmallEngine, words: str) -> bool:
    return any(words in said for said in engine.said)

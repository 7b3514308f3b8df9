"""A backup replaces a database: beside it first, compared, swapped, undoable; or not at all."""

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
from bot.operations.properties import properties_of
from bot.operations.tools.toolbox import Toolbox
from demo.platform.postgres import Cluster
from runbooks import restore_database
from tests.integration.backups import (
    SmallEngine,
    backup_plan,
    connected,
    databases,
    filled_database,
    platform,
    restore_plan,
    sessions_named,
    undo_plan,
    with_restorer,
)


@pytest_asyncio.fixture
async def source(each_cluster: Cluster) -> AsyncIterator[str]:
    async with filled_database(each_cluster) as name:
        yield name


@pytest_asyncio.fixture
async def toolbox(each_cluster: Cluster, source: str, tmp_path: Path) -> Toolbox:
    return Toolbox(await with_restorer(platform(each_cluster, source, tmp_path), each_cluster))


@pytest_asyncio.fixture
async def backup(toolbox: Toolbox) -> str:
    """The file name of a proven backup of `source`."""
    engine = SmallEngine(toolbox)
    await engine.execute(await backup_plan(toolbox))
    return str(engine.earlier["publish"]["backup"]["file"])


async def rows(cluster: Cluster, database: str, statement: str) -> list[Any]:
    async with cluster.connect(database) as connection:
        return await (await connection.execute(statement)).fetchall()


async def catalog(cluster: Cluster, database: str) -> Any:
    """Every column of pg_database that a restore must keep, and every setting of it."""
    found = await rows(
        cluster,
        "postgres",
        f"""SELECT pg_get_userbyid(datdba), encoding, datcollate, datctype, datistemplate, datallowconn, datconnlimit,
                   dattablespace, shobj_description(d.oid, 'pg_database'),
                   ARRAY(SELECT a::text FROM aclexplode(coalesce(datacl, acldefault('d', datdba))) a ORDER BY 1),
                   ARRAY(SELECT (setrole, setconfig)::text FROM pg_db_role_setting WHERE setdatabase = d.oid ORDER BY 1)
            FROM pg_database d WHERE datname = '{database}'""",
    )
    return found


async def test_a_restore_brings_back_every_row_and_keeps_what_was_there(
    each_cluster: Cluster, source: str, toolbox: Toolbox, backup: str
) -> None:
    await rows_changed(each_cluster, source)
    engine = SmallEngine(toolbox)
    plan = await restore_plan(engine, backup, source)
    shown = {fact.label: fact.value for fact in plan.shown}
    assert (shown["Rows in the backup"], shown["Rows now"]) == (14_000, 13_001)
    await engine.execute(plan)
    assert await rows(each_cluster, source, "SELECT count(*) FROM skills") == [(9000,)]
    swap = engine.earlier["swap"]
    assert swap["kept"] in await databases(each_cluster)
    assert swap["downtime_ms"] < 60_000
    told = dict(restore_database.RUNBOOK.result(engine.earlier))
    assert "of the 1 h" in told["Took"]
    assert await sessions_named(each_cluster, f"takumi:{engine.run}") == []
    undo = SmallEngine(toolbox)
    async with connected(each_cluster, source) as connection:
        await connection.execute("INSERT INTO skills (skill) VALUES ('after the swap')")
    await asyncio.sleep(1.2)  # the server tells what was written about a second later
    plan = await undo_plan(undo, engine.run, source)
    assert {fact.label: fact.value for fact in plan.shown}["Rows written since the swap"] == 1
    await undo.execute(plan)
    assert await rows(each_cluster, source, "SELECT skill FROM skills") == [("only this",)]


async def rows_changed(cluster: Cluster, database: str) -> None:
    async with connected(cluster, database) as connection:
        await connection.execute("DELETE FROM skills")
        await connection.execute("INSERT INTO skills (skill) VALUES ('only this')")
        await connection.execute("INSERT INTO profiles (profile_id) SELECT n FROM generate_series(5001, 13000) n")

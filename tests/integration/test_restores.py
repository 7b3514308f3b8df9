"""A backup replaces a database: beside it first, compared, swapped, undoable; or not at all."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest_asyncio

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
    rows,
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
    return Toolbox(with_restorer(platform(each_cluster, source, tmp_path), each_cluster))


@pytest_asyncio.fixture
async def backup(toolbox: Toolbox) -> str:
    """The file name of a proven backup of `source`."""
    engine = SmallEngine(toolbox)
    await engine.execute(await backup_plan(toolbox))
    return str(engine.earlier["publish"]["backup"]["file"])


async def catalog(cluster: Cluster, database: str) -> Any:
    """Every column of pg_database that a restore must keep, and every setting of it."""
    return await rows(
        cluster,
        "postgres",
        f"""SELECT pg_get_userbyid(datdba), encoding, datcollate, datctype, datistemplate, datallowconn, datconnlimit,
                   dattablespace, shobj_description(d.oid, 'pg_database'),
                   ARRAY(SELECT a::text FROM aclexplode(coalesce(datacl, acldefault('d', datdba))) a ORDER BY 1),
                   ARRAY(SELECT (setrole, setconfig)::text FROM pg_db_role_setting WHERE setdatabase = d.oid ORDER BY 1)
            FROM pg_database d WHERE datname = '{database}'""",  # noqa: S608 - a name of our own
    )


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


PROPERTIES = """
ALTER DATABASE {name} CONNECTION LIMIT 50;
COMMENT ON DATABASE {name} IS 'it''s \\ the "platform"';
ALTER DATABASE {name} SET search_path = '$user', public, "odd, schema";
ALTER DATABASE {name} SET work_mem = '8MB';
ALTER DATABASE {name} SET application_name = 'a\\b''c, d';
ALTER DATABASE {name} SET search_path = '$user', public, "odd, schema";
ALTER ROLE takumi IN DATABASE {name} SET statement_timeout = '7min';
GRANT CONNECT, TEMPORARY ON DATABASE {name} TO reader;
GRANT CREATE ON DATABASE {name} TO reader WITH GRANT OPTION;
"""
OWNERS = """
CREATE TABLE of_reader (a int);
CREATE FUNCTION answer(a int, b text DEFAULT ';') RETURNS int LANGUAGE sql AS 'SELECT 42';
CREATE SCHEMA apart;
CREATE TYPE apart.mood AS ENUM ('x');
SELECT lo_from_bytea(99, 'x');
GRANT SELECT ON skills TO reader;
GRANT CREATE ON SCHEMA public TO reader;
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT ON TABLES TO reader;
"""


@pytest_asyncio.fixture
async def reader(each_cluster: Cluster) -> str:
    """A role of the platform that is neither the owner nor the bot's."""
    async with each_cluster.connect() as connection:
        await connection.execute(
            "DO $$ BEGIN CREATE ROLE reader; EXCEPTION WHEN duplicate_object THEN NULL; END $$; GRANT reader TO takumi"
        )
    return "reader"


async def test_a_restore_keeps_everything_that_belongs_to_the_database_and_to_roles(
    each_cluster: Cluster, source: str, reader: str, toolbox: Toolbox
) -> None:
    async with each_cluster.connect() as connection:
        await connection.execute(PROPERTIES.format(name=source))
    async with each_cluster.connect(source) as connection:
        await connection.execute(f"SET ROLE takumi; {OWNERS}; RESET ROLE")
        await connection.execute(f"ALTER TABLE of_reader OWNER TO {reader}")
    owners_before = await rows(each_cluster, source, _OWNERS)
    before = await catalog(each_cluster, source)
    backing = SmallEngine(toolbox)
    await backing.execute(await backup_plan(toolbox))
    engine = SmallEngine(toolbox)
    await engine.execute(await restore_plan(engine, backing.earlier["publish"]["backup"]["file"], source))
    assert await catalog(each_cluster, source) == before
    assert await rows(each_cluster, source, _OWNERS) == owners_before
    kept = engine.earlier["swap"]["kept"]
    assert (await catalog(each_cluster, kept))[0][5] is False
    undo = SmallEngine(toolbox)
    await undo.execute(await undo_plan(undo, engine.run, source))
    assert await catalog(each_cluster, source) == before


_OWNERS = """
SELECT pg_describe_object(classid, objid, 0), pg_get_userbyid(refobjid), deptype::text
FROM pg_shdepend WHERE dbid = (SELECT oid FROM pg_database WHERE datname = current_database())
AND refclassid = 'pg_authid'::regclass
ORDER BY 1, 2, 3
"""

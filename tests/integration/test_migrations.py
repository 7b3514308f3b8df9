"""Migrations: applied once and in order, never changed, never run by an older bot, and granting no more than needed."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import psycopg
import pytest
import pytest_asyncio

from bot.domain.errors import Misconfigured, Unavailable
from bot.stores.migrate import ForeignSchema, Migration, check_schema, migrate, own_migrations
from demo.platform.databases import BOT_OWNER, BOT_RUNTIME, create_bot_database
from demo.platform.postgres import Cluster
from tests.servers import drop_database, free_port, unique_name
from tests.stores import QUEUE_SCHEMA, opened

FIRST = Migration(1, "0001_first", "CREATE TABLE first (id int);")
SECOND = Migration(2, "0002_second", "CREATE TABLE second (id int);")
BROKEN = Migration(2, "0002_broken", "CREATE TABLE half (id int); SELECT 1 / 0;")


@pytest_asyncio.fixture
async def empty(each_cluster: Cluster) -> AsyncIterator[tuple[str, str]]:
    """The owner's and the runtime's URL of an empty bot database, on each version of PostgreSQL."""
    name = unique_name("bot")
    await create_bot_database(each_cluster, name)
    yield each_cluster.url(name, BOT_OWNER), each_cluster.url(name, BOT_RUNTIME)
    await drop_database(each_cluster, name)


async def test_a_fresh_database_gets_everything_and_a_second_run_nothing(empty: tuple[str, str]):
    owner, runtime = empty
    applied = await migrate(owner, BOT_RUNTIME, [QUEUE_SCHEMA])
    assert applied == [*(one.name for one in own_migrations()), f"procrastinate {QUEUE_SCHEMA.version}"]
    assert await migrate(owner, BOT_RUNTIME, [QUEUE_SCHEMA]) == []
    async with opened(runtime) as pool:
        await check_schema(pool, [QUEUE_SCHEMA])


async def test_two_at_once_apply_everything_once(empty: tuple[str, str]):
    owner, _ = empty
    applied = await asyncio.gather(*(migrate(owner, BOT_RUNTIME, [QUEUE_SCHEMA]) for _ in range(3)))
    assert sorted(map(len, applied)) == [0, 0, len(own_migrations()) + 1]


async def test_a_migration_that_fails_leaves_nothing_of_itself(empty: tuple[str, str]):
    owner, _ = empty
    with pytest.raises(psycopg.errors.DivisionByZero):
        await migrate(owner, BOT_RUNTIME, migrations=[FIRST, BROKEN])
    async with await psycopg.AsyncConnection.connect(owner) as connection:
        cursor = await connection.execute("SELECT to_regclass('first') IS NOT NULL, to_regclass('half') IS NULL")
        assert await cursor.fetchone() == (True, True)
        cursor = await connection.execute("SELECT array_agg(version) FROM schema_migrations")
        assert await cursor.fetchone() == ([1],)


@pytest.fixture
def ours() -> list[Migration]:
    return list(own_migrations())


async def test_a_changed_file_is_refused(empty: tuple[str, str], ours: list[Migration]):
    owner, runtime = empty
    await migrate(owner, BOT_RUNTIME, migrations=ours)
    changed = [replace(ours[0], text=ours[0].text + "\n-- a harmless comment\n"), *ours[1:]]
    with pytest.raises(Misconfigured, match="is not what was applied") as error:
        await migrate(owner, BOT_RUNTIME, migrations=changed)
    assert "new file" in error.value.hint
    async with opened(runtime) as pool:
        with pytest.raises(Misconfigured, match="is not what was applied"):
            await check_schema(pool, migrations=changed)


async def test_an_older_bot_refuses_a_newer_database(empty: tuple[str, str], ours: list[Migration]):
    owner, runtime = empty
    newer = [*ours, Migration(len(ours) + 1, "0099_later", "SELECT 1;")]
    await migrate(owner, BOT_RUNTIME, migrations=newer)
    with pytest.raises(Misconfigured, match="newer than this bot: it has 0099_later"):
        await migrate(owner, BOT_RUNTIME, migrations=ours)
    async with opened(runtime) as pool:
        with pytest.raises(Misconfigured, match="newer than this bot") as error:
            await check_schema(pool, migrations=ours)
    assert "newer version" in error.value.hint


async def test_a_database_that_lacks_a_migration_is_refused_at_the_start(empty: tuple[str, str], ours: list[Migration]):
    owner, runtime = empty
    async with opened(runtime) as pool:
        with pytest.raises(Misconfigured, match="no tables of ours") as error:
            await check_schema(pool)
        assert "bot migrate" in error.value.hint
        await migrate(owner, BOT_RUNTIME, migrations=ours)
        with pytest.raises(Misconfigured, match="lacks 0099_later"):
            await check_schema(pool, migrations=[*ours, Migration(len(ours) + 1, "0099_later", "")])
        with pytest.raises(Misconfigured, match="lacks procrastinate"):
            await check_schema(pool, [QUEUE_SCHEMA])


async def test_a_gap_in_the_database_is_refused(empty: tuple[str, str], ours: list[Migration]):
    owner, _ = empty
    await migrate(owner, BOT_RUNTIME, migrations=ours)
    async with await psycopg.AsyncConnection.connect(owner) as connection:
        await connection.execute("DELETE FROM schema_migrations WHERE version = 1")
    with pytest.raises(Misconfigured, match="gap"):
        await migrate(owner, BOT_RUNTIME, migrations=ours)


async def test_an_unknown_runtime_role_is_named_before_anything_is_done(empty: tuple[str, str]):
    owner, _ = empty
    with pytest.raises(Misconfigured, match="no role 'no; such\"role'"):
        await migrate(owner, 'no; such"role')
    async with await psycopg.AsyncConnection.connect(owner) as connection:
        cursor = await connection.execute("SELECT to_regclass('schema_migrations')")
        assert await cursor.fetchone() == (None,)


async def test_a_database_that_is_not_there_is_unavailable():
    with pytest.raises(Unavailable, match="does not answer"):
        await migrate(f"postgresql://nobody@127.0.0.1:{free_port()}/bot", BOT_RUNTIME)


async def test_a_foreign_schema_is_led_from_its_version_to_ours_and_never_back(
    empty: tuple[str, str], ours: list[Migration]
):
    owner, runtime = empty
    grants = "GRANT SELECT ON theirs TO :runtime_role;"
    one = ForeignSchema("theirs", "01", "CREATE TABLE theirs (a int);", {}, grants)
    upgrades = {"01": "SELECT 1 / 0;", "02": "ALTER TABLE theirs ADD b int;", "03": "ALTER TABLE theirs ADD c int;"}
    three = ForeignSchema("theirs", "03", "CREATE TABLE theirs (a int, b int, c int);", upgrades, grants)
    assert (await migrate(owner, BOT_RUNTIME, [one], ours))[-1] == "theirs 01"
    assert await migrate(owner, BOT_RUNTIME, [three], ours) == ["theirs 03"]
    async with await psycopg.AsyncConnection.connect(runtime) as connection:
        await connection.execute("SELECT a, b, c FROM theirs")
    with pytest.raises(Misconfigured, match="theirs is at 03, this bot knows 01"):
        await migrate(owner, BOT_RUNTIME, [one], ours)
    async with opened(runtime) as pool:
        with pytest.raises(Misconfigured, match="theirs is at 03"):
            await check_schema(pool, [one], ours)


async def test_the_queue_s_own_migrations_lead_to_its_fresh_schema(empty: tuple[str, str]):
    """What upgrades would have built from nothing has the same tables and functions as what we create."""
    owner, _ = empty
    await migrate(owner, BOT_RUNTIME, [QUEUE_SCHEMA])
    listing = """
        SELECT 'column', table_name || '.' || column_name FROM information_schema.columns
        WHERE table_name LIKE 'procrastinate%%'
        UNION SELECT 'function', proname FROM pg_proc WHERE proname LIKE 'procrastinate%%'
    """
    async with await psycopg.AsyncConnection.connect(owner, autocommit=True) as connection:
        created = set(await (await connection.execute(listing.encode())).fetchall())
        await connection.execute("DROP SCHEMA public CASCADE")
        await connection.execute("CREATE SCHEMA public")
        for text in QUEUE_SCHEMA.upgrades.values():
            await connection.execute(text.encode())
        upgraded = set(await (await connection.execute(listing.encode())).fetchall())
    assert {row for row in created if row[0] == "column"} == {row for row in upgraded if row[0] == "column"}
    assert created <= upgraded

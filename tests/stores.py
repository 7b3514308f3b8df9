"""The two stores for tests: a migrated database of the bot with its queue, and the twin in memory."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
import pytest_asyncio

from bot.domain.redaction import Redactor
from bot.engine import schema
from bot.engine.queue import Queue, deferral_sql
from bot.services.ports import Store
from bot.services.rows import Job, Wake
from bot.stores.connections import Pool, make_pool
from bot.stores.memory.store import MemoryStore
from bot.stores.migrate import ForeignSchema, TrailRoles, migrate
from bot.stores.postgres import PostgresStore
from demo.platform.databases import BOT_OWNER, BOT_RETENTION, BOT_RUNTIME, BOT_SEQUENCER, create_bot_database
from demo.platform.postgres import Cluster
from tests.servers import drop_database, unique_name

QUEUE_SCHEMA = ForeignSchema(schema.NAME, schema.version(), schema.fresh(), schema.upgrades(), schema.GRANTS)
TRAIL_ROLES = TrailRoles(BOT_SEQUENCER, BOT_RETENTION)
DEFER_RECEIVED = deferral_sql(Job.WORK_INBOX)


# A secret that both stores know, for tests of where it turns up.
CANARY = "canary-secret-41"


@dataclass(frozen=True)
class StoreUnderTest:
    """A store, the wake-ups that it has deferred and committed, and a way to let its clock pass."""

    store: Store
    deferred: Callable[[], Awaitable[list[Wake]]]
    wait: Callable[[timedelta], Awaitable[None]]


@dataclass(frozen=True)
class BotDatabase:
    """A migrated database: `url` is the runtime role's, the others are those of the roles beside it."""

    name: str
    url: str
    owner_url: str
    sequencer_url: str = ""
    retention_url: str = ""


def database_of(cluster: Cluster, name: str) -> BotDatabase:
    urls = (cluster.url(name, role) for role in (BOT_RUNTIME, BOT_OWNER, BOT_SEQUENCER, BOT_RETENTION))
    return BotDatabase(name, *urls)


@pytest.fixture(scope="session")
def migrated_template(cluster: Cluster) -> Iterator[str]:
    """The name of a migrated database that others are copied from: quicker than migrating each."""
    name = unique_name("template")
    asyncio.run(_migrate(cluster, name))
    yield name
    asyncio.run(drop_database(cluster, name))


async def _migrate(cluster: Cluster, name: str) -> None:
    await create_bot_database(cluster, name)
    await migrate(cluster.url(name, BOT_OWNER), BOT_RUNTIME, [QUEUE_SCHEMA], trail=TRAIL_ROLES)


@pytest_asyncio.fixture
async def migrated(cluster: Cluster, migrated_template: str) -> AsyncIterator[BotDatabase]:
    """A migrated database of the test's own."""
    name = unique_name("bot")
    async with cluster.connect() as connection:
        await connection.execute(f"CREATE DATABASE {name} TEMPLATE {migrated_template} OWNER {BOT_OWNER}")
    yield database_of(cluster, name)
    await drop_database(cluster, name)


@pytest.fixture(scope="session")
def migrated_once(cluster: Cluster) -> Iterator[BotDatabase]:
    """A migrated database that tests share: for those that are refused whatever they try."""
    name = unique_name("bot")
    asyncio.run(_migrate(cluster, name))
    yield database_of(cluster, name)
    asyncio.run(drop_database(cluster, name))


async def rows(url: str, statement: str, *values: Any) -> list[tuple[Any, ...]]:
    """What one statement answers, committed."""
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
        cursor = await connection.execute(statement.encode(), values)
        return await cursor.fetchall() if cursor.description else []


@asynccontextmanager
async def opened(url: str, max_size: int = 10) -> AsyncIterator[Pool]:
    pool = make_pool(url, max_size=max_size)
    await pool.open()
    try:
        yield pool
    finally:
        await pool.close()


@pytest_asyncio.fixture
async def postgres_store(migrated: BotDatabase) -> AsyncIterator[PostgresStore]:
    async with opened(migrated.url) as pool:
        yield PostgresStore(pool, Queue(migrated.url).deferrer, DEFER_RECEIVED, Redactor([CANARY]))


@pytest.fixture(params=["memory", "postgres"])
def under_test(request: pytest.FixtureRequest) -> StoreUnderTest:
    """Each test with this fixture runs on both stores."""
    if request.param == "memory":
        return _memory()
    database: BotDatabase = request.getfixturevalue("migrated")
    return _postgres(request.getfixturevalue("postgres_store"), database)


def _memory() -> StoreUnderTest:
    passed = timedelta()

    async def wait(time: timedelta) -> None:
        nonlocal passed
        passed += time

    async def deferred() -> list[Wake]:
        return list(store.wakes)

    store = MemoryStore(lambda: datetime.now(UTC) + passed, Redactor([CANARY]))
    return StoreUnderTest(store, deferred, wait)


def _postgres(store: PostgresStore, database: BotDatabase) -> StoreUnderTest:
    async def wait(time: timedelta) -> None:
        await asyncio.sleep(time.total_seconds())

    async def deferred() -> list[Wake]:
        async with await psycopg.AsyncConnection.connect(database.owner_url) as connection:
            cursor = await connection.execute(
                "SELECT task_name, args->>'key', scheduled_at FROM procrastinate_jobs ORDER BY id"
            )
            return [Wake(Job(name), key, at) for name, key, at in await cursor.fetchall()]

    return StoreUnderTest(store, deferred, wait)

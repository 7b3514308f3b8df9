"""The whole product for tests: platform, workspace and the unmodified bot, each part a process of its own."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Protocol

import psycopg
from psycopg import sql

from demo.children import Child
from demo.parts import Parts, lay_out
from demo.platform.databases import PLATFORM_OWNER, create_bot_database, create_platform_database, create_platform_roles
from demo.platform.postgres import Cluster
from demo.platform.rows import PRODUCTION, create_filled_database
from demo.platform.s3 import BUCKET
from demo.workspace.client import Workspace
from tests.e2e.bots import BotUnderTest
from tests.servers import drop_database, unique_name

SCALE = 0.002
PRODUCTION_DATABASE, STAGING_DATABASE = "takumi", "takumi_staging"


class Stoppable(Protocol):
    """A server that a test takes away for a while."""

    child: Child | None

    async def start(self) -> None: ...
    async def stop(self) -> None: ...


class Product:
    """Everything that the demo starts, with little data, and as many bots as tests ask for."""

    def __init__(self, folder: Path, scale: float = SCALE) -> None:
        self._scale = scale
        folder.mkdir()
        folder.chmod(0o711)
        self.parts: Parts = lay_out(folder)
        for cluster in (self.parts.platform_cluster, self.parts.bot_cluster):
            cluster.settings["fsync"] = "off"  # no test pulls the plug of the machine
        self.bots: list[BotUnderTest] = []

    async def start(self) -> None:
        """Everything but the bots."""
        parts = self.parts
        async with asyncio.TaskGroup() as group:
            for work in (self._platform(), parts.bot_cluster.__aenter__(), self._services(), self._chain()):
                group.create_task(work)

    async def _platform(self) -> None:
        cluster = await self.parts.platform_cluster.__aenter__()
        await create_platform_roles(cluster)
        await create_filled_database(cluster, PRODUCTION_DATABASE, PRODUCTION.scaled(self._scale))
        await create_filled_database(cluster, STAGING_DATABASE, PRODUCTION.scaled(self._scale * 0.05))
        await self.parts.api.start()

    async def _services(self) -> None:
        await asyncio.gather(self.parts.workspace.start(), self.parts.s3.start(), self.parts.redis.start())

    async def _chain(self) -> None:
        await self.parts.chain.start()
        await self.parts.chain.skill_profile()

    async def add_bot(self, name: str = "Takumi", command: str = "/takumi", **choices: Any) -> BotUnderTest:
        """A bot with a database of its own, installed and serving; `choices` as in `BotUnderTest`."""
        bot = BotUnderTest(self.parts, name, command, **choices)
        await create_bot_database(self.parts.bot_cluster, bot.database)
        self.bots.append(bot)
        await bot.set_up()
        return bot

    async def stop(self) -> list[int]:
        """Stop everything; answers which of all the processes are still there, and there must be none."""
        parts = self.parts
        in_order: list[list[Stoppable]] = [
            [*self.bots],
            [parts.workspace, parts.api],
            [parts.s3, parts.redis, parts.chain],
            [parts.platform_cluster, parts.bot_cluster],
        ]
        started = [server.child.pid for servers in in_order for server in servers if server.child]
        started += [pid for parent in started for pid in descendants(parent)]
        for servers in in_order:
            await asyncio.gather(*(server.stop() for server in servers))
        return [pid for pid in started if is_running(pid)]

    def people(self) -> Workspace:
        """A connection to the people's side, to be opened by the test."""
        return Workspace(self.parts.workspace.url, self.parts.workspace_token())

    def s3_bytes(self, key: str) -> bytes:
        """What S3 itself gives out for a key of the backups' bucket."""
        return bytes(self.parts.s3.client().get_object(Bucket=BUCKET, Key=key)["Body"].read())

    def s3_keys(self) -> set[str]:
        """Everything in the bucket but what each bot notes of its trail there, at moments of its own."""
        found = self.parts.s3.client().list_objects_v2(Bucket=BUCKET)
        return {key for item in found.get("Contents", []) if not (key := item["Key"]).startswith("audit/")}


@asynccontextmanager
async def without(server: Stoppable) -> AsyncIterator[None]:
    """The server is stopped in the block, and back after it."""
    await server.stop()
    try:
        yield
    finally:
        await server.start()


@asynccontextmanager
async def locked(cluster: Cluster, table: str, database: str = PRODUCTION_DATABASE) -> AsyncIterator[None]:
    """Nobody can read the table in the block: a backup stands still in its first step."""
    async with await psycopg.AsyncConnection.connect(cluster.url(database, PLATFORM_OWNER)) as holder:
        await holder.execute(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE")
        yield


@asynccontextmanager
async def fresh_database(cluster: Cluster) -> AsyncIterator[str]:
    """The name of an empty database of the platform's own kind."""
    name = unique_name("restored")
    async with cluster.connect() as connection:
        await create_platform_database(connection, name)
    yield name
    await drop_database(cluster, name)


async def counts_of(cluster: Cluster, database: str) -> dict[str, int]:
    """How many rows each table has, counted one by one."""
    async with cluster.connect(database) as connection:
        found = await connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        counts = {}
        for (table,) in await found.fetchall():
            counted = await connection.execute(sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(table)))
            counts[table] = (await counted.fetchone() or (0,))[0]
    return counts


@asynccontextmanager
async def with_ballast(cluster: Cluster) -> AsyncIterator[None]:
    """The database holds so much more that pg_dump is at it for a second or two."""
    async with cluster.connect(PRODUCTION_DATABASE, PLATFORM_OWNER) as connection:
        await connection.execute(
            "CREATE TABLE ballast AS SELECT n, repeat(md5(n::text), 8) AS weight FROM generate_series(1, 200000) AS n"
        )
    yield
    async with cluster.connect(PRODUCTION_DATABASE, PLATFORM_OWNER) as connection:
        await connection.execute("DROP TABLE ballast")


async def sessions_of(cluster: Cluster, run: str) -> list[str]:
    """The names of the sessions that a run has on the platform."""
    async with cluster.connect() as connection:
        found = await connection.execute(
            "SELECT application_name FROM pg_stat_activity WHERE starts_with(application_name, %s)", (f"takumi:{run}:",)
        )
        return [row[0] for row in await found.fetchall()]


def programs_of(run: str) -> list[tuple[int, str]]:
    """The living processes that were started for a run, by whatever process, each with its program's name."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            is_ours = f"PGAPPNAME=takumi:{run}:".encode() in (process / "environ").read_bytes()
            program = (process / "cmdline").read_bytes().split(b"\0")[0].decode()
        except OSError:
            continue  # it has ended, or is not ours
        if is_ours and program:
            found.append((int(process.name), Path(program).name))
    return found


async def until(happened: Callable[[], bool], seconds: float = 15) -> None:
    """Wait for what happens in another process. Raises: TimeoutError."""
    async with asyncio.timeout(seconds):
        while not happened():  # noqa: ASYNC110 - nobody tells us
            await asyncio.sleep(0.02)


def files_below(folder: Path) -> set[str]:
    """Every file there, hidden ones and those in hidden folders too."""
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def descendants(pid: int) -> list[int]:
    """Every living process below this one."""
    found, ask = [], [pid]
    while ask:
        children = [int(child) for path in _tasks(ask.pop()) for child in path.read_text().split()]
        found += children
        ask += children
    return found


def _tasks(pid: int) -> Iterator[Path]:
    try:
        yield from Path(f"/proc/{pid}/task").glob("*/children")
    except FileNotFoundError:
        return


def is_running(pid: int) -> bool:
    """Whether the process lives; a zombie has ended."""
    try:
        status = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return status.rsplit(")", 1)[1].split()[0] != "Z"

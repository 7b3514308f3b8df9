"""A platform to back up, and a small engine: what the tests of backups and restores share."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
from pydantic import SecretStr

from bot.domain.errors import BotError
from bot.domain.operations import StepContext
from bot.domain.plans import Plan, Step
from bot.domain.runbooks import RunInfo
from bot.domain.targets import Environment
from bot.operations.tools.access import BackupPlaces, DatabaseAccess, Login, OwnDatabase, Platform
from bot.operations.tools.toolbox import StepTools, Toolbox
from demo.platform.databases import PLATFORM_MAINTENANCE, PLATFORM_RESTORE, create_platform_database
from demo.platform.postgres import Cluster
from demo.platform.s3 import BUCKET, REGION, ObjectStore
from runbooks import backup_database, restore_database, undo_restore
from tests.servers import drop_database, unique_name

TABLES = """
CREATE TABLE profiles (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), profile_id bigint UNIQUE, name text, bio text);
INSERT INTO profiles (profile_id, name, bio) SELECT n, 'Profil Nr. ' || n || ' 日本語', repeat('x', 200)
    FROM generate_series(1, 5000) AS n;
CREATE TABLE skills (skill_id serial PRIMARY KEY, profile_id bigint REFERENCES profiles (profile_id), skill text);
INSERT INTO skills (profile_id, skill) SELECT 1 + n % 5000, NULLIF('skill ' || n % 7, 'skill 3')
    FROM generate_series(1, 9000) AS n;
CREATE INDEX skills_by_profile ON skills (profile_id);
CREATE VIEW everybody AS SELECT name FROM profiles;
"""


@dataclass
class SmallEngine:
    """Runs a plan's steps as the engine does: outcomes go on to later steps, a failure undoes what was begun."""

    toolbox: Toolbox
    run: str = field(default_factory=lambda: uuid4().hex[:20])
    earlier: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    said: list[str] = field(default_factory=list)
    not_undone: list[str] = field(default_factory=list)

    def tools(self, key: str, attempt: int = 1) -> StepTools:
        return self.toolbox.for_step(StepContext(self.run, key, attempt, dict(self.earlier), self._say))

    async def _say(self, text: str) -> None:
        self.said.append(text)

    async def execute(self, plan: Plan) -> None:
        """Raises whatever a step raises, after the undo."""
        begun: list[Step] = []
        try:
            for step in plan.steps:
                begun.append(step)
                tools = self.tools(step.key)
                outcome = await step.do.run(tools)
                if step.verify:
                    await step.verify.run(tools)
                self.earlier[step.key] = outcome.data
        except (BotError, asyncio.CancelledError):
            for step in reversed(begun):
                await self._undo(step)
            raise

    async def _undo(self, step: Step) -> None:
        try:
            if step.undo:
                await step.undo.run(self.tools(f"{step.key}.undo"))
        except BotError as error:
            self.not_undone.append(str(error))


def platform(
    cluster: Cluster, database: str, folder: Path, s3: ObjectStore | None = None, own: OwnDatabase | None = None
) -> Platform:
    """The bot's view of that database; backups go into `folder` and, with `s3`, into its bucket."""
    login = Login(PLATFORM_MAINTENANCE, SecretStr(cluster.passwords[PLATFORM_MAINTENANCE]))
    access = DatabaseAccess(database, "127.0.0.1", cluster.port, login, Environment.DEMO)
    places = BackupPlaces(folder, timedelta(days=30))
    if s3:
        places = BackupPlaces(
            folder,
            timedelta(days=30),
            cloud=True,
            bucket=BUCKET,
            region=REGION,
            endpoint_url=s3.endpoint,
            access_key=SecretStr(s3.keys.access_key),
            secret_key=SecretStr(s3.keys.secret_key),
        )
    return Platform((access,), database, places, (cluster.programs,), own)


async def backup_plan(toolbox: Toolbox, **params: Any) -> Plan:
    asked = backup_database.BackupDatabase(**params)
    facts = await backup_database.look_up(asked, toolbox.for_look_up())
    again = backup_database.BackupFacts.model_validate(facts.model_dump(mode="json"))
    return backup_database.plan(asked, again, RunInfo("planned", datetime.now(UTC)))


async def restore_plan(engine: "SmallEngine", backup: str, database: str) -> Plan:
    asked = restore_database.RestoreDatabase(backup=backup, database=database)
    facts = await restore_database.look_up(asked, engine.toolbox.for_look_up())
    again = restore_database.RestoreFacts.model_validate(facts.model_dump(mode="json"))
    return restore_database.plan(asked, again, RunInfo(engine.run, datetime.now(UTC)))


async def undo_plan(engine: "SmallEngine", run: str, database: str) -> Plan:
    asked = undo_restore.UndoRestore(run=run, database=database)
    facts = await undo_restore.look_up(asked, engine.toolbox.for_look_up())
    again = undo_restore.UndoFacts.model_validate(facts.model_dump(mode="json"))
    return undo_restore.plan(asked, again, RunInfo(engine.run, datetime.now(UTC)))


def with_restorer(reached: Platform, cluster: Cluster) -> Platform:
    """The same platform with a role without rights, that restored files run as."""
    login = Login(PLATFORM_RESTORE, SecretStr(cluster.passwords[PLATFORM_RESTORE]))
    return replace(reached, databases=tuple(replace(access, restorer=login) for access in reached.databases))


@asynccontextmanager
async def filled_database(cluster: Cluster) -> AsyncIterator[str]:
    """The name of a database with some tables, owned by the application's role."""
    name = unique_name("platform")
    async with cluster.connect() as connection:
        await create_platform_database(connection, name)
    async with connected(cluster, name) as connection:
        await connection.execute(TABLES)
    yield name
    await drop_database(cluster, name)


@asynccontextmanager
async def connected(cluster: Cluster, database: str) -> AsyncIterator[psycopg.AsyncConnection[Any]]:
    """The owner's connection, in autocommit."""
    async with cluster.connect(database, "takumi") as connection:
        yield connection


def files_below(folder: Path) -> list[str]:
    """Every file there, hidden ones and those in hidden folders too."""
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def children_of(run: str) -> list[str]:
    """The command lines of living programs that were started for this run, by any process. Needs /proc."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            ours = f"PGAPPNAME=takumi:{run}:".encode() in (process / "environ").read_bytes()
            words = (process / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue  # it has ended, or is not ours
        if ours and words != [b""]:
            found.append(b" ".join(words).decode())
    return found


async def until(happened: Callable[[], Awaitable[bool]], seconds: float = 15) -> None:
    """Wait for it, failing after a time that nothing takes."""
    async with asyncio.timeout(seconds):
        while not await happened():  # noqa: ASYNC110 - what we wait for happens in another process
            await asyncio.sleep(0.05)


async def sessions_named(cluster: Cluster, prefix: str) -> list[str]:
    async with cluster.connect() as connection:
        cursor = await connection.execute(
            "SELECT application_name FROM pg_stat_activity WHERE starts_with(application_name, %s)", (prefix,)
        )
        return [row[0] for row in await cursor.fetchall()]


async def databases(cluster: Cluster) -> set[str]:
    async with cluster.connect() as connection:
        cursor = await connection.execute("SELECT datname FROM pg_database")
        return {row[0] for row in await cursor.fetchall()}


async def rows(cluster: Cluster, database: str, statement: str) -> list[Any]:
    async with cluster.connect(database) as connection:
        return await (await connection.execute(statement)).fetchall()


async def untouched(cluster: Cluster, database: str, oid: int) -> None:
    """The target is the one that it was, open, and nothing lies beside it."""
    found = await rows(cluster, "postgres", "SELECT oid::int, datname::text, datallowconn FROM pg_database")
    assert [(one[0], one[2]) for one in found if one[1] == database] == [(oid, True)]
    assert await rows(cluster, database, "SELECT count(*) FROM skills") == [(9000,)]
    assert not [name for name in await databases(cluster) if name != database and name.startswith(database)]
    roles = await rows(cluster, "postgres", "SELECT rolname FROM pg_roles WHERE rolname LIKE 'takumi\\_restore\\_%'")
    assert roles == []


async def oid_of(cluster: Cluster, database: str) -> int:
    return dict(await rows(cluster, "postgres", "SELECT datname::text, oid::int FROM pg_database"))[database]

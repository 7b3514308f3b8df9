"""A platform to back up, and a small engine: what the tests of backups and restores share."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
from pydantic import SecretStr

from bot.domain.errors import BotError
from bot.domain.operations import StepContext
from bot.domain.plans import Plan, Step
from bot.domain.runbooks import RunInfo
from bot.domain.targets import Environment
from bot.operations.tools.access import BackupPlaces, DatabaseAccess, Login, OwnDatabase, Platform
from bot.operations.tools.toolbox import StepTools, Toolbox
from demo.platform.databases import PLATFORM_MAINTENANCE
from demo.platform.postgres import Cluster
from demo.platform.s3 import BUCKET, REGION, ObjectStore
from runbooks import backup_database

RUN = "f00dfacef00dfacef00d"


@dataclass
class SmallEngine:
    """Runs a plan's steps as the engine does: outcomes go on to later steps, a failure undoes what was begun."""

    toolbox: Toolbox
    run: str = RUN
    earlier: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    said: list[str] = field(default_factory=list)

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
        except BotError:
            for step in reversed(begun):
                if step.undo:
                    await step.undo.run(self.tools(f"{step.key}.undo"))
            raise


def programs_folder(cluster: Cluster) -> Path:
    return cluster.programs


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
    return backup_database.plan(asked, again, RunInfo(RUN, datetime.now(UTC)))


@asynccontextmanager
async def connected(cluster: Cluster, database: str) -> AsyncIterator[psycopg.AsyncConnection[Any]]:
    """The owner's connection, in autocommit."""
    async with cluster.connect(database, "takumi") as connection:
        yield connection


def visible_files(folder: Path) -> list[str]:
    """What a person or a script would see there, and what a careless one would find below."""
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


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

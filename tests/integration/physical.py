"""A cluster that archives into a repository of its own, for the tests of physical backups and recovery."""

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from bot.domain.plans import Plan
from bot.domain.runbooks import RunInfo
from bot.operations.tools.access import Platform
from bot.operations.tools.pgbackrest import PgBackRest
from bot.operations.tools.repositories import Repository
from bot.operations.tools.toolbox import Toolbox
from demo.accounts import unprivileged_account
from demo.platform.databases import create_platform_roles
from demo.platform.postgres import SUPERUSER, Cluster
from runbooks import backup_cluster, restore_to_time
from tests.integration.backups import SmallEngine, filled_database, platform, with_restorer
from tests.servers import ROLES, free_port, programs_of

PGBACKREST = Path("/usr/bin/pgbackrest")
VERSION = 15


def must_have_pgbackrest() -> None:
    if not PGBACKREST.exists():
        pytest.skip("pgBackRest is not installed here (apt-get install pgbackrest)")


@dataclass
class Archived:
    """A running cluster, the stanza that it archives into, and the bot's view of both."""

    cluster: Cluster
    repository: Repository
    backups: Path
    database: str = ""

    @property
    def platform(self) -> Platform:
        seen = with_restorer(platform(self.cluster, self.database, self.backups), self.cluster)
        return replace(seen, repository=self.repository)

    @property
    def toolbox(self) -> Toolbox:
        return Toolbox(self.platform)

    @property
    def stanza(self) -> PgBackRest:
        return PgBackRest(self.repository)

    async def now(self) -> datetime:
        """On the server's clock, and so that what follows is later to the second."""
        async with self.cluster.connect() as connection:
            ((now,),) = await (await connection.execute("SELECT clock_timestamp()")).fetchall()
        return now.astimezone(UTC)


def account() -> str:
    """Whom the servers run as here: nobody where we are root."""
    return "nobody" if unprivileged_account() else ""


def repository_in(folder: Path, port: int, password: str, **changes: Any) -> Repository:
    values = {
        "stanza": "takumi",
        "program": PGBACKREST,
        "path": folder / "repository",
        "folder": folder / "r",
        "data_folder": folder / "postgres" / "data",
        "socket_folder": folder / "sockets",
        "port": port,
        "user": SUPERUSER,
        "password": SecretStr(password),
        "account": account(),
        "archive_patience": timedelta(seconds=20),
    }
    return Repository(**{**values, **changes})


def make_folders(folder: Path, repository: Repository) -> None:
    """Those that an administrator makes, and the configuration that the server's archive_command reads."""
    folder.mkdir(mode=0o711)
    (folder / "backups").mkdir()
    for path in (*([] if repository.bucket else [repository.path]), repository.socket_folder):
        path.mkdir(mode=0o700)
        if who := unprivileged_account():
            who.take(path)
    PgBackRest(repository).prepare()


def with_keys(repository: Repository) -> str:
    """The server's archive_command; a repository in S3 needs its keys in the environment."""
    keys = [f"{name}={value}" for name, value in repository.environment.items() if name.startswith("PGBACKREST")]
    return " ".join([*(["env", *keys] if keys else []), repository.archive_command])


@asynccontextmanager
async def archived(folder: Path, version: int = VERSION, **changes: Any) -> AsyncIterator[Archived]:
    """A new cluster with its stanza; everything goes afterwards."""
    must_have_pgbackrest()
    programs = programs_of(version, folder.parent)
    passwords = {role: f"{role}-pw" for role in (*ROLES, SUPERUSER)}
    cluster = Cluster(programs, folder / "postgres", free_port(), passwords=passwords)
    repository = repository_in(folder, cluster.port, passwords[SUPERUSER], **changes)
    make_folders(folder, repository)
    cluster.settings |= {
        "unix_socket_directories": str(repository.socket_folder),
        "wal_level": "replica",
        "archive_mode": "on",
        "archive_command": with_keys(repository),
        "fsync": "off",
    }
    try:
        async with cluster:
            await create_platform_roles(cluster)
            await PgBackRest(repository).create_stanza()
            async with filled_database(cluster) as database:
                yield Archived(cluster, repository, folder / "backups", database)
    finally:
        shutil.rmtree(folder)


async def cluster_plan(engine: SmallEngine, kind: str) -> Plan:
    asked = backup_cluster.BackupCluster.model_validate({"type": kind})
    facts = await backup_cluster.look_up(asked, engine.toolbox.for_look_up())
    again = backup_cluster.ClusterFacts.model_validate(facts.model_dump(mode="json"))
    return backup_cluster.plan(asked, again, RunInfo(engine.run, datetime.now(UTC)))


async def time_plan(engine: SmallEngine, to_time: str, database: str) -> Plan:
    asked = restore_to_time.RestoreToTime(to_time=to_time, database=database)
    facts = await restore_to_time.look_up(asked, engine.toolbox.for_look_up())
    again = restore_to_time.RecoveryFacts.model_validate(facts.model_dump(mode="json"))
    return restore_to_time.plan(restore_to_time.pin(asked, again), again, RunInfo(engine.run, datetime.now(UTC)))


def servers_below(folder: Path) -> list[int]:
    """Pids of processes that work in that folder or below. Needs /proc."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if folder in (process / "cwd").resolve(strict=True).parents:
                found.append(int(process.name))
        except OSError:
            continue
    return found

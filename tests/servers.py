"""Real servers for tests, one a session: PostgreSQL clusters of each version, S3, Redis and a chain."""

import asyncio
import shutil
import tempfile
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeVar

import pytest
import pytest_asyncio
from psycopg import sql

from demo.accounts import embedded_programs, unprivileged_account
from demo.platform.databases import (
    BOT_ROLES,
    PLATFORM_MAINTENANCE,
    PLATFORM_OWNER,
    PLATFORM_RESTORE,
    PLATFORM_SETTINGS,
    create_bot_database,
    create_platform_database,
    create_platform_roles,
)
from demo.platform.postgres import Cluster
from demo.ports import free_ports

# Imported where they are started: web3 and boto3 take seconds, and unit tests need neither.
if TYPE_CHECKING:
    from demo.platform.chain import ChainNode
    from demo.platform.redis import RedisServer
    from demo.platform.s3 import ObjectStore

DEBIAN_PROGRAMS = Path("/usr/lib/postgresql")
EMBEDDED_VERSION = 18
OTHER_VERSION = 15
ROLES = (*BOT_ROLES, PLATFORM_OWNER, PLATFORM_MAINTENANCE, PLATFORM_RESTORE)


class Stoppable(Protocol):
    """A server of the demo."""

    async def start(self) -> None: ...
    async def stop(self) -> None: ...


Server = TypeVar("Server", bound=Stoppable)
ClusterFactory = Callable[[int], Cluster]


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on now."""
    return free_ports(1)[0]


def programs_of(version: int, home: Path) -> Path:
    """The bin folder of this major version; skips the test where this machine does not have it."""
    if version == EMBEDDED_VERSION:
        return embedded_programs(home, unprivileged_account())
    programs = DEBIAN_PROGRAMS / str(version) / "bin"
    if not (programs / "postgres").exists():
        pytest.skip(f"PostgreSQL {version} is not installed here (apt-get install postgresql-{version})")
    return programs


@pytest.fixture(scope="session")
def server_folder() -> Iterator[Path]:
    """A folder that PostgreSQL's unprivileged account can reach; pytest's own tmp_path is closed to it under root."""
    folder = Path(tempfile.mkdtemp(prefix="takumi-servers-"))
    folder.chmod(0o711)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def postgres_cluster(server_folder: Path) -> Iterator[ClusterFactory]:
    """`postgres_cluster(18)` is a running cluster of that version with the platform's roles and the bot's.

    One cluster a version and session. Make a database of your own in it: `bot_database`, `fresh_database`.
    """
    running: dict[int, Cluster] = {}

    def cluster_of(version: int) -> Cluster:
        if version not in running:
            programs = programs_of(version, server_folder)
            running[version] = start_cluster(programs, server_folder / f"postgres-{version}")
        return running[version]

    yield cluster_of
    for cluster in running.values():
        asyncio.run(cluster.stop())


def start_cluster(programs: Path, folder: Path) -> Cluster:
    """A new cluster with every role of the demo; the caller stops it."""
    passwords = {role: f"{role}-password" for role in ROLES}
    settings = PLATFORM_SETTINGS | {"fsync": "off", "max_connections": "200"}
    cluster = Cluster(programs, folder, free_port(), settings=settings, passwords=passwords)
    asyncio.run(_start(cluster))
    return cluster


async def _start(cluster: Cluster) -> None:
    await cluster.create()
    await cluster.start()
    await create_platform_roles(cluster)


@pytest.fixture(scope="session", params=[EMBEDDED_VERSION, OTHER_VERSION], ids=lambda version: f"postgres{version}")
def each_cluster(request: pytest.FixtureRequest, postgres_cluster: ClusterFactory) -> Cluster:
    """The cluster of 18, then that of 15: a test with this fixture runs on both."""
    return postgres_cluster(request.param)


@pytest.fixture(scope="session")
def cluster(postgres_cluster: ClusterFactory) -> Cluster:
    """The cluster of the embedded version (18)."""
    return postgres_cluster(EMBEDDED_VERSION)


@pytest_asyncio.fixture
async def bot_database(cluster: Cluster) -> AsyncIterator[str]:
    """The name of an empty bot database on `cluster`: `cluster.url(name, BOT_OWNER)` migrates, BOT_RUNTIME runs."""
    name = unique_name("bot")
    await create_bot_database(cluster, name)
    yield name
    await drop_database(cluster, name)


@pytest_asyncio.fixture
async def fresh_database(cluster: Cluster) -> AsyncIterator[str]:
    """The name of an empty database on `cluster`, owned by `takumi`."""
    name = unique_name("platform")
    async with cluster.connect() as connection:
        await create_platform_database(connection, name)
    yield name
    await drop_database(cluster, name)


@pytest.fixture(scope="session")
def s3_server(server_folder: Path) -> "Iterator[ObjectStore]":
    """A running S3 with the bucket `takumi-backups` (object lock on); `.endpoint`, `.keys`, `.client()`."""
    from demo.platform.s3 import PORTS_NEEDED, Keys, ObjectStore  # noqa: PLC0415 - see above

    keys = Keys("test-access-key", "test-secret-key")
    yield from _running(ObjectStore(server_folder / "s3", free_ports(PORTS_NEEDED), keys, server_folder / "s3.log"))


@pytest.fixture(scope="session")
def redis_server(server_folder: Path) -> "Iterator[RedisServer]":
    """A running Redis; `.url`."""
    from demo.platform.redis import RedisServer  # noqa: PLC0415 - see above

    yield from _running(RedisServer(server_folder / "redis", free_port(), server_folder / "redis.log"))


@pytest.fixture(scope="session")
def chain(server_folder: Path) -> "Iterator[ChainNode]":
    """A running chain with id 31337, and no contract: `await chain.skill_profile()` deploys one; `.url`."""
    from demo.platform.chain import ChainNode  # noqa: PLC0415 - see above

    yield from _running(ChainNode(server_folder / "chain", free_port(), server_folder / "chain.log"))


def _running(server: Server) -> Iterator[Server]:
    asyncio.run(server.start())
    yield server
    asyncio.run(server.stop())


def unique_name(prefix: str) -> str:
    return f"{prefix}_{uuid.uuid4().hex[:12]}"


async def drop_database(cluster: Cluster, name: str) -> None:
    """Drop it, ending whatever sessions a failed test left."""
    async with cluster.connect() as connection:
        await connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))

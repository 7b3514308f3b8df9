"""The demo's PostgreSQL clusters and roles: what each role may and may not do, and what survives a crash."""

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from demo.platform.databases import BOT_OWNER, BOT_RUNTIME, PLATFORM_MAINTENANCE, create_bot_database, create_role
from demo.platform.postgres import Cluster
from tests.servers import drop_database, free_port, programs_of, unique_name


async def test_a_cluster_answers_with_the_version_of_its_programs(each_cluster: Cluster):
    async with each_cluster.connect() as connection:
        version = await (await connection.execute("SHOW server_version")).fetchone()
    assert version is not None
    assert version[0].split()[0] == version_of(each_cluster.programs)


def version_of(programs: Path) -> str:
    return subprocess.check_output([programs / "pg_dump", "--version"], text=True).split()[2]


async def test_a_wrong_password_is_refused(cluster: Cluster):
    url = cluster.url("postgres").replace(cluster.passwords["postgres"], "wrong")
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        await psycopg.AsyncConnection.connect(url)


async def test_the_bot_s_runtime_role_may_connect_and_create_nothing(each_cluster: Cluster):
    name = unique_name("bot")
    await create_bot_database(each_cluster, name)
    try:
        async with each_cluster.connect(name, BOT_RUNTIME) as connection:
            for statement in ("CREATE TABLE t()", "CREATE SCHEMA s", "CREATE TEMP TABLE t()"):
                with pytest.raises(psycopg.errors.InsufficientPrivilege):
                    await connection.execute(statement)
        async with each_cluster.connect(name, BOT_OWNER) as connection:
            await connection.execute("CREATE TABLE t()")
    finally:
        await drop_database(each_cluster, name)


async def test_the_maintenance_role_swaps_databases_and_is_no_superuser(each_cluster: Cluster):
    one, two = unique_name("swap"), unique_name("swap")
    async with each_cluster.connect("postgres", PLATFORM_MAINTENANCE) as connection:
        await connection.execute(f"CREATE DATABASE {one} OWNER takumi")
        await connection.execute(f"ALTER DATABASE {one} RENAME TO {two}")
        await connection.execute(f"ALTER DATABASE {two} ALLOW_CONNECTIONS false")
        await connection.execute(f"DROP DATABASE {two}")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            await connection.execute("CREATE ROLE r")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            await connection.execute("SELECT pg_read_file('/etc/hostname')")


async def test_the_maintenance_role_ends_a_stranger_s_session_and_sees_its_queries(cluster: Cluster):
    cluster.passwords["analyst"] = "analyst-password"
    async with cluster.connect() as connection:
        await create_role(connection, "analyst", cluster.passwords["analyst"])
    async with (
        cluster.connect("postgres", "analyst") as victim,
        cluster.connect("postgres", PLATFORM_MAINTENANCE) as maintenance,
    ):
        pid = victim.info.backend_pid
        seen = await maintenance.execute("SELECT query FROM pg_stat_activity WHERE pid = %s", (pid,))
        assert await seen.fetchone() != ("<insufficient privilege>",)
        ended = await maintenance.execute("SELECT pg_terminate_backend(%s, 5000)", (pid,))
        assert await ended.fetchone() == (True,)


async def test_a_crashed_cluster_starts_again_with_its_data(server_folder: Path):
    cluster = Cluster(programs_of(18, server_folder), server_folder / "crash", free_port())
    await cluster.create()
    await cluster.start()
    async with cluster.connect() as connection:
        await connection.execute("CREATE TABLE kept AS SELECT 1 AS one")
    child = cluster.child
    assert child is not None
    os.kill(child.pid, signal.SIGKILL)
    child.process.wait()
    # Its pid may meanwhile belong to another process of the same account, such as the other cluster.
    with a_sleeper_of(cluster) as sleeper:
        pid_file = cluster.data / "postmaster.pid"
        pid_file.write_text(pid_file.read_text().replace(str(child.pid), str(sleeper.pid), 1))
        assert not await cluster.create()
        await cluster.start()
        async with cluster.connect() as connection:
            assert await (await connection.execute("SELECT one FROM kept")).fetchone() == (1,)
        await cluster.stop()


@contextmanager
def a_sleeper_of(cluster: Cluster) -> Iterator[subprocess.Popen[bytes]]:
    options = cluster.account.options() if cluster.account else {}
    with subprocess.Popen(["/bin/sleep", "300"], **options) as sleeper:
        try:
            yield sleeper
            assert sleeper.poll() is None, "starting a cluster killed a process that is no server"
        finally:
            sleeper.kill()

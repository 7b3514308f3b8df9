"""What goes wrong with an archive and its recoveries is said, leaves nothing behind, and is never called a backup."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
import pytest_asyncio

from bot.domain.errors import OperationFailed, Refused
from bot.operations.archiving import look_at_archive, told_archive
from bot.operations.leftovers import Leftovers
from bot.operations.tools.pgbackrest import PgBackRest
from tests.integration.backups import SmallEngine, connected, until
from tests.integration.physical import Archived, archived, cluster_plan, servers_below, time_plan
from tests.servers import EMBEDDED_VERSION

PATIENCE = timedelta(seconds=6)
pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def platform(server_folder: Path) -> AsyncIterator[Archived]:
    """With one full backup that nobody has proven."""
    async with archived(server_folder / "faults", archive_patience=PATIENCE) as found:
        await found.stanza.back_up("full")
        yield found


@asynccontextmanager
async def archive_command(platform: Archived, command: str) -> AsyncIterator[None]:
    """The server archives by another command in the block."""
    async with platform.cluster.connect() as connection:
        await connection.execute(f"ALTER SYSTEM SET archive_command = '{command}'".encode())
        await connection.execute("SELECT pg_reload_conf()")
        await connection.execute("SELECT pg_switch_wal()")
        try:
            yield
        finally:
            await connection.execute("ALTER SYSTEM RESET archive_command")
            await connection.execute("SELECT pg_reload_conf()")
            await connection.execute("SELECT pg_current_xact_id()")
            await connection.execute("SELECT pg_switch_wal()")  # wakes the archiver, which else waits a minute


@asynccontextmanager
async def moved_away(path: Path) -> AsyncIterator[None]:
    away = path.with_name(path.name + ".away")
    await asyncio.to_thread(path.rename, away)
    try:
        yield
    finally:
        await asyncio.to_thread(away.rename, path)


def left(platform: Archived) -> list[str]:
    return [path.name for path in platform.repository.folder.iterdir() if len(path.name) == 20]


async def write(platform: Archived) -> None:
    async with connected(platform.cluster, platform.database) as connection:
        await connection.execute("INSERT INTO skills (skill) VALUES ('written')")


async def test_an_archive_command_that_fails_is_seen_and_the_window_ends_where_it_began_to_fail(
    platform: Archived,
) -> None:
    await platform.stanza.check()
    tools = platform.toolbox.for_look_up()

    async def fails() -> bool:
        return (await look_at_archive(tools)).failing

    await write(platform)
    async with archive_command(platform, "false pgbackrest"):
        await until(fails)
        facts = await look_at_archive(tools)
        detail, advice = told_archive(facts)
        assert "archiving fails" in detail
        assert "WAL piles up" in advice
        assert facts.window is not None
        assert facts.window.last == facts.last_archived_at
        with pytest.raises(OperationFailed, match="was not archived"):
            await platform.stanza.check()

    async def works() -> bool:
        return not await fails()

    await until(works, 90)  # the server tries again once a minute


async def test_a_repository_that_is_gone_is_said_and_nothing_is_made(platform: Archived) -> None:
    async with moved_away(platform.repository.path):
        with pytest.raises(OperationFailed) as error:
            await look_at_archive(platform.toolbox.for_look_up())
        assert "not well" in str(error.value) or "unable to" in str(error.value)
    assert (await look_at_archive(platform.toolbox.for_look_up())).newest_backup is not None


async def test_a_flipped_bit_in_the_repository_is_found_and_the_backup_is_not_proven(platform: Archived) -> None:
    label = (await platform.stanza.info())[-1].label
    file = max(
        (platform.repository.path / "backup" / "takumi" / label).rglob("bundle/*"), key=lambda one: one.stat().st_size
    )
    whole = file.read_bytes()
    file.write_bytes(whole[:2000] + bytes([whole[2000] ^ 1]) + whole[2001:])
    try:
        said = await platform.stanza.verify()
        assert "invalid: 1" in said, said
        engine = SmallEngine(platform.toolbox)
        with pytest.raises(OperationFailed, match="damaged"):
            await engine.execute(await cluster_plan(engine, "incr"))
        assert not any(one.proven for one in await platform.stanza.info())
        moment = await platform.now()
        engine = SmallEngine(platform.toolbox)
        with pytest.raises(OperationFailed):
            await engine.execute(await time_plan(engine, moment.isoformat(), platform.database))
        assert left(platform) == []
    finally:
        file.write_bytes(whole)
    assert await platform.stanza.verify() == ""


async def test_a_gap_in_the_wal_ends_a_recovery_and_leaves_nothing(platform: Archived) -> None:
    await platform.stanza.check()
    await write(platform)
    await platform.stanza.check()
    moment = await platform.now()
    wal = sorted((platform.repository.path / "archive").rglob("0000000100000000*-*"))
    last = (await look_at_archive(platform.toolbox.for_look_up())).last_archived_wal
    (gap,) = [one for one in wal if one.name.startswith(last)]
    async with moved_away(gap):
        engine = SmallEngine(platform.toolbox)
        with pytest.raises(OperationFailed, match="recovery ended before configured recovery target"):
            await engine.execute(await time_plan(engine, moment.isoformat(), platform.database))
    assert left(platform) == []
    assert servers_below(platform.repository.folder) == []


async def test_a_killed_recovery_leaves_no_server_and_its_copy_is_collected(platform: Archived) -> None:
    await write(platform)
    moment = await platform.now()
    settings = {
        "cluster": platform.cluster.port,
        "passwords": platform.cluster.passwords,
        "programs": str(platform.cluster.programs),
        "database": platform.database,
        "folder": str(platform.repository.folder.parent),
        "moment": moment.isoformat(),
        "run": "0123456789abcdef0123",
    }
    worker = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.integration.recovery_worker", json.dumps(settings)
    )
    copy = platform.repository.folder / settings["run"]

    async def at_work() -> bool:
        return servers_below(copy) != [] or worker.returncode is not None

    await until(at_work, 90)
    os.kill(worker.pid, signal.SIGKILL)
    assert await worker.wait() == -signal.SIGKILL

    async def ended() -> bool:
        return servers_below(copy) == []

    await until(ended)
    leftovers = Leftovers(platform.toolbox)
    assert str(copy) in (await leftovers.find())[settings["run"]]
    await leftovers.clear(settings["run"])
    assert not copy.exists()


async def test_what_is_missing_is_named_before_anything_is_asked(platform: Archived) -> None:
    gone = replace(platform.repository, program=Path("/nowhere/pgbackrest"))
    elsewhere = replace(platform.repository, data_folder=Path("/nowhere/data"))
    engine = SmallEngine(type(platform.toolbox)(replace(platform.platform, repository=None)))
    with pytest.raises(Refused, match="not configured"):
        await time_plan(engine, "2026-01-01 00:00 UTC", platform.database)
    engine = SmallEngine(type(platform.toolbox)(replace(platform.platform, repository=gone)))
    with pytest.raises(Refused, match="pgBackRest is missing"):
        await time_plan(engine, "2026-01-01 00:00 UTC", platform.database)
    engine = SmallEngine(type(platform.toolbox)(replace(platform.platform, repository=elsewhere)))
    with pytest.raises(Refused, match="files are not at"):
        await cluster_plan(engine, "full")


async def test_a_managed_server_is_refused_by_name(platform: Archived) -> None:
    async with platform.cluster.connect() as connection:
        await connection.execute("CREATE ROLE rds_superuser")
        try:
            with pytest.raises(Refused, match="Amazon RDS"):
                await cluster_plan(SmallEngine(platform.toolbox), "full")
        finally:
            await connection.execute("DROP ROLE rds_superuser")


async def test_a_stanza_that_nobody_created_is_said(platform: Archived) -> None:
    foreign = replace(platform.repository, stanza="other")
    with pytest.raises(OperationFailed, match="not well"):
        await PgBackRest(foreign).info()


async def test_a_server_that_this_pgbackrest_does_not_know_is_said(server_folder: Path) -> None:
    """Debian's pgBackRest 2.45 knows PostgreSQL up to 15."""
    try:
        async with archived(server_folder / "p18", version=EMBEDDED_VERSION):
            pytest.skip(f"this machine's pgBackRest knows PostgreSQL {EMBEDDED_VERSION}")
    except OperationFailed as error:
        said = str(error)
    assert "is this version of PostgreSQL supported" in said
    assert not (server_folder / "p18").exists()

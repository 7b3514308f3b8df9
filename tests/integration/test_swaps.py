"""What hangs on a database when it is swapped: clients, a pooler, replicas, slots; and how long it is kept."""

import asyncio
import shutil
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
import pytest_asyncio
from pydantic import SecretStr

from bot.domain.errors import OperationFailed, Refused, RequestError
from bot.operations.swapping import SwapDatabases
from bot.operations.targeting import look_up_target, must_have_room_beside
from bot.operations.tools.access import Address, Login, OwnDatabase, Platform, PoolerAccess
from bot.operations.tools.poolers import is_paused, pause, resume
from bot.operations.tools.toolbox import Toolbox
from demo.accounts import unprivileged_account
from demo.children import Program, run_to_end, spawn, stop
from demo.platform.databases import PLATFORM_SETTINGS, create_platform_roles
from demo.platform.postgres import Cluster
from runbooks import drop_kept_copies
from tests.integration.backups import (
    SmallEngine,
    backup_plan,
    connected,
    databases,
    filled_database,
    platform,
    restore_plan,
    rows,
    with_restorer,
)
from tests.servers import ROLES, free_port, programs_of, unique_name

PGBOUNCER = Path("/usr/sbin/pgbouncer")
BINDING = {"wal_level": "logical", "max_prepared_transactions": "5", "fsync": "off", "max_wal_senders": "5"}


@pytest.fixture(scope="module")
def primary(server_folder: Path) -> Iterator[Cluster]:
    """A cluster of 18 to which slots, prepared transactions and replicas can be tied."""
    folder = server_folder / unique_name("primary")
    passwords = {role: f"{role}-password" for role in ROLES}
    settings = PLATFORM_SETTINGS | BINDING
    cluster = Cluster(programs_of(18, server_folder), folder, free_port(), settings=settings, passwords=passwords)
    asyncio.run(_begin(cluster))
    yield cluster
    asyncio.run(cluster.stop())


async def _begin(cluster: Cluster) -> None:
    await cluster.create()
    await cluster.start()
    await create_platform_roles(cluster)


@pytest_asyncio.fixture
async def source(primary: Cluster) -> AsyncIterator[str]:
    async with filled_database(primary) as name:
        yield name


@pytest.fixture
def reached(primary: Cluster, source: str, tmp_path: Path) -> Platform:
    return with_restorer(platform(primary, source, tmp_path), primary)


@pytest_asyncio.fixture
async def backup(reached: Platform) -> str:
    engine = SmallEngine(Toolbox(reached))
    await engine.execute(await backup_plan(engine.toolbox))
    return str(engine.earlier["publish"]["backup"]["file"])


async def look(reached: Platform) -> Any:
    tools = Toolbox(reached).for_look_up()
    return await look_up_target(tools, reached.databases[0].name)


async def test_a_database_that_something_is_bound_to_is_not_swapped(
    primary: Cluster, source: str, reached: Platform
) -> None:
    async with primary.connect(source) as superuser, connected(primary, source) as owner:
        await superuser.execute("SELECT pg_create_logical_replication_slot('feeds', 'test_decoding')")
        await superuser.execute(
            "CREATE SUBSCRIPTION taken CONNECTION 'host=h' PUBLICATION p WITH (connect = false, slot_name = NONE)"
        )
        await owner.execute("BEGIN")
        await owner.execute("INSERT INTO skills (skill) VALUES ('x')")
        await owner.execute("PREPARE TRANSACTION 'half'")
        with pytest.raises(Refused) as refused:
            await look(reached)
        for reason in ("slot feeds", "subscription taken", "prepared transaction half"):
            assert reason in str(refused.value)
        await owner.execute("ROLLBACK PREPARED 'half'")
        await superuser.execute("DROP SUBSCRIPTION taken")
        await superuser.execute("SELECT pg_drop_replication_slot('feeds')")
    assert (await look(reached)).publications == ()


async def test_a_role_that_may_not_swap_is_told_what_it_lacks(primary: Cluster, source: str, reached: Platform) -> None:
    async with primary.connect() as superuser:
        await superuser.execute("DO $$ BEGIN CREATE ROLE little LOGIN PASSWORD 'p'; EXCEPTION WHEN OTHERS THEN END $$")
        await superuser.execute(f"GRANT CONNECT ON DATABASE {source} TO little")
    access = replace(reached.databases[0], login=Login("little", SecretStr("p")))
    with pytest.raises(Refused, match=r"not a member of its owner takumi; the bot's role lacks CREATEDB"):
        await look(replace(reached, databases=(access,)))


async def test_the_bots_own_database_is_refused(source: str, reached: Platform) -> None:
    system = (await look(reached)).system_identifier
    with pytest.raises(Refused, match="own database"):
        await look(replace(reached, own=OwnDatabase(system, source)))


async def test_without_a_role_to_restore_as_nothing_is_restored_and_the_error_says_how_to_make_one(
    primary: Cluster, source: str, tmp_path: Path
) -> None:
    with pytest.raises(Refused, match="no role without rights") as refused:
        await look(platform(primary, source, tmp_path))
    assert "CREATE ROLE takumi_restore LOGIN" in refused.value.hint


async def test_a_superuser_makes_a_role_for_each_restore_and_drops_it(
    primary: Cluster, source: str, reached: Platform, backup: str
) -> None:
    superuser = Login("postgres", SecretStr(primary.passwords["postgres"]))
    access = replace(reached.databases[0], login=superuser, restorer=None)
    engine = SmallEngine(Toolbox(replace(reached, databases=(access,))))
    plan = await restore_plan(engine, backup, source)
    assert plan.steps
    await engine.execute(plan)
    assert await rows(primary, source, "SELECT tableowner::text FROM pg_tables WHERE tablename = 'skills'") == [
        ("takumi",)
    ]
    assert await rows(primary, "postgres", "SELECT 1 FROM pg_roles WHERE rolname LIKE 'takumi\\_restore\\_%'") == []


async def test_a_server_without_room_for_a_copy_is_refused(primary: Cluster, source: str, tmp_path: Path) -> None:
    superuser = Login("postgres", SecretStr(primary.passwords["postgres"]))
    reached = platform(primary, source, tmp_path)
    target = await look(replace(reached, databases=(replace(reached.databases[0], login=superuser),)))
    assert target.free_bytes
    must_have_room_beside(target, target.free_bytes // 3)
    with pytest.raises(Exception, match="MB free"):
        must_have_room_beside(target, target.free_bytes)


@dataclass
class Clients:
    """pgbench, again and again, with a new connection for each transaction."""

    primary: Cluster
    url: str
    folder: Path
    good: int = 0
    bad: list[str] = field(default_factory=list)

    async def run(self) -> None:
        script = self.folder / "read.sql"
        await asyncio.to_thread(script.write_text, "SELECT count(*) FROM skills;\n")
        arguments = ["-n", "-C", "-c", "2", "-t", "5", "-f", str(script), self.url]
        while True:
            process = await asyncio.create_subprocess_exec(
                str(self.primary.programs / "pgbench"),
                *arguments,
                stdout=asyncio.subprocess.DEVNULL,
                stderr=asyncio.subprocess.PIPE,
            )
            try:
                _, errors = await process.communicate()
            finally:
                if process.returncode is None:
                    process.kill()
                    await process.wait()
            self.good += process.returncode == 0
            if process.returncode != 0:
                self.bad.append(errors.decode())

    @asynccontextmanager
    async def at_work(self) -> AsyncIterator[None]:
        """While this is open they come all the time; afterwards they have come at least once more."""
        task = asyncio.create_task(self.run())
        try:
            yield
            seen = self.good
            async with asyncio.timeout(30):
                while self.good < seen + 2:  # noqa: ASYNC110 - other processes
                    await asyncio.sleep(0.05)
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


async def test_clients_that_keep_coming_meet_a_closed_door_for_a_moment_and_then_the_restored_rows(
    primary: Cluster, source: str, reached: Platform, backup: str, tmp_path: Path
) -> None:
    clients = Clients(primary, primary.url(source, "takumi"), tmp_path)
    engine = SmallEngine(Toolbox(reached))
    async with connected(primary, source) as owner:
        await owner.execute("DELETE FROM skills")
    async with clients.at_work():
        await engine.execute(await restore_plan(engine, backup, source))
    assert await rows(primary, source, "SELECT count(*) FROM skills") == [(9000,)]
    allowed = ("is not currently accepting connections", "terminating connection", "does not exist", "server closed")
    assert all(any(words in said for words in allowed) for said in clients.bad), clients.bad


@pytest_asyncio.fixture
async def pooler(primary: Cluster, source: str, server_folder: Path) -> AsyncIterator[PoolerAccess]:
    """A PgBouncer in transaction mode before the database."""
    if shutil.which(PGBOUNCER) is None:
        pytest.skip("PgBouncer is not installed here (apt-get install pgbouncer)")
    folder, port, account = server_folder / unique_name("pooler"), free_port(), unprivileged_account()
    folder.mkdir()
    users = "".join(f'"{user}" "{primary.passwords[user]}"\n' for user in ("takumi", "postgres"))
    (folder / "users.txt").write_text(users)
    (folder / "pgbouncer.ini").write_text(
        f"[databases]\n{source} = host=127.0.0.1 port={primary.port} dbname={source}\n"
        f"[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\npool_mode = transaction\n"
        f"auth_type = plain\nauth_file = {folder}/users.txt\n"
        "admin_users = postgres\nignore_startup_parameters = options\n"
    )
    for path in (folder, *folder.iterdir()):
        if account:
            account.take(path)
    child = spawn(Program("pgbouncer", [PGBOUNCER, folder / "pgbouncer.ini"], folder / "log", {}, account, folder))
    access = PoolerAccess("127.0.0.1", port, Login("postgres", SecretStr(primary.passwords["postgres"])), source)
    await _until_it_answers(access)
    yield access
    await stop(child, signal.SIGTERM, timedelta(seconds=5))


async def _until_it_answers(access: PoolerAccess) -> None:
    async with asyncio.timeout(10):
        while True:
            try:
                await is_paused(access)
            except OperationFailed:
                await asyncio.sleep(0.05)
            else:
                return


async def test_clients_of_a_pooler_wait_through_the_swap_and_see_no_error(
    primary: Cluster, source: str, pooled: Platform, backup: str, tmp_path: Path
) -> None:
    pooler = pooled.databases[0].pooler
    url = f"postgresql://takumi:{primary.passwords['takumi']}@127.0.0.1:{pooler.port}/{source}"
    clients = Clients(primary, url, tmp_path)
    engine = SmallEngine(Toolbox(pooled))
    plan = await restore_plan(engine, backup, source)
    assert [step.key for step in plan.steps][3:] == ["pause", "close", "swap", "resume"]
    async with clients.at_work():
        await engine.execute(plan)
    assert clients.bad == []
    assert await is_paused(pooler) is False


async def test_a_pooler_that_was_paused_is_resumed_when_the_swap_fails(
    primary: Cluster, source: str, pooled: Platform, backup: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.operations.swapping.ATTEMPTS", 1)
    engine = SmallEngine(Toolbox(pooled))
    async with primary.connect(source):
        with pytest.raises(OperationFailed, match="kept coming back"):
            await engine.execute(await restore_plan(engine, backup, source))
    assert await is_paused(pooled.databases[0].pooler) is False
    assert engine.not_undone == []


async def test_a_pause_does_not_wait_for_ever_and_may_be_asked_twice(
    primary: Cluster, source: str, pooler: PoolerAccess
) -> None:
    url = f"postgresql://takumi:{primary.passwords['takumi']}@127.0.0.1:{pooler.port}/{source}"
    async with await psycopg.AsyncConnection.connect(url, prepare_threshold=None) as busy:
        await busy.execute("SELECT 1")
        assert await pause(pooler, 0.5) is False
        assert await is_paused(pooler)
        await pause(pooler, 0.5)
        await resume(pooler)
        await resume(pooler)
    assert await is_paused(pooler) is False


@pytest.fixture
def pooled(reached: Platform, pooler: PoolerAccess) -> Platform:
    return replace(reached, databases=(replace(reached.databases[0], pooler=pooler),))


@pytest_asyncio.fixture
async def replica(primary: Cluster) -> AsyncIterator[Cluster]:
    """A streaming replica of the primary."""
    async with primary.connect() as superuser:
        await superuser.execute("SELECT pg_switch_wal()")
    folder = primary.folder.parent / unique_name("replica")
    copy = Cluster(primary.programs, folder, free_port(), settings=primary.settings, passwords=primary.passwords)
    folder.mkdir()
    copy._give(folder)
    dsn = f"host=127.0.0.1 port={primary.port} user=postgres password={primary.passwords['postgres']}"
    arguments = [primary.programs / "pg_basebackup", "-D", copy.data, "-R", "-X", "stream", "-c", "fast", "-d", dsn]
    await run_to_end(copy._program("pg_basebackup", arguments, folder / "log"))
    await copy.start()
    yield copy
    await copy.stop()


async def test_sessions_on_replicas_that_read_the_former_database_are_ended(
    source: str, reached: Platform, backup: str, replica: Cluster
) -> None:
    known = replace(reached.databases[0], replicas=(Address("127.0.0.1", replica.port),))
    engine = SmallEngine(Toolbox(replace(reached, databases=(known,))))
    reading = await psycopg.AsyncConnection.connect(replica.url(source, "takumi"), autocommit=True)
    await reading.execute("SELECT count(*) FROM skills")
    await engine.execute(await restore_plan(engine, backup, source))
    assert engine.earlier["replicas"]["ended"] == 1
    with pytest.raises(psycopg.OperationalError):
        await reading.execute("SELECT 1")
    await reading.close()
    unknown = await restore_plan(SmallEngine(Toolbox(reached)), backup, source)
    assert any("1 replica unknown to the bot" in warning for warning in unknown.warnings)


async def test_a_replica_that_is_away_is_named_and_the_swap_stays(
    source: str, primary: Cluster, reached: Platform, backup: str
) -> None:
    known = replace(reached.databases[0], replicas=(Address("127.0.0.1", free_port()),))
    engine = SmallEngine(Toolbox(replace(reached, databases=(known,))))
    with pytest.raises(OperationFailed, match="does not answer"):
        await engine.execute(await restore_plan(engine, backup, source))
    assert any("the swap has happened, and stays" in said for said in engine.not_undone)
    assert engine.earlier["swap"]["kept"] in await databases(primary)


async def test_a_kept_copy_is_dropped_when_its_time_is_up_and_not_before(
    primary: Cluster, source: str, reached: Platform, backup: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await drop_all_kept(primary)
    toolbox = Toolbox(reached)
    engine = SmallEngine(toolbox)
    await engine.execute(await restore_plan(engine, backup, source))
    asked = drop_kept_copies.DropKeptCopies()
    with pytest.raises(RequestError, match="No kept copy"):
        await drop_kept_copies.look_up(asked, toolbox.for_look_up())
    monkeypatch.setattr("runbooks.restore_database.do.SwapDatabases", expiring)
    second = SmallEngine(toolbox)
    await second.execute(await restore_plan(second, backup, source))
    facts = await drop_kept_copies.look_up(asked, toolbox.for_look_up())
    await SmallEngine(toolbox).execute(drop_kept_copies.plan(asked, facts, None))
    left = await databases(primary)
    assert (engine.earlier["swap"]["kept"] in left, second.earlier["swap"]["kept"] in left) == (True, False)
    await drop_all_kept(primary)


def expiring(*args: Any) -> SwapDatabases:
    return SwapDatabases(*args, keep=timedelta(seconds=-1))


async def drop_all_kept(cluster: Cluster) -> None:
    async with cluster.connect() as superuser:
        for name in await databases(cluster):
            if "_before_" in name:
                await superuser.execute(f'DROP DATABASE "{name}"')

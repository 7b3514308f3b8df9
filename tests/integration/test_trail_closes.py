"""A trail that cannot be written is named, said in Slack and metrics, and opens by itself: on a real server."""

import shutil
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import psycopg
import pytest
import pytest_asyncio

from bot.domain.errors import Unrecorded
from bot.services.gate import Gate, TrailWatch
from bot.services.rows import Delivery, DeliveryKind
from demo.accounts import unprivileged_account
from demo.platform.databases import BOT_OWNER
from demo.platform.postgres import Cluster
from tests.builders import an_entry
from tests.fakes import FakeChat
from tests.figures import exposed
from tests.servers import drop_database, unique_name
from tests.stores import BotDatabase, database_of, rows
from tests.trails import TrailUnderTest, a_trail

Break = Callable[[], Awaitable[None]]


@pytest_asyncio.fixture
async def trail(migrated: BotDatabase, tmp_path: Path) -> AsyncIterator[TrailUnderTest]:
    async with a_trail(migrated, tmp_path) as made:
        yield made


async def run_as_superuser(cluster: Cluster, database: str, *statements: str) -> None:
    async with cluster.connect(database) as connection:
        for statement in statements:
            await connection.execute(statement.encode())


def end_sessions(database: str) -> str:
    """A server that turns read-only tells new sessions alone."""
    others = f"datname = '{database}' AND pid <> pg_backend_pid()"
    return f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {others}"  # noqa: S608 - a name of ours


async def closes_and_opens(trail: TrailUnderTest, chat: FakeChat, said: str, cause: str, ways: tuple[Break, Break]):
    """What is broken is named everywhere, nothing of a refused change is kept, and what is mended works again."""
    watch = TrailWatch(Gate(trail.store), chat, "C1", trail.store.voids.declare)
    await watch.look()
    assert (watch.why, "takumi_trail_open 1" in await exposed(watch.figures())) == ("", True)
    await ways[0]()
    await watch.look()
    assert said in watch.why
    assert f'takumi_trail_closed{{cause="{cause}"}} 1' in await exposed(watch.figures())
    with pytest.raises(Unrecorded, match=said):  # noqa: PT012 - the first write is rolled back too
        async with trail.store.work() as work:
            await work.schedules.fire("daily", await work.now())
            await work.audit.record(an_entry())
    await ways[1]()
    await watch.look()
    assert (watch.why, "takumi_trail_open 1" in await exposed(watch.figures())) == ("", True)
    assert await rows(trail.database.owner_url, "SELECT count(*) FROM schedule_firings") == [(0,)]
    told = [document.summary for _, document, _ in chat.posts.values()]
    assert said in told[0]
    assert "everything works as before" in told[1]
    await trail.record(1)


async def test_a_read_only_database(trail: TrailUnderTest, cluster: Cluster) -> None:
    name = trail.database.name

    async def close() -> None:
        await run_as_superuser(
            cluster, name, f"ALTER DATABASE {name} SET default_transaction_read_only = on", end_sessions(name)
        )
        with pytest.raises(Unrecorded, match="only lets itself be read"):
            await trail.store.receive(Delivery(DeliveryKind.COMMAND, "t1", {"text": "backup now"}))

    async def mend() -> None:
        async with cluster.connect(name) as connection:
            await connection.execute("SET default_transaction_read_only = off")
            await connection.execute(f"ALTER DATABASE {name} RESET default_transaction_read_only".encode())
            await connection.execute(end_sessions(name).encode())

    await closes_and_opens(trail, FakeChat(), "only lets itself be read", "read_only", (close, mend))


@pytest.mark.parametrize(
    "right", ["INSERT (body, writer, number, signature) ON audit_entries", "USAGE ON SEQUENCE audit_entries_id_seq"]
)
async def test_a_right_that_was_taken_away(trail: TrailUnderTest, cluster: Cluster, right: str) -> None:
    async def close() -> None:
        await run_as_superuser(cluster, trail.database.name, f"REVOKE {right} FROM takumi_bot")

    async def mend() -> None:
        await run_as_superuser(cluster, trail.database.name, f"GRANT {right} TO takumi_bot")

    await closes_and_opens(trail, FakeChat(), "let the bot's role write", "permission", (close, mend))


@pytest.fixture
def small_disk(server_folder: Path) -> Iterator[Path]:
    """A file system of 40 MB with a folder for PostgreSQL's files; skips loudly where none may be mounted."""
    folder, account = server_folder / unique_name("disk"), unprivileged_account()
    folder.mkdir()
    mount, umount = shutil.which("mount"), shutil.which("umount")
    if mount is None or umount is None:
        pytest.skip("a full disk was NOT tested: there is no `mount` here (apt-get install mount)")
    options = ["-t", "tmpfs", "-o", "size=40m,mode=755", "tmpfs", str(folder)]
    mounted = subprocess.run([mount, *options], capture_output=True, check=False)
    if mounted.returncode != 0:
        pytest.skip(f"a full disk was NOT tested: nothing may be mounted here ({mounted.stderr.decode().strip()})")
    (folder / "tables").mkdir()
    if account is not None:
        account.take(folder / "tables")
    yield folder
    subprocess.run([umount, str(folder)], check=True)


@asynccontextmanager
async def on_disk(cluster: Cluster, template: str, folder: Path) -> AsyncIterator[BotDatabase]:
    """A migrated database whose tables lie on that disk; the server's log of changes does not."""
    name = unique_name("bot")
    async with cluster.connect() as connection:
        await connection.execute(f"CREATE TABLESPACE {name} LOCATION '{folder / 'tables'}'".encode())
        await connection.execute(
            f"CREATE DATABASE {name} TEMPLATE {template} TABLESPACE {name} OWNER {BOT_OWNER}".encode()
        )
    yield database_of(cluster, name)
    await drop_database(cluster, name)
    async with cluster.connect() as connection:
        await connection.execute(f"DROP TABLESPACE {name}".encode())


def fill(disk: Path) -> Path:
    """Until nothing more goes in."""
    filler = disk / "filler"
    with filler.open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(bytes(4096))
    return filler


async def test_a_full_disk(cluster: Cluster, migrated_template: str, small_disk: Path, tmp_path: Path) -> None:
    async with on_disk(cluster, migrated_template, small_disk) as database, a_trail(database, tmp_path) as trail:

        async def close() -> None:
            await trail.record(1)
            fill(small_disk)
            with pytest.raises(Unrecorded):
                await recorded_until_refused(trail)

        async def mend() -> None:
            (small_disk / "filler").unlink()

        await closes_and_opens(trail, FakeChat(), "no room left on its disk", "disk_full", (close, mend))
        await trail.record(50)
        assert await rows(database.owner_url, "SELECT count(*) > 50 FROM audit_entries") == [(True,)]


async def recorded_until_refused(trail: TrailUnderTest) -> None:
    """Pages that were there before take some entries still."""
    for _ in range(100):
        await trail.record(20)


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (psycopg.errors.DiskFull, "no room left"),
        (psycopg.errors.ReadOnlySqlTransaction, "only lets itself be read"),
        (psycopg.errors.InsufficientPrivilege, "role write"),
    ],
)
async def test_a_request_that_cannot_be_recorded_is_told_why(
    trail: TrailUnderTest, monkeypatch: pytest.MonkeyPatch, error: type[psycopg.Error], said: str
) -> None:
    async def refuse(*_: object) -> object:
        raise error("made up")

    monkeypatch.setattr(trail.store._reception, "_persist", refuse)
    with pytest.raises(Unrecorded, match=said):
        await trail.store.receive(Delivery(DeliveryKind.COMMAND, "t1", {"text": "backup now"}))

"""Whatever goes wrong with a backup: a clear error, and no file, child, session or database left behind."""

import asyncio
import base64
import gzip
import hashlib
import json
import os
import resource
import signal
import stat
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest
import pytest_asyncio

from bot.domain.errors import OperationFailed
from bot.operations.files import sha256_of
from bot.operations.snapshots import held_snapshot
from bot.operations.tools import fences, multiparts, objects
from bot.operations.tools.objects import How
from bot.operations.tools.toolbox import Toolbox
from demo.platform.databases import PLATFORM_MAINTENANCE
from demo.platform.postgres import Cluster
from demo.platform.s3 import ObjectStore
from tests.integration.backups import (
    SmallEngine,
    backup_plan,
    children_of,
    connected,
    databases,
    files_below,
    filled_database,
    platform,
    sessions_named,
    until,
)
from tests.servers import free_port, unique_name


@pytest_asyncio.fixture
async def source(cluster: Cluster) -> AsyncIterator[str]:
    async with filled_database(cluster) as name:
        yield name


@pytest.fixture
def engine(cluster: Cluster, source: str, tmp_path: Path) -> SmallEngine:
    return SmallEngine(Toolbox(platform(cluster, source, tmp_path)))


@asynccontextmanager
async def stuck_pg_dump(cluster: Cluster, database: str) -> AsyncIterator[None]:
    """While this is open, a real pg_dump waits: it must read a view that somebody is dropping."""
    async with connected(cluster, database) as connection:
        await connection.execute("BEGIN")
        await connection.execute("DROP VIEW everybody")
        yield
        await connection.execute("ROLLBACK")


@asynccontextmanager
async def stuck_backup(cluster: Cluster, source: str, engine: SmallEngine) -> AsyncIterator[asyncio.Task[None]]:
    """A backup at work, whose pg_dump runs and does not end by itself."""
    plan = await backup_plan(engine.toolbox)
    async with stuck_pg_dump(cluster, source):
        task = asyncio.create_task(engine.execute(plan))
        await until(lambda: has_child(engine.run, "pg_dump"))
        yield task


async def has_child(run: str, program: str) -> bool:
    return any(f"{program} " in line and "setpriv" not in line for line in children_of(run))


def pid_of(run: str, program: str) -> int:
    for process in Path("/proc").glob("[0-9]*"):
        try:
            ours = f"PGAPPNAME=takumi:{run}:".encode() in (process / "environ").read_bytes()
            name = (process / "comm").read_text().strip()
        except OSError:
            continue
        if ours and name == program:
            return int(process.name)
    raise AssertionError(f"no {program} of {run}")


def parent_of(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().split()[3])


async def nothing_is_left(cluster: Cluster, engine: SmallEngine, folder: Path) -> None:
    assert files_below(folder) == []
    assert children_of(engine.run) == []
    assert await sessions_named(cluster, f"takumi:{engine.run}") == []
    assert not [name for name in await databases(cluster) if name.startswith("takumi_proof")]


def wrapped_programs(cluster: Cluster, folder: Path, script: str) -> Path:
    """A bin folder whose pg_dump is the real one, and then does something else; psql is the real one."""
    folder.mkdir()
    (folder / "psql").symlink_to(cluster.programs / "psql")
    wrapper = folder / "pg_dump"
    wrapper.write_text(
        f'#!/bin/bash\nreal={cluster.programs}/pg_dump\n[ "$1" = --version ] && exec $real "$@"\n{script}\n'
    )
    wrapper.chmod(wrapper.stat().st_mode | stat.S_IXUSR)
    return folder


LIES = {
    "fails at once": ("echo boom >&2; exit 1", "pg_dump failed with exit code 1: boom"),
    "dies in the middle": ('$real "$@" | head -c 3000; kill -9 $$', "exit code 137"),
    "half, exit 0": ('$real "$@" | head -c 3000; exit 0', "does not end as a complete one"),
    "nothing, exit 0": ("exit 0", "does not end as a complete one"),
    "only its end, exit 0": ("echo '-- PostgreSQL database dump complete'", "it holds no table"),
    "messages mixed in": (
        '$real "$@" | sed "s/^COPY public.skills/pg_dump: error: x\\n&/"',
        "messages of a failed program",
    ),
    "a table is empty": ('$real "$@" | sed "/^COPY public.skills/,/^\\\\\\\\\\./d"', "9000 rows were dumped, 0 are in"),
    "one value changed": ('$real "$@" | sed "s/Profil Nr. 77 /Profil Nr. 78 /"', "but with other contents"),
    "no indexes": ('$real "$@" | sed "/^CREATE INDEX/d"', "indexes were dumped"),
}


@pytest.mark.parametrize(("script", "said"), LIES.values(), ids=LIES.keys())
async def test_a_pg_dump_that_lies_makes_no_backup(
    cluster: Cluster, source: str, tmp_path: Path, script: str, said: str
) -> None:
    places = platform(cluster, source, tmp_path / "backups")
    programs = wrapped_programs(cluster, tmp_path / "bin", script)
    engine = SmallEngine(Toolbox(replace(places, program_folders=(programs,))))
    with pytest.raises(OperationFailed, match=said):
        await engine.execute(await backup_plan(engine.toolbox))
    await nothing_is_left(cluster, engine, tmp_path / "backups")


async def test_a_killed_pg_dump_makes_no_backup(
    cluster: Cluster, source: str, engine: SmallEngine, tmp_path: Path
) -> None:
    async with stuck_backup(cluster, source, engine) as task:
        os.kill(pid_of(engine.run, "pg_dump"), signal.SIGKILL)
        with pytest.raises(OperationFailed, match="exit code 137"):
            await task
        await nothing_is_left(cluster, engine, tmp_path)


async def test_a_cancelled_backup_has_ended_when_it_says_so(
    cluster: Cluster, source: str, engine: SmallEngine, tmp_path: Path
) -> None:
    async with stuck_backup(cluster, source, engine) as task:
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await nothing_is_left(cluster, engine, tmp_path)


async def test_a_second_cancellation_does_not_cut_the_clean_up_short(
    cluster: Cluster, source: str, engine: SmallEngine
) -> None:
    async with stuck_backup(cluster, source, engine) as task:
        task.cancel()
        for _ in range(5):
            await asyncio.sleep(0)
            task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert children_of(engine.run) == []
        assert await sessions_named(cluster, f"takumi:{engine.run}") == []


async def test_a_lost_lock_stops_the_step_at_once(
    cluster: Cluster, source: str, engine: SmallEngine, tmp_path: Path
) -> None:
    async with stuck_backup(cluster, source, engine) as task:
        async with cluster.connect() as connection:
            await connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND classid = %s",
                (fences.LOCK_CLASS,),
            )
        with pytest.raises(OperationFailed, match="lock on the target was lost"):
            await task
        await nothing_is_left(cluster, engine, tmp_path)


async def test_a_dead_worker_leaves_no_child_and_whoever_takes_over_ends_its_sessions(
    cluster: Cluster, source: str, tmp_path: Path
) -> None:
    run = unique_name("dead")[:20]
    settings = {
        "user": PLATFORM_MAINTENANCE,
        "password": cluster.passwords[PLATFORM_MAINTENANCE],
        "database": source,
        "port": cluster.port,
        "programs": str(cluster.programs),
        "folder": str(tmp_path),
        "run": run,
    }
    async with stuck_pg_dump(cluster, source):
        arguments = [sys.executable, "-m", "tests.integration.backup_worker", json.dumps(settings)]
        worker = await asyncio.create_subprocess_exec(*arguments)
        await until(lambda: has_child(run, "pg_dump"), 30)
        worker.kill()
        await worker.wait()

        async def no_child() -> bool:
            return children_of(run) == []

        await until(no_child)
        toolbox = Toolbox(platform(cluster, source, tmp_path))
        await toolbox.end_effects(run)
        assert await sessions_named(cluster, f"takumi:{run}") == []
    engine = SmallEngine(toolbox, run)
    await engine.execute(await backup_plan(toolbox))
    assert len(files_below(tmp_path)) == 5


async def test_a_supervisor_that_is_killed_takes_its_program_along(
    cluster: Cluster, source: str, engine: SmallEngine, tmp_path: Path
) -> None:
    async with stuck_backup(cluster, source, engine) as task:
        child = pid_of(engine.run, "pg_dump")
        os.kill(parent_of(child), signal.SIGKILL)
        with pytest.raises(OperationFailed, match="pg_dump failed"):
            await task
    await nothing_is_left(cluster, engine, tmp_path)


async def test_a_server_that_restarts_in_the_middle_makes_no_backup(
    cluster: Cluster, source: str, engine: SmallEngine, tmp_path: Path
) -> None:
    plan = await backup_plan(engine.toolbox)
    holder = await psycopg.AsyncConnection.connect(cluster.url(source, "takumi"))
    await holder.execute("DROP VIEW everybody")
    task = asyncio.create_task(engine.execute(plan))
    await until(lambda: has_child(engine.run, "pg_dump"))
    await cluster.stop(signal.SIGQUIT)
    try:
        with pytest.raises(OperationFailed):
            await task
    finally:
        await holder.close()
        await cluster.start()
    await nothing_is_left(cluster, engine, tmp_path)


async def test_an_unreachable_server_is_named_with_its_address(cluster: Cluster, tmp_path: Path) -> None:
    reached = platform(cluster, "takumi", tmp_path)
    away = replace(reached.databases[0], port=free_port())
    toolbox = Toolbox(replace(reached, databases=(away,)))
    with pytest.raises(OperationFailed, match=f"127.0.0.1:{away.port} does not answer"):
        await backup_plan(toolbox)


async def test_a_disk_that_fills_up_makes_no_backup(cluster: Cluster, engine: SmallEngine, tmp_path: Path) -> None:
    plan = await backup_plan(engine.toolbox)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, before[1]))
    try:
        with pytest.raises(OperationFailed, match="disk of the backup folder is full"):
            await engine.execute(plan)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    await nothing_is_left(cluster, engine, tmp_path)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount a small disk")
async def test_a_disk_without_room_is_refused_before_anything_is_done(
    cluster: Cluster, source: str, tmp_path: Path
) -> None:
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=60m", "tmpfs", tmp_path], check=True)  # noqa: ASYNC221, S607
    try:
        engine = SmallEngine(Toolbox(platform(cluster, source, tmp_path)))
        with pytest.raises(OperationFailed, match="MB free"):
            await engine.execute(await backup_plan(engine.toolbox))
        await nothing_is_left(cluster, engine, tmp_path)
    finally:
        subprocess.run(["umount", tmp_path], check=True)  # noqa: ASYNC221, S607


async def test_with_s3_down_nothing_is_published(
    cluster: Cluster, source: str, s3_server: ObjectStore, tmp_path: Path
) -> None:
    reached = platform(cluster, source, tmp_path, s3_server)
    down = replace(reached.backups, endpoint_url=f"http://127.0.0.1:{free_port()}")
    engine = SmallEngine(Toolbox(replace(reached, backups=down)))
    with pytest.raises(OperationFailed, match="S3 bucket") as failure:
        await engine.execute(await backup_plan(engine.toolbox))
    assert "--to local" in failure.value.hint
    await nothing_is_left(cluster, engine, tmp_path)


async def test_s3_refuses_bytes_that_are_not_those_that_were_hashed(
    cluster: Cluster, s3_server: ObjectStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = objects.ObjectStore(platform(cluster, "takumi", tmp_path, s3_server).backups)
    monkeypatch.setattr(objects, "_text", lambda _: base64.b64encode(b"\0" * 32).decode())
    (tmp_path / "file").write_bytes(b"bytes")
    with pytest.raises(OperationFailed, match="did not store"):
        await store.put("database/wrong", tmp_path / "file", How({}))
    assert await store.find("database/wrong") is None


async def test_a_big_file_goes_in_parts_and_a_part_that_s3_refuses_leaves_no_upload_behind(
    cluster: Cluster, s3_server: ObjectStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(multiparts, "PART_BYTES", 5 << 20)
    places = platform(cluster, "takumi", tmp_path, s3_server).backups
    store, path = objects.ObjectStore(places), tmp_path / "big"
    path.write_bytes(os.urandom((11 << 20) + 7))
    seen = await store.put("database/big", path, How({"sha256": "x"}))
    assert (seen.size_bytes, seen.checksum[-2:]) == (path.stat().st_size, "-3")
    monkeypatch.setattr(multiparts.Sending, "_put", sending_another_third_part)
    with pytest.raises(OperationFailed, match="did not store"):
        await store.put("database/big-wrong", path, How({}))
    uploads = s3_server.client().list_multipart_uploads(Bucket=places.bucket)
    assert not uploads.get("Uploads")


def sending_another_third_part(sending: multiparts.Sending, number: int, last: bool) -> multiparts.Taken:
    """The bytes change between the hash and the wire."""
    body = sending._cut.part(number, last=last)
    checksum = base64.b64encode(hashlib.sha256(body).digest()).decode()
    sent = bytes(len(body)) if number == 3 else body
    answer = sending._clients.parts.upload_part(**sending._where, PartNumber=number, Body=sent, ChecksumSHA256=checksum)
    return multiparts.Taken("", answer["ETag"], len(body))


@pytest.mark.parametrize("parts", [1, 2])
async def test_an_object_is_never_overwritten_and_the_same_one_is_found_done(
    cluster: Cluster, s3_server: ObjectStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, parts: int
) -> None:
    monkeypatch.setattr(multiparts, "PART_BYTES", 5 << 20)
    store = objects.ObjectStore(platform(cluster, "takumi", tmp_path, s3_server).backups)
    (tmp_path / "one").write_bytes(b"1" * (parts * (5 << 20)))
    (tmp_path / "two").write_bytes(b"2" * (parts * (5 << 20)))
    key = f"database/once-{parts}"
    first = await store.put(key, tmp_path / "one", How({}))
    assert await store.put(key, tmp_path / "one", How({})) == first
    with pytest.raises(OperationFailed, match=r"not the .* sent"):
        await store.put(key, tmp_path / "two", How({}))
    assert await store.find(key) == first


def flip_a_bit(dump: Path) -> None:
    content = bytearray(dump.read_bytes())
    content[len(content) // 2] ^= 1
    dump.write_bytes(content)


def cut(dump: Path) -> None:
    dump.write_bytes(dump.read_bytes()[:-10])


def replace_by_another(dump: Path) -> None:
    dump.write_bytes(gzip.compress(gzip.decompress(dump.read_bytes()).replace(b"Profil Nr. 9 ", b"Profil Nr. 8 ")))


def empty(dump: Path) -> None:
    dump.write_bytes(b"")


def change_the_manifest(dump: Path) -> None:
    manifest = dump.with_name(dump.name + ".manifest.json")
    manifest.write_text(manifest.read_text().replace("9000", "9001"))


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (flip_a_bit, "is damaged"),
        (cut, "ends in the middle"),
        (replace_by_another, "is not the file it should be"),
        (empty, "is damaged: it is empty"),
        (change_the_manifest, "was changed since"),
    ],
)
async def test_a_file_that_changes_after_the_dump_is_noticed(
    cluster: Cluster, engine: SmallEngine, tmp_path: Path, damage: Callable[[Path], None], said: str
) -> None:
    plan = await backup_plan(engine.toolbox)
    dump, *_ = plan.steps
    data = (await dump.do.run(engine.tools("dump"))).data
    damage(tmp_path / ".unfinished" / engine.run / data["file"])
    engine.earlier["dump"] = data
    with pytest.raises(OperationFailed, match=said):
        await engine.execute(replace(plan, steps=plan.steps[1:]))
    await dump.undo.run(engine.tools("dump.undo"))
    await nothing_is_left(cluster, engine, tmp_path)


async def test_a_published_file_that_the_disk_changed_is_retracted(
    cluster: Cluster, engine: SmallEngine, tmp_path: Path
) -> None:
    plan = await backup_plan(engine.toolbox)
    *steps, publish = plan.steps
    await engine.execute(replace(plan, steps=tuple(steps)))
    await publish.do.run(engine.tools("publish"))
    flip_a_bit(tmp_path / engine.earlier["dump"]["file"])
    with pytest.raises(OperationFailed, match="not what was written"):
        await publish.verify.run(engine.tools("publish"))
    await publish.undo.run(engine.tools("publish.undo"))
    await nothing_is_left(cluster, engine, tmp_path)


async def test_publishing_never_overwrites_and_may_be_done_again(engine: SmallEngine, tmp_path: Path) -> None:
    plan = await backup_plan(engine.toolbox)
    *steps, publish = plan.steps
    await engine.execute(replace(plan, steps=tuple(steps)))
    somebodys = tmp_path / engine.earlier["dump"]["file"]
    somebodys.write_text("somebody's")
    with pytest.raises(OperationFailed, match="exists already"):
        await publish.do.run(engine.tools("publish"))
    await publish.undo.run(engine.tools("publish.undo"))
    assert somebodys.read_text() == "somebody's"
    somebodys.unlink()
    first = await publish.do.run(engine.tools("publish", 1))
    assert await publish.do.run(engine.tools("publish", 2)) == first
    assert sha256_of(somebodys) == first.data["backup"]["sha256"]


async def test_two_backups_of_one_second_have_two_names(engine: SmallEngine, tmp_path: Path) -> None:
    engines = [engine, SmallEngine(engine.toolbox), SmallEngine(engine.toolbox)]
    plan = await backup_plan(engine.toolbox)
    await asyncio.gather(*(one.execute(plan) for one in engines))
    assert len({one.earlier["publish"]["backup"]["file"] for one in engines}) == 3
    assert len(files_below(tmp_path)) == 3 * 4 + 1


async def test_a_table_cannot_be_emptied_or_dropped_while_it_is_dumped(cluster: Cluster, source: str, engine) -> None:
    tools = engine.tools("dump")
    async with held_snapshot(tools, tools.database(source)), connected(cluster, source) as other:
        await other.execute("SET lock_timeout = '100ms'")
        for statement in ("TRUNCATE profiles CASCADE", "DROP TABLE skills", "ALTER TABLE skills ADD x int"):
            with pytest.raises(psycopg.errors.LockNotAvailable):
                await other.execute(statement)
        await other.execute("DELETE FROM skills WHERE skill_id = 1")


async def test_a_table_dropped_or_emptied_before_the_lock_is_had_is_dumped_as_it_is_then(
    cluster: Cluster, source: str, engine: SmallEngine
) -> None:
    async with connected(cluster, source) as other:
        await other.execute("BEGIN")
        await other.execute("DROP TABLE skills")
        await other.execute("TRUNCATE profiles")
        task = asyncio.create_task(engine.execute(await backup_plan(engine.toolbox)))

        async def waits() -> bool:
            async with cluster.connect() as connection:
                cursor = await connection.execute(
                    "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE 'LOCK TABLE%'"
                )
                return await cursor.fetchone() is not None

        await until(waits)
        await other.execute("COMMIT")
        await task
    backup = engine.earlier["publish"]["backup"]
    assert list(backup["manifest"]["tables"]) == ["public.profiles"]
    assert backup["rows"] == 0


async def test_hidden_rows_are_an_error_and_not_a_smaller_backup(
    cluster: Cluster, source: str, engine: SmallEngine, tmp_path: Path
) -> None:
    async with connected(cluster, source) as owner:
        await owner.execute("ALTER TABLE skills ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY")
        await owner.execute("CREATE POLICY few ON skills USING (skill_id < 10)")
    with pytest.raises(OperationFailed, match="row-level security"):
        await engine.execute(await backup_plan(engine.toolbox))
    await nothing_is_left(cluster, engine, tmp_path)

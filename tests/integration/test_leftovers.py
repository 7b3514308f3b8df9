"""Temporary databases, roles and files of a run are found by its id and removed; nothing else is touched."""

from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
import pytest_asyncio

from bot.domain.errors import OperationFailed
from bot.domain.operations import StepContext
from bot.operations.files import unfinished_folder
from bot.operations.leftovers import Leftovers
from bot.operations.restoring import aside_name, restored_name
from bot.operations.scratch import proof_name
from bot.operations.tools.toolbox import Toolbox
from demo.platform.databases import PLATFORM_OWNER
from demo.platform.postgres import Cluster
from tests.integration.backups import SmallEngine, backup_plan, databases, filled_database, platform


@pytest_asyncio.fixture
async def source(cluster: Cluster) -> AsyncIterator[str]:
    async with filled_database(cluster) as name:
        yield name


async def test_what_carries_a_runs_id_is_found_and_goes_and_kept_copies_stay(
    cluster: Cluster, source: str, tmp_path: Path
) -> None:
    run, other = uuid4().hex[:20], uuid4().hex[:20]
    mine = [proof_name(run), restored_name(source, run)]
    kept = [aside_name(source, "before", run), aside_name(source, "undone", run)]
    theirs = [proof_name(other)]
    async with cluster.connect() as connection:
        for name in mine + kept + theirs:
            await connection.execute(f'CREATE DATABASE "{name}" OWNER {PLATFORM_OWNER}'.encode())
    unfinished_folder(tmp_path, run).mkdir(parents=True)
    unfinished_folder(tmp_path, other).mkdir(parents=True)
    (unfinished_folder(tmp_path, "x.sql.gz.reserved")).write_text(run)
    leftovers = Leftovers(Toolbox(platform(cluster, source, tmp_path)))
    try:
        found = await leftovers.find()
        assert sorted(found[run]) == sorted([*mine, run, "x.sql.gz.reserved"])
        assert sorted(found[other]) == sorted([*theirs, other])
        await leftovers.clear(run)
        assert set(await databases(cluster)) & {*mine, *kept, *theirs} == {*kept, *theirs}
        assert [path.name for path in (tmp_path / ".unfinished").iterdir()] == [other]
        assert run not in await leftovers.find()
    finally:
        async with cluster.connect() as connection:
            for name in kept + theirs:
                await connection.execute(f'DROP DATABASE "{name}"'.encode())


async def test_a_worker_that_was_away_leaves_the_files_to_the_next_attempt(
    cluster: Cluster, source: str, tmp_path: Path
) -> None:
    """The first attempt wakes up late, fails since it is too late, and must not clean up after the second."""
    toolbox, held = Toolbox(platform(cluster, source, tmp_path)), [True]
    engine = SmallEngine(toolbox)
    dump = (await backup_plan(toolbox)).steps[0]
    seconds = unfinished_folder(tmp_path, engine.run) / "of the second attempt"

    async def pause(_text: str) -> None:
        held[0] = False
        seconds.write_text("there")

    late = toolbox.for_step(StepContext(engine.run, "dump", 1, {}, pause, lambda: held[0]))
    with pytest.raises(OperationFailed, match="away for too long"):
        await dump.do.run(late)
    assert not held[0]
    assert seconds.read_text() == "there"


async def test_a_session_of_a_worker_that_was_away_is_refused(cluster: Cluster, source: str, tmp_path: Path) -> None:
    toolbox = Toolbox(platform(cluster, source, tmp_path))
    late = toolbox.for_step(StepContext("r1", "swap", 1, is_held=lambda: False))
    access = late.database("")
    for opening in (late.session(access), late.fence(access)):
        with pytest.raises(OperationFailed, match="away for too long"):
            await opening.__aenter__()
    async with await psycopg.AsyncConnection.connect(cluster.url("postgres")) as connection:
        found = await connection.execute("SELECT 1 FROM pg_stat_activity WHERE application_name LIKE 'takumi:r1:%'")
        assert await found.fetchall() == []

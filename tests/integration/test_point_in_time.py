"""Physical backups are proven by recovery, and a database comes back as it was at a moment."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import pytest_asyncio

from bot.domain.errors import RequestError
from runbooks import backup_cluster, restore_to_time
from tests.integration.backups import SmallEngine, connected, restore_plan, rows, undo_plan
from tests.integration.physical import Archived, archived, cluster_plan, servers_below, time_plan

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def platform(server_folder: Path) -> AsyncIterator[Archived]:
    """With one full backup, which is proven."""
    async with archived(server_folder / "pitr") as found:
        engine = SmallEngine(found.toolbox)
        await engine.execute(await cluster_plan(engine, "full"))
        told = dict(backup_cluster.RUNBOOK.result(engine.earlier))
        assert told["Compared"] == "14,000 rows, row for row"
        yield found


def nothing_is_left(platform: Archived) -> None:
    assert servers_below(platform.repository.folder) == []
    left = sorted(path.name for path in platform.repository.folder.iterdir())
    assert left == ["lock", "pgbackrest.conf", "spool"]
    assert [path.name for path in platform.backups.glob(".unfinished/*")] == []


async def test_every_kind_of_backup_is_proven_by_a_recovery_of_its_own(platform: Archived) -> None:
    for kind in ("diff", "incr"):
        async with connected(platform.cluster, platform.database) as connection:
            await connection.execute("INSERT INTO skills (skill) VALUES ('between')")
        engine = SmallEngine(platform.toolbox)
        await engine.execute(await cluster_plan(engine, kind))
    found = await platform.stanza.info()
    assert [one.kind for one in found] == ["full", "diff", "incr"]
    assert all(one.proven and one.recovery for one in found)
    assert found[1].needs == (found[0].label,)
    nothing_is_left(platform)


async def test_a_database_comes_back_as_it_was_at_a_moment_and_the_swap_is_undone(platform: Archived) -> None:
    async with connected(platform.cluster, platform.database) as connection:
        await connection.execute("INSERT INTO skills (skill) VALUES ('before the moment')")
        before = await rows(platform.cluster, platform.database, COUNT)
        moment = await platform.now()
        await connection.execute("DELETE FROM skills")
        await connection.execute("INSERT INTO profiles (profile_id) VALUES (-1)")
    recovery = SmallEngine(platform.toolbox)
    await recovery.execute(await time_plan(recovery, moment.isoformat(), platform.database))
    told = dict(restore_to_time.RUNBOOK.result(recovery.earlier))
    assert "table public.skills" in told["What differs now"], told
    assert "0 now" in told["What differs now"]
    assert await rows(platform.cluster, platform.database, COUNT) == [(0, 5001)], "nothing is replaced by a recovery"
    nothing_is_left(platform)
    label, runbook, fields = restore_to_time.then({"database": platform.database}, recovery.earlier)
    assert runbook == "restore-database"
    assert fields["backup"].startswith("recovered_")
    assert fields["backup"] in label
    engine = SmallEngine(platform.toolbox)
    plan = await restore_plan(engine, fields["backup"], platform.database)
    shown = {fact.label: fact.value for fact in plan.shown}
    assert shown["Backup taken"].startswith(moment.strftime("%Y-%m-%d %H:%M:%S"))
    assert shown["Rows written since the backup"] == "unknown"
    await engine.execute(plan)
    assert await rows(platform.cluster, platform.database, COUNT) == before
    undo = SmallEngine(platform.toolbox)
    await undo.execute(await undo_plan(undo, engine.run, platform.database))
    assert await rows(platform.cluster, platform.database, COUNT) == [(0, 5001)]


COUNT = "SELECT (SELECT count(*) FROM skills), (SELECT count(*) FROM profiles)"


async def test_a_moment_out_of_reach_is_refused_with_the_window(platform: Archived) -> None:
    for moment, said in (
        (datetime(2020, 1, 1, tzinfo=UTC), "before what the archive holds"),
        (datetime.now(UTC) + timedelta(hours=1), "in the future"),
    ):
        with pytest.raises(RequestError, match=said) as error:
            await time_plan(SmallEngine(platform.toolbox), moment.isoformat(), platform.database)
        assert "to" in error.value.hint or "past" in error.value.hint
    with pytest.raises(RequestError, match="does not say which moment"):
        await time_plan(SmallEngine(platform.toolbox), "2026-11-23 14:05", platform.database)

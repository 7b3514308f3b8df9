"""Physical backups are proven by recovery, and a database comes back as it was at a moment."""

from collections.abc import AsyncIterator
from copy import deepcopy
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import pytest_asyncio

from bot.domain.errors import OperationFailed, RequestError
from bot.domain.operations import Outcome
from bot.domain.runs import RunState
from bot.domain.targets import Environment
from bot.operations.archiving import PointInTime
from bot.operations.health import PlatformHealth
from bot.operations.recovering import recovered_cluster
from bot.operations.tools.postmasters import HARMLESS
from bot.operations.tools.toolbox import StepTools
from bot.services.archive import ArchiveLoss
from bot.services.ports import HealthState
from bot.services.registry import Places
from commands import archive
from runbooks import backup_cluster, restore_to_time
from tests.integration.backups import SmallEngine, connected, rows
from tests.integration.physical import VERSION, Archived, archived, cluster_plan, servers_below, time_plan
from tests.integration.working import Working

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


async def test_a_differential_backup_is_proven_by_a_recovery_of_its_own(platform: Archived) -> None:
    async with connected(platform.cluster, platform.database) as connection:
        await connection.execute("INSERT INTO skills (skill) VALUES ('between')")
    engine = SmallEngine(platform.toolbox)
    plan = await cluster_plan(engine, "diff")
    compare = next(step for step in plan.steps if step.key == "compare")
    honest = replace(compare, do=Lied(compare.do, platform.database))
    await engine.execute(replace(plan, steps=tuple(honest if step is compare else step for step in plan.steps)))
    full, diff = await platform.stanza.info()
    assert (full.kind, diff.kind, diff.needs) == ("full", "diff", (full.label,))
    assert all(one.proven and one.recovery for one in (full, diff))
    assert engine.earlier["compare"]["rows"] == 14_001
    assert engine.earlier["compare"]["amcheck"] is True
    nothing_is_left(platform)
    archive = platform.repository.path / "archive"
    assert not list(archive.rglob("00000002*")), "a copy that was promoted must archive nothing of its own"


@dataclass(frozen=True)
class Lied:
    """The comparison, which first has to find what was counted wrongly, and that the copy has no effect outside."""

    real: Any
    database: str

    async def run(self, tools: StepTools) -> Outcome:
        witnessed = tools.context.earlier["witness"]
        other = deepcopy(dict(witnessed))
        other["databases"][self.database]["contents"]["tables"]["public.skills"]["hash_1"] = "1"
        lied = replace(tools, context=replace(tools.context, earlier={**tools.context.earlier, "witness": other}))
        with pytest.raises(OperationFailed, match=r"table public.skills.*with other contents"):
            await self.real.run(lied)
        await has_no_effects(tools)
        return await self.real.run(tools)


# By name, so that none is dropped from the settings unseen.
NO_EFFECT = {
    "listen_addresses": "",
    "archive_mode": "off",
    "primary_conninfo": "",
    "max_wal_senders": "0",
    "max_logical_replication_workers": "0",
    "shared_preload_libraries": "",
    "recovery_end_command": "",
}


async def has_no_effects(tools: StepTools) -> None:
    cluster = await recovered_cluster(tools, VERSION)
    async with cluster.running():
        access = cluster.access("postgres", Environment.DEMO)
        async with tools.session(access) as session:
            for setting, value in {**HARMLESS, **NO_EFFECT}.items():
                assert await session.value(f"SHOW {setting}") in (value, "(disabled)"), setting
            assert await session.value("SHOW unix_socket_directories") == str(cluster.sockets)
            assert await session.value("SELECT rolsuper FROM pg_roles WHERE rolname = current_user")


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


async def test_through_the_engine_a_moment_is_recovered_then_approved_swapped_and_undone(platform: Archived) -> None:
    async with connected(platform.cluster, platform.database) as connection:
        await connection.execute("INSERT INTO skills (skill) VALUES ('seen before')")
        before, moment = await rows(platform.cluster, platform.database, COUNT), await platform.now()
        await connection.execute("TRUNCATE skills")
    after = await rows(platform.cluster, platform.database, COUNT)
    bot = Working(platform.toolbox)
    recovery = await bot.ask("restore-to-time", to_time=moment.isoformat(), database=platform.database)
    assert recovery.state is RunState.APPROVED, "it replaces nothing, so nobody has to approve it"
    recovery = await bot.succeeded(recovery)
    told = dict(restore_to_time.RUNBOOK.result({row.key: row.data for row in recovery.steps}))
    assert "table public.skills" in told["What differs now"]
    assert "0 now" in told["What differs now"]
    file = recovery.step("publish").data["backup"]["file"]
    assert file.startswith("recovered_")
    assert f"restore-database|backup={file}|database={platform.database}" in bot.result(recovery)
    assert await rows(platform.cluster, platform.database, COUNT) == after
    restore = await bot.ask("restore-database", backup=file, database=platform.database)
    shown = {label: value for label, value, _ in restore.card["shown"]}
    assert shown["Backup taken"].startswith(moment.strftime("%Y-%m-%d %H:%M:%S"))
    assert shown["Rows written since the backup"] == "unknown"
    assert (await bot.worked(restore)).state is RunState.REQUESTED, "nothing happens before somebody else says yes"
    assert await rows(platform.cluster, platform.database, COUNT) == after
    await bot.approve(restore)
    restore = await bot.succeeded(restore)
    assert await rows(platform.cluster, platform.database, COUNT) == before
    undo = await bot.runs.undo(restore.number, bot.asked("undo"))
    await bot.approve(undo)
    await bot.succeeded(undo)
    assert await rows(platform.cluster, platform.database, COUNT) == after
    nothing_is_left(platform)


async def test_the_window_and_the_live_loss_are_told_everywhere(platform: Archived) -> None:
    probe = PointInTime(platform.toolbox)
    assert "reaches the repository" in await probe.check()
    seen = {one.component: one for one in await PlatformHealth(platform.toolbox).look()}["WAL archive"]
    assert seen.state is HealthState.OK
    assert "newest proven backup" in seen.detail
    loss = await ArchiveLoss(probe).look()
    assert loss is not None
    assert loss.window is not None
    assert loss.window < timedelta(minutes=5)
    facts = await probe.look()
    reply = await archive.show(None, SimpleNamespace(archive=probe, places=Places()))
    said = repr(reply.document.parts)
    assert facts.window is not None
    assert str(facts.window.first)[:10] in said
    assert all(one.label in said for one in facts.backups)

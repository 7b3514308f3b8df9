"""The fast format on real servers: made, proven, listed, restored as the guide's is, and screened as untrusted."""

import hashlib
import json
import shutil
import subprocess
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
import pytest_asyncio

from bot.domain.backups import Format
from bot.domain.errors import RequestError
from bot.operations.choosing import backup_names
from bot.operations.folder import FolderLook
from bot.operations.tools.toolbox import Toolbox
from demo.platform.postgres import Cluster
from tests.integration.backups import (
    SmallEngine,
    backup_plan,
    connected,
    databases,
    files_below,
    filled_database,
    platform,
    restore_plan,
    rows,
    sessions_named,
    with_restorer,
)


@pytest_asyncio.fixture
async def source(each_cluster: Cluster) -> AsyncIterator[str]:
    async with filled_database(each_cluster) as name:
        yield name


async def test_a_fast_backup_is_made_proven_and_published(each_cluster: Cluster, source: str, tmp_path: Path) -> None:
    engine = SmallEngine(Toolbox(platform(each_cluster, source, tmp_path)))
    await engine.execute(await backup_plan(engine.toolbox, format="fast"))
    backup = engine.earlier["publish"]["backup"]
    assert backup["file"].endswith(".dump.zst")
    assert backup["verdict"] == "proven"
    assert hashlib.sha256((tmp_path / backup["file"]).read_bytes()).hexdigest() == backup["sha256"]
    assert json.loads((tmp_path / f"{backup['file']}.manifest.json").read_text())["sha256"] == backup["sha256"]
    assert await backup_names(engine.tools("look")) == [backup["file"]]
    assert [name for name in files_below(tmp_path) if "unfinished" in name] == []
    assert await sessions_named(each_cluster, "takumi:") == []
    assert not [name for name in await databases(each_cluster) if name.startswith("takumi_proof")]


async def test_the_policy_of_a_database_chooses_the_format_and_the_request_may_choose_another(
    each_cluster: Cluster, source: str, tmp_path: Path
) -> None:
    reached = platform(each_cluster, source, tmp_path)
    toolbox = Toolbox(replace(reached, backups=replace(reached.backups, forms={source: Format.FAST})))
    assert (await backup_plan(toolbox)).steps[0].do.form is Format.FAST
    assert (await backup_plan(toolbox, format="plain")).steps[0].do.form is Format.PLAIN


async def test_a_fast_backup_is_restored_as_a_role_without_rights_and_everything_has_its_owner(
    each_cluster: Cluster, source: str, tmp_path: Path
) -> None:
    toolbox = Toolbox(with_restorer(platform(each_cluster, source, tmp_path), each_cluster))
    async with connected(each_cluster, source) as connection:
        await connection.execute("SELECT lo_from_bytea(0, 'large')")
    await SmallEngine(toolbox).execute(await backup_plan(toolbox, format="fast"))
    engine = SmallEngine(toolbox)
    async with connected(each_cluster, source) as connection:
        await connection.execute("DELETE FROM skills WHERE skill_id > 10")
    await engine.execute(await restore_plan(engine, "latest", source))
    assert await rows(each_cluster, source, "SELECT count(*) FROM skills") == [(9000,)]
    owners = "SELECT DISTINCT tableowner::text FROM pg_tables WHERE schemaname = 'public'"
    assert await rows(each_cluster, source, owners) == [("takumi",)]
    large = "SELECT DISTINCT lomowner::regrole::text FROM pg_largeobject_metadata"
    assert await rows(each_cluster, source, large) == [("takumi",)]
    assert [name for name in files_below(tmp_path) if "unfinished" in name] == []


@pytest.mark.skipif(shutil.which("zstd") is None, reason="the program zstd is not installed")
async def test_anybody_can_restore_a_fast_backup_with_zstd_and_pg_restore(
    each_cluster: Cluster, source: str, tmp_path: Path
) -> None:
    engine = SmallEngine(Toolbox(platform(each_cluster, source, tmp_path)))
    await engine.execute(await backup_plan(engine.toolbox, format="fast"))
    file = tmp_path / engine.earlier["publish"]["backup"]["file"]
    unpacked = subprocess.run(["zstd", "-dc", file], capture_output=True, check=True).stdout  # noqa: ASYNC221, S607 - what docs/restore.md says
    listed = subprocess.run([each_cluster.programs / "pg_restore", "--list"], input=unpacked, capture_output=True)  # noqa: ASYNC221, PLW1510
    assert b"TABLE DATA public skills" in listed.stdout


async def test_a_backup_in_another_folder_is_listed_verified_restored_and_named_once(
    each_cluster: Cluster, source: str, tmp_path: Path
) -> None:
    reached = with_restorer(platform(each_cluster, source, tmp_path / "usual"), each_cluster)
    dirs = {"archive": tmp_path / "archive"}
    toolbox = Toolbox(replace(reached, backups=replace(reached.backups, dirs=dirs)))
    with pytest.raises(RequestError, match="no folder of the name 'attic'") as refused:
        await backup_plan(toolbox, dir="attic")
    assert "There are: archive" in refused.value.hint
    made = SmallEngine(toolbox)
    await made.execute(await backup_plan(toolbox, dir="archive", format="fast", keep_days=3))
    backup = made.earlier["publish"]["backup"]
    assert (backup["folder"], backup["verdict"]) == (str(tmp_path / "archive"), "proven")
    (seen,) = await FolderLook(toolbox).look()
    assert (seen.file, seen.broken) == (backup["file"], "")
    assert not (tmp_path / "usual" / "latest.dump.zst").is_symlink()
    engine = SmallEngine(toolbox)
    plan = await restore_plan(engine, backup["file"], source)
    await engine.execute(replace(plan, steps=plan.steps[:2]))
    await plan.steps[0].undo.run(engine.tools("load.undo"))

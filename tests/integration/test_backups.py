"""A backup of a real database: made, proven, uploaded, published, and restorable by anybody."""

import gzip
import hashlib
import json
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio

from bot.operations.tools.toolbox import Toolbox
from demo.platform.databases import create_platform_database
from demo.platform.postgres import Cluster
from demo.platform.s3 import ObjectStore
from runbooks import backup_database
from tests.integration.backups import (
    SmallEngine,
    backup_plan,
    connected,
    databases,
    files_below,
    filled_database,
    platform,
    sessions_named,
)
from tests.servers import drop_database, unique_name


@pytest_asyncio.fixture
async def source(each_cluster: Cluster) -> AsyncIterator[str]:
    async with filled_database(each_cluster) as name:
        yield name


async def test_a_backup_is_made_proven_uploaded_and_published(
    each_cluster: Cluster, source: str, s3_server: ObjectStore, tmp_path: Path
) -> None:
    engine = SmallEngine(Toolbox(platform(each_cluster, source, tmp_path, s3_server)))
    await engine.execute(await backup_plan(engine.toolbox))
    backup = engine.earlier["publish"]["backup"]
    dump = tmp_path / backup["file"]
    beside = [f"{dump.name}{ending}" for ending in ("", ".manifest.json", ".roles.sql", ".sha256")]
    assert files_below(tmp_path) == sorted(["latest.sql.gz", *beside])
    assert hashlib.sha256(dump.read_bytes()).hexdigest() == backup["sha256"]
    assert (backup["tables"], backup["rows"], backup["verdict"]) == (2, 14_000, "proven")
    assert json.loads((tmp_path / f"{dump.name}.manifest.json").read_text())["sha256"] == backup["sha256"]
    stored = s3_server.client().get_object(Bucket=backup["bucket"], Key=backup["object_key"])
    assert hashlib.sha256(stored["Body"].read()).hexdigest() == backup["sha256"]
    assert await sessions_named(each_cluster, "takumi:") == []
    assert not [name for name in await databases(each_cluster) if name.startswith("takumi_proof")]
    assert ("Rows", "14,000") in backup_database.RUNBOOK.result(engine.earlier)


async def test_sha256sum_and_psql_accept_a_published_backup(each_cluster: Cluster, source: str, tmp_path: Path) -> None:
    engine = SmallEngine(Toolbox(platform(each_cluster, source, tmp_path)))
    await engine.execute(await backup_plan(engine.toolbox))
    name = engine.earlier["publish"]["backup"]["file"]
    checked = subprocess.run(["sha256sum", "-c", f"{name}.sha256"], cwd=tmp_path, capture_output=True, text=True)  # noqa: ASYNC221, PLW1510, S607 - what the guide says
    assert checked.stdout == f"{name}: OK\n"
    copy = unique_name("by_hand")
    async with each_cluster.connect() as connection:
        await create_platform_database(connection, copy)
    psql = [each_cluster.programs / "psql", "-X", "-v", "ON_ERROR_STOP=1", "-d", each_cluster.url(copy, "takumi")]
    done = subprocess.run(psql, input=gzip.decompress((tmp_path / name).read_bytes()), capture_output=True)  # noqa: ASYNC221, PLW1510
    assert (done.returncode, done.stderr) == (0, b"")
    async with connected(each_cluster, copy) as connection:
        cursor = await connection.execute("SELECT count(*) FROM skills")
        assert await cursor.fetchone() == (9000,)
    await drop_database(each_cluster, copy)

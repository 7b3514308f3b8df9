"""Backups that exist are checked and proven: what is good is called good, with its measured time; nothing else is."""

import gzip
import hashlib
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
import pytest_asyncio
from pydantic import SecretStr

from bot.domain.backups import Backup, Verdict
from bot.domain.errors import OperationFailed, Refused, RequestError
from bot.domain.verdicts import Aspect
from bot.operations.capabilities import look_up_capabilities
from bot.operations.tools.access import DatabaseAccess, Login, ProofRules
from bot.policy.working_hours import read_hours
from demo.platform.postgres import Cluster
from demo.platform.s3 import ObjectStore
from tests.builders import a_run
from tests.integration.backup_life import SmallBot
from tests.integration.backups import (
    databases,
    filled_database,
    platform,
    rows,
    sessions_named,
    with_restorer,
)

SUPERUSER = "postgres"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def source(cluster: Cluster) -> AsyncIterator[str]:
    """One database for all: no proof changes it."""
    async with filled_database(cluster) as name:
        yield name


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def made(cluster: Cluster, source: str, tmp_path_factory: pytest.TempPathFactory) -> Backup:
    """A real backup, of which tests get copies."""
    return await SmallBot(platform(cluster, source, tmp_path_factory.mktemp("made"))).back_up()


@pytest.fixture
def bot(cluster: Cluster, source: str, tmp_path: Path) -> SmallBot:
    return SmallBot(with_restorer(platform(cluster, source, tmp_path), cluster))


def apart(cluster: Cluster) -> DatabaseAccess:
    """That cluster as a proving server, which the bot enters as its superuser."""
    login = Login(SUPERUSER, SecretStr(cluster.passwords[SUPERUSER]))
    return replace(platform(cluster, "postgres", Path()).databases[0], login=login)


def guide_file(backup: Backup, name: str) -> Path:
    """A copy as the guide's script leaves it: a checksum with an absolute path, and no manifest."""
    dump = Path(backup.folder) / name
    shutil.copy(Path(backup.folder) / backup.file, dump)
    sign(dump)
    return dump


def sign(dump: Path) -> None:
    sha256 = hashlib.sha256(dump.read_bytes()).hexdigest()
    dump.with_name(f"{dump.name}.sha256").write_text(f"{sha256}  /var/backups/takumi/database/{dump.name}\n")


def flip_a_bit(dump: Path) -> None:
    content = bytearray(dump.read_bytes())
    content[len(content) // 3] ^= 4
    dump.write_bytes(content)


async def nothing_is_left(cluster: Cluster) -> None:
    assert not [name for name in await databases(cluster) if name.startswith("takumi_proof")]
    assert await sessions_named(cluster, "takumi:") == []
    made = await rows(cluster, "postgres", "SELECT rolname FROM pg_roles WHERE rolname LIKE 'takumi\\_restore\\_%'")
    assert made == []


async def test_a_fresh_backup_has_its_four_verdicts_and_its_measured_times(bot: SmallBot, cluster: Cluster) -> None:
    backup = await bot.back_up()
    assert (backup.verdict, backup.proven_on) == (Verdict.PROVEN, f"127.0.0.1:{cluster.port}")
    assert backup.proven_at is not None
    assert backup.restore_took is not None
    assert backup.restore_took > timedelta()
    found = await bot.findings(backup.file)
    assert {aspect: finding.verdict for aspect, finding in found.items()} == {
        Aspect.BACKUP: "proven",
        Aspect.VERIFICATION: "intact",
        Aspect.OFFSITE: "none",
        Aspect.RETENTION: "kept",
    }


async def test_an_unproven_backup_is_proven_with_its_time_measured_and_nothing_left(
    each_cluster: Cluster, tmp_path: Path
) -> None:
    async with filled_database(each_cluster) as name:
        bot = SmallBot(with_restorer(platform(each_cluster, name, tmp_path), each_cluster))
        await an_unproven_backup_is_proven(bot, each_cluster)


async def an_unproven_backup_is_proven(bot: SmallBot, each_cluster: Cluster) -> None:
    backup = await bot.back_up()
    await bot.change(replace(backup, verdict=Verdict.UNPROVEN, proven_at=None, restore_took=None))
    engine = await bot.do("prove-backup")
    proven = await bot.row(backup.file)
    assert (proven.verdict, proven.rows) == (Verdict.PROVEN, 14_000)
    assert proven.proven_at is not None
    assert proven.restore_took is not None
    how = (await bot.findings(backup.file))[Aspect.BACKUP].how
    assert "every one of 14,000 rows is as" in how
    assert "all constraints hold" in how
    assert "indexes not checked" in how, "the maintenance role is no superuser, and amcheck wants one"
    assert engine.earlier["prove"]["restore_seconds"] > 0
    await nothing_is_left(each_cluster)
    with pytest.raises(RequestError, match="Every backup is proven"):
        await bot.plan("prove-backup")


async def test_a_proving_server_of_its_own_is_used_and_its_indexes_are_checked(
    bot: SmallBot, made: Backup, cluster: Cluster
) -> None:
    backup = await bot.put(made)
    bot.platform = replace(bot.platform, proofs=ProofRules(server=apart(cluster)))
    assert backup.proven_on == apart(cluster).address
    await bot.do("prove-backup", backup=backup.file)
    how = (await bot.findings(backup.file))[Aspect.BACKUP].how
    assert "4 B-tree indexes checked by amcheck against every row" in how
    await nothing_is_left(cluster)


async def test_a_backup_proven_elsewhere_waits_for_its_proof_on_the_proving_server(
    bot: SmallBot, made: Backup, cluster: Cluster
) -> None:
    backup = await bot.put(made)
    await bot.change(replace(backup, proven_on="somewhere:5432"))
    bot.platform = replace(bot.platform, proofs=ProofRules(server=apart(cluster)))
    assert (await bot.plan("prove-backup")).summary == f"Prove {backup.file}"


async def test_a_changed_row_is_found_by_the_proof_and_the_backup_is_broken_for_everybody(
    bot: SmallBot, made: Backup, cluster: Cluster
) -> None:
    backup = await bot.put(made)
    dump = Path(backup.folder) / backup.file
    dump.write_bytes(gzip.compress(gzip.decompress(dump.read_bytes()).replace(b"Profil Nr. 17 ", b"Profil Nr. 71 ")))
    sign(dump)
    manifest = dump.with_name(f"{dump.name}.manifest.json")
    sha256, size = hashlib.sha256(dump.read_bytes()).hexdigest(), dump.stat().st_size
    manifest.write_text(
        manifest.read_text()
        .replace(backup.sha256, sha256)
        .replace(f'"size_bytes": {backup.size_bytes}', f'"size_bytes": {size}')
    )
    await bot.change(replace(backup, verdict=Verdict.UNPROVEN))
    forged = replace(await bot.row(backup.file), id="forged", sha256=sha256, size_bytes=size)
    bot.store = SmallBot(bot.platform).store
    async with bot.store.work() as work:
        await work.backups.add(forged)
    with pytest.raises(OperationFailed, match="as many rows as were dumped"):
        await bot.do("prove-backup", backup=backup.file)
    assert (await bot.row(backup.file)).verdict is Verdict.BROKEN
    assert (await bot.listed())[backup.file].verdict is Verdict.BROKEN
    await nothing_is_left(cluster)


async def test_a_guide_file_is_restored_and_counted_and_not_called_proven(bot: SmallBot, made: Backup) -> None:
    backup = await bot.put(made)
    name = "takumi_db_20240115_020000.sql.gz"
    guide_file(backup, name)
    await bot.do("prove-backup", backup=name)
    row = await bot.row(name)
    assert (row.verdict, row.rows, row.proven_at) == (Verdict.UNPROVEN, 14_000, None)
    assert row.restore_took is not None
    how = (await bot.findings(name))[Aspect.BACKUP].how
    assert "2 tables and 14,000 rows are there; it has no manifest to compare them with" in how


@pytest.mark.parametrize("harm", ["a flipped bit", "nothing in it", "cut"])
async def test_a_damaged_file_is_broken_once_somebody_has_read_it(bot: SmallBot, made: Backup, harm: str) -> None:
    backup = await bot.put(made)
    dump = Path(backup.folder) / backup.file
    if harm == "a flipped bit":
        flip_a_bit(dump)
    else:
        dump.write_bytes(b"" if harm == "nothing in it" else dump.read_bytes()[:-20])
    assert (await bot.listed())[backup.file].verdict is Verdict.BROKEN
    with pytest.raises(OperationFailed):
        await bot.do("verify-backup", backup=backup.file)
    assert (await bot.row(backup.file)).verdict is Verdict.BROKEN
    found = await bot.findings(backup.file)
    assert (found[Aspect.VERIFICATION].verdict, found[Aspect.BACKUP].verdict) == ("broken", "broken")
    assert found[Aspect.OFFSITE].verdict == "none", "one verdict does not stand for another"


async def test_a_file_that_fits_its_own_checksum_and_not_the_record_is_broken(bot: SmallBot) -> None:
    backup, other = await bot.back_up(), await bot.back_up()
    dump = Path(backup.folder) / backup.file
    for ending in ("", ".manifest.json"):
        text = (Path(other.folder) / f"{other.file}{ending}").read_bytes()
        dump.with_name(f"{dump.name}{ending}").write_bytes(text.replace(other.file.encode(), backup.file.encode()))
    sign(dump)
    with pytest.raises(OperationFailed, match="not the file that was recorded"):
        await bot.do("verify-backup", backup=backup.file)
    assert (await bot.row(backup.file)).verdict is Verdict.BROKEN


async def test_the_copy_in_s3_is_compared_by_hash_and_has_a_verdict_of_its_own(
    cluster: Cluster, source: str, s3_server: ObjectStore, tmp_path: Path
) -> None:
    bot = SmallBot(with_restorer(platform(cluster, source, tmp_path, s3_server), cluster))
    backup = await bot.back_up()
    assert (await bot.findings(backup.file))[Aspect.OFFSITE].verdict == "stored"
    await bot.do("verify-backup", backup=backup.file)
    assert (await bot.findings(backup.file))[Aspect.OFFSITE].verdict == "matches"
    client = s3_server.client()
    whole = (tmp_path / backup.file).read_bytes()
    client.put_object(Bucket=backup.bucket, Key=backup.object_key, Body=whole)
    await bot.do("verify-backup", backup=backup.file)
    assert "read back" in (await bot.findings(backup.file))[Aspect.OFFSITE].how, "S3 keeps no checksum of that one"
    client.put_object(Bucket=backup.bucket, Key=backup.object_key, Body=whole[:-1] + b"x")
    with pytest.raises(OperationFailed, match="is not the file"):
        await bot.do("verify-backup", backup=backup.file)
    client.delete_object(Bucket=backup.bucket, Key=backup.object_key)
    with pytest.raises(OperationFailed, match="no object"):
        await bot.do("verify-backup", backup=backup.file)
    found = await bot.findings(backup.file)
    assert (found[Aspect.OFFSITE].verdict, found[Aspect.VERIFICATION].verdict) == ("missing", "intact")
    assert (await bot.row(backup.file)).verdict is Verdict.PROVEN


async def test_a_proof_wants_one_and_a_half_times_the_room_its_hours_and_its_budget(
    bot: SmallBot, made: Backup, monkeypatch: pytest.MonkeyPatch
) -> None:
    backup = await bot.put(made)
    needed = backup.manifest["source_size_bytes"] if backup.manifest else 0

    async def little(*_: object) -> int:
        return int(1.5 * needed) - 1

    monkeypatch.setattr("bot.operations.proof_places.free_bytes_of", little)
    with pytest.raises(Refused, match="one and a half times"):
        await bot.plan("prove-backup", backup=backup.file)
    monkeypatch.undo()
    bot.platform = replace(bot.platform, proofs=ProofRules(most_bytes=needed - 1))
    with pytest.raises(Refused, match="a proof may take"):
        await bot.plan("prove-backup", backup=backup.file)
    bot.platform = replace(bot.platform, proofs=ProofRules(most_bytes=needed))
    await bot.plan("prove-backup", backup=backup.file)
    noon = timedelta(hours=12 - (await bot_hour(bot)))
    bot.platform, bot.passed = (
        replace(bot.platform, proofs=ProofRules(hours=read_hours("mon-sun 02:00-06:00", "UTC"))),
        noon,
    )
    with pytest.raises(Refused, match="Backups are proven mon"):
        await bot.plan("prove-backup", backup=backup.file)
    await bot.plan("prove-backup", backup=backup.file, now=True)


async def bot_hour(bot: SmallBot) -> int:
    async with bot.store.work() as work:
        return (await work.now()).hour


async def test_the_room_that_cannot_be_seen_is_said(bot: SmallBot, made: Backup) -> None:
    """The maintenance role may not know where the server keeps its data."""
    backup = await bot.put(made)
    plan = await bot.plan("prove-backup", backup=backup.file)
    shown = {fact.label: str(fact.value) for fact in plan.shown}
    assert "cannot be seen from here" in shown["Free space"]
    assert "lacks superuser" in shown["Server"]


async def test_a_proving_server_that_is_down_changes_no_verdict(bot: SmallBot, made: Backup, cluster: Cluster) -> None:
    backup = await bot.put(made)
    down = replace(apart(cluster), port=1)
    bot.platform = replace(bot.platform, proofs=ProofRules(server=down))
    with pytest.raises(OperationFailed, match="does not answer"):
        await bot.plan("prove-backup", backup=backup.file)
    assert await bot.row(backup.file) == backup


@asynccontextmanager
async def a_cloud(cluster: Cluster) -> AsyncIterator[None]:
    """The server looks like Amazon's: its role is there, and ours may not create databases. A stand-in by its roles."""
    async with cluster.connect() as connection:
        await connection.execute("CREATE ROLE rds_superuser NOLOGIN")
        await connection.execute("ALTER ROLE takumi_maintenance NOCREATEDB")
        try:
            yield
        finally:
            await connection.execute("ALTER ROLE takumi_maintenance CREATEDB")
            await connection.execute("DROP ROLE rds_superuser")


async def test_what_a_managed_server_forbids_is_refused_before_anything_with_the_capability_named(
    bot: SmallBot, made: Backup, cluster: Cluster
) -> None:
    backup = await bot.put(made)
    async with a_cloud(cluster):
        for runbook, params in (("backup-database", {}), ("prove-backup", {"backup": backup.file})):
            with pytest.raises(Refused, match=r"lacks CREATEDB on 127\.0\.0\.1:\d+ \(Amazon RDS\)") as refused:
                await bot.plan(runbook, **params)
            assert refused.value.hint == "Let an administrator run: ALTER ROLE takumi_maintenance CREATEDB."
        async with bot.toolbox.for_look_up().session(apart(cluster), "postgres") as session:
            mighty = await look_up_capabilities(session, "db:5432")
    assert str(mighty) == "managed (Amazon RDS); postgres lacks nothing"


async def test_a_server_that_gives_its_roles_to_nobody_leaves_a_file_that_says_so(
    bot: SmallBot, cluster: Cluster
) -> None:
    async with cluster.connect() as connection:
        await connection.execute("REVOKE SELECT ON pg_auth_members FROM PUBLIC")
        try:
            backup = await bot.back_up()
        finally:
            await connection.execute("GRANT SELECT ON pg_auth_members TO PUBLIC")
    text = (Path(backup.folder) / f"{backup.file}.roles.sql").read_text()
    assert text.startswith("-- NO ROLES: pg_dumpall failed")
    assert "CREATE DATABASE" in text


async def test_one_proof_runs_at_a_time_and_none_of_what_is_being_deleted(bot: SmallBot, made: Backup) -> None:
    old, new = await bot.put(made, 1), await bot.put(made)
    plans = {
        "proof": await bot.plan("prove-backup", backup=old.file),
        "another proof": await bot.plan("prove-backup", backup=new.file),
        "verification": await bot.plan("verify-backup", backup=old.file),
        "deletion": await bot.plan("delete-backup", backup=old.file),
    }
    started = {}
    async with bot.store.work() as work:
        for name, plan in plans.items():
            run = await work.runs.add(a_run(runbook=name))
            claims = sorted((claim.name, claim.exclusive) for claim in plan.claims)
            started[name] = await work.runs.start(run.id, "worker", timedelta(minutes=1), claims)
    assert {name for name, answer in started.items() if not isinstance(answer, str)} == {"proof", "verification"}


async def test_a_file_that_the_server_cannot_take_is_broken_though_it_reads_well(
    bot: SmallBot, made: Backup, cluster: Cluster
) -> None:
    """A row stands in it twice: every byte is as pg_dump would write it, and no primary key can be built over it."""
    dump = guide_file(await bot.put(made), "takumi_db_20240115_020000.sql.gz")
    sql = gzip.decompress(dump.read_bytes())
    line = next(one for one in sql.splitlines() if b"Profil Nr. 17 " in one)
    dump.write_bytes(gzip.compress(sql.replace(line, line + b"\n" + line)))
    sign(dump)
    assert (await bot.listed())[dump.name].verdict is Verdict.UNPROVEN
    with pytest.raises(OperationFailed, match="cannot be restored"):
        await bot.do("prove-backup", backup=dump.name)
    assert (await bot.row(dump.name)).verdict is Verdict.BROKEN
    assert "could not create unique index" in (await bot.findings(dump.name))[Aspect.BACKUP].how
    await nothing_is_left(cluster)

"""What becomes of a backup: listed as it is, deleted and brought back, expired, recovered onto an empty server."""

import asyncio
import gzip
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from bot.domain.backups import Backup, Verdict
from bot.domain.errors import OperationFailed, Refused, RequestError
from bot.domain.runs import RunState
from bot.domain.verdicts import Aspect, Retention
from bot.operations.latest import LATEST_FILE, PointLatest, point
from demo.platform.postgres import Cluster
from demo.platform.s3 import BUCKET, ObjectStore
from tests.builders import a_run
from tests.integration.backup_life import SmallBot
from tests.integration.backups import (
    SmallEngine,
    children_of,
    files_below,
    filled_database,
    platform,
    rows,
    until,
    with_restorer,
)
from tests.integration.test_backup_proofs import flip_a_bit, guide_file
from tests.servers import EMBEDDED_VERSION, free_port, programs_of, start_cluster

GUIDE_FILE = "takumi_db_20240115_020000.sql.gz"
DAY = timedelta(days=1)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def source(cluster: Cluster) -> AsyncIterator[str]:
    async with filled_database(cluster) as name:
        yield name


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def made(cluster: Cluster, source: str, tmp_path_factory: pytest.TempPathFactory) -> Backup:
    """A real backup, of which tests get copies."""
    return await SmallBot(platform(cluster, source, tmp_path_factory.mktemp("made"))).back_up()


@pytest.fixture
def bot(cluster: Cluster, source: str, tmp_path: Path) -> SmallBot:
    return SmallBot(with_restorer(platform(cluster, source, tmp_path), cluster))


def leads_to(folder: Path) -> str:
    link = folder / LATEST_FILE
    return str(link.readlink()) if link.is_symlink() else ""


def beside(folder: Path, file: str) -> list[str]:
    """What lies there of that backup."""
    return sorted(path.name for path in folder.glob(f"{file}*"))


def dumps(folder: Path) -> set[str]:
    return {path.name for path in folder.glob("*.sql.gz")}


@asynccontextmanager
async def asked(bot: SmallBot, file: str, state: RunState = RunState.REQUESTED) -> AsyncIterator[None]:
    """Somebody waits for a restore of that file."""
    run = a_run(runbook="restore-database", params={"backup": file}, state=state)
    async with bot.store.work() as work:
        await work.runs.add(run)
    yield
    async with bot.store.work() as work:
        assert await work.runs.move(run.id, state, RunState.CANCELLED)


async def test_every_file_is_listed_and_the_broken_ones_are_named_broken_with_the_reason(
    bot: SmallBot, made: Backup, tmp_path: Path
) -> None:
    backup = await bot.put(made)
    guide_file(backup, GUIDE_FILE)
    cut = guide_file(backup, "pre_restore_20240116_020000.sql.gz")
    cut.write_bytes(cut.read_bytes()[:-30])
    failed = guide_file(backup, "takumi_db_20240117_020000.sql.gz")
    failed.write_bytes(gzip.compress(b"pg_dump: error: connection to server failed\n"))
    failed.with_name(f"{failed.name}.sha256").unlink()
    empty = tmp_path / "takumi_db_20240118_020000.sql.gz"
    empty.write_bytes(b"")
    found = await bot.listed()
    assert list(found) == [backup.file, empty.name, failed.name, cut.name, GUIDE_FILE]
    assert (found[backup.file].verdict, found[GUIDE_FILE].verdict) == (Verdict.PROVEN, Verdict.UNPROVEN)
    assert found[GUIDE_FILE].why == "no manifest: nothing to compare a restore with"
    for name, why in ((empty.name, "empty"), (failed.name, "messages of a failed program"), (cut.name, "checksum|end")):
        assert found[name].verdict is Verdict.BROKEN
        assert any(word in found[name].why for word in why.split("|")), found[name].why


async def test_a_list_reads_no_more_than_its_budget_and_says_what_it_did_not_read(bot: SmallBot, made: Backup) -> None:
    guide_file(await bot.put(made), GUIDE_FILE)
    assert (await bot.listed(read_at_once_bytes=10))[GUIDE_FILE].why == "not read yet"


async def test_a_file_that_vanished_and_one_that_changed_are_not_listed_as_good(
    bot: SmallBot, made: Backup, tmp_path: Path
) -> None:
    gone, changed = await bot.put(made, 1), await bot.put(made)
    (tmp_path / gone.file).unlink()
    assert (await bot.listed())[changed.file].verdict is Verdict.PROVEN
    flip_a_bit(tmp_path / changed.file)
    found = await bot.listed()
    assert "gone from the folder" in found[gone.file].why
    assert [found[one.file].verdict for one in (gone, changed)] == [Verdict.BROKEN, Verdict.BROKEN]
    with pytest.raises(RequestError, match="not in the folder any more"):
        await bot.plan("prove-backup", backup=gone.file, now=True)
    with pytest.raises(OperationFailed, match="is gone from"):
        await bot.do("verify-backup", backup=gone.file)
    assert (await bot.row(gone.file)).verdict is Verdict.BROKEN


async def test_latest_leads_to_the_newest_proven_backup_and_a_restore_takes_it(
    bot: SmallBot, made: Backup, tmp_path: Path
) -> None:
    first, second = await bot.put(made, 2), await bot.put(made, 1, verdict=Verdict.UNPROVEN)
    guide_file(first, "takumi_db_20991231_020000.sql.gz")
    await bot.do("prove-backup", backup=first.file)
    assert leads_to(tmp_path) == first.file
    for word in ("latest", LATEST_FILE):
        assert (await bot.plan("verify-backup", backup=word)).summary == f"Verify {first.file}"
    await bot.do("prove-backup", backup=second.file)
    assert leads_to(tmp_path) == second.file
    await bot.put(made, database="another")
    (tmp_path / second.file).unlink()
    await bot.do("prove-backup", backup=first.file)
    assert leads_to(tmp_path) == first.file, "not to a file that is gone, nor to another database's"


async def test_a_backup_leaves_latest_leading_to_it(bot: SmallBot, tmp_path: Path) -> None:
    backup = await bot.back_up()
    assert leads_to(tmp_path) == backup.file


async def test_latest_leaves_a_backup_before_that_is_deleted(bot: SmallBot, made: Backup, tmp_path: Path) -> None:
    first, second = await bot.put(made, 1), await bot.put(made)
    point(tmp_path, LATEST_FILE, second.file)
    await bot.change(replace(second, verdict=Verdict.BROKEN))
    await bot.do("delete-backup", backup=second.file)
    assert leads_to(tmp_path) == first.file


def test_a_file_of_ones_own_by_that_name_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / LATEST_FILE).write_bytes(b"mine")
    assert "left alone" in point(tmp_path, LATEST_FILE, "takumi_db_20240115_020000.sql.gz")
    assert (tmp_path / LATEST_FILE).read_bytes() == b"mine"
    assert point(tmp_path, "latest.tar.gz", "contract_snapshot_20240115_020000.tar.gz").startswith(
        "latest.tar.gz leads"
    )
    assert leads_to(tmp_path) == ""


async def test_in_s3_a_small_object_says_which_one_is_the_latest(
    cluster: Cluster, source: str, made: Backup, s3_server: ObjectStore, tmp_path: Path
) -> None:
    bot = SmallBot(platform(cluster, source, tmp_path, s3_server), s3_server)
    for days_old in (1, 0):
        backup = await bot.put(made, days_old)
        await PointLatest().run(SmallEngine(bot.toolbox).tools("latest"))
    body = s3_server.client().get_object(Bucket=BUCKET, Key="database/latest.json")["Body"].read()
    assert f'"file": "{backup.file}"'.encode() in body
    assert backup.sha256.encode() in body


async def test_a_deleted_backup_is_moved_aside_and_brought_back_whole(
    bot: SmallBot, made: Backup, tmp_path: Path
) -> None:
    old, _ = await bot.put(made, 1), await bot.put(made)
    before = {name: (tmp_path / name).read_bytes() for name in files_below(tmp_path) if old.file in name}
    assert len(before) == 4
    deleted = await bot.do("delete-backup", backup=old.file)
    assert beside(tmp_path, old.file) == []
    aside = await bot.row(old.file)
    assert aside.retention is Retention.ASIDE
    assert timedelta(days=2, hours=23) < aside.expires_at - datetime.now(UTC) <= timedelta(days=3)
    assert "it can be brought back" in (await bot.listed())[old.file].why
    await bot.do("bring-back-backup", run=deleted.run, backup=old.file)
    assert {name: (tmp_path / name).read_bytes() for name in files_below(tmp_path) if old.file in name} == before
    assert await bot.row(old.file) == old
    with pytest.raises(RequestError, match="back already"):
        await bot.plan("bring-back-backup", run=deleted.run, backup=old.file)


async def test_a_deleted_backup_never_comes_back_over_another_file(bot: SmallBot, made: Backup, tmp_path: Path) -> None:
    old, new = await bot.put(made, 1), await bot.put(made)
    deleted = await bot.do("delete-backup", backup=old.file)
    guide_file(new, old.file)
    with pytest.raises(OperationFailed, match="another"):
        await bot.do("bring-back-backup", run=deleted.run, backup=old.file)
    assert (tmp_path / ".deleted" / deleted.run / old.file).exists()


async def test_the_newest_proven_backup_and_one_that_is_needed_are_not_deleted_by_hand(
    bot: SmallBot, made: Backup
) -> None:
    old, new = await bot.put(made, 1), await bot.put(made)
    with pytest.raises(Refused, match="newest proven backup"):
        await bot.plan("delete-backup", backup=new.file)
    for state in (RunState.REQUESTED, RunState.APPROVED):
        async with asked(bot, old.file, state):
            with pytest.raises(Refused, match="refers to"):
                await bot.plan("delete-backup", backup=old.file)
    plan = await bot.plan("delete-backup", backup=old.file)
    async with asked(bot, old.file):
        with pytest.raises(Refused, match="refers to"):
            await SmallEngine(bot.toolbox).execute(plan)
    assert (await bot.listed())[old.file].verdict is Verdict.PROVEN


async def test_expired_backups_go_with_everything_beside_them_and_the_others_stay(
    bot: SmallBot, made: Backup, tmp_path: Path
) -> None:
    old, needed, newest = [await bot.put(made, days_old) for days_old in (50, 45, 40)]
    kept = await bot.put(made, 35, keep_days=60, verdict=Verdict.UNPROVEN)
    guide_file(old, GUIDE_FILE)
    async with asked(bot, needed.file):
        plan = await bot.plan("expire-backups")
        assert {fact.label for fact in plan.shown} == {
            f"Stays: {file}" for file in (needed.file, newest.file, GUIDE_FILE)
        }
        await bot.do("expire-backups")
    assert dumps(tmp_path) == {needed.file, newest.file, kept.file, GUIDE_FILE, LATEST_FILE}
    assert beside(tmp_path, old.file) == []
    assert (await bot.row(old.file)).retention is Retention.DELETED
    assert (await bot.findings(old.file))[Aspect.RETENTION].how == "its time was up"
    assert old.file not in await bot.listed()


async def test_expiry_goes_by_the_databases_clock_and_not_by_this_machines(bot: SmallBot, made: Backup) -> None:
    for days_old in (2, 1):
        await bot.put(made, days_old, keep_days=3)
    assert (await bot.plan("expire-backups")).steps == ()
    bot.passed = 5 * DAY
    assert len((await bot.plan("expire-backups")).steps) == 1


async def test_a_request_that_comes_between_plan_and_deed_still_saves_the_backup(
    bot: SmallBot, made: Backup, tmp_path: Path
) -> None:
    old, _ = await bot.put(made, 40), await bot.put(made)
    plan = await bot.plan("expire-backups")
    assert len(plan.steps) == 1
    async with asked(bot, old.file):
        outcome = await plan.steps[0].do.run(SmallEngine(bot.toolbox).tools("delete-1"))
    assert "refers to it" in outcome.summary
    assert outcome.data == {}
    assert (tmp_path / old.file).exists()


async def test_files_of_others_expire_only_where_that_is_configured(
    bot: SmallBot, made: Backup, tmp_path: Path
) -> None:
    guide_file(await bot.put(made), GUIDE_FILE)
    assert (await bot.plan("expire-backups")).steps == ()
    bot.platform = replace(bot.platform, backups=replace(bot.platform.backups, foreign_expire=True))
    await bot.do("expire-backups")
    assert beside(tmp_path, GUIDE_FILE) == []


async def test_a_backup_that_lies_in_another_folder_is_not_reached_for(
    bot: SmallBot, made: Backup, tmp_path: Path
) -> None:
    """After BACKUP_DIR was changed, what lies in the former one is somebody else's to clear."""
    old, _ = await bot.put(made, 40), await bot.put(made)
    (tmp_path / "elsewhere").mkdir()
    bot.platform = replace(bot.platform, backups=replace(bot.platform.backups, folder=tmp_path / "elsewhere"))
    assert (await bot.plan("expire-backups")).steps == ()
    assert (tmp_path / old.file).exists()


async def test_what_was_moved_aside_goes_when_its_time_is_up(bot: SmallBot, made: Backup, tmp_path: Path) -> None:
    old, new = await bot.put(made, 1), await bot.put(made)
    deleted = await bot.do("delete-backup", backup=old.file)
    another = guide_file(new, old.file)
    bot.passed = 4 * DAY
    await bot.do("expire-backups")
    assert another.exists(), "a file of that name which came later is somebody else's"
    assert not (tmp_path / ".deleted" / deleted.run).exists()
    assert (await bot.row(old.file)).retention is Retention.DELETED


async def test_s3_is_cleared_too_and_what_it_has_locked_stays_and_is_told(
    cluster: Cluster, source: str, made: Backup, s3_server: ObjectStore, tmp_path: Path
) -> None:
    bot, client = SmallBot(platform(cluster, source, tmp_path, s3_server), s3_server), s3_server.client()
    free, locked, _ = await bot.put(made, 50), await bot.put(made, 40), await bot.put(made)
    until_then = datetime.now(UTC).replace(microsecond=0) + 90 * DAY
    client.put_object_retention(
        Bucket=BUCKET, Key=locked.object_key, Retention={"Mode": "COMPLIANCE", "RetainUntilDate": until_then}
    )
    await bot.do("expire-backups")
    assert versions(client, free.object_key) == 0
    assert versions(client, locked.object_key) >= 1
    assert (await bot.row(free.file)).retention is Retention.DELETED
    row, how = await bot.row(locked.file), (await bot.findings(locked.file))[Aspect.RETENTION].how
    assert (row.retention, row.expires_at) == (Retention.LOCKED, until_then)
    assert "S3 keeps its copy until" in how
    assert not (tmp_path / locked.file).exists()
    assert (await bot.plan("expire-backups")).steps == (), "it is tried again when the lock has ended"
    bot.passed = 91 * DAY
    assert f"Delete {locked.file}" in {step.title for step in (await bot.plan("expire-backups")).steps}


def versions(client: Any, key: str) -> int:
    found = client.list_object_versions(Bucket=BUCKET, Prefix=key)
    return sum(one["Key"].startswith(key) for one in found.get("Versions", []))


async def test_postgres_restarted_during_a_proof_changes_no_verdict_and_leaves_nothing(
    server_folder: Path, tmp_path: Path
) -> None:
    async with own_cluster(server_folder / "restarted") as cluster, filled_database(cluster) as name:
        bot = SmallBot(with_restorer(platform(cluster, name, tmp_path), cluster))
        backup = await bot.back_up()
        bot.platform = replace(bot.platform, proofs=replace(bot.platform.proofs, bytes_per_second=100_000))
        engine = SmallEngine(bot.toolbox)
        plan = await bot.plan("prove-backup", engine.run, backup=backup.file, now=True)
        proof = asyncio.create_task(engine.execute(plan))

        async def restoring() -> bool:
            return any("psql" in line for line in children_of(engine.run))

        await until(restoring)
        await cluster.stop()
        await cluster.start()
        with pytest.raises(OperationFailed) as failed:
            await proof
        assert "settled" not in failed.value.facts
        assert (await bot.row(backup.file)).verdict is Verdict.PROVEN
        await bot.toolbox.end_effects(engine.run)
        bot.platform = replace(bot.platform, proofs=replace(bot.platform.proofs, bytes_per_second=0))
        await bot.do("prove-backup", backup=backup.file, now=True)


@asynccontextmanager
async def own_cluster(folder: Path) -> AsyncIterator[Cluster]:
    """A server that a test may do anything to."""
    cluster = await asyncio.to_thread(start_cluster, programs_of(EMBEDDED_VERSION, folder.parent), folder)
    try:
        yield cluster
    finally:
        await cluster.stop()


async def test_an_empty_server_gets_roles_database_owner_and_grants_back_from_the_files_alone(
    cluster: Cluster, server_folder: Path, tmp_path: Path
) -> None:
    async with filled_database(cluster) as name:
        await give(cluster, name)
        backup = await SmallBot(with_restorer(platform(cluster, name, tmp_path), cluster)).back_up()
        before = await state_of(cluster, name)
    empty = Cluster(cluster.programs, server_folder / "empty", free_port())
    async with empty:
        psql: list[str | Path] = [cluster.programs / "psql", "-X", "-q", "-d"]
        roles = tmp_path / f"{backup.file}.roles.sql"
        text = await asyncio.to_thread(roles.read_text)
        assert "PASSWORD" not in text
        assert "password" not in text.lower().replace("--no-role-passwords", "")
        run = subprocess.run([*psql, empty.url("postgres"), "-f", roles], capture_output=True, text=True)  # noqa: ASYNC221, PLW1510 - as the how-to says
        errors = [line for line in run.stderr.splitlines() if "ERROR" in line]
        assert [line.partition("ERROR:")[2].strip() for line in errors] == ['role "postgres" already exists']
        sql = gzip.decompress((tmp_path / backup.file).read_bytes())
        loaded = subprocess.run([*psql, empty.url(name), "-v", "ON_ERROR_STOP=1"], input=sql, capture_output=True)  # noqa: ASYNC221, PLW1510
        assert (loaded.returncode, loaded.stderr) == (0, b"")
        assert await state_of(empty, name) == before


async def give(cluster: Cluster, name: str) -> None:
    """Roles, grants and settings of every kind that a recovery has to bring back."""
    async with cluster.connect(name) as connection:
        for statement in (
            "DROP ROLE IF EXISTS life_reader",
            "CREATE ROLE life_reader LOGIN CONNECTION LIMIT 3 PASSWORD 'never written'",
            "GRANT pg_read_all_data TO life_reader",
            f"GRANT CONNECT ON DATABASE {name} TO life_reader WITH GRANT OPTION",
            "GRANT SELECT (name) ON profiles TO life_reader",
            f"ALTER DATABASE {name} SET work_mem = '7MB'",
            f"ALTER ROLE life_reader IN DATABASE {name} SET search_path = public, pg_catalog",
            f"COMMENT ON DATABASE {name} IS 'it''s ours'",
            f"ALTER DATABASE {name} CONNECTION LIMIT 50",
        ):
            await connection.execute(statement)


async def state_of(cluster: Cluster, name: str) -> Any:
    """Everything that has to be equal."""
    kinds = {
        "roles": """SELECT rolname::text, rolsuper, rolinherit, rolcreaterole, rolcreatedb, rolcanlogin, rolconnlimit
                    FROM pg_roles WHERE rolname !~ '^pg_' ORDER BY 1""",
        "members": """SELECT roleid::regrole::text, member::regrole::text FROM pg_auth_members
                      WHERE member::regrole::text !~ '^pg_' ORDER BY 1, 2""",
        "database": f"""SELECT pg_get_userbyid(datdba)::text, datconnlimit, shobj_description(oid, 'pg_database'),
                        ARRAY(SELECT (a.grantor::regrole, a.grantee::regrole, privilege_type, is_grantable)::text
                              FROM aclexplode(datacl) a ORDER BY 1),
                        ARRAY(SELECT (CASE setrole WHEN 0 THEN '' ELSE setrole::regrole::text END, setconfig)::text
                              FROM pg_db_role_setting WHERE setdatabase = oid ORDER BY 1)
                        FROM pg_database WHERE datname = '{name}'""",  # noqa: S608 - a name of our own
    }
    found: dict[str, Any] = {kind: await rows(cluster, "postgres", query) for kind, query in kinds.items()}
    found["objects"] = await rows(
        cluster,
        name,
        """SELECT relname::text, pg_get_userbyid(relowner)::text, relacl::text, ARRAY(
               SELECT attacl::text FROM pg_attribute WHERE attrelid = c.oid AND attacl IS NOT NULL ORDER BY attnum)
           FROM pg_class c WHERE relnamespace = 'public'::regnamespace ORDER BY 1""",
    )
    found["rows"] = await rows(cluster, name, "SELECT count(*), sum(hashtext(name)) FROM profiles")
    return found


async def test_a_worker_that_died_between_moving_and_recording_is_no_harm(
    bot: SmallBot, made: Backup, tmp_path: Path
) -> None:
    old, _ = await bot.put(made, 1), await bot.put(made)
    engine = SmallEngine(bot.toolbox)
    (step,) = (await bot.plan("delete-backup", engine.run, backup=old.file)).steps
    await step.do.run(engine.tools("aside", 1))
    again = await step.do.run(engine.tools("aside", 2))
    assert "moved aside until" in again.summary
    await bot.record(engine, again.data)
    back = SmallEngine(bot.toolbox)
    (step,) = (await bot.plan("bring-back-backup", back.run, run=engine.run, backup=old.file)).steps
    await step.do.run(back.tools("back", 1))
    await bot.record(back, (await step.do.run(back.tools("back", 2))).data)
    assert (await bot.row(old.file)).retention is Retention.KEPT
    assert len(beside(tmp_path, old.file)) == 4


async def test_of_two_deleted_ones_of_one_name_each_goes_at_its_own_time(
    bot: SmallBot, made: Backup, tmp_path: Path
) -> None:
    old, new = await bot.put(made, 1), await bot.put(made)
    first = await bot.do("delete-backup", backup=old.file)
    guide_file(new, old.file)
    bot.passed = 2 * DAY
    second = await bot.do("delete-backup", backup=old.file)
    bot.passed = 4 * DAY
    await bot.do("expire-backups")
    assert not (tmp_path / ".deleted" / first.run).exists()
    assert (tmp_path / ".deleted" / second.run / old.file).exists()

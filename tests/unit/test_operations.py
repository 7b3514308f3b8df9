"""The pure parts of the operations: names, choices, and what a plan says."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bot.domain.backups import Contents, TableCount, TableKind, differences, file_name
from bot.domain.errors import OperationFailed, Refused
from bot.domain.runbooks import RunInfo
from bot.domain.targets import Environment
from bot.operations import DatabaseFacts, PlaceFacts
from bot.operations.contents import Part, Relation, content_hash, readable
from bot.operations.dumping import label_of
from bot.operations.files import (
    BackupFiles,
    disk_errors,
    must_have_room,
    publish_file,
    remove_unfinished,
    reserve_name,
    unfinished_folder,
)
from bot.operations.looking import refuse_own
from bot.operations.tools.access import OwnDatabase
from bot.operations.tools.fences import lock_key
from bot.operations.tools.objects import composite_checksum
from bot.operations.tools.processes import KEPT_BYTES, Command, without_rows
from bot.operations.tools.programs import Programs, best
from bot.operations.tools.sessions import quoted
from runbooks import backup_database

AT = datetime(2026, 11, 24, 2, 0, tzinfo=UTC)
DATABASE = DatabaseFacts(
    name="takumi",
    environment=Environment.PRODUCTION,
    address="db:5432",
    system_identifier="7312",
    oid=16_384,
    owner="takumi",
    server_version="15.18",
    size_bytes=10**9,
    tables=9,
    rows_estimate=900_000,
    sessions=3,
)


def programs(*versions: str) -> list[Programs]:
    return [Programs(Path(one), *map(int, one.split("."))) for one in versions]


@pytest.mark.parametrize(
    ("server", "found", "chosen"),
    [
        (15, ["15.3", "15.18", "18.6"], "15.18"),
        (16, ["15.18", "18.6"], None),
        (15, ["16.2"], "16.2"),
        (17, ["15.18", "18.6", "18.1"], "18.6"),
        (18, ["17.9"], None),
        (14, [], None),
    ],
)
def test_programs_are_those_of_the_server_or_of_the_next_version_that_speaks_its_dialect(server, found, chosen) -> None:
    got = best(server, programs(*found))
    assert (got.version if got else None) == chosen


@pytest.mark.parametrize(
    ("database", "name"),
    [
        ("takumi", "takumi_db_20261124_020000.sql.gz"),
        ("takumi_staging", "takumi_staging_db_20261124_020000.sql.gz"),
        ("Öther-db", "db__ther_db_20261124_020000.sql.gz"),
    ],
)
def test_a_backup_is_named_as_the_guide_names_it(database: str, name: str) -> None:
    assert file_name(AT, label_of(database)) == name


def test_names_cannot_break_out_of_sql() -> None:
    assert quoted("public", 'we"ird; DROP') == '"public"."we""ird; DROP"'
    relation = Relation(1, "public", "t", TableKind.TABLE, ('a"b', "t", "{x}"))
    assert 'ROW("a""b", "t", "{x}")::text' in content_hash(Part(relation, 0, None))
    assert readable("public", "a.b") == 'public."a.b"'


def test_the_bots_own_database_is_never_a_target() -> None:
    own = OwnDatabase("7312", "takumi_bot")
    refuse_own(own, "7312", "takumi")
    refuse_own(own, "999", "takumi_bot")
    with pytest.raises(Refused, match="own database"):
        refuse_own(own, "7312", "takumi_bot")


def test_a_backup_shares_its_target_and_uploads_before_it_publishes() -> None:
    places = PlaceFacts(folder=Path("/backups"), keep=timedelta(days=30), bucket="b")
    facts = backup_database.BackupFacts(database=DATABASE, places=places)
    plan = backup_database.plan(backup_database.BackupDatabase(), facts, RunInfo("run", AT))
    assert [step.key for step in plan.steps] == ["dump", "compare", "upload", "publish"]
    assert [(claim.name, claim.exclusive) for claim in plan.claims] == [("7312/takumi", False)]
    assert plan.digest == backup_database.plan(backup_database.BackupDatabase(), facts, RunInfo("other", AT)).digest
    again = backup_database.BackupFacts.model_validate_json(facts.model_dump_json())
    assert backup_database.plan(backup_database.BackupDatabase(), again, RunInfo("run", AT)).digest == plan.digest


def test_without_a_bucket_nothing_is_uploaded() -> None:
    places = PlaceFacts(folder=Path("/backups"), keep=timedelta(days=30), bucket="")
    facts = backup_database.BackupFacts(database=DATABASE, places=places)
    plan = backup_database.plan(backup_database.BackupDatabase(), facts, RunInfo("run", AT))
    assert [step.key for step in plan.steps] == ["dump", "compare", "publish"]


def test_a_password_is_in_no_text_of_a_command() -> None:
    assert "hunter2" not in repr(Command(Path("psql"), ("-l",), {"PGPASSWORD": "hunter2"}))


def test_s3s_checksum_of_parts_is_that_of_their_digests() -> None:
    assert composite_checksum([b"\0" * 32]) == "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
    assert composite_checksum([b"\0" * 32, b"\1" * 32]).endswith("=-2")


def test_a_lock_key_is_a_signed_32_bit_number() -> None:
    keys = [lock_key(f"run {n}") for n in range(200)]
    assert all(-(2**31) <= key < 2**31 for key in keys)
    assert len(set(keys)) == 200


def test_a_published_file_is_never_written_over(tmp_path: Path) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    source.write_text("ours")
    target.write_text("theirs")
    with pytest.raises(OperationFailed, match="exists already"):
        publish_file(source, target)
    assert (source.read_text(), target.read_text()) == ("ours", "theirs")


def test_a_name_is_reserved_for_one_run(tmp_path: Path) -> None:
    (tmp_path / ".unfinished").mkdir()
    (tmp_path / file_name(AT + timedelta(seconds=1))).write_text("a backup of the guide's script")
    assert reserve_name(tmp_path, "one", AT, "takumi_db") == file_name(AT)
    assert reserve_name(tmp_path, "two", AT, "takumi_db") == file_name(AT + timedelta(seconds=2))


def test_a_disk_without_room_is_named_before_it_fills(tmp_path: Path) -> None:
    with pytest.raises(OperationFailed, match="MB free"):
        must_have_room(tmp_path, 1 << 60)


def test_what_the_disk_says_is_an_error_for_people() -> None:
    with pytest.raises(OperationFailed, match="is full"), disk_errors():
        raise OSError(28, "No space left on device")
    with pytest.raises(OperationFailed, match="cannot be used"), disk_errors():
        raise PermissionError(13, "Permission denied")


def test_the_dump_is_the_last_file_to_be_published() -> None:
    files = BackupFiles(Path("/b"), "x.sql.gz")
    assert [path.name for path in files.in_order] == [
        "x.sql.gz.manifest.json",
        "x.sql.gz.sha256",
        "x.sql.gz.roles.sql",
        "x.sql.gz",
    ]
    assert KEPT_BYTES > 0


def contents(**tables: TableCount) -> Contents:
    return Contents(tables=tables, sequences={"s": 5})


def test_what_is_only_counted_is_not_compared() -> None:
    view = TableKind.MATERIALIZED_VIEW
    assert differences(contents(v=TableCount(rows=1, kind=view)), contents(v=TableCount(rows=2, kind=view))) == ()
    assert differences(contents(v=TableCount(rows=1)), contents(v=TableCount(rows=2))) != ()


@pytest.mark.parametrize(("dumped", "restored", "same"), [(5, 5, True), (5, 9, True), (5, 4, False), (5, None, False)])
def test_a_sequence_may_be_ahead_and_never_behind(dumped: int, restored: int | None, same: bool) -> None:
    before, after = Contents(tables={}, sequences={"s": dumped}), Contents(tables={}, sequences={"s": restored})
    assert (differences(before, after) == ()) is same


def test_what_a_program_quotes_of_rows_is_not_passed_on() -> None:
    said = (
        'ERROR:  missing data for column "skill"\n'
        'CONTEXT:  COPY skills, line 7: "Jane, jane@example.org"\n'
        "psql:<stdin>:9: ERROR:  duplicate key\nDETAIL:  Key (email)=(jane@example.org) already exists.\n"
    )
    told = without_rows(said)
    assert "jane" not in told.lower()
    assert 'column "skill"' in told
    assert "COPY skills, line 7" in told


def test_names_that_other_runs_free_meanwhile_stop_nobody_from_freeing_their_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    unfinished_folder(tmp_path, "mine").mkdir(parents=True)
    for run in ("a", "mine", "z"):
        reserve_name(tmp_path, run, AT, "takumi_db")
    read = Path.read_text

    def vanishing(path: Path, **more: Any) -> str:
        text = read(path, **more)
        if text != "mine":
            path.unlink()
            raise FileNotFoundError(path)
        return text

    monkeypatch.setattr(Path, "read_text", vanishing)
    assert remove_unfinished(tmp_path, "mine")
    assert not remove_unfinished(tmp_path, "mine")
    assert list((tmp_path / ".unfinished").iterdir()) == []

"""How far back one can go, by what the repository and the server say."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from pydantic import SecretStr

from bot.domain.archive import ArchiveFacts, ClusterBackup, backup_before, must_be_within
from bot.domain.errors import RequestError
from bot.domain.moments import read_instant
from bot.operations.archiving import told_archive
from bot.operations.tools.repositories import Bucket, Repository

PLACE = Path("/srv")
NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def backup(hours_ago: int, proven: str = "", *, damaged: bool = False) -> ClusterBackup:
    at = NOON - hours_ago * HOUR
    return ClusterBackup(
        label=f"{hours_ago}h",
        kind="full",
        started_at=at - timedelta(minutes=5),
        stopped_at=at,
        size_bytes=1,
        repository_bytes=1,
        proven=proven,
        damaged=damaged,
    )


def facts(*backups: ClusterBackup, archived_ago: timedelta | None = HOUR, failing: bool = False) -> ArchiveFacts:
    last = None if archived_ago is None else NOON - archived_ago
    wal = "0001" if last else ""
    return ArchiveFacts(
        NOON,
        archiving=True,
        last_archived_at=last,
        last_archived_wal=wal,
        failing=failing,
        failed_count=int(failing),
        last_failed_at=None,
        backups=backups,
    )


def test_the_age_of_the_last_archived_wal_is_the_live_loss() -> None:
    assert facts().age == HOUR
    assert facts(archived_ago=None).age is None


def test_the_window_begins_after_the_oldest_sound_backup_and_ends_now_while_archiving_works() -> None:
    window = facts(backup(9, damaged=True), backup(5)).window
    assert window is not None
    assert (window.first, window.last) == (NOON - 5 * HOUR + timedelta(seconds=1), NOON)


def test_the_window_ends_with_the_last_archived_wal_when_archiving_fails() -> None:
    window = facts(backup(5), failing=True).window
    assert window is not None
    assert window.last == NOON - HOUR


@pytest.mark.parametrize(
    ("at", "said"),
    [
        (NOON + HOUR, "in the future"),
        (NOON - 6 * HOUR, "before what the archive holds"),
        (NOON - timedelta(minutes=1), "after what the archive holds"),
    ],
)
def test_a_moment_outside_is_refused(at: datetime, said: str) -> None:
    with pytest.raises(RequestError, match=said):
        must_be_within(facts(backup(5), failing=True).window, at, NOON)


def test_without_a_backup_there_is_no_moment() -> None:
    with pytest.raises(RequestError, match="no backup of the cluster yet"):
        must_be_within(facts().window, NOON - HOUR, NOON)


def test_recovery_begins_from_the_newest_proven_backup_before_the_moment() -> None:
    found = [backup(9, "yes"), backup(7, "yes"), backup(5), backup(1, "yes")]
    chosen = backup_before(found, NOON - 2 * HOUR)
    assert chosen is not None
    assert chosen.label == "7h"
    unproven = backup_before([backup(9), backup(5), backup(1)], NOON - 2 * HOUR)
    assert unproven is not None
    assert unproven.label == "5h"
    assert backup_before(found, NOON - 10 * HOUR) is None


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (facts(backup(5, "yes"), failing=True), "archiving fails"),
        (facts(backup(5)), "no proven backup"),
        (facts(backup(99, "yes"), archived_ago=30 * HOUR), "30 h ago|1 d 6 h ago"),
    ],
)
def test_what_is_wrong_with_the_archive_comes_with_advice(found: ArchiveFacts, said: str) -> None:
    detail, advice = told_archive(found)
    assert advice
    assert any(word in detail for word in said.split("|"))


def test_an_archive_that_works_needs_no_advice() -> None:
    assert told_archive(facts(backup(5, "yes")))[1] == ""


@pytest.mark.parametrize(
    ("text", "utc"),
    [
        ("2026-11-23 14:05 UTC", "2026-11-23T14:05:00+00:00"),
        ("2026-11-23T14:05:30+01:00", "2026-11-23T13:05:30+00:00"),
        ("2026-11-23 14:05Z", "2026-11-23T14:05:00+00:00"),
        ("2026-07-01 14:05 Europe/Berlin", "2026-07-01T12:05:00+00:00"),
        ("2026-11-23 14:05:00.25 UTC", "2026-11-23T14:05:00.250000+00:00"),
    ],
)
def test_a_moment_is_read_with_its_zone(text: str, utc: str) -> None:
    assert read_instant(text).isoformat() == utc


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("2026-11-23 14:05", "which moment"),
        ("2026-11-23 UTC", "which moment"),
        ("2026-11-23", "which moment"),
        ("yesterday", "cannot read"),
        ("", "cannot read"),
        ("14:05 UTC", "cannot read"),
        ("2026-02-30 14:05 UTC", "cannot read"),
        ("2026-10-25 02:30 Europe/Berlin", "was twice"),
        ("2026-03-29 02:30 Europe/Berlin", "never was"),
        ("2026-11-23 14:05 Mars/Olympus", "cannot read"),
        ("2026-11-23 14:05 ../../etc/passwd", "cannot read"),
    ],
)
def test_a_moment_that_could_be_another_one_is_refused(text: str, said: str) -> None:
    with pytest.raises(RequestError, match=said):
        read_instant(text)


def repository(bucket: Bucket | None = None) -> Repository:
    folders = (PLACE / "repo", PLACE / "r", PLACE / "data", PLACE / "s")
    return Repository(
        "takumi", PLACE / "pgbackrest", *folders, 5432, password=SecretStr("of the socket"), bucket=bucket
    )


def test_the_configuration_holds_no_secret_and_names_where_everything_is() -> None:
    keys = {"access_key": SecretStr("the key"), "secret_key": SecretStr("the secret")}
    found = repository(Bucket("wal", "eu-central-1", "s3.example.org", 8333, PLACE / "ca.crt", **keys))
    text = found.rendered()
    assert not any(word in text for word in ("the key", "the secret", "of the socket"))
    lines = set(text.splitlines())
    assert {"repo1-type=s3", "repo1-s3-uri-style=path", "repo1-storage-port=8333", "[takumi]"} <= lines
    assert {"pg1-path=/srv/data", "repo1-storage-ca-file=/srv/ca.crt", "repo1-s3-endpoint=s3.example.org"} <= lines
    assert set(found.environment) == {"PGPASSWORD", "PGBACKREST_REPO1_S3_KEY", "PGBACKREST_REPO1_S3_KEY_SECRET"}


def test_amazons_own_s3_is_the_default_and_a_local_repository_names_no_bucket() -> None:
    assert "repo1-s3-endpoint=s3.us-east-1.amazonaws.com" in repository(Bucket("wal", "us-east-1")).rendered()
    assert "s3" not in repository().rendered().replace("/srv", "")

"""Which backups may go: every rule that keeps one is shown to keep it, and to be the only thing that does."""

from dataclasses import replace
from datetime import timedelta

import pytest

from bot.domain.backups import Backup, Verdict
from bot.domain.retention import expired, newest_proven
from bot.domain.verdicts import Retention
from tests.builders import AN_INSTANT, a_backup

NOW = AN_INSTANT + timedelta(days=60)
DAY = timedelta(days=1)


def backup(days_old: float, **changes: object) -> Backup:
    """A proven backup of so many days, kept for thirty."""
    taken = NOW - days_old * DAY
    file = f"takumi_db_{taken:%Y%m%d_%H%M%S}.sql.gz"
    made = a_backup(file=file, taken_at=taken, expires_at=taken + 30 * DAY)
    return replace(made, **changes)  # type: ignore[arg-type]


FRESH, OLD = backup(1), backup(40)


def going(*backups: Backup, held: dict[str, str] | None = None, foreign: bool = False) -> list[str]:
    gone, _ = expired(backups, NOW, held or {}, foreign=foreign)
    return [one.file for one in gone]


def why(*backups: Backup, held: dict[str, str] | None = None) -> str:
    _, spared = expired(backups, NOW, held or {}, foreign=False)
    return " ".join(one.why for one in spared)


def test_what_has_expired_goes_and_what_has_not_stays() -> None:
    assert going(FRESH, OLD, backup(29.9)) == [OLD.file]


def test_the_newest_proven_backup_of_a_database_stays_whatever_its_age() -> None:
    assert going(OLD, backup(50)) == [backup(50).file]
    assert "newest proven backup of takumi" in why(OLD)


def test_every_database_keeps_its_own_newest() -> None:
    other = backup(41, database="takumi_staging")
    assert going(FRESH, OLD, other) == [OLD.file]


def test_a_newer_one_that_is_not_proven_is_no_reason_to_let_the_proven_one_go() -> None:
    for verdict in (Verdict.UNPROVEN, Verdict.BROKEN):
        assert going(backup(1, verdict=verdict), OLD) == []


def test_a_newer_one_that_was_deleted_is_no_reason_either() -> None:
    assert going(backup(1, retention=Retention.ASIDE), OLD) == []


def test_what_a_request_or_a_run_refers_to_stays() -> None:
    assert going(FRESH, OLD, held={OLD.file: "run 7 (requested)"}) == []
    assert why(FRESH, OLD, held={OLD.file: "run 7 (requested)"}) == "run 7 (requested) refers to it"


@pytest.mark.parametrize("allowed", [True, False])
def test_a_foreign_file_goes_only_where_that_is_configured(allowed: bool) -> None:
    foreign = replace(OLD, manifest=None)
    assert going(FRESH, foreign, foreign=allowed) == ([foreign.file] if allowed else [])


def test_what_was_stamped_in_the_future_is_neither_newest_nor_deleted() -> None:
    future = backup(-2)
    assert newest_proven([future, OLD], "takumi", NOW) == OLD
    expired_already = replace(future, expires_at=NOW - DAY)
    assert going(FRESH, expired_already) == []
    assert "a clock was wrong" in why(FRESH, expired_already)


def test_a_clock_that_differs_by_minutes_is_no_future() -> None:
    ahead = backup(-3 / 24 / 60)
    assert newest_proven([ahead, OLD], "takumi", NOW) == ahead


def test_what_a_person_deleted_goes_when_its_time_is_up_also_when_it_was_foreign() -> None:
    aside = replace(OLD, retention=Retention.ASIDE, manifest=None)
    assert going(FRESH, aside) == [aside.file]


def test_broken_backups_expire_like_others() -> None:
    assert going(FRESH, replace(OLD, verdict=Verdict.BROKEN)) == [OLD.file]

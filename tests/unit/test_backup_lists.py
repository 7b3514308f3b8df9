"""Rows and files side by side: nothing is listed as good that its file does not bear out."""

from dataclasses import replace
from datetime import timedelta

from bot.domain.backups import Backup, Verdict
from bot.domain.documents import Buttons, Table, Text
from bot.domain.verdicts import Aspect, Finding, Retention
from bot.services.backup_documents import card, listing
from bot.services.backup_ports import FileSeen
from bot.services.backups import Listed, Shown, merged
from tests.builders import AN_INSTANT, a_backup

NOW = AN_INSTANT + timedelta(hours=1)
ROW = a_backup()


def seen(row: Backup = ROW, **changes: object) -> FileSeen:
    return replace(FileSeen(row.file, row.taken_at, row.size_bytes, has_manifest=True), **changes)  # type: ignore[arg-type]


def listed(rows: list[Backup], files: list[FileSeen]) -> Listed:
    (one,) = merged(rows, files, NOW)
    return one


def test_a_row_whose_file_is_as_it_was_keeps_its_verdict() -> None:
    assert (listed([ROW], [seen()]).verdict, listed([ROW], [seen()]).why) == (Verdict.PROVEN, "")


def test_a_row_without_a_file_is_broken_and_says_where_a_copy_is() -> None:
    one = listed([ROW], [])
    assert one.verdict is Verdict.BROKEN
    assert one.why == f"its file is gone from the folder; there is a copy in s3://{ROW.bucket}/{ROW.object_key}"


def test_a_file_of_another_size_is_broken() -> None:
    assert "its file was changed" in listed([ROW], [seen(size_bytes=5)]).why
    assert listed([ROW], [seen(size_bytes=5)]).verdict is Verdict.BROKEN


def test_what_the_file_shows_goes_before_what_the_row_says() -> None:
    one = listed([ROW], [seen(broken="It ends in the middle.")])
    assert (one.verdict, one.why) == (Verdict.BROKEN, "It ends in the middle.")


def test_a_file_without_a_row_is_unproven_and_says_why() -> None:
    assert listed([], [seen(has_manifest=False)]).why == "no manifest: nothing to compare a restore with"
    assert listed([], [seen(unread=True)]).why == "not read yet"
    assert listed([], [seen(has_manifest=False)]).verdict is Verdict.UNPROVEN


def test_a_backup_from_the_future_says_that_a_clock_was_wrong() -> None:
    future = replace(ROW, taken_at=NOW + timedelta(days=2))
    assert "a clock was wrong" in listed([future], [seen(future)]).why


def test_a_deleted_one_says_until_when_it_can_come_back() -> None:
    aside = replace(ROW, retention=Retention.ASIDE)
    assert "it can be brought back until" in listed([aside], []).why
    locked = replace(ROW, retention=Retention.LOCKED)
    assert "S3 keeps its copy until" in listed([locked], []).why


def test_of_two_rows_of_one_name_the_newest_counts() -> None:
    old = replace(ROW, id="old", size_bytes=1, retention=Retention.LOCKED)
    assert listed([ROW, old], [seen()]).verdict is Verdict.PROVEN


def test_the_list_names_the_broken_ones_and_offers_no_restore_of_them() -> None:
    broken = seen(
        broken="It is empty.", file="takumi_db_20260101_000000.sql.gz", taken_at=AN_INSTANT - timedelta(days=9)
    )
    document = listing(merged([ROW], [seen(), broken], NOW), "/takumi")
    assert document.summary == "2 backups, newest first; 1 broken."
    texts = [part.text for part in document.parts if isinstance(part, Text)]
    assert "takumi_db_20260101_000000.sql.gz is broken: It is empty." in texts
    labels = [button.label for part in document.parts if isinstance(part, Buttons) for button in part.buttons]
    assert labels == [f"Restore {ROW.file}"]


def test_a_card_shows_four_verdicts_each_with_when_and_how() -> None:
    findings = {
        Aspect.BACKUP: Finding(ROW.id, Aspect.BACKUP, "proven", "restored in 3 s", at=AN_INSTANT),
        Aspect.OFFSITE: Finding(ROW.id, Aspect.OFFSITE, "missing", "no object", at=AN_INSTANT),
    }
    document = card(Shown(listed([ROW], [seen()]), findings))
    verdicts, manifest = (part for part in document.parts if isinstance(part, Table))
    assert [row[:2] for row in verdicts.rows] == [
        ("Backup", "proven"),
        ("Verification", "unknown"),
        ("Offsite copy", "missing"),
        ("Retention", "unknown"),
    ]
    assert verdicts.rows[0][2:] == ("2026-11-24 02:00:00 UTC", "restored in 3 s")
    assert manifest.rows == (("public.profiles", "3", "table"),)


def test_a_card_of_a_file_that_changed_does_not_repeat_what_was_settled_once() -> None:
    findings = {Aspect.BACKUP: Finding(ROW.id, Aspect.BACKUP, "proven", "restored in 3 s", at=AN_INSTANT)}
    document = card(Shown(listed([ROW], [seen(broken="It is empty.")]), findings))
    verdicts = next(part for part in document.parts if isinstance(part, Table))
    assert verdicts.rows[0] == ("Backup", "broken", "now", "It is empty.")

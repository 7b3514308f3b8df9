"""Backups come back as they were recorded, newest first: both stores."""

from dataclasses import replace
from datetime import timedelta

import pytest

from bot.domain.backups import Verdict
from bot.domain.verdicts import Aspect, Finding, Retention, latest
from tests.builders import AN_INSTANT, a_backup
from tests.stores import StoreUnderTest


async def test_a_backup_comes_back_as_it_was_recorded(under_test: StoreUnderTest):
    backups = [a_backup(), a_backup(manifest=None, bucket="", object_key="")]
    async with under_test.store.work() as work:
        for backup in backups:
            await work.backups.add(backup)
    async with under_test.store.work() as work:
        assert [await work.backups.get(backup.id) for backup in backups] == backups
        assert await work.backups.get("nothing") is None


async def test_the_newest_come_first_and_a_database_narrows(under_test: StoreUnderTest):
    old = a_backup(taken_at=AN_INSTANT - timedelta(days=1))
    new = a_backup(taken_at=AN_INSTANT + timedelta(days=1))
    other = a_backup(database="takumi_staging")
    async with under_test.store.work() as work:
        for backup in (old, new, other):
            await work.backups.add(backup)
        assert list(await work.backups.recent(5)) == [new, other, old]
        assert list(await work.backups.recent(1)) == [new]
        assert list(await work.backups.recent(5, "takumi")) == [new, old]


async def test_a_proof_an_end_and_nothing_else_may_be_written_later(under_test: StoreUnderTest):
    backup = a_backup(rows=None, verdict=Verdict.UNPROVEN)
    known = {"verdict": Verdict.PROVEN, "rows": 3, "retention": Retention.ASIDE, "proven_on": "db:5432"}
    measured = {"proven_at": AN_INSTANT, "restore_took": timedelta(seconds=9), "compare_took": timedelta(seconds=1.5)}
    async with under_test.store.work() as work:
        await work.backups.add(backup)
    async with under_test.store.work() as work:
        await work.backups.save(replace(backup, **known, **measured))
    async with under_test.store.work() as work:
        assert await work.backups.get(backup.id) == replace(backup, **known, **measured)
        with pytest.raises(LookupError):
            await work.backups.save(a_backup())


@pytest.mark.parametrize(
    ("retention", "here", "there"),
    [
        (Retention.KEPT, True, True),
        (Retention.ASIDE, False, True),
        (Retention.LOCKED, False, True),
        (Retention.DELETED, False, False),
    ],
)
async def test_what_has_gone_is_found_by_its_id_alone(
    under_test: StoreUnderTest, retention: Retention, here: bool, there: bool
):
    backup = a_backup(retention=retention)
    async with under_test.store.work() as work:
        await work.backups.add(backup)
        assert (await work.backups.of_file(backup.file) == backup) is here
        assert list(await work.backups.there()) == ([backup] if there else [])
        assert list(await work.backups.there("another")) == []
        assert await work.backups.get(backup.id) == backup
        assert list(await work.backups.recent(9)) == [backup]


async def test_a_name_used_again_means_the_newest_file(under_test: StoreUnderTest):
    old, new = a_backup(), a_backup(taken_at=AN_INSTANT + timedelta(hours=1))
    async with under_test.store.work() as work:
        await work.backups.add(new)
        await work.backups.add(old)
        assert await work.backups.of_file(old.file) == new


async def test_verdicts_are_kept_as_they_were_settled_each_with_its_instant(under_test: StoreUnderTest):
    backup = a_backup()
    async with under_test.store.work() as work:
        await work.backups.add(backup)
        for verdict in ("stored", "matches"):
            await work.backups.note(Finding(backup.id, Aspect.OFFSITE, verdict, "looked", "r1"))
        await work.backups.note(Finding(backup.id, Aspect.BACKUP, "proven", "compared"))
        found = await work.backups.findings(backup.id)
    assert [(one.aspect, one.verdict, one.how, one.run) for one in found] == [
        (Aspect.OFFSITE, "stored", "looked", "r1"),
        (Aspect.OFFSITE, "matches", "looked", "r1"),
        (Aspect.BACKUP, "proven", "compared", ""),
    ]
    assert all(one.at is not None for one in found)
    assert latest(found)[Aspect.OFFSITE].verdict == "matches"

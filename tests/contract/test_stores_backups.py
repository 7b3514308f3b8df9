"""Backups come back as they were recorded, newest first: both stores."""

from datetime import timedelta

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

"""Backups in memory."""

from collections.abc import Sequence
from dataclasses import replace

from bot.domain.backups import Backup
from bot.domain.verdicts import Finding, Retention
from bot.stores.memory.tables import Clock, Tables


class MemoryBackups:
    """Backups in one transaction."""

    def __init__(self, tables: Tables, clock: Clock) -> None:
        self._backups, self._findings, self._clock = tables.backups, tables.findings, clock

    async def add(self, backup: Backup) -> None:
        if backup.id in self._backups:
            raise KeyError(f"backup {backup.id} is there already")
        self._backups[backup.id] = backup

    async def save(self, backup: Backup) -> None:
        if backup.id not in self._backups:
            raise LookupError(f"there is no backup {backup.id}")
        self._backups[backup.id] = backup

    async def get(self, backup_id: str) -> Backup | None:
        return self._backups.get(backup_id)

    async def of_file(self, file: str) -> Backup | None:
        kept = (one for one in await self.there() if one.retention is Retention.KEPT)
        return next((one for one in kept if one.file == file), None)

    async def recent(self, limit: int, database: str = "") -> Sequence[Backup]:
        found = [backup for backup in self._backups.values() if database in ("", backup.database)]
        return sorted(found, key=lambda backup: backup.taken_at, reverse=True)[:limit]

    async def there(self, database: str = "") -> Sequence[Backup]:
        found = await self.recent(len(self._backups), database)
        return [one for one in found if one.retention is not Retention.DELETED]

    async def note(self, finding: Finding) -> None:
        self._findings.append(replace(finding, at=self._clock()))

    async def findings(self, backup_id: str) -> Sequence[Finding]:
        return [finding for finding in self._findings if finding.backup == backup_id]

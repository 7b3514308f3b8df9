"""Backups in memory."""

from collections.abc import Sequence

from bot.domain.backups import Backup
from bot.stores.memory.tables import Tables


class MemoryBackups:
    """Backups in one transaction."""

    def __init__(self, tables: Tables) -> None:
        self._backups = tables.backups

    async def add(self, backup: Backup) -> None:
        if backup.id in self._backups:
            raise KeyError(f"backup {backup.id} is there already")
        self._backups[backup.id] = backup

    async def get(self, backup_id: str) -> Backup | None:
        return self._backups.get(backup_id)

    async def recent(self, limit: int, database: str = "") -> Sequence[Backup]:
        found = [backup for backup in self._backups.values() if database in ("", backup.database)]
        return sorted(found, key=lambda backup: backup.taken_at, reverse=True)[:limit]

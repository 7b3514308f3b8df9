"""What the bot says about the backups it made."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from bot.domain.audit import Entry, Verb
from bot.domain.backups import Backup, Verdict
from bot.domain.people import ENGINE
from bot.domain.runs import Run
from bot.services.ports import Store, Work


async def record_backup(work: Work, run: Run, data: Mapping[str, Any]) -> None:
    """Keep what a backup's last step found, as the operation documents it (`bot.operations.backup`)."""
    backup = Backup(
        id=f"{run.id}",
        run=run.id,
        database=data["database"],
        folder=data["folder"],
        file=data["file"],
        size_bytes=data["size_bytes"],
        sha256=data["sha256"],
        taken_at=datetime.fromisoformat(data["taken_at"]),
        expires_at=datetime.fromisoformat(data["expires_at"]),
        verdict=Verdict(data["verdict"]),
        tables=data["tables"],
        rows=data["rows"],
        bucket=data.get("bucket", ""),
        object_key=data.get("object_key", ""),
        took=timedelta(seconds=data.get("took_seconds", 0)),
        manifest=data.get("manifest"),
    )
    await work.backups.add(backup)
    details = {"file": backup.file, "sha256": backup.sha256, "rows": backup.rows, "verdict": backup.verdict}
    await work.audit.record(Entry(ENGINE, Verb.BACKUP_RECORDED, backup.file, run.id, run.digest, details))


@dataclass(frozen=True)
class Backups:
    """Look-ups of recorded backups."""

    store: Store

    async def recent(self, limit: int, database: str = "") -> Sequence[Backup]:
        async with self.store.work() as work:
            return await work.backups.recent(limit, database)

"""A small bot for the life of backups: runbooks carried out for real, their findings recorded as the engine does."""

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

from bot.domain.backups import Backup
from bot.domain.errors import BotError
from bot.domain.plans import Plan
from bot.domain.runbooks import Runbook, RunInfo
from bot.domain.verdicts import Aspect, Finding, latest
from bot.operations.files import BackupFiles
from bot.operations.folder import FolderLook
from bot.operations.tools.access import Platform
from bot.operations.tools.toolbox import Toolbox
from bot.services.backup_records import record_backup, record_settled
from bot.services.backups import Backups, Listed
from bot.services.catalogue import Catalogue
from bot.stores.memory.store import MemoryStore
from demo.platform.s3 import BUCKET, ObjectStore
from runbooks import (
    backup_database,
    bring_back_backup,
    delete_backup,
    expire_backups,
    prove_backup,
    verify_backup,
)
from tests.builders import a_run
from tests.integration.backups import SmallEngine

BOOKS: Mapping[str, Runbook] = {
    book.name: book
    for book in (
        backup_database.RUNBOOK,
        bring_back_backup.RUNBOOK,
        delete_backup.RUNBOOK,
        expire_backups.RUNBOOK,
        prove_backup.RUNBOOK,
        verify_backup.RUNBOOK,
    )
}


def copy_files(made: Backup, folder: Path, name: str) -> None:
    """Everything that belongs to a backup, under another name."""
    here, there = BackupFiles(Path(made.folder), made.file), BackupFiles(folder, name)
    for source, target in zip(here.in_order, there.in_order, strict=True):
        shutil.copy(source, target)


@dataclass
class SmallBot:
    """Everything but Slack and the queue; `passed` is how far the bot's database is ahead of this machine's clock."""

    platform: Platform
    s3: ObjectStore | None = None
    passed: timedelta = timedelta()
    store: MemoryStore = field(init=False)

    def __post_init__(self) -> None:
        self.store = MemoryStore(lambda: datetime.now(UTC) + self.passed)

    @property
    def toolbox(self) -> Toolbox:
        return Toolbox(self.platform, Catalogue(self.store))

    async def plan(self, name: str, /, run_id: str = "planned", **params: Any) -> Plan:
        """What a request would make; looks as a request does."""
        book = BOOKS[name]
        asked = book.params(**params)
        facts = await book.look_up(asked, self.toolbox.for_look_up())
        again = book.facts.model_validate(facts.model_dump(mode="json"))
        return book.plan(book.pin(asked, again) if book.pin else asked, again, RunInfo(run_id, datetime.now(UTC)))

    async def do(self, name: str, /, **params: Any) -> SmallEngine:
        """Carry it out; what each step settled is recorded when it has ended, also when it failed."""
        engine = SmallEngine(self.toolbox)
        plan = await self.plan(name, engine.run, **params)
        for step in plan.steps:
            try:
                await engine.execute(replace(plan, steps=(step,)))
            except BotError as error:
                await self.record(engine, error.facts)
                raise
            await self.record(engine, engine.earlier[step.key])
        return engine

    async def record(self, engine: SmallEngine, data: Mapping[str, Any]) -> None:
        run = a_run(id=engine.run)
        async with self.store.work() as work:
            if "backup" in data:
                await record_backup(work, run, data["backup"])
            if "settled" in data:
                await record_settled(work, run, data["settled"])

    async def back_up(self, **params: Any) -> Backup:
        """A fresh backup's row."""
        made = (await self.do("backup-database", **params)).earlier["publish"]["backup"]
        return await self.row(made["file"])

    async def put(self, made: Backup, days_old: float = 0, keep_days: int = 30, **changes: Any) -> Backup:
        """Another backup like the one that was made, of an earlier day, with its own files, row and findings."""
        at = datetime.now(UTC).replace(microsecond=0) - timedelta(days=days_old)
        file, folder = f"takumi_db_{at:%Y%m%d_%H%M%S}.sql.gz", self.platform.backups.folder
        copy_files(made, folder, file)
        manifest = {**(made.manifest or {}), "file": file, "taken_at": at.isoformat()}
        (folder / f"{file}.manifest.json").write_text(json.dumps(manifest))
        (folder / f"{file}.sha256").write_text(f"{made.sha256}  {file}\n")
        expires = at + timedelta(days=keep_days)
        own: dict[str, Any] = {
            "id": uuid4().hex,
            "folder": str(folder),
            "file": file,
            "taken_at": at,
            "expires_at": expires,
        }
        row = replace(made, **own, manifest=manifest, **self._uploaded(folder, file), **changes)
        async with self.store.work() as work:
            await work.backups.add(row)
            offsite = "stored" if row.object_key else "none"
            for aspect, verdict in ((Aspect.BACKUP, row.verdict.value), (Aspect.OFFSITE, offsite)):
                await work.backups.note(Finding(row.id, aspect, verdict, "made"))
        return row

    def _uploaded(self, folder: Path, file: str) -> dict[str, Any]:
        if self.s3 is None:
            return {}
        for path in BackupFiles(folder, file).in_order:
            self.s3.client().put_object(Bucket=BUCKET, Key=f"database/{path.name}", Body=path.read_bytes())
        return {"bucket": BUCKET, "object_key": f"database/{file}"}

    async def row(self, file: str) -> Backup:
        """The newest row of that name, wherever it lies."""
        async with self.store.work() as work:
            return next(one for one in await work.backups.recent(1000) if one.file == file)

    async def findings(self, file: str) -> Mapping[Aspect, Finding]:
        row = await self.row(file)
        async with self.store.work() as work:
            return latest(await work.backups.findings(row.id))

    async def change(self, backup: Backup) -> None:
        """Let a row say something else."""
        async with self.store.work() as work:
            await work.backups.save(backup)

    async def listed(self, **budget: int) -> Mapping[str, Listed]:
        backups = Backups(self.store, FolderLook(self.toolbox, **budget))
        return {one.file: one for one in await backups.listed(1000)}

"""A small bot for the life of backups: runbooks carried out for real, their findings recorded as the engine does."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from bot.domain.backups import Backup
from bot.domain.errors import BotError
from bot.domain.runbooks import Runbook, RunInfo
from bot.domain.verdicts import Aspect, Finding, latest
from bot.operations.folder import FolderLook
from bot.operations.tools.access import Platform
from bot.operations.tools.toolbox import Toolbox
from bot.services.backup_records import record_backup, record_settled
from bot.services.backups import Backups, Listed
from bot.services.catalogue import Catalogue
from bot.stores.memory.store import MemoryStore
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


@dataclass
class SmallBot:
    """Everything but Slack and the queue; `passed` is how far the bot's database is ahead of this machine's clock."""

    platform: Platform
    passed: timedelta = timedelta()
    store: MemoryStore = field(init=False)

    def __post_init__(self) -> None:
        self.store = MemoryStore(lambda: datetime.now(UTC) + self.passed)

    @property
    def toolbox(self) -> Toolbox:
        return Toolbox(self.platform, Catalogue(self.store))

    async def plan(self, runbook: str, run: str = "planned", **params: Any) -> Any:
        """What a request would make; looks as a request does."""
        book = BOOKS[runbook]
        asked = book.params(**params)
        facts = await book.look_up(asked, self.toolbox.for_look_up())
        again = book.facts.model_validate(facts.model_dump(mode="json"))
        return book.plan(book.pin(asked, again) if book.pin else asked, again, RunInfo(run, datetime.now(UTC)))

    async def do(self, runbook: str, **params: Any) -> SmallEngine:
        """Carry it out; what its steps settled is recorded, also when one of them fails, and then it raises."""
        engine = SmallEngine(self.toolbox)
        plan = await self.plan(runbook, engine.run, **params)
        try:
            await engine.execute(plan)
        except BotError as error:
            await self._record(engine, [error.facts])
            raise
        await self._record(engine, [])
        return engine

    async def _record(self, engine: SmallEngine, more: Sequence[Mapping[str, Any]]) -> None:
        run = a_run(id=engine.run)
        async with self.store.work() as work:
            for data in (*engine.earlier.values(), *more):
                if "backup" in data:
                    await record_backup(work, run, data["backup"])
                if "settled" in data:
                    await record_settled(work, run, data["settled"])

    async def back_up(self, **params: Any) -> Backup:
        """A fresh backup's row."""
        made = (await self.do("backup-database", **params)).earlier["publish"]["backup"]
        return await self.row(made["file"])

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

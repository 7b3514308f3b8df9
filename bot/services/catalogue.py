"""What the operations may ask about backups: fulfils `KnownBackups` from the bot's own rows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from bot.domain.backups import Backup
from bot.domain.canonical import canonical_json
from bot.domain.runs import Run, RunState
from bot.services.ports import Store

OPEN = (RunState.REQUESTED, RunState.APPROVED, RunState.RUNNING, RunState.INTERRUPTED)
MOST_OPEN = 10_000
# These name a backup because they want to be rid of it, not because they need it.
RIDDANCE = ("delete-backup", "expire-backups")


@dataclass(frozen=True)
class Catalogue:
    """Look-ups of recorded backups, and of who needs them."""

    store: Store

    async def there(self) -> Sequence[Backup]:
        async with self.store.work() as work:
            return await work.backups.there()

    async def of_file(self, file: str) -> Backup | None:
        async with self.store.work() as work:
            return await work.backups.of_file(file)

    async def held(self, files: Sequence[str], but: str) -> Mapping[str, str]:
        async with self.store.work() as work:
            runs = await work.runs.recent(MOST_OPEN, states=OPEN)
        held: dict[str, str] = {}
        for run in runs:
            if run.id != but and run.runbook not in RIDDANCE:
                held |= dict.fromkeys(_named(run, files), f"{run.label} ({run.state.value})")
        return held

    async def now(self) -> datetime:
        async with self.store.work() as work:
            return await work.now()


def _named(run: Run, files: Sequence[str]) -> Sequence[str]:
    """Those that its parameters, facts or plan name, wherever they do."""
    said = "".join(canonical_json(dict(part)) for part in (run.params, run.facts, run.described))
    return [file for file in files if file in said]

"""What looks after backups by itself: each is proven, what has expired goes, and what stays unproven is an alert."""

from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from bot.domain import phrases
from bot.domain.backups import Backup, Verdict
from bot.domain.errors import Refused
from bot.domain.people import CALENDAR
from bot.domain.risk import Severity
from bot.domain.runs import Origin
from bot.domain.verdicts import Retention
from bot.services.alerts import Alerts
from bot.services.ports import Store
from bot.services.runs import Asked, Runs

log = structlog.get_logger()

PROVE, EXPIRE = "prove-backup", "expire-backups"
UNPROVEN_FOR = timedelta(days=1)
ALERT = "backup-unproven"


@dataclass(frozen=True)
class BackupCare:
    """Asked by the calendar; where there is nothing to do, no run is made and nothing is said."""

    runs: Runs
    channel: str

    async def prove(self, planned: datetime) -> None:
        """Prove the newest backup that nobody has proven."""
        await self._ask(PROVE, planned)

    async def expire(self, planned: datetime) -> None:
        """Delete the backups whose time is up."""
        await self._ask(EXPIRE, planned)

    async def _ask(self, runbook: str, planned: datetime) -> None:
        params = self.runs.runbook(runbook).params()
        try:
            wanted = await self.runs.has_work(runbook, params)
        except Refused as error:
            # Outside of the hours, or without the room: who stays unproven for a day is an alert.
            log.warning("backups.not_now", runbook=runbook, why=str(error))
            return
        if wanted:
            asked = Asked(f"calendar:{runbook}:{planned.isoformat()}", CALENDAR, Origin(self.channel))
            await self.runs.request(runbook, params, asked)


@dataclass(frozen=True)
class UnprovenWatch:
    """One alert for every backup of the bot's that has waited for a proof for more than a day; edited, not repeated."""

    store: Store
    alerts: Alerts

    async def look(self) -> None:
        """Raise or settle the alert. Raises: Unavailable."""
        async with self.store.work() as work:
            now = await work.now()
            waiting = [one for one in await work.backups.there() if is_overdue(one, now)]
        if not waiting:
            await self.alerts.settle_own(ALERT)
            return
        oldest = min(waiting, key=lambda one: one.taken_at)
        await self.alerts.raise_own(
            ALERT,
            Severity.P2,
            "BackupUnproven",
            f"{phrases.count(len(waiting), 'backup')} unproven for more than a day, since"
            f" {phrases.instant(oldest.taken_at)}: {', '.join(one.file for one in waiting)}.",
            f"Prove it by hand: /takumi backup prove {oldest.file} --now. Its thread says what is in the way.",
        )


def is_overdue(backup: Backup, now: datetime) -> bool:
    """Whether it should have been proven by now; a file that the bot did not make has no manifest to prove it by."""
    waits = backup.verdict is Verdict.UNPROVEN and backup.retention is Retention.KEPT
    return waits and backup.manifest is not None and backup.taken_at + UNPROVEN_FOR < now

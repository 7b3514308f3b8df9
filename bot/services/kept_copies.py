"""The databases that restores replaced: who could still go back is warned before they go, then they are dropped."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.domain.people import CALENDAR
from bot.domain.runs import Origin, Run, RunState
from bot.services.messages import run_keys, want
from bot.services.ports import Store
from bot.services.rows import MessageRow
from bot.services.runs import Asked, Runs

RUNBOOK = "drop-kept-copies"
# A day and a bit: the calendar looks once a day, and nobody is to be warned after the fact.
WARN_WITHIN = timedelta(hours=26)
LOOKED_AT = 200


def kept_until(run: Run) -> datetime | None:
    """Until when the database that a run replaced is kept; None for a run that replaced none."""
    ends = (row.data.get("expires_at") for row in run.steps if "kept" in row.data)
    return next((datetime.fromisoformat(end) for end in ends if end), None)


@dataclass(frozen=True)
class KeptCopies:
    """Looked after once a day; a day on which nothing expires says nothing."""

    store: Store
    runs: Runs
    channel: str

    async def look_after(self, planned: datetime) -> None:
        """Warn in the threads of what expires soon, and drop what has expired as a run of its own."""
        await self._warn()
        params = self.runs.runbook(RUNBOOK).params()
        if await self.runs.has_work(RUNBOOK, params):
            asked = Asked(f"calendar:{RUNBOOK}:{planned.isoformat()}", CALENDAR, Origin(self.channel))
            await self.runs.request(RUNBOOK, params, asked)

    async def _warn(self) -> None:
        async with self.store.work() as work:
            now = await work.now()
            for run in await work.runs.recent(LOOKED_AT, states=(RunState.SUCCEEDED,)):
                until = kept_until(run)
                if until is not None and now < until <= now + WARN_WITHIN and run.origin.channel:
                    _, _, result = run_keys(run.id)
                    await want(work, MessageRow(f"run:{run.id}:warning", run.origin.channel, parent=result))

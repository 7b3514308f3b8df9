"""A run that was begun by a release of which no worker is left: it ends, and says what nobody put back."""

from dataclasses import dataclass
from datetime import timedelta

import structlog

from bot.domain.audit import Entry, Verb
from bot.domain.people import ENGINE
from bot.domain.runs import Lease, Run, RunState, StepState
from bot.services.leases import Kept, LeaseLost, kept
from bot.services.messages import want_run_messages
from bot.services.ports import Store, Tools

log = structlog.get_logger()

# A replica of the release that began it takes a run over within one and a half leases, or soon after, when it is busy.
LEFT_AFTER_LEASES = 6


@dataclass(frozen=True)
class LeftBehind:
    """Ends what nobody here has a plan for; nothing of it is guessed, repeated or put back."""

    store: Store
    tools: Tools
    owner: str
    lease_length: timedelta

    async def end(self, run: Run, asked_at: float) -> None:
        """End the run if its workers have been gone for long enough; `asked_at` is the loop's time before."""
        lease = await self._lease(run)
        if lease is None:
            return
        async with kept(self.store, lease, self.lease_length, asked_at) as keeper:
            await self.tools.end_effects(run.id)
            try:
                await self._fail(run, keeper)
            except LeaseLost:
                log.warning("run.lease_lost", run=run.id)

    async def _lease(self, run: Run) -> Lease | None:
        if run.state is not RunState.RUNNING:
            return None
        async with self.store.work() as work:
            if await work.runs.unattended(run.id) < LEFT_AFTER_LEASES * self.lease_length:
                return None
            lease = await work.runs.take_over(run.id, self.owner, self.lease_length)
            if lease is not None:
                await work.audit.record(Entry(ENGINE, Verb.RUN_TAKEN_OVER, run.runbook, run.id, run.digest))
            return lease

    async def _fail(self, run: Run, keeper: Kept) -> None:
        """Raises: LeaseLost, Unavailable."""
        async with self.store.work() as work:
            if not await work.runs.holds(keeper.lease):
                raise LeaseLost(run.id)
            now = await work.runs.get(run.id) or run
            failure, hint = _told(now)
            if await work.runs.move(run.id, RunState.RUNNING, RunState.FAILED, failure=failure, hint=hint):
                entry = Entry(ENGINE, Verb.RUN_FAILED, run.runbook, run.id, run.digest, {"failure": failure})
                await work.audit.record(entry)
                await want_run_messages(work, now)


def _told(run: Run) -> tuple[str, str]:
    """What stands and what is in doubt, and what to do about it."""
    done = [row.title for row in run.steps if row.state is StepState.DONE]
    doubtful = [row.title for row in run.steps if row.state is StepState.INTENDED]
    parts = [
        "It was begun by another release of the bot, whose workers are gone, and this one has another plan for it.",
        f"Done: {', '.join(done)}." if done else "No step was done.",
        *([f"Under way, and ended: {', '.join(doubtful)}."] if doubtful else []),
        "Nothing was put back.",
    ]
    return " ".join(parts), "Look at the platform yourself, then ask again."

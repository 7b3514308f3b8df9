"""Taking a run to work on it: who may, with which plan, and what a dead worker's effects are owed first."""

import asyncio
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import structlog

from bot.domain.audit import Entry, Verb
from bot.domain.catalog import Catalog
from bot.domain.errors import BotError
from bot.domain.people import ENGINE
from bot.domain.plans import Plan
from bot.domain.risk import Risk
from bot.domain.runs import Lease, Run, RunState, StepState
from bot.services import traces
from bot.services.approvals import Approvals
from bot.services.gate import Gate
from bot.services.leases import LeaseLost, kept
from bot.services.left_behind import LeftBehind
from bot.services.messages import want_run_messages
from bot.services.ports import Store, Tools
from bot.services.rows import Job, Wake
from bot.services.runs import replanned
from bot.services.steps import StepWork

log = structlog.get_logger()

LOOK_AGAIN = timedelta(seconds=5)


@dataclass(frozen=True)
class Execution:
    """Works on runs, one call of `advance` a wake-up; `owner` names this worker in leases."""

    store: Store
    tools: Tools
    catalog: Catalog
    approvals: Approvals
    owner: str
    lease_length: timedelta = timedelta(seconds=20)
    # None is for tests of other rules alone: `bot.app` always gives one.
    gate: Gate | None = None

    async def advance(self, run_id: str) -> None:
        """Start an approved run, or take over one whose worker is gone; anything else is left alone."""
        async with self.store.work() as work:
            run, now = await work.runs.get(run_id), await work.now()
        if run is None or run.state not in (RunState.APPROVED, RunState.RUNNING):
            await self._expire(run)
            return
        if run.state is RunState.APPROVED and not (await self._is_recorded(run) and await self._may_start(run, now)):
            return
        plan = await self._plan(run)
        asked_at = asyncio.get_running_loop().time()
        if plan is None:
            await LeftBehind(self.store, self.tools, self.owner, self.lease_length).end(run, asked_at)
            return
        lease = await self._lease(run, plan)
        if lease is None:
            return
        async with kept(self.store, lease, self.lease_length, asked_at) as keeper:
            try:
                with traces.run(run):
                    taken_over = run.state is RunState.RUNNING
                    run = await self._settled(run, lease)
                    if taken_over and await self._is_void(run, lease, now):
                        return
                    await StepWork(self.store, self.tools, keeper, plan, run, gate=self.gate).work()
            except LeaseLost:
                log.warning("run.lease_lost", run=run.id)

    async def _expire(self, run: Run | None) -> None:
        """Silence never approves: a request that nobody decided on in time ends."""
        if run is None or run.state is not RunState.REQUESTED or run.expires_at is None:
            return
        async with self.store.work() as work:
            if await work.now() < run.expires_at:
                return
            failure = "Nobody decided on it in time."
            if await work.runs.move(run.id, RunState.REQUESTED, RunState.EXPIRED, failure=failure, hint="Ask again."):
                await work.audit.record(Entry(ENGINE, Verb.RUN_EXPIRED, run.runbook, run.id, run.digest))
                await want_run_messages(work, await work.runs.get(run.id) or run)

    async def _is_recorded(self, run: Run) -> bool:
        """No entry, no action: while the trail is closed, an approved run waits and is looked at again."""
        why = "" if self.gate is None or run.risk is Risk.READ_ONLY else await self.gate.closed()
        if why:
            log.warning("run.waits_for_the_trail", run=run.id, why=why)
            async with self.store.work() as work:
                await work.defer(Wake(Job.ADVANCE_RUN, run.id, at=await work.now() + LOOK_AGAIN))
        return not why

    async def _may_start(self, run: Run, now: datetime) -> bool:
        """Whoever approved still may, and what they approved is still what would happen; else the approval is void."""
        why = await self.approvals.reason_not_to_start(run, now)
        if why:
            await self.approvals.void(run, ENGINE, why)
        return not why

    async def _is_void(self, run: Run, lease: Lease, now: datetime) -> bool:
        """Whoever takes over a run of which nothing was begun looks once more, as at its start: time has passed."""
        if any(row.state is not StepState.PENDING for row in run.steps):
            return False
        why = await self.approvals.reason_not_to_start(run, now)
        if not why:
            return False
        failure, hint = (
            f"The approval is void: {why}.",
            "Nothing was done. Ask for it again to see the plan as it is now.",
        )
        async with self.store.work() as work:
            if await work.runs.holds(lease) and await work.runs.move(
                run.id, RunState.RUNNING, RunState.FAILED, failure=failure, hint=hint
            ):
                await work.audit.record(
                    Entry(ENGINE, Verb.APPROVAL_VOIDED, run.runbook, run.id, run.digest, {"why": why})
                )
                await want_run_messages(work, await work.runs.get(run.id) or run)
        return True

    async def _plan(self, run: Run) -> Plan | None:
        """The stored plan made again; None when this worker has another definition, or the plan is not the same."""
        loaded = self.catalog.runbooks.get(run.runbook)
        if loaded is None:
            log.warning("run.unknown_runbook", run=run.id, runbook=run.runbook)
            return None
        try:
            plan = replanned(self.catalog, run)
        except (BotError, ValueError) as error:
            log.warning("run.other_plan", run=run.id, error=str(error))
            return None
        if loaded.definition(plan) != run.definition:
            log.warning("run.other_definition", run=run.id, runbook=run.runbook)
            return None
        return plan

    async def _lease(self, run: Run, plan: Plan) -> Lease | None:
        async with self.store.work() as work:
            if run.state is RunState.RUNNING:
                lease = await work.runs.take_over(run.id, self.owner, self.lease_length)
                if lease is not None:
                    await work.audit.record(Entry(ENGINE, Verb.RUN_TAKEN_OVER, run.runbook, run.id, run.digest))
                return lease
            claims = sorted((claim.name, claim.exclusive) for claim in plan.claims)
            answer = await work.runs.start(run.id, self.owner, self.lease_length, claims)
            if isinstance(answer, str):
                if answer:
                    await work.defer(Wake(Job.ADVANCE_RUN, run.id, at=await work.now() + LOOK_AGAIN))
                return None
            await work.audit.record(Entry(ENGINE, Verb.RUN_STARTED, run.runbook, run.id, run.digest))
            await want_run_messages(work, run)
            return answer

    async def _settled(self, run: Run, lease: Lease) -> Run:
        """A dead worker's statements may still run on the platform: they are ended before anything is looked at."""
        if run.state is RunState.APPROVED:
            # Nobody else has ever worked on it: it is what it was, and began when it got its lease.
            return replace(run, state=RunState.RUNNING, started_at=lease.until - self.lease_length)
        ended = await self.tools.end_effects(run.id)
        log.info("run.taken_over", run=run.id, ended_sessions=list(ended))
        async with self.store.work() as work:
            return await work.runs.get(run.id) or run

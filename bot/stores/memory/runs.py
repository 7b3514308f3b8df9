"""Runs in memory."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from bot.domain.runs import Lease, Run, RunState, StepRow, check_move, check_new
from bot.services.run_ports import RunKnownError
from bot.stores.memory.tables import Clock, Tables


class MemoryRuns:
    """Runs in one transaction."""

    def __init__(self, tables: Tables, clock: Clock) -> None:
        self._runs = tables.runs
        self._leases = tables.leases
        self._claims = tables.claims
        self._clock = clock

    async def add(self, run: Run) -> Run:
        check_new(run)
        if run.id in self._runs:
            raise RunKnownError(self._runs[run.id])
        number = max((other.number for other in self._runs.values()), default=0) + 1
        stored = replace(run, number=number)
        self._runs[run.id] = stored
        return stored

    async def get(self, run_id: str) -> Run | None:
        return self._runs.get(run_id)

    async def by_number(self, number: int) -> Run | None:
        return next((run for run in self._runs.values() if run.number == number), None)

    async def recent(self, limit: int, *, states: Sequence[RunState] = ()) -> Sequence[Run]:
        found = [run for run in self._runs.values() if run.state in (states or RunState)]
        return sorted(found, key=lambda run: -run.number)[:limit]

    async def move(self, run_id: str, expected: RunState, new: RunState, *, failure: str = "", hint: str = "") -> bool:
        check_move(expected, new)
        return self._swap(run_id, expected, new, failure, hint)

    async def start(
        self,
        run_id: str,
        owner: str,  # noqa: ARG002 - the port names it
        lease: timedelta,
        claims: Sequence[tuple[str, bool]],
    ) -> Lease | str:
        run = self._runs.get(run_id)
        if run is None or run.state is not RunState.APPROVED:
            return ""
        holder = self._holder(claims)
        if holder:
            return holder
        wanted: dict[str, bool] = {}
        for name, exclusive in claims:
            wanted[name] = wanted.get(name, False) or exclusive
        self._claims[run_id] = wanted
        self._swap(run_id, RunState.APPROVED, RunState.RUNNING, "", "")
        return self._lend(run_id, lease)

    async def renew(self, lease: Lease, length: timedelta) -> Lease | None:
        if not await self.holds(lease):
            return None
        renewed = replace(lease, until=self._clock() + length)
        self._leases[lease.run] = renewed
        return renewed

    async def take_over(self, run_id: str, owner: str, length: timedelta) -> Lease | None:  # noqa: ARG002 - the port names it
        return self._lend(run_id, length) if self._is_abandoned(run_id) else None

    async def holds(self, lease: Lease) -> bool:
        held = self._leases.get(lease.run)
        return held is not None and held.token == lease.token and held.until > self._clock()

    async def release(self, lease: Lease) -> None:
        if await self.holds(lease):
            self._leases[lease.run] = replace(lease, until=self._clock())

    async def abandoned(self, limit: int) -> Sequence[str]:
        ids = [run_id for run_id in self._leases if self._is_abandoned(run_id)]
        return sorted(ids, key=lambda run_id: self._leases[run_id].until)[:limit]

    async def waiting(self, limit: int) -> Sequence[str]:
        waiting = [run for run in self._runs.values() if run.state is RunState.APPROVED or self._is_overdue(run)]
        return [run.id for run in sorted(waiting, key=lambda run: run.number)[:limit]]

    async def save_step(self, run_id: str, row: StepRow) -> None:
        run = self._runs.get(run_id)
        if run is None or all(step.key != row.key for step in run.steps):
            raise LookupError(f"run {run_id} has no step {row.key!r}")
        steps = tuple(row if step.key == row.key else step for step in run.steps)
        self._runs[run_id] = replace(run, steps=steps)

    async def save_card(self, run_id: str, card: Mapping[str, Any]) -> None:
        self._runs[run_id] = replace(self._runs[run_id], card=dict(card))

    async def last_holder(self, claim: str) -> Run | None:
        ids = [run_id for run_id, claims in self._claims.items() if claims.get(claim)]
        return max((self._runs[one] for one in ids), key=lambda run: run.started_at or run.created_at, default=None)

    async def unattended(self, run_id: str) -> timedelta:
        lease = self._leases.get(run_id)
        return max(timedelta(), self._clock() - lease.until) if lease else timedelta()

    async def ask_cancel(self, run_id: str, principal: str) -> bool:
        run = self._runs.get(run_id)
        if run is None or run.cancel_asked_by or run.state.is_final:
            return False
        self._runs[run_id] = replace(run, cancel_asked_by=principal)
        return True

    def _swap(self, run_id: str, expected: RunState, new: RunState, failure: str, hint: str) -> bool:
        run = self._runs.get(run_id)
        if run is None or run.state is not expected:
            return False
        self._runs[run_id] = replace(
            run,
            state=new,
            started_at=run.started_at or self._now_if(new is RunState.RUNNING),
            finished_at=self._now_if(new.is_final),
            failure=failure or run.failure,
            hint=hint or run.hint,
        )
        return True

    def _now_if(self, wanted: bool) -> datetime | None:
        return self._clock() if wanted else None

    def _holder(self, claims: Sequence[tuple[str, bool]]) -> str:
        """The run that holds one of these claims, or ""."""
        for run_id, held in self._claims.items():
            if not self._runs[run_id].state.holds_targets:
                continue
            if any(name in held and (exclusive or held[name]) for name, exclusive in claims):
                return run_id
        return ""

    def _lend(self, run_id: str, length: timedelta) -> Lease:
        lease = Lease(run_id, uuid.uuid4().hex, self._clock() + length)
        self._leases[run_id] = lease
        return lease

    def _is_overdue(self, run: Run) -> bool:
        return run.state is RunState.REQUESTED and run.expires_at is not None and run.expires_at <= self._clock()

    def _is_abandoned(self, run_id: str) -> bool:
        lease, run = self._leases.get(run_id), self._runs.get(run_id)
        running = run is not None and run.state is RunState.RUNNING
        return running and lease is not None and lease.until <= self._clock()

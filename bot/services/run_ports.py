"""Where runs and the decisions on them are kept."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, Protocol

from bot.domain.approvals import Decision
from bot.domain.runs import Lease, Run, RunState, StepRow


class RunKnownError(Exception):
    """This very run is stored already: its request is worked on by two. `run` is as the first stored it."""

    def __init__(self, run: Run) -> None:
        super().__init__(run.id)
        self.run = run


class RunStore(Protocol):
    """Runs, their steps and their leases. A move that lost its race answers None or False, never raises."""

    async def add(self, run: Run) -> Run:
        """Store a new run in state `requested` or `approved`; the answer carries its number.

        Raises: RunKnownError, and the transaction stays usable.
        """
        ...

    async def get(self, run_id: str) -> Run | None: ...

    async def by_number(self, number: int) -> Run | None: ...

    async def recent(self, limit: int, *, states: Sequence[RunState] = ()) -> Sequence[Run]: ...

    async def move(self, run_id: str, expected: RunState, new: RunState, *, failure: str = "", hint: str = "") -> bool:
        """Compare-and-swap of the state; sets `started_at` and `finished_at`. Illegal moves raise ValueError."""
        ...

    async def start(self, run_id: str, owner: str, lease: timedelta, claims: Sequence[tuple[str, bool]]) -> Lease | str:
        """Move `approved` to `running` with a lease and its claims (name, exclusive).

        Answers the lease; or the id of a run that holds one of the claims; or "" when the run was not `approved`.
        """
        ...

    async def renew(self, lease: Lease, length: timedelta) -> Lease | None:
        """A longer lease, or None when it was lost."""
        ...

    async def take_over(self, run_id: str, owner: str, length: timedelta) -> Lease | None:
        """The lease of a `running` run whose former lease has run out; None when it is held or not running."""
        ...

    async def holds(self, lease: Lease) -> bool:
        """Whether the lease is still ours, locked until the transaction ends: whoever records asks this first."""
        ...

    async def release(self, lease: Lease) -> None: ...

    async def abandoned(self, limit: int) -> Sequence[str]:
        """Ids of `running` runs whose lease has run out, oldest first."""
        ...

    async def waiting(self, limit: int) -> Sequence[str]:
        """Ids of `approved` runs and of requests whose time is up, oldest first."""
        ...

    async def save_step(self, run_id: str, row: StepRow) -> None: ...

    async def save_card(self, run_id: str, card: Mapping[str, Any]) -> None:
        """Other facts of the moment on a request's card; what is digested stays as it is."""
        ...

    async def last_holder(self, claim: str) -> Run | None:
        """The run that was started last of those that had this claim for themselves alone, ended or not."""
        ...

    async def unattended(self, run_id: str) -> timedelta:
        """How long ago its lease ran out; nothing while somebody holds it, or when nobody ever did."""
        ...

    async def ask_cancel(self, run_id: str, principal: str) -> bool:
        """Note who asked; False when the run is final or was asked before."""
        ...


class ApprovalStore(Protocol):
    """Decisions on requested runs; the rules of `bot.domain.approvals` are constraints here as well."""

    async def add(self, decision: Decision) -> Decision:
        """Record it; the answer carries `at`. Raises: Refused, the transaction stays usable."""
        ...

    async def of_run(self, run_id: str) -> Sequence[Decision]:
        """Oldest first."""
        ...

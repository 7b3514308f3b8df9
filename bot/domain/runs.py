"""A run: a plan on its way from a request to an outcome, and which moves are legal."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from bot.domain.risk import Risk, Severity
from bot.domain.targets import Environment


class RunState(StrEnum):
    """Where a run stands."""

    REQUESTED = "requested"
    APPROVED = "approved"
    RUNNING = "running"
    INTERRUPTED = "interrupted"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    UNDONE = "undone"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    REFUSED = "refused"

    @property
    def is_final(self) -> bool:
        return not LEGAL_MOVES[self]

    @property
    def holds_targets(self) -> bool:
        """Whether the run's claims exclude others."""
        return self in (RunState.RUNNING, RunState.INTERRUPTED)


_S = RunState
LEGAL_MOVES: Mapping[RunState, frozenset[RunState]] = {
    _S.REQUESTED: frozenset({_S.APPROVED, _S.CANCELLED, _S.EXPIRED, _S.REFUSED}),
    _S.APPROVED: frozenset({_S.RUNNING, _S.CANCELLED, _S.EXPIRED, _S.REFUSED}),
    _S.RUNNING: frozenset({_S.SUCCEEDED, _S.FAILED, _S.UNDONE, _S.CANCELLED, _S.INTERRUPTED}),
    _S.INTERRUPTED: frozenset({_S.RUNNING, _S.FAILED, _S.UNDONE}),
    _S.SUCCEEDED: frozenset(),
    _S.FAILED: frozenset(),
    _S.UNDONE: frozenset(),
    _S.CANCELLED: frozenset(),
    _S.EXPIRED: frozenset(),
    _S.REFUSED: frozenset(),
}


def check_move(expected: RunState, new: RunState) -> None:
    """Raises ValueError for a move that no run may make, and for a start, which takes its claims with it."""
    if new not in LEGAL_MOVES[expected]:
        raise ValueError(f"no run moves from {expected} to {new}")
    if new is RunState.RUNNING and not expected.holds_targets:
        raise ValueError("a run starts with a lease and its claims, never by a bare move")


class StepState(StrEnum):
    """Where a step of a run stands; `INTENDED` means that its effect may have begun."""

    PENDING = "pending"
    INTENDED = "intended"
    DONE = "done"
    FAILED = "failed"
    UNDONE = "undone"


# Steps that keep clients out, known by their keys: what they did is put back whatever becomes of their run.
CLOSE_STEP, PAUSE_STEP, RESUME_STEP = "close", "pause", "resume"


@dataclass(frozen=True)
class Origin:
    """The conversation a run belongs to: its messages go into this channel, under `thread` when that is set."""

    channel: str = ""
    thread: str = ""


@dataclass(frozen=True)
class StepRow:
    """What is recorded of one step; `data` is the outcome's, `note` the latest progress or the failure."""

    key: str
    title: str
    state: StepState = StepState.PENDING
    attempt: int = 0
    note: str = ""
    data: Mapping[str, Any] = field(default_factory=dict)
    started_at: datetime | None = None
    finished_at: datetime | None = None


@dataclass(frozen=True)
class Run:
    """A run as its row says. `number` is what people type; `id` is opaque and rides on buttons.

    `card` is what an approver reads besides the plan: `shown` facts as [label, value, tolerance] and `warnings`.
    `severity` is that of the open `incident` (its number; None without one), else the runbook's. `glass` is the reason
    for which glass was broken, or empty. `own_severity` is the runbook's; `as_production` is set where production's
    rules of approval hold everywhere.
    """

    id: str
    number: int
    runbook: str
    title: str
    params: Mapping[str, Any]
    facts: Mapping[str, Any]
    described: Mapping[str, Any]
    digest: str
    definition: str
    risk: Risk
    environment: str
    state: RunState
    requester: str
    requester_slack: str
    origin: Origin
    steps: tuple[StepRow, ...]
    created_at: datetime
    started_at: datetime | None = None
    finished_at: datetime | None = None
    failure: str = ""
    hint: str = ""
    cancel_asked_by: str = ""
    undoes: str = ""
    card: Mapping[str, Any] = field(default_factory=dict)
    expires_at: datetime | None = None
    severity: Severity = Severity.P1
    incident: int | None = None
    glass: str = ""
    own_severity: Severity = Severity.P3
    as_production: bool = False

    @property
    def ruled_as(self) -> str:
        """The environment whose rules of approval hold for it: its own, or the strictest."""
        return Environment.PRODUCTION if self.as_production else self.environment

    @property
    def seats_severity(self) -> Severity:
        """Whose role of the matrix has to say yes: an incident that is less urgent than the runbook eases nothing."""
        return min(self.severity, self.own_severity)

    @property
    def label(self) -> str:
        return f"run {self.number}"

    def step(self, key: str) -> StepRow:
        return next(row for row in self.steps if row.key == key)


def check_new(run: Run) -> None:
    """Raises ValueError for a run that begins its life in any other state than these two."""
    if run.state not in (RunState.REQUESTED, RunState.APPROVED):
        raise ValueError(f"a new run is requested or approved, not {run.state}")


@dataclass(frozen=True)
class Lease:
    """The right to work on a run: whoever holds the token may record outcomes, until the lease runs out."""

    run: str
    token: str
    until: datetime

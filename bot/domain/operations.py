"""What a step can do: an operation is a frozen value that can describe itself and run."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import Any, Protocol

from bot.domain.errors import OperationFailed


@dataclass(frozen=True)
class Outcome:
    """What an operation did, as facts for people (`summary`) and for later steps (`data`, JSON values only)."""

    summary: str
    data: Mapping[str, Any] = field(default_factory=dict)


class Seen(StrEnum):
    """What a probe saw of an effect that may or may not have happened."""

    HAPPENED = "happened"
    NOT_HAPPENED = "not happened"
    CANNOT_TELL = "cannot tell"


@dataclass(frozen=True)
class Observation:
    """A probe's answer: `told` says to a person what was looked at and found."""

    seen: Seen
    told: str
    outcome: Outcome | None = None


# The run of a look-up whose plan is only shown, never stored.
PREVIEW = "preview"


@dataclass(frozen=True)
class StepContext:
    """Which attempt of which step a tool acts for.

    `earlier` maps the keys of finished steps to the `data` of their outcomes. `progress` may be called at any rate.
    `is_held` says, without asking anybody, whether this worker may still act for the run.
    """

    run: str
    step: str
    attempt: int
    earlier: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    progress: Callable[[str], Awaitable[None]] | None = None
    is_held: Callable[[], bool] = lambda: True

    @property
    def session_name(self) -> str:
        """The `application_name` of every session on the platform (63 characters at most, as PostgreSQL keeps)."""
        return f"takumi:{self.run}:{self.step}:{self.attempt}"[:63]

    def must_hold(self) -> None:
        """Raises: OperationFailed in a worker that was paused or cut off for too long: another may be at it by now."""
        if not self.is_held():
            raise OperationFailed("This worker was away for too long and no longer works on this run.")

    async def say(self, text: str) -> None:
        if self.progress is not None:
            await self.progress(text)


class Operation(Protocol):
    """A frozen dataclass; both the plan's text and the effect come from its fields.

    `tools` is whatever the operations package hands out for one step: opaque here, since the domain knows no vendor.
    """

    @property
    def timeout(self) -> timedelta: ...

    @property
    def safe_to_repeat(self) -> bool: ...

    def describe(self) -> str: ...

    async def run(self, tools: Any) -> Outcome:
        """Do it. Raises: OperationFailed when the platform says no."""
        ...


class Probing(Operation, Protocol):
    """An operation whose effect can be looked up after a crash."""

    async def probe(self, tools: Any) -> Observation: ...

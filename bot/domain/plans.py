"""What will be done, step by step, in a form that can be read, digested and executed."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from bot.domain.canonical import digest
from bot.domain.operations import Operation


@dataclass(frozen=True)
class Claim:
    """A target that a run holds while it runs: `name` is `<system identifier>/<database>` or a service's name."""

    name: str
    exclusive: bool = True


@dataclass(frozen=True)
class Step:
    """One thing to do, how to verify it by looking, and how to undo it."""

    key: str
    title: str
    do: Operation
    verify: Operation | None = None
    undo: Operation | None = None

    def described(self) -> dict[str, Any]:
        """What the digest and the approver see of this step."""
        return {
            "key": self.key,
            "title": self.title,
            "do": self.do.describe(),
            "verify": self.verify.describe() if self.verify else "",
            "undo": self.undo.describe() if self.undo else "",
        }


@dataclass(frozen=True)
class ShownFact:
    """A fact of the moment that an approver reads: not digested, asked again beyond its tolerance.

    `tolerance` is the largest relative change that keeps an approval good; None means any change does.
    """

    label: str
    value: float | str
    tolerance: float | None = None


@dataclass(frozen=True)
class Plan:
    """A pure function's result: the steps, the claims, and the facts an approval rests on.

    `bound` facts are in the digest (JSON values); `shown` facts are not. `warnings` are sentences for the card.
    `recovers` is a component as `bot.domain.recoveries` names it: the run measures how long that takes to come back.
    """

    summary: str
    steps: tuple[Step, ...]
    claims: tuple[Claim, ...]
    environment: str
    bound: Mapping[str, Any] = field(default_factory=dict)
    shown: tuple[ShownFact, ...] = ()
    warnings: tuple[str, ...] = ()
    recovers: str = ""

    def described(self) -> dict[str, Any]:
        """All that an approval is bound to, but for who asked and until when."""
        return {
            "summary": self.summary,
            "environment": self.environment,
            "claims": [[claim.name, claim.exclusive] for claim in sorted(self.claims, key=lambda claim: claim.name)],
            "steps": [step.described() for step in self.steps],
            "bound": dict(self.bound),
        }

    @property
    def digest(self) -> str:
        return digest(self.described())

    @property
    def time_limit(self) -> timedelta:
        """The sum of the steps' own limits."""
        return sum((step.do.timeout for step in self.steps), timedelta())

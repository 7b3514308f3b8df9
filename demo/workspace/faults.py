"""Faults on purpose: what goes wrong next, for how many calls."""

from dataclasses import dataclass, field

from demo.workspace import Json

CALL_FAULTS: frozenset[str] = frozenset({
    "ratelimited", "http_error", "drop_before", "drop_after", "delay", "duplicate", "error",
})  # fmt: skip
DELIVERY_FAULTS: frozenset[str] = frozenset({
    "drop_deliveries", "delay_deliveries", "duplicate_deliveries", "reorder_deliveries", "lose_acks",
})  # fmt: skip


@dataclass
class Fault:
    """One planned fault; `target` is a method, a delivery kind, or `*`."""

    kind: str
    target: str = "*"
    times: int = 1
    seconds: float = 1.0
    status: int = 503
    error: str = "internal_error"

    def hits(self, target: str) -> bool:
        return self.times > 0 and self.target in {"*", target}


@dataclass
class Faults:
    """The plan; each fault is used up by the calls it hits."""

    planned: list[Fault] = field(default_factory=list)

    def plan(self, fault: Fault) -> None:
        self.planned.append(fault)

    def take(self, kinds: frozenset[str], target: str) -> Fault | None:
        """The first planned fault of these kinds for the target, counted as used."""
        for fault in self.planned:
            if fault.kind in kinds and fault.hits(target):
                fault.times -= 1
                return fault
        return None

    def as_json(self) -> list[Json]:
        """What is still to come, for the page."""
        return [{"kind": f.kind, "target": f.target, "times": f.times} for f in self.planned if f.times > 0]

    def clear(self) -> None:
        self.planned.clear()

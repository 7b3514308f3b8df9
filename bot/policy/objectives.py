"""How long a component may be away, and how much of it may be lost."""

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True)
class Objective:
    """None is the guide's N/A; `note` says why, where the guide does."""

    component: str
    recovery_time: timedelta | None
    recovery_point: timedelta | None
    note: str = ""


DATABASE = "Database"

# Source: Maintenance Guide, Recovery Time Objectives (RTO).
OBJECTIVES: tuple[Objective, ...] = (
    Objective(DATABASE, timedelta(hours=1), timedelta(hours=24)),
    Objective("Backend API", timedelta(minutes=30), None),
    Objective("Smart Contracts", None, None, note="immutable"),
    Objective("Frontend", timedelta(minutes=15), None),
)


def objective_of(component: str) -> Objective:
    """Raises: KeyError for a component that the table does not know."""
    return {objective.component: objective for objective in OBJECTIVES}[component]

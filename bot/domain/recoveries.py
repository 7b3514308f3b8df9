"""How long a component took to come back, measured, and what of it would be lost now."""

from dataclasses import dataclass
from datetime import datetime, timedelta


def of_database(name: str) -> str:
    """The component that one database is: what staging takes says nothing about production."""
    return f"Database {name}"


@dataclass(frozen=True)
class Recovery:
    """One measurement; `how` is a sentence, `run` the run that measured it; `at` is set when stored."""

    component: str
    took: timedelta
    how: str
    run: str = ""
    at: datetime | None = None


@dataclass(frozen=True)
class Loss:
    """What would be lost if it happened now; None when nothing is kept at all. `how` says how that is known."""

    window: timedelta | None
    how: str

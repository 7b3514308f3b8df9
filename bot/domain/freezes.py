"""A time in which nothing disruptive is done."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class Freeze:
    """Until when and why; it ends by itself, or earlier when somebody lifts it."""

    until: datetime
    reason: str
    declared_by: str
    number: int = 0
    lifted_by: str = ""
    lifted_at: datetime | None = None

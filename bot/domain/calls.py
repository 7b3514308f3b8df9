"""Who hears of something that waits for people, and when."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from bot.domain.people import Role


class Event(StrEnum):
    """Why somebody hears of it."""

    ASKED = "asked"
    REMINDED = "reminded"
    CALLED = "called"
    PAGED = "paged"


@dataclass(frozen=True)
class CallRow:
    """One call about `run:<id>` or `review:<id>`; no role means those whose yes is missing.

    `users` are the Slack users who were written to when it was made.
    """

    about: str
    position: int
    event: Event
    role: Role | None
    due_at: datetime
    made_at: datetime | None = None
    users: tuple[str, ...] = ()

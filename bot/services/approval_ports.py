"""What approvals and their escalation need of the stores, as protocols."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from bot.domain.calls import CallRow
from bot.domain.freezes import Freeze
from bot.domain.incidents import Incident
from bot.domain.reviews import Review


class CallStore(Protocol):
    """Whom to tell what waits; each call is made once."""

    async def add(self, *rows: CallRow) -> None:
        """A row that is there already stays as it is."""
        ...

    async def about(self, about: str) -> Sequence[CallRow]:
        """In the order of their positions."""
        ...

    async def make(self, about: str, position: int, users: Sequence[str]) -> bool:
        """Win the right to write to them; False when it is not due yet on the store's clock, or was made before."""
        ...

    async def due(self, limit: int) -> Sequence[str]:
        """What has a call that is due and not made, the longest waiting first."""
        ...


class IncidentStore(Protocol):
    """Incidents."""

    async def add(self, incident: Incident) -> Incident:
        """The answer carries its number."""
        ...

    async def open(self) -> Sequence[Incident]:
        """The most urgent first, then the oldest."""
        ...

    async def resolve(self, number: int, principal: str) -> bool:
        """False when there is no such open incident."""
        ...


class FreezeStore(Protocol):
    """Freezes."""

    async def add(self, freeze: Freeze) -> Freeze:
        """The answer carries its number."""
        ...

    async def standing(self) -> Sequence[Freeze]:
        """Those that are neither over nor lifted, the longest first."""
        ...

    async def lift(self, principal: str) -> int:
        """End every standing one; answers how many."""
        ...


class ReviewStore(Protocol):
    """Reviews of broken glass."""

    async def add(self, review: Review) -> None:
        """One that is there already stays as it is."""
        ...

    async def get(self, run_id: str) -> Review | None: ...

    async def undone(self) -> Sequence[Review]:
        """Oldest first."""
        ...

    async def done(self, run_id: str, principal: str, note: str, at: datetime) -> bool:
        """False when it was done before, or by its requester."""
        ...

"""What the services need of the trail's store."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from bot.domain.audit import Entry, RecordedEntry
from bot.domain.chain import Standing, TrailState
from bot.services.rows import AuditQuery


class AuditStore(Protocol):
    """The trail: it only grows."""

    async def record(self, entry: Entry) -> None:
        """Raises: Unrecorded when the trail takes no entry."""
        ...

    async def find(self, query: AuditQuery) -> Sequence[RecordedEntry]: ...

    async def standing(self, run_id: str) -> Standing:
        """How many of a run's entries are not chained yet, and not anchored outside."""
        ...

    async def state(self) -> TrailState: ...

    async def probe(self) -> None:
        """Write something that changes nothing, as the bot's own role. Raises: Unrecorded when it may not."""
        ...

    async def want_anchor(self) -> None:
        """Have whoever anchors do it now instead of at its next turn."""
        ...

    async def note_name(self, principal: str, name: str) -> None:
        """What a principal is called, beside the chain; an erased name stays erased."""
        ...

    async def erase_name(self, principal: str) -> bool: ...

    async def names(self) -> Mapping[str, str]: ...

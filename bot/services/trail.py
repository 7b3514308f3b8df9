"""Reading and writing the trail outside of a run."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from bot.domain.audit import Entry, RecordedEntry, Verb
from bot.domain.people import Actor
from bot.services.ports import Store
from bot.services.rows import AuditQuery


@dataclass(frozen=True)
class Trail:
    """The trail by itself; changes of state record their entries in their own transactions."""

    store: Store
    _noted: dict[str, str] = field(default_factory=dict)

    async def record(self, actor: Actor, verb: Verb, subject: str, details: Mapping[str, Any]) -> None:
        async with self.store.work() as work:
            await work.audit.record(Entry(actor, verb, subject, details=details))

    async def find(self, query: AuditQuery) -> Sequence[RecordedEntry]:
        async with self.store.work() as work:
            return await work.audit.find(query)

    async def note_name(self, principal: str, name: str) -> None:
        """What a principal is called, beside the trail and only when it is news to this process."""
        if name and self._noted.get(principal) != name:
            async with self.store.work() as work:
                await work.audit.note_name(principal, name)
            self._noted[principal] = name

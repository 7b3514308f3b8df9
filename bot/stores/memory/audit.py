"""The trail in memory."""

from collections.abc import Sequence

from bot.domain.audit import Entry, RecordedEntry
from bot.domain.redaction import Redactor
from bot.services.rows import AuditQuery
from bot.stores.audit import body_of, entry_of
from bot.stores.memory.tables import Clock, Tables


class MemoryAudit:
    """The trail in one transaction."""

    def __init__(self, tables: Tables, clock: Clock, redactor: Redactor) -> None:
        self._entries = tables.entries
        self._clock = clock
        self._redactor = redactor

    async def record(self, entry: Entry) -> None:
        # Through the text that PostgreSQL would keep, so that what cannot be told again fails here as well.
        stored = entry_of(body_of(entry, self._redactor))
        self._entries.append(RecordedEntry(len(self._entries) + 1, self._clock(), stored))

    async def find(self, query: AuditQuery) -> Sequence[RecordedEntry]:
        found = [recorded for recorded in reversed(self._entries) if _fits(recorded, query)]
        return found[: query.limit]


def _fits(recorded: RecordedEntry, query: AuditQuery) -> bool:
    entry = recorded.entry
    return (
        query.run in ("", entry.run)
        and query.principal in ("", entry.actor.principal)
        and query.subject in ("", entry.subject)
        and (query.since is None or recorded.at >= query.since)
        and (query.before is None or recorded.id < query.before)
    )

"""The trail in memory."""

from collections.abc import Mapping, Sequence

from bot.domain.audit import Entry, RecordedEntry
from bot.domain.canonical import canonical_json
from bot.domain.chain import Standing, TrailState
from bot.domain.redaction import Redactor
from bot.services.rows import AuditQuery
from bot.stores.audit import body_of, entry_of
from bot.stores.memory.tables import Clock, Tables


class MemoryAudit:
    """The trail in one transaction; nobody chains it, and what it says of that is up to `chained` and `anchored`."""

    def __init__(self, tables: Tables, clock: Clock, redactor: Redactor) -> None:
        self._tables = tables
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

    async def standing(self, run_id: str) -> Standing:
        ids = [one.id for one in self._entries if run_id and one.entry.run == run_id]
        chained, anchored = self._tables.trail["chained"], self._tables.trail["anchored"]
        return Standing(sum(one > chained for one in ids), sum(one > min(chained, anchored) for one in ids))

    async def state(self) -> TrailState:
        first = next((one.at for one in self._entries if one.id > self._tables.trail["chained"]), None)
        return TrailState(self._clock(), first, trouble=self._tables.anchors.get("trouble", ""))

    async def probe(self) -> None:
        """Memory can always be written."""

    async def want_anchor(self) -> None:
        self._tables.trail["wanted"] += 1

    async def note_name(self, principal: str, name: str) -> None:
        if self._tables.names.get(principal) != "":
            self._tables.names[principal] = name

    async def erase_name(self, principal: str) -> bool:
        known = principal in self._tables.names
        if known:
            self._tables.names[principal] = ""
        return known

    async def names(self) -> Mapping[str, str]:
        return {principal: name for principal, name in self._tables.names.items() if name}


def _fits(recorded: RecordedEntry, query: AuditQuery) -> bool:
    entry = recorded.entry
    return (
        query.run in ("", entry.run)
        and query.principal in ("", entry.actor.principal)
        and query.subject in ("", entry.subject)
        and (query.target in ("", entry.subject) or query.target in canonical_json(entry))
        and (query.since is None or recorded.at >= query.since)
        and (query.before is None or recorded.id < query.before)
    )

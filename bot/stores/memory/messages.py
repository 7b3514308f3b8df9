"""Messages in memory."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from bot.services.rows import MessageRow
from bot.stores.memory.tables import LONG_AGO, Clock, MessageRecord, Tables


class MemoryMessages:
    """Messages in one transaction."""

    def __init__(self, tables: Tables, clock: Clock) -> None:
        self._messages = tables.messages
        self._clock = clock

    async def want(self, row: MessageRow) -> bool:
        if row.key in self._messages:
            self._messages[row.key] = replace(self._messages[row.key], wanted_at=self._clock())
            return False
        self._messages[row.key] = MessageRecord(row, self._clock())
        return True

    async def get(self, key: str) -> MessageRow | None:
        record = self._messages.get(key)
        return record.row if record else None

    async def claim(self, key: str, owner: str, lease: timedelta) -> MessageRow | None:  # noqa: ARG002 - the port names it
        record = self._messages.get(key)
        if record is None or record.claimed_until > self._clock():
            return None
        row = replace(record.row, attempts=record.row.attempts + 1)
        now = self._clock()
        self._messages[key] = replace(record, row=row, claimed_at=now, claimed_until=now + lease)
        return row

    async def posting(self, key: str) -> None:
        self._change(key, posting=True)

    async def drawn(self, key: str, ts: str, digest: str) -> None:
        self._change(key, ts=ts, drawn=digest, posting=False, attempts=0)
        await self.shown(key)

    async def shown(self, key: str) -> None:
        if key in self._messages:
            record = self._messages[key]
            self._messages[key] = replace(record, shown_at=record.claimed_at)

    async def let_go(self, key: str, rest: timedelta | None = None) -> bool:
        if key not in self._messages:
            return False
        record = replace(self._messages[key], claimed_until=LONG_AGO if rest is None else self._clock() + rest)
        self._messages[key] = record
        return record.shown_at < record.wanted_at

    async def undrawn(self, older_than: timedelta, limit: int) -> Sequence[str]:
        before, now = self._clock() - older_than, self._clock()
        records = [record for record in self._messages.values() if record.shown_at < record.wanted_at]
        return [one.row.key for one in records if one.claimed_until <= now and one.wanted_at <= before][:limit]

    async def children(self, parent: str) -> Sequence[MessageRow]:
        return [record.row for record in self._messages.values() if record.row.parent == parent]

    def _change(self, key: str, **changes: object) -> None:
        if key in self._messages:
            record = self._messages[key]
            self._messages[key] = replace(record, row=replace(record.row, **changes))  # type: ignore[arg-type] # names and types are the callers', a few lines above

"""The inbox in memory."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from bot.services.rows import Delivery, InboxRow
from bot.stores.memory.tables import LONG_AGO, Clock, InboxRecord, Tables


class MemoryInbox:
    """The inbox in one transaction."""

    def __init__(self, tables: Tables, clock: Clock) -> None:
        self._inbox = tables.inbox
        self._clock = clock

    async def get(self, inbox_id: str) -> InboxRow | None:
        record = self._inbox.get(inbox_id)
        return record.row if record else None

    async def claim(self, inbox_id: str, owner: str, lease: timedelta) -> InboxRow | None:
        record = self._inbox.get(inbox_id)
        if record is None or not self._is_free(record):
            return None
        row = replace(record.row, attempts=record.row.attempts + 1)
        self._inbox[inbox_id] = InboxRecord(row, owner, self._clock() + lease)
        return row

    async def renew(self, inbox_id: str, owner: str, lease: timedelta) -> bool:
        record = self._inbox.get(inbox_id)
        if record is None or record.row.worked or record.owner != owner or record.claimed_until <= self._clock():
            return False
        self._inbox[inbox_id] = replace(record, claimed_until=self._clock() + lease)
        return True

    async def answer(self, inbox_id: str, said: str) -> bool:
        record = self._inbox[inbox_id]
        if record.row.answer or record.row.worked:
            return False
        self._inbox[inbox_id] = replace(record, row=replace(record.row, answer=said))
        return True

    async def finish(self, inbox_id: str, note: str) -> None:
        record = self._inbox.get(inbox_id)
        if record is not None and not record.row.worked:
            self._inbox[inbox_id] = replace(record, row=replace(record.row, worked=True, answer=note))

    async def let_go(self, inbox_id: str, owner: str) -> None:
        record = self._inbox.get(inbox_id)
        if record is not None and record.owner == owner:
            self._inbox[inbox_id] = replace(record, claimed_until=LONG_AGO)

    async def unworked(self, older_than: timedelta, limit: int) -> Sequence[str]:
        records = [record for record in self._inbox.values() if self._is_free(record)]
        old = [record.row for record in records if record.row.received_at <= self._clock() - older_than]
        return [row.id for row in sorted(old, key=lambda row: row.received_at)[:limit]]

    def insert(self, inbox_id: str, delivery: Delivery) -> tuple[str, bool]:
        for record in self._inbox.values():
            if (record.row.delivery.kind, record.row.delivery.key) == (delivery.kind, delivery.key):
                return record.row.id, False
        self._inbox[inbox_id] = InboxRecord(InboxRow(inbox_id, delivery, self._clock()))
        return inbox_id, True

    def _is_free(self, record: InboxRecord) -> bool:
        return not record.row.worked and record.claimed_until <= self._clock()

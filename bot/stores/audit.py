"""The trail: entries as canonical text, which nobody can change or remove."""

import json
import re
from collections.abc import Sequence
from dataclasses import replace

from psycopg.rows import DictRow

from bot.domain.audit import Entry, RecordedEntry, Verb
from bot.domain.canonical import canonical_json
from bot.domain.people import Actor, Surface
from bot.domain.redaction import Redactor
from bot.services.rows import AuditQuery
from bot.stores.connections import Connection

_FIND = """
SELECT id, at, body FROM audit_entries
WHERE (%(run)s = '' OR run = %(run)s) AND (%(principal)s = '' OR principal = %(principal)s)
    AND (%(subject)s = '' OR subject = %(subject)s)
    AND (%(since)s::timestamptz IS NULL OR at >= %(since)s) AND (%(before)s::bigint IS NULL OR id < %(before)s)
ORDER BY id DESC LIMIT %(limit)s
"""

_ESCAPED_NUL = re.compile(r"(?<!\\)((?:\\\\)*)\\u0000")


def body_of(entry: Entry, redactor: Redactor) -> str:
    """The canonical text of an entry, without secrets.

    What no database text can hold (NUL, half a surrogate) is shown as ␀ and ?.
    """
    entry = replace(entry, subject=redactor.text(entry.subject), details=redactor.value(entry.details))
    text = canonical_json(entry).encode("utf-8", "replace").decode()
    return _ESCAPED_NUL.sub(r"\1␀", text)


def entry_of(body: str) -> Entry:
    values = json.loads(body)
    actor = values.pop("actor")
    actor["surface"] = Surface(actor["surface"])
    return Entry(**values | {"actor": Actor(**actor), "verb": Verb(values["verb"])})


class PostgresAudit:
    """The trail in one transaction."""

    def __init__(self, connection: Connection, redactor: Redactor) -> None:
        self._connection = connection
        self._redactor = redactor

    async def record(self, entry: Entry) -> None:
        body = body_of(entry, self._redactor)
        await self._connection.execute("INSERT INTO audit_entries (body) VALUES (%s)", (body,))

    async def find(self, query: AuditQuery) -> Sequence[RecordedEntry]:
        cursor = await self._connection.execute(_FIND, vars(query))
        return [_recorded(row) for row in await cursor.fetchall()]


def _recorded(row: DictRow) -> RecordedEntry:
    return RecordedEntry(row["id"], row["at"], entry_of(row["body"]))

"""The trail: signed entries as canonical text, which nobody can change or remove."""

import json
import re
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager

import psycopg
from psycopg.rows import DictRow

from bot.domain.audit import Entry, RecordedEntry, Verb
from bot.domain.canonical import canonical_json, json_of
from bot.domain.chain import Standing, TrailState
from bot.domain.errors import Unrecorded
from bot.domain.people import ENGINE, Actor, Surface
from bot.domain.redaction import Redactor
from bot.services.rows import AuditQuery
from bot.stores.connections import Connection, unwritable
from bot.stores.signing import Writer
from bot.verifier import NO_WRITER, UNSIGNED

_RECORD = "INSERT INTO audit_entries (body, writer, number, signature) VALUES (%s, %s, %s, %s)"
_FIND = """
SELECT id, at, body FROM audit_entries
WHERE (%(run)s = '' OR run = %(run)s) AND (%(principal)s = '' OR principal = %(principal)s)
    AND (%(subject)s = '' OR subject = %(subject)s)
    AND (%(target)s = '' OR subject = %(target)s OR position(%(target)s in body) > 0)
    AND (%(since)s::timestamptz IS NULL OR at >= %(since)s) AND (%(before)s::bigint IS NULL OR id < %(before)s)
ORDER BY id DESC LIMIT %(limit)s
"""
_ANCHORED = "SELECT coalesce(max(last), 0) FROM audit_heads JOIN audit_anchors ON last_batch = batch"
_STANDING = f"""
SELECT count(*) FILTER (WHERE position IS NULL) AS unchained,
       count(*) FILTER (WHERE position IS NULL OR position > ({_ANCHORED})) AS unanchored
FROM audit_entries WHERE run = %s AND run <> ''
"""  # noqa: S608 - a constant
_STATE = """
SELECT clock_timestamp() AS now,
       (SELECT min(at) FROM audit_entries WHERE position IS NULL) AS unchained_since,
       (SELECT signed_at FROM audit_heads
        WHERE batch > (SELECT coalesce(max(last_batch), 0) FROM audit_anchors) ORDER BY batch LIMIT 1)
           AS unanchored_since,
       (SELECT max(anchored_at) FROM audit_anchors) AS anchored_at,
       CASE WHEN until > clock_timestamp() THEN owner ELSE '' END AS sequencer, anchor_trouble AS trouble
FROM audit_sequencing
"""
_NAME = """
INSERT INTO audit_names (principal, name) VALUES (%s, %s)
ON CONFLICT (principal) DO UPDATE SET name = excluded.name, seen_at = clock_timestamp()
WHERE audit_names.erased_at IS NULL AND audit_names.name <> excluded.name
"""
# As long as an entry, so that it finds room where one would.
_PROBE = canonical_json(Entry(ENGINE, Verb.TRAIL_VOID, "probe", details={"room": "." * 400}))
_ESCAPED_NUL = re.compile(r"(?<!\\)((?:\\\\)*)\\u0000")


def body_of(entry: Entry, redactor: Redactor) -> str:
    """The canonical text of an entry, without secrets.

    What no database text can hold (NUL, half a surrogate) is shown as ␀ and ?.
    """
    clean = {"subject": redactor.text(entry.subject), "details": redactor.value(entry.details)}
    # The same text as of the dataclass itself, without copying it first: every entry pays for this.
    text = json_of(vars(entry) | clean | {"actor": vars(entry.actor)}).encode("utf-8", "replace").decode()
    return _ESCAPED_NUL.sub(r"\1␀", text) if "\\u0000" in text else text


def entry_of(body: str) -> Entry:
    values = json.loads(body)
    actor = values.pop("actor")
    actor["surface"] = Surface(actor["surface"])
    return Entry(**values | {"actor": Actor(**actor), "verb": Verb(values["verb"])})


class Pending:
    """Entries of one transaction, which go out with its commit.

    Where nobody else of this process is at the database, both cost one wait: a pipeline. Where many are, what counts is
    the processor's time, and a pipeline takes more of it. `taken` are the writer's numbers that end with it, one way or
    the other.
    """

    def __init__(self, is_alone: Callable[[], bool]) -> None:
        self._is_alone = is_alone
        self.taken: list[int] = []
        self._unsent: list[tuple[str, str, int, str]] = []

    def add(self, body: str, writer: Writer) -> None:
        number = writer.take()
        self.taken.append(number)
        self._unsent.append((body, writer.name, number, writer.sign(number, body)))

    async def send(self, connection: Connection) -> None:
        """Raises: Unrecorded when the trail takes no entry."""
        with _told_as_unrecorded():
            unsent, self._unsent = self._unsent, []
            for values in unsent:
                await connection.execute(_RECORD, values)

    async def commit(self, connection: Connection, commit: Callable[[], Awaitable[object]]) -> None:
        """Raises: Unrecorded when the trail takes no entry; nothing else of the transaction is kept then either."""
        if not self._unsent or not self._is_alone():
            await self.send(connection)
            await commit()
            return
        with _told_as_unrecorded():
            async with connection.pipeline():
                await self.send(connection)
                await commit()


class PostgresAudit:
    """The trail in one transaction."""

    def __init__(self, connection: Connection, redactor: Redactor, writer: Writer, pending: Pending) -> None:
        self._connection = connection
        self._redactor = redactor
        self._writer = writer
        self._pending = pending

    async def record(self, entry: Entry) -> None:
        self._pending.add(body_of(entry, self._redactor), self._writer)

    async def find(self, query: AuditQuery) -> Sequence[RecordedEntry]:
        await self._pending.send(self._connection)
        cursor = await self._connection.execute(_FIND, vars(query))
        return [_recorded(row) for row in await cursor.fetchall()]

    async def standing(self, run_id: str) -> Standing:
        await self._pending.send(self._connection)
        cursor = await self._connection.execute(_STANDING.encode(), (run_id,))
        row = await cursor.fetchone()
        assert row is not None  # noqa: S101 - an aggregate has one row
        return Standing(**row)

    async def state(self) -> TrailState:
        cursor = await self._connection.execute(_STATE)
        row = await cursor.fetchone()
        assert row is not None  # noqa: S101 - the table has one row, and nobody may delete it
        return TrailState(**row)

    async def probe(self) -> None:
        with _told_as_unrecorded():
            async with self._connection.transaction(force_rollback=True):
                await self._connection.execute(_RECORD, (_PROBE, NO_WRITER, 1, UNSIGNED))

    async def want_anchor(self) -> None:
        await self._connection.execute("UPDATE audit_sequencing SET anchor_wanted_at = clock_timestamp()")

    async def note_name(self, principal: str, name: str) -> None:
        await self._connection.execute(_NAME, (principal, name))

    async def erase_name(self, principal: str) -> bool:
        cursor = await self._connection.execute(
            "UPDATE audit_names SET name = '', erased_at = clock_timestamp() WHERE principal = %s", (principal,)
        )
        return cursor.rowcount == 1

    async def names(self) -> dict[str, str]:
        cursor = await self._connection.execute("SELECT principal, name FROM audit_names WHERE erased_at IS NULL")
        return {row["principal"]: row["name"] for row in await cursor.fetchall()}


@contextmanager
def _told_as_unrecorded() -> Iterator[None]:
    """A trail that takes no entry is told as such, whatever keeps it: a right, a read-only server, a missing month."""
    try:
        yield
    except psycopg.Error as last:
        error = _first(last)
        if (told := unwritable(error)) is not None:
            raise told from error
        if isinstance(error, (psycopg.OperationalError, psycopg.InterfaceError)):
            raise error from None  # no answer at all: told as the database's own absence
        raise Unrecorded(
            "The audit trail takes no entry: nothing was done, and nothing that changes anything will be.",
            hint="`python -m bot doctor` and the bot's log say what keeps it.",
            error=str(error),
            sqlstate=error.sqlstate or "",
        ) from error


def _first(error: psycopg.Error) -> psycopg.Error:
    """What went wrong in a pipeline, which itself may only say that it was aborted."""
    while isinstance(error, psycopg.errors.PipelineAborted) and isinstance(error.__context__, psycopg.Error):
        error = error.__context__
    return error


def _recorded(row: DictRow) -> RecordedEntry:
    return RecordedEntry(row["id"], row["at"], entry_of(row["body"]))

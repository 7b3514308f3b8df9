"""A moment of a database that stays as it is while it is dumped and counted: locked first, looked at afterwards.

A snapshot alone is not enough: TRUNCATE empties a table for older snapshots too.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime

from bot.domain.errors import OperationFailed
from bot.operations.contents import READING, Relation, relations
from bot.operations.tools.access import DatabaseAccess
from bot.operations.tools.sessions import Session, quoted
from bot.operations.tools.toolbox import StepTools

ATTEMPTS = 5
LOCK_SECONDS = 30
LOCK_NOT_AVAILABLE = "55P03"


@dataclass(frozen=True)
class Written:
    """How many rows were ever written to a database, as the server counts since `reset`; about a second behind."""

    rows: int
    reset: datetime | None


@dataclass(frozen=True)
class Snapshot:
    """A moment to dump from: `id` for pg_dump and other sessions, for as long as the snapshot is held."""

    id: str
    lsn: str
    at: datetime
    written: Written
    relations: tuple[Relation, ...]


async def rows_written(session: Session) -> Written:
    """Raises: OperationFailed."""
    return Written(*(await session.rows(_WRITTEN))[0])


def written_between(before: Written, now: Written) -> int | None:
    """None when the server began to count anew in between, or dropped tables with their counts."""
    return now.rows - before.rows if before.reset == now.reset and now.rows >= before.rows else None


@asynccontextmanager
async def held_snapshot(tools: StepTools, access: DatabaseAccess) -> AsyncIterator[Snapshot]:
    """Lock every table against everything but reading and writing rows, then export the snapshot.

    Raises: OperationFailed when a lock cannot be had, when the tables keep changing, and also at the end, when the
    session was lost meanwhile: what was read then proves nothing.
    """
    async with tools.session(access) as session:
        found = await _lock_all(session)
        (snapshot, lsn, at), *_ = await session.rows(_EXPORT)
        yield Snapshot(snapshot, lsn, at, await rows_written(session), found)
        await session.rows("COMMIT")


async def _lock_all(session: Session) -> tuple[Relation, ...]:
    """The relations as they are in a snapshot that was taken after all of them were locked."""
    for _ in range(ATTEMPTS):
        before = await relations(session)
        await session.rows("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        for setting in (*READING, f"SET LOCAL lock_timeout = '{LOCK_SECONDS}s'"):
            await session.rows(setting)
        locked = await _lock(session, before) and set(await relations(session)) == set(before)
        if locked:
            return before
        await session.rows("ROLLBACK")
    raise OperationFailed(
        "Tables were created or dropped all the while, so no moment could be kept for the backup.",
        hint="Ask again when the migration that runs there has ended.",
    )


async def _lock(session: Session, found: tuple[Relation, ...]) -> bool:
    """False when a table was dropped since it was listed. No query may come before this: it would take the snapshot."""
    names = [f"ONLY {quoted(one.schema, one.name)}" for one in found if one.can_be_locked]
    if not names:
        return True
    try:
        await session.rows(f"LOCK TABLE {', '.join(names)} IN ACCESS SHARE MODE")
    except OperationFailed as error:
        if error.facts["sqlstate"] in ("42P01", "3F000"):
            return False
        if error.facts["sqlstate"] == LOCK_NOT_AVAILABLE:
            raise OperationFailed(
                f"A table stayed locked for {LOCK_SECONDS} s, so that it could not be read.",
                hint="Look into pg_locks for who holds ACCESS EXCLUSIVE, then ask again.",
            ) from error
        raise
    return True


_EXPORT = """
SELECT pg_export_snapshot(),
       (CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_lsn() END)::text,
       clock_timestamp()
"""

_WRITTEN = """
SELECT (SELECT coalesce(sum(n_tup_ins + n_tup_upd + n_tup_del), 0)::bigint FROM pg_stat_user_tables),
       (SELECT stats_reset FROM pg_stat_database WHERE datname = current_database())
"""

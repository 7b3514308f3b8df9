"""The swap: two renames in one transaction, with nobody in either database; what was there is kept under another name.

The kept database carries a note as its comment: whose it was, until when it is kept, and what its own comment was.
"""

import asyncio
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from pydantic import AwareDatetime, BaseModel, ConfigDict, ValidationError

from bot.domain import phrases
from bot.domain.errors import OperationFailed
from bot.domain.operations import Observation, Outcome, Seen
from bot.operations.closing import name_of
from bot.operations.looking import DatabaseFacts
from bot.operations.snapshots import rows_written
from bot.operations.tools.access import DatabaseAccess
from bot.operations.tools.fences import must_be_held
from bot.operations.tools.sessions import NO_ANSWER, Session, literal, quoted
from bot.operations.tools.toolbox import StepTools

ATTEMPTS = 10
OBJECT_IN_USE, NOT_ALLOWED = "55006", "42501"
REPLAY_SECONDS = 60.0
KEEP = timedelta(hours=72)


class Note(BaseModel):
    """What the comment of a kept database says; `rows_written` is the count of the one that took its place, then.

    None: that one could not be entered before the swap.
    """

    model_config = ConfigDict(frozen=True)

    takumi: str = "kept"
    run: str
    name: str
    kept_at: AwareDatetime
    expires_at: AwareDatetime
    replaced_by: int
    rows_written: int | None = None
    stats_reset: AwareDatetime | None = None
    comment: str | None = None


def note_in(comment: str | None) -> Note | None:
    """The note, or None when the comment is anything else."""
    try:
        return Note.model_validate_json(comment or "")
    except ValidationError:
        return None


@dataclass(frozen=True)
class SwapDatabases:
    """Puts `replacement` in the place of `database`, which is kept as `aside`.

    `replacement_oid` None means the one that the step `load` made. The outcome's data: `kept`, `kept_oid`, `oid`,
    `swapped_at`, `expires_at`, `downtime_ms` (from closing to the commit).
    """

    database: DatabaseFacts
    replacement: str
    replacement_oid: int | None
    aside: str
    keep: timedelta = KEEP
    timeout: timedelta = timedelta(minutes=5)
    safe_to_repeat: bool = False

    def describe(self) -> str:
        name = self.database.name
        return (
            f"End every session in {name} and {self.replacement}, the bot's own among them; in one transaction rename"
            f" {name} to {self.aside}, which stays closed and is kept for {phrases.duration(self.keep)}, and"
            f" {self.replacement} to {name}"
        )

    async def run(self, tools: StepTools) -> Outcome:
        """Raises: OperationFailed when it did not happen."""
        access = tools.database(self.database.name)
        async with tools.fence(access) as lock:
            note = await self._note(tools, access)
            try:
                await self._swap(tools, access, lock, note)
            except OperationFailed as error:
                if error.facts.get("sqlstate") != NO_ANSWER or (await self.probe(tools)).seen is not Seen.HAPPENED:
                    raise
            return await self._outcome(tools, access, note)

    async def probe(self, tools: StepTools) -> Observation:
        """Looks where the two databases are now; a rename is there or it is not. Raises: OperationFailed."""
        access = tools.database(self.database.name)
        async with tools.session(access, access.maintenance_database) as session:
            new = await name_of(session, self._new_oid(tools))
            old = await name_of(session, self.database.oid)
            comment = await comment_of(session, self.database.oid)
        told = f"{self.database.name} (oid {self.database.oid}) is named {old}, its replacement is named {new}"
        note = note_in(comment)
        if (new, old) == (self.database.name, self.aside) and note is not None:
            return Observation(Seen.HAPPENED, told, await self._outcome(tools, access, note))
        if (new, old) == (self.replacement, self.database.name):
            return Observation(Seen.NOT_HAPPENED, told)
        return Observation(Seen.CANNOT_TELL, told)

    def _new_oid(self, tools: StepTools) -> int:
        return self.replacement_oid or int(tools.context.earlier["load"]["oid"])

    async def _note(self, tools: StepTools, access: DatabaseAccess) -> Note:
        oid = self._new_oid(tools)
        async with tools.session(access, access.maintenance_database) as session:
            now = (await session.value("SELECT clock_timestamp()")).astimezone(UTC)
            comment = await comment_of(session, self.database.oid)
            is_open = await session.value("SELECT datallowconn FROM pg_database WHERE oid = %s", (oid,))
        note = Note(
            run=tools.context.run,
            name=self.database.name,
            kept_at=now,
            expires_at=now + self.keep,
            replaced_by=oid,
            comment=comment,
        )
        if not is_open:
            return note
        async with tools.session(access, self.replacement) as session:
            written = await rows_written(session)
        return note.model_copy(update={"rows_written": written.rows, "stats_reset": written.reset})

    async def _swap(self, tools: StepTools, access: DatabaseAccess, lock: Session, note: Note) -> None:
        async with tools.session(access, access.maintenance_database) as session:
            oids = (self.database.oid, note.replaced_by)
            for _ in range(ATTEMPTS):
                await end_sessions_in(session, oids)
                if await self._renamed(session, lock, note):
                    return
                await asyncio.sleep(0.2)
            raise OperationFailed(
                f"Sessions in {self.database.name} kept coming back: {await _who_is_in(session, oids)}.",
                hint="A superuser's session or a pooler holds on to it. End it there, then ask again.",
            )

    async def _renamed(self, session: Session, lock: Session, note: Note) -> bool:
        """False when somebody was in one of the databases."""
        try:
            await session.rows("BEGIN")
            await self._rename(session, lock, note)
            await session.rows("COMMIT")
        except OperationFailed as error:
            if error.facts.get("sqlstate") != NO_ANSWER:
                await session.rows("ROLLBACK")
            if error.facts.get("sqlstate") != OBJECT_IN_USE:
                raise
            return False
        return True

    async def _rename(self, session: Session, lock: Session, note: Note) -> None:
        """The fence is looked at inside the transaction: whoever took over has ended this session by then."""
        name, copy, aside = quoted(self.database.name), quoted(self.replacement), quoted(self.aside)
        await must_be_held(session, lock)
        await self._must_be_there(session, note.replaced_by)
        former = note_in(await comment_of(session, note.replaced_by))
        await session.rows(f"ALTER DATABASE {name} RENAME TO {aside}")
        await session.rows(f"ALTER DATABASE {copy} RENAME TO {name}")
        await session.rows(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")
        if former is not None:
            await session.rows(f"COMMENT ON DATABASE {name} IS {literal(former.comment)}")
        await session.rows(f"COMMENT ON DATABASE {aside} IS {literal(note.model_dump_json())}")

    async def _must_be_there(self, session: Session, new_oid: int) -> None:
        found = (await name_of(session, self.database.oid), await name_of(session, new_oid))
        if found != (self.database.name, self.replacement):
            raise OperationFailed(
                f"The databases are not where they were: one is named {found[0]}, its replacement {found[1]}.",
                hint="Somebody renamed one of them. Look at the server; nothing was changed.",
            )

    async def _outcome(self, tools: StepTools, access: DatabaseAccess, note: Note) -> Outcome:
        async with tools.session(access, access.maintenance_database) as session:
            now, lsn = (await session.rows("SELECT clock_timestamp(), pg_current_wal_lsn()::text"))[0]
        closed = datetime.fromisoformat(tools.context.earlier["close"]["closed_at"])
        downtime = now - closed
        data = {
            "kept": self.aside,
            "kept_oid": self.database.oid,
            "oid": note.replaced_by,
            "swapped_at": now.astimezone(UTC).isoformat(),
            "expires_at": note.expires_at.isoformat(),
            "downtime_ms": round(downtime.total_seconds() * 1000),
            "lsn": lsn,
        }
        kept = f"the former one is kept as {self.aside} until {phrases.instant(note.expires_at)}"
        return Outcome(f"swapped; nobody got in for {phrases.duration(downtime)}; {kept}", data)


async def end_sessions_in(session: Session, oids: tuple[int, ...]) -> int:
    """End every session in those databases but our own, and wait some seconds for their end; how many there were.

    One that we may not end is left to be found by the rename. Raises: OperationFailed.
    """
    found = await session.rows(_IN, (list(oids),))
    for (pid,) in found:
        try:
            await session.rows("SELECT pg_terminate_backend(%s, 5000)", (pid,))
        except OperationFailed as error:
            if error.facts.get("sqlstate") != NOT_ALLOWED:
                raise
    return len(found)


async def comment_of(session: Session, oid: int) -> str | None:
    """The comment on the database with that oid. Raises: OperationFailed."""
    comment: str | None = await session.value("SELECT shobj_description(%s, 'pg_database')", (oid,))
    return comment


async def _who_is_in(session: Session, oids: tuple[int, ...]) -> str:
    found = await session.rows(_WHO, (list(oids),))
    return ", ".join(f"{user or 'a worker'} ({application or 'no name'})" for user, application in found) or "unknown"


_IN = """
SELECT pid FROM pg_stat_activity
WHERE datid = ANY(%s) AND pid <> pg_backend_pid() AND backend_type = 'client backend'
"""
_WHO = "SELECT usename::text, application_name FROM pg_stat_activity WHERE datid = ANY(%s) AND pid <> pg_backend_pid()"


@dataclass(frozen=True)
class EndReplicaSessions:
    """Ends the sessions that still read the former database on streaming replicas.

    Waits until a replica has replayed the swap. The outcome's data: `ended`, how many.
    """

    database: DatabaseFacts
    replicas: int
    timeout: timedelta = timedelta(minutes=5)
    safe_to_repeat: bool = True

    def describe(self) -> str:
        return f"End the sessions on {phrases.count(self.replicas, 'replica')} that still read the former database"

    async def run(self, tools: StepTools) -> Outcome:
        """Raises: OperationFailed, naming the replica that did not follow."""
        access = tools.database(self.database.name)
        lsn, ended = tools.context.earlier["swap"]["lsn"], 0
        for replica in access.replicas:
            there = replace(access, host=replica.host, port=replica.port)
            async with tools.session(there, access.maintenance_database) as session:
                await _until_replayed(session, lsn, there)
                ended += await end_sessions_in(session, (self.database.oid,))
        return Outcome(f"{phrases.count(ended, 'session')} ended on the replicas", {"ended": ended})


async def _until_replayed(session: Session, lsn: str, replica: DatabaseAccess) -> None:
    try:
        async with asyncio.timeout(REPLAY_SECONDS):
            while not await session.value("SELECT pg_last_wal_replay_lsn() >= %s::pg_lsn", (lsn,)):  # noqa: ASYNC110 - another process
                await asyncio.sleep(0.1)
    except TimeoutError as error:
        raise OperationFailed(
            f"The replica {replica.address} has not followed the swap within {REPLAY_SECONDS:.0f} s.",
            hint="Its sessions read the former database until then. Look at its replication.",
        ) from error

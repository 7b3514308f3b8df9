"""Databases that a swap left under another name: which there are, until when, and how they go."""

from dataclasses import dataclass
from datetime import timedelta

from pydantic import BaseModel, ConfigDict

from bot.domain import phrases
from bot.domain.errors import OperationFailed, Refused, RequestError
from bot.domain.operations import Outcome
from bot.operations.looking import DatabaseFacts, look_up_database
from bot.operations.scratch import drop_database
from bot.operations.swapping import Note, comment_of, note_in
from bot.operations.tools.access import DatabaseAccess
from bot.operations.tools.sessions import Session
from bot.operations.tools.toolbox import StepTools


class KeptCopy(BaseModel):
    """A database that was replaced, as it lies beside the one that took its place."""

    model_config = ConfigDict(frozen=True)

    name: str
    oid: int
    size_bytes: int
    note: Note
    expired: bool


async def kept_copies(session: Session) -> list[KeptCopy]:
    """Every kept database of the cluster, on the server's clock. Raises: OperationFailed."""
    copies = []
    for name, oid, size_bytes, comment, now in await session.rows(_COPIES):
        note = note_in(comment)
        if note is not None:
            copies.append(
                KeptCopy(name=name, oid=oid, size_bytes=size_bytes, note=note, expired=note.expires_at <= now)
            )
    return copies


async def look_up_kept_copy(tools: StepTools, access: DatabaseAccess, run: str, target_oid: int) -> KeptCopy:
    """What that run's swap left of the database that is now the target.

    Raises: RequestError when there is none; Refused when it has expired or another swap came after; OperationFailed.
    """
    async with tools.session(access, access.maintenance_database) as session:
        copies = [copy for copy in await kept_copies(session) if copy.note.name == access.name]
    copy = next((one for one in copies if one.note.run == run), None)
    if copy is None:
        known = ", ".join(one.name for one in copies) or "none"
        raise RequestError(
            f"Nothing of {access.name} is kept from that run, so that there is nothing to swap back.",
            hint=f"Kept are: {known}. A backup can be restored in its place: `/takumi backup list`.",
        )
    if copy.expired:
        raise Refused(
            f"The former {access.name} was kept until {phrases.instant(copy.note.expires_at)}, and may go at any time.",
            hint="Restore a backup in its place: `/takumi backup list`.",
        )
    if copy.note.replaced_by != target_oid:
        raise Refused(
            f"{access.name} was replaced again since that run, so that undoing it would undo more than it did.",
            hint="Undo the latest swap first.",
        )
    return copy


async def look_up_expired_copies(tools: StepTools, name: str) -> tuple[DatabaseFacts, tuple[KeptCopy, ...]]:
    """Those on the cluster of that database. Raises: RequestError when there is none; Refused, OperationFailed."""
    database = await look_up_database(tools, name)
    access = tools.database(name)
    async with tools.session(access, access.maintenance_database) as session:
        expired = tuple(copy for copy in await kept_copies(session) if copy.expired)
    if not expired:
        raise RequestError(f"No kept copy on {database.address} has expired.", hint="There is nothing to do.")
    return database, expired


@dataclass(frozen=True)
class DropKeptCopy:
    """Drops a kept database whose time is up."""

    database: DatabaseFacts
    copy: KeptCopy
    timeout: timedelta = timedelta(minutes=10)
    safe_to_repeat: bool = True

    def describe(self) -> str:
        until = phrases.instant(self.copy.note.expires_at)
        return f"Drop {self.copy.name} (oid {self.copy.oid}), which was kept until {until}"

    async def run(self, tools: StepTools) -> Outcome:
        """Raises: OperationFailed when that name is another database now, or its note says something else."""
        access = tools.database(self.database.name)
        async with tools.fence(access), tools.session(access, access.maintenance_database) as session:
            oid = await session.value("SELECT oid::bigint FROM pg_database WHERE datname = %s", (self.copy.name,))
            if oid is None:
                return Outcome(f"{self.copy.name} was gone already.")
            if oid != self.copy.oid or note_in(await comment_of(session, oid)) != self.copy.note:
                raise OperationFailed(f"{self.copy.name} is not the kept copy any more.", hint="Look, then ask again.")
            await drop_database(session, self.copy.name)
        return Outcome(f"{self.copy.name} is gone; {phrases.size(self.copy.size_bytes)} are free again.")


_COPIES = """
SELECT datname::text, oid::bigint, pg_database_size(oid), shobj_description(oid, 'pg_database'), clock_timestamp()
FROM pg_database WHERE NOT datistemplate AND shobj_description(oid, 'pg_database') LIKE '{%%' ORDER BY datname
"""

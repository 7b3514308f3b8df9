"""A backup in a database of its own beside the target: loaded, compared, dropped again when it is not wanted."""

from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from bot.domain import phrases
from bot.domain.backups import TableKind
from bot.domain.errors import OperationFailed
from bot.domain.operations import Outcome
from bot.operations.choosing import BackupFile
from bot.operations.comparing import as_dumped, contents_of, must_be_equal, read_manifest
from bot.operations.contents import relations
from bot.operations.loading import Load, load_beside
from bot.operations.looking import DatabaseFacts, Identity, must_be
from bot.operations.scratch import drop_beside
from bot.operations.together import together
from bot.operations.tools.access import DatabaseAccess
from bot.operations.tools.sessions import Session
from bot.operations.tools.toolbox import StepTools


def restored_name(database: str, run: str) -> str:
    """The database into which a run restores, beside the one that it will replace."""
    return _beside(database, "restore", run)


def aside_name(database: str, word: str, run: str) -> str:
    """The name under which a replaced database is kept; `word` is `before` (a restore) or `undone`."""
    return _beside(database, word, run)


def _beside(database: str, word: str, run: str) -> str:
    tail = f"_{word}_{run}"
    return database[: 63 - len(tail)] + tail


@dataclass(frozen=True)
class LoadBackup:
    """Restores a backup into a new database beside the target. The outcome's data hold its `oid`."""

    database: DatabaseFacts
    backup: BackupFile
    copy: str
    timeout: timedelta
    safe_to_repeat: bool = True

    def describe(self) -> str:
        return (
            f"Restore {self.backup.files.dump} (sha256 {self.backup.sha256}, hashed again as it is read) into a new"
            f" database {self.copy} on {self.database.address} (system {self.database.system_identifier}), as a role"
            f" without rights, passing on only what pg_dump writes; then give everything to its owners"
        )

    async def run(self, tools: StepTools) -> Outcome:
        """Raises: OperationFailed, and leaves no database then; Refused."""
        access, began = tools.database(self.database.name), datetime.now(UTC)
        owner, major = self.database.owner, self.database.server_major
        load = Load(self.backup.files.dump, self.backup.sha256, self.copy, owner, major)
        async with tools.fence(access):
            await _must_be_planned(tools, access, self.database)
            fed = await load_beside(tools, access, load)
            async with tools.session(access, self.copy) as session:
                oid = await session.value("SELECT oid::bigint FROM pg_database WHERE datname = current_database()")
        took = datetime.now(UTC) - began
        data = {"oid": oid, "seconds": round(took.total_seconds(), 3), "began_at": began.isoformat()}
        return Outcome(f"{phrases.size(fed.raw_bytes)} of SQL restored in {phrases.duration(took)}", data)


async def _must_be_planned(tools: StepTools, access: DatabaseAccess, database: DatabaseFacts) -> None:
    async with tools.session(access) as session:
        await must_be(session, access, Identity(database.system_identifier, database.oid))


@dataclass(frozen=True)
class CompareRestored:
    """Compares the restored database with the backup's manifest; without one, looks at its structure only."""

    database: DatabaseFacts
    backup: BackupFile
    copy: str
    timeout: timedelta
    safe_to_repeat: bool = True

    def describe(self) -> str:
        if self.backup.has_manifest:
            what = f"compare every table of {self.copy}, row for row, with the manifest ({self.backup.manifest_sha256})"
        else:
            what = f"count the tables of {self.copy}; there is no manifest, so there is nothing to compare with"
        return f"{what[0].upper()}{what[1:]}; gather the planner's statistics"

    async def run(self, tools: StepTools) -> Outcome:
        """Raises: OperationFailed, naming what differs."""
        access, began = tools.database(self.database.name), datetime.now(UTC)
        async with tools.fence(access):
            checked, _ = await together(self._check(tools, access), _analyze(tools.session(access, self.copy)))
        took = datetime.now(UTC) - began
        data = {"seconds": round(took.total_seconds(), 3), "compared": self.backup.has_manifest}
        return Outcome(f"{checked}, in {phrases.duration(took)}", data)

    async def _check(self, tools: StepTools, access: DatabaseAccess) -> str:
        if not self.backup.has_manifest:
            async with tools.session(access, self.copy) as session:
                return await self._check_structure(session)
        manifest = await read_manifest(self.backup.files, self.backup.manifest_sha256)
        must_be_equal(manifest, await contents_of(tools, access, self.copy, hashed=manifest.is_hashed))
        return as_dumped(manifest)

    async def _check_structure(self, session: Session) -> str:
        kinds = (TableKind.TABLE, TableKind.PARTITIONED)
        tables = sum(one.kind in kinds for one in await relations(session))
        if tables != self.backup.tables:
            raise OperationFailed(
                f"{self.backup.file} creates {self.backup.tables} tables, {tables} are in the restored copy.",
                hint="The target was not touched. Choose another backup.",
            )
        return f"{phrases.count(tables, 'table')} are there; there is nothing to compare with"


async def _analyze(opened: AbstractAsyncContextManager[Session]) -> None:
    """A database without statistics answers its first queries badly."""
    async with opened as session:
        await session.rows("ANALYZE")


@dataclass(frozen=True)
class DropRestored:
    """Puts a restore that was not swapped in back: its database goes."""

    database: DatabaseFacts
    copy: str
    timeout: timedelta = timedelta(minutes=5)
    safe_to_repeat: bool = True

    def describe(self) -> str:
        return f"Drop {self.copy}, unless it has taken the place of {self.database.name}"

    async def run(self, tools: StepTools) -> Outcome:
        """After a swap there is no database of that name. Raises: OperationFailed."""
        access = tools.database(self.database.name)
        async with tools.fence(access):
            await drop_beside(tools, access, self.copy)
        return Outcome(f"There is no database {self.copy}.")

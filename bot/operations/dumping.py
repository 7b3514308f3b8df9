"""The dump: one moment of a database in a compressed file, with a manifest of what that moment held."""

import re
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bot.domain import phrases
from bot.domain.backups import Contents, Format, Manifest
from bot.domain.errors import OperationFailed
from bot.domain.operations import Outcome
from bot.operations.contents import read_contents
from bot.operations.copying import Copying, NotCopying, Offsite, begin_copy, forget_unfinished
from bot.operations.files import (
    BackupFiles,
    begin_unfinished,
    checksum_line,
    disk_errors,
    in_thread,
    must_have_room,
    reserve_name,
    sha256_of,
    write_durably,
)
from bot.operations.looking import DatabaseFacts, Identity, must_be
from bot.operations.roles import dump_roles
from bot.operations.screening import COMPLETE
from bot.operations.snapshots import Snapshot, held_snapshot
from bot.operations.together import together
from bot.operations.tools import gzips, zstds
from bot.operations.tools.access import DatabaseAccess
from bot.operations.tools.gzips import Grew, Progress, Written
from bot.operations.tools.processes import Command, Pump, must_succeed, outlast, run
from bot.operations.tools.sessions import Session
from bot.operations.tools.toolbox import StepTools

Compress = Callable[[int, Path, Progress, Grew], Written]
WAYS: Mapping[Format, tuple[tuple[str, ...], Compress]] = {
    Format.PLAIN: (("--format=plain",), gzips.compress),
    Format.FAST: (("--format=custom", "--compress=0"), zstds.compress),
}
# A guess on the safe side: a compressed dump is rarely half as large as the database with its indexes.
DUMP_SHARE = 0.5


@dataclass(frozen=True)
class DumpDatabase:
    """Dumps a database into the run's hidden folder. The outcome's data name the files, sizes, hashes and counts."""

    database: DatabaseFacts
    folder: Path
    timeout: timedelta
    form: Format = Format.PLAIN
    offsite: Offsite | None = None
    hashed: bool = True
    safe_to_repeat: bool = True

    def describe(self) -> str:
        counted = "count and hash" if self.hashed else "count, and not hash,"
        how = "custom format in zstd" if self.form is Format.FAST else "SQL in gzip"
        return (
            f"Dump {self.database.name} on {self.database.address} (system {self.database.system_identifier},"
            f" database {self.database.oid}) with pg_dump, {how}, in one snapshot with every table locked against"
            f" truncation; {counted} every table in that snapshot; write the cluster's roles, without passwords,"
            f" beside it; keep all of it unfinished in {self.folder}{self._copied}"
        )

    @property
    def _copied(self) -> str:
        if self.offsite is None:
            return ""
        return f"; send it meanwhile to {self.offsite.told}, in parts that are no object before it is proven"

    async def run(self, tools: StepTools) -> Outcome:
        """Raises: OperationFailed, and leaves no file then, and no part in S3."""
        access = tools.database(self.database.name)
        await in_thread(self.folder.mkdir, parents=True, exist_ok=True)
        await in_thread(must_have_room, self.folder, int(self.database.size_bytes * DUMP_SHARE))
        tools.context.must_hold()
        work = await in_thread(begin_unfinished, self.folder, tools.context.run)
        try:
            async with tools.fence(access):
                return await self._dump(tools, access, work)
        except BaseException:
            if tools.context.is_held():  # else what is there may be the next attempt's
                await outlast(forget_unfinished(tools, self.folder, tools.context.run))
            raise

    async def _dump(self, tools: StepTools, access: DatabaseAccess, work: Path) -> Outcome:
        begun = datetime.now(UTC)
        await self._must_be_planned(tools, access)
        async with held_snapshot(tools, access) as snapshot:
            label = label_of(self.database.name)
            folders, run = tools.platform.backups.folders, tools.context.run
            name = await in_thread(reserve_name, self.folder, run, snapshot.at, label, self.form, elsewhere=folders)
            files = BackupFiles(work, name)
            copying = self._copying(tools, files.dump, snapshot.at)
            try:
                written, contents = await self._read(tools, access, snapshot, files, copying)
            except BaseException:
                await outlast(in_thread(copying.stop))
                raise
        await in_thread(copying.finish, written.size_bytes)
        if self.form is Format.PLAIN:  # an archive has no end to look for: the proof restores it
            must_be_complete(written)
        roles = await dump_roles(tools, access, self.database, files)
        manifest = self._manifest(contents, snapshot, name, written).model_copy(update={"roles_sha256": roles})
        await in_thread(write_durably, files.manifest, manifest.model_dump_json(indent=1))
        await in_thread(write_durably, files.checksum, checksum_line(written.sha256, name))
        return self._outcome(manifest, await in_thread(sha256_of, files.manifest), datetime.now(UTC) - begun)

    def _copying(self, tools: StepTools, dump: Path, at: datetime) -> Copying | NotCopying:
        if self.offsite is None:
            return NotCopying()
        return begin_copy(tools, self.offsite, dump, at, self.database.size_bytes)

    async def _must_be_planned(self, tools: StepTools, access: DatabaseAccess) -> None:
        async with tools.session(access) as session:
            await must_be(session, access, Identity(self.database.system_identifier, self.database.oid))

    async def _read(
        self,
        tools: StepTools,
        access: DatabaseAccess,
        snapshot: Snapshot,
        files: BackupFiles,
        copying: Copying | NotCopying,
    ) -> tuple[Written, Contents]:
        """pg_dump and the counting side by side, in the same moment of the database."""
        progress = Progress()
        programs = await tools.programs(self.database.server_major)
        # A restored copy must not begin to subscribe to anything.
        how, compress = WAYS[self.form]
        arguments = (*how, f"--snapshot={snapshot.id}", "--lock-wait-timeout=30s", "--no-subscriptions")
        command = tools.command(access, "pg_dump", programs, arguments)

        async def told(done: int, of: int) -> None:
            await tools.context.say(f"{progress.raw_bytes >> 20} MB dumped, {done} of {of} parts counted")

        def opened() -> AbstractAsyncContextManager[Session]:
            return tools.session(access)

        written, contents = await together(
            dumped(command, lambda source: compress(source, files.dump, progress, copying.grew)),
            read_contents(opened, snapshot.relations, snapshot.id, told, hashed=self.hashed),
        )
        return written, contents

    def _manifest(self, contents: Contents, snapshot: Snapshot, name: str, written: Written) -> Manifest:
        return Manifest(
            **dict(contents),
            database=self.database.name,
            system_identifier=self.database.system_identifier,
            server_version=self.database.server_version,
            lsn=snapshot.lsn,
            taken_at=snapshot.at.astimezone(UTC),
            file=name,
            size_bytes=written.size_bytes,
            sha256=written.sha256,
            source_size_bytes=self.database.size_bytes,
            rows_written=snapshot.written.rows,
            stats_reset=snapshot.written.reset,
        )

    def _outcome(self, manifest: Manifest, manifest_sha256: str, took: timedelta) -> Outcome:
        tables = manifest.count_of_tables
        summary = (
            f"{manifest.file}: {phrases.size(manifest.size_bytes)}, {phrases.count(tables, 'table')} and"
            f" {phrases.count(manifest.rows, 'row')} in {phrases.duration(took)}"
        )
        data = {
            "database": self.database.name,
            "folder": str(self.folder),
            "file": manifest.file,
            "size_bytes": manifest.size_bytes,
            "sha256": manifest.sha256,
            "manifest_sha256": manifest_sha256,
            "taken_at": manifest.taken_at.isoformat(),
            "tables": tables,
            "rows": manifest.rows,
            "hashed": self.hashed,
            "seconds": round(took.total_seconds(), 3),
        }
        return Outcome(summary, data)


@dataclass(frozen=True)
class RemoveUnfinished:
    """Puts a dump back: its hidden folder goes."""

    folder: Path
    timeout: timedelta = timedelta(minutes=1)
    safe_to_repeat: bool = True

    def describe(self) -> str:
        return f"Remove the run's unfinished files below {self.folder}, and their parts from S3"

    async def run(self, tools: StepTools) -> Outcome:
        """Raises: OperationFailed."""
        there = await forget_unfinished(tools, self.folder, tools.context.run)
        return Outcome("The unfinished files are gone." if there else "There were no unfinished files.")


async def dumped(command: Command, drain: Pump) -> Written:
    """What pg_dump wrote, when it ended well. Raises: OperationFailed."""
    with disk_errors():
        ended = await run(command, drain=drain)
    must_succeed(command, ended)
    written: Written = ended.drained
    return written


def label_of(database: str) -> str:
    """The first part of a backup's file name: the guide's own for `takumi`, else the database's name.

    Source: facts, Backups in the wild.
    """
    plain = re.sub(r"[^a-z0-9_]", "_", database.lower())[:36]
    return f"{plain}_db" if plain[0].isalpha() else f"db_{plain}"[:41]


def must_be_complete(written: Written) -> None:
    """Raises: OperationFailed when the dump lacks what pg_dump writes last, whatever its exit code said."""
    if COMPLETE not in written.tail:
        raise OperationFailed(
            "The dump does not end as a complete one does, although pg_dump reported no error.",
            hint="Nothing was kept. Ask again, and look at the server's log if it happens again.",
        )

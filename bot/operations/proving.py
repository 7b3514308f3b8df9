"""The proof of a backup that was made some time ago: restored on the proving server, compared, checked, dropped."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from bot.domain import phrases
from bot.domain.backups import Contents, Verdict, differences
from bot.domain.errors import OperationFailed
from bot.domain.operations import Outcome
from bot.domain.verdicts import Aspect, Changes, Settled
from bot.operations.choosing import BackupFile
from bot.operations.comparing import SHOWN_DIFFERENCES, as_dumped, contents_of, read_manifest
from bot.operations.files import in_thread
from bot.operations.loading import Load, load_beside
from bot.operations.looking import Identity, must_be
from bot.operations.proof_places import ProofPlace, access_of
from bot.operations.scratch import dropped_afterwards, proof_name
from bot.operations.soundness import check_soundness
from bot.operations.tools.access import DatabaseAccess
from bot.operations.tools.sessions import quoted
from bot.operations.tools.toolbox import StepTools
from bot.operations.verifying import broken

# What psql (with ON_ERROR_STOP) and pg_restore exit with when the server refuses what is in the file.
REFUSED_BY_THE_SERVER = re.compile(r"(psql failed with exit code 3|pg_restore failed with exit code 1): ")
# The server's own troubles: they say nothing about the backup.
TROUBLES = re.compile(
    r"(?i)No space left|could not (extend|write|fsync|open) file|out of memory|out of shared memory|disk full"
    r"|permission denied|must be (owner|superuser|member)|terminating connection|connection (to server|was|reset)"
    r"|server closed the connection|shutting down|starting up|in recovery mode|role \S+ does not exist"
    r"|extension \S+ is not available|could not access file|lock timeout|canceling statement|too many clients"
)
CREATED_ROLE = re.compile(r'^CREATE ROLE ("(?:[^"]|"")+"|[^\s;]+);$', re.MULTILINE)


def is_at_fault(said: str) -> bool:
    """Whether a restore failed for what is in the backup, and not for what is the matter with the server."""
    return bool(REFUSED_BY_THE_SERVER.match(said)) and not TROUBLES.search(said)


@dataclass(frozen=True)
class ProveBackup:
    """Restores what the step `read` has read, compares it with its manifest, checks it, and drops it."""

    place: ProofPlace
    name: str
    timeout: timedelta
    safe_to_repeat: bool = True

    def describe(self) -> str:
        where = "the proving server" if self.place.is_apart else "the server it was taken from,"
        pace = self.place.bytes_per_second
        slowly = f" at no more than {phrases.size(pace)} of SQL a second" if pace else ""
        return (
            f"Restore {self.name} into a database of its own on {where} {self.place.server.address} (system"
            f" {self.place.server.system_identifier}){slowly}; compare every row with its manifest; check indexes and"
            " constraints; drop that database in every case"
        )

    async def run(self, tools: StepTools) -> Outcome:
        """Raises: OperationFailed, which settles that the backup is broken when the backup is at fault."""
        access, copy = access_of(tools, self.place), proof_name(tools.context.run)
        backup = BackupFile.model_validate(tools.context.earlier["read"]["file"])
        async with tools.fence(access), dropped_afterwards(tools, access, copy):
            began = datetime.now(UTC)
            await self._load(tools, access, backup, copy)
            restored = datetime.now(UTC)
            await tools.context.say("restored; comparing it")
            manifest = await read_manifest(backup.files, backup.manifest_sha256) if backup.has_manifest else None
            found = await contents_of(tools, access, copy, hashed=manifest is None or manifest.is_hashed)
            self._must_be_equal(manifest, found)
            compared = datetime.now(UTC)
            async with tools.session(access, copy) as session:
                sound = await check_soundness(session, self.place.capabilities)
        return self._outcome(backup, found, Times(began, restored, compared), sound)

    async def _load(self, tools: StepTools, access: DatabaseAccess, backup: BackupFile, copy: str) -> None:
        server = self.place.server
        async with tools.session(access) as session:
            await must_be(session, access, Identity(server.system_identifier, server.oid))
        if self.place.is_apart:
            await _make_roles(tools, access, backup)
        await tools.context.say("restoring it into a database of its own")
        owner, pace = self.place.owner, self.place.bytes_per_second
        load = Load(backup.files.dump, backup.sha256, copy, owner, server.server_major, bytes_per_second=pace)
        try:
            await load_beside(tools, access, load)
        except OperationFailed as error:
            if not is_at_fault(str(error)):
                raise
            raise broken(self.name, f"It cannot be restored: {error}", Aspect.BACKUP) from error

    def _must_be_equal(self, manifest: Contents | None, found: Contents) -> None:
        """Raises: OperationFailed, with the first differences."""
        differing = differences(manifest, found) if manifest else ()
        if differing:
            more = len(differing) - SHOWN_DIFFERENCES
            rest = f"; and {more} more" if more > 0 else ""
            why = f"The restored copy is not what was dumped: {'; '.join(differing[:SHOWN_DIFFERENCES])}{rest}."
            raise broken(self.name, why, Aspect.BACKUP)

    def _outcome(self, backup: BackupFile, found: Contents, times: "Times", sound: str) -> Outcome:
        where = self.place.server.address
        if backup.has_manifest:
            verdict, against = Verdict.PROVEN, as_dumped(found)
        else:
            counted = f"{phrases.count(found.count_of_tables, 'table')} and {phrases.count(found.rows, 'row')}"
            verdict, against = Verdict.UNPROVEN, f"{counted} are there; it has no manifest to compare them with"
        took = f"in {phrases.duration(times.restore_took)}, compared in {phrases.duration(times.compare_took)}"
        how = f"restored on {where} {took}: {against}; {sound}"
        changes = Changes(
            verdict=verdict.value,
            rows=found.rows,
            proven_at=times.compared if backup.has_manifest else None,
            proven_on=where,
            restore_took=times.restore_took,
            compare_took=times.compare_took,
        )
        settled = Settled(name=self.name, findings=((Aspect.BACKUP, verdict.value, how),), changes=changes)
        return Outcome(how, {"settled": settled.model_dump(mode="json"), **times.data, "sound": sound})


@dataclass(frozen=True)
class Times:
    """When a proof began, had restored, and had compared (UTC)."""

    began: datetime
    restored: datetime
    compared: datetime

    @property
    def restore_took(self) -> timedelta:
        return self.restored - self.began

    @property
    def compare_took(self) -> timedelta:
        return self.compared - self.restored

    @property
    def data(self) -> dict[str, Any]:
        """As the outcome holds them."""
        return {
            "restore_seconds": round(self.restore_took.total_seconds(), 3),
            "compare_seconds": round(self.compare_took.total_seconds(), 3),
            "compared_at": self.compared.isoformat(),
        }


async def _make_roles(tools: StepTools, access: DatabaseAccess, backup: BackupFile) -> None:
    """Roles that the dump names and this server lacks: without login, password or rights. They stay for the next."""
    if not backup.files.roles.exists():
        return
    text = await in_thread(backup.files.roles.read_text, encoding="utf-8")
    wanted = {_plain(name) for name in CREATED_ROLE.findall(text)}
    async with tools.session(access, access.maintenance_database) as session:
        there = {name for (name,) in await session.rows("SELECT rolname::text FROM pg_roles")}
        for name in sorted(wanted - there):
            await session.rows(f"CREATE ROLE {quoted(name)} NOLOGIN")


def _plain(name: str) -> str:
    return name[1:-1].replace('""', '"') if name.startswith('"') else name

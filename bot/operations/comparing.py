"""The proof of a backup: its file is restored into a database of its own, and compared with what was dumped."""

from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bot.domain import phrases
from bot.domain.backups import Contents, Manifest, differences
from bot.domain.errors import OperationFailed
from bot.domain.operations import Outcome
from bot.operations.contents import read_contents, relations
from bot.operations.files import BackupFiles, in_thread, sha256_of, unfinished_folder
from bot.operations.loading import Load, load_beside
from bot.operations.looking import DatabaseFacts
from bot.operations.scratch import dropped_afterwards, proof_name
from bot.operations.tools.access import DatabaseAccess
from bot.operations.tools.sessions import Session
from bot.operations.tools.toolbox import StepTools

SHOWN_DIFFERENCES = 5


@dataclass(frozen=True)
class CompareBackup:
    """Proves the run's unfinished dump. The outcome's data say how long the restore and the comparison took."""

    database: DatabaseFacts
    folder: Path
    timeout: timedelta
    safe_to_repeat: bool = True

    def describe(self) -> str:
        return (
            f"Restore the dump into a database of its own beside {self.database.name} on {self.database.address},"
            " compare every table's rows and content, the sequences and the large objects with what was dumped,"
            " and drop that database in every case"
        )

    async def run(self, tools: StepTools) -> Outcome:
        """Raises: OperationFailed, naming what differs."""
        access = tools.database(self.database.name)
        dumped = tools.context.earlier["dump"]
        files = BackupFiles(unfinished_folder(self.folder, tools.context.run), dumped["file"])
        manifest = await read_manifest(files, dumped["manifest_sha256"])
        name = proof_name(tools.context.run)
        async with tools.fence(access), dropped_afterwards(tools, access, name):
            began = datetime.now(UTC)
            await tools.context.say("restoring the dump into a database of its own")
            owner, major = self.database.owner, self.database.server_major
            load = Load(files.dump, manifest.sha256, name, owner, major, untrusted=False)
            await load_beside(tools, access, load)
            restored = datetime.now(UTC)
            found = await contents_of(tools, access, name, hashed=manifest.is_hashed)
        must_be_equal(manifest, found)
        return _outcome(manifest, access.address, restored - began, datetime.now(UTC) - restored)


async def read_manifest(files: BackupFiles, sha256: str) -> Manifest:
    """The manifest as it was written. Raises: OperationFailed when it was changed since."""
    if await in_thread(sha256_of, files.manifest) != sha256:
        raise OperationFailed(f"{files.manifest.name} was changed since the dump.", hint="Make a new backup.")
    text = await in_thread(files.manifest.read_text, encoding="utf-8")
    return Manifest.model_validate_json(text)


async def contents_of(tools: StepTools, access: DatabaseAccess, database: str, *, hashed: bool = True) -> Contents:
    """What that database of the cluster holds now, counted or hashed, with progress told. Raises: OperationFailed."""

    def opened() -> AbstractAsyncContextManager[Session]:
        return tools.session(access, database)

    async def told(done: int, of: int) -> None:
        await tools.context.say(f"{done} of {of} parts compared")

    async with opened() as session:
        found = await relations(session)
    return await read_contents(opened, found, "", told, hashed=hashed)


def as_dumped(manifest: Contents) -> str:
    """What a comparison without a difference has shown, never more."""
    rows = phrases.count(manifest.rows, "row")
    if manifest.is_hashed:
        return f"every one of {rows} is as it was dumped"
    return f"{rows} are there, in each table as many as were dumped; their contents were not hashed"


def must_be_equal(manifest: Manifest, found: Contents) -> None:
    """Raises: OperationFailed, with the first differences."""
    differing = differences(manifest, found)
    if differing:
        more = len(differing) - SHOWN_DIFFERENCES
        rest = f"; and {more} more" if more > 0 else ""
        raise OperationFailed(
            f"The restored copy is not what was dumped: {'; '.join(differing[:SHOWN_DIFFERENCES])}{rest}.",
            hint="This backup must not be trusted.",
        )


def _outcome(manifest: Manifest, address: str, restored: timedelta, compared: timedelta) -> Outcome:
    total = restored + compared
    return Outcome(
        f"restored and compared in {total.total_seconds():.1f} s: {as_dumped(manifest)}",
        {
            "restore_seconds": round(restored.total_seconds(), 3),
            "compare_seconds": round(compared.total_seconds(), 3),
            "compared_at": datetime.now(UTC).isoformat(),
            "compared_on": address,
        },
    )

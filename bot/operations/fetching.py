"""A backup whose file is in S3 alone: looked at there, then brought back, opened, hashed and read as any other."""

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from pydantic import ValidationError

from bot.domain import phrases
from bot.domain.backups import Backup, Manifest
from bot.domain.errors import OperationFailed
from bot.domain.operations import Outcome
from bot.domain.plans import Step
from bot.operations.choosing import BackupFile, inspect, source_of
from bot.operations.copying import PREFIX, forget_unfinished, object_store
from bot.operations.files import (
    BackupFiles,
    begin_unfinished,
    checksum_line,
    in_thread,
    must_have_room,
    publish_file,
    sha256_of,
    sync_folder,
    write_durably,
)
from bot.operations.tools.processes import outlast
from bot.operations.tools.seals import ENDING
from bot.operations.tools.toolbox import StepTools


async def look_up_copy(tools: StepTools, row: Backup, server_major: int) -> BackupFile:
    """What the bot's row and the manifest in S3 say; whether it is sealed with a key that is here is tried.

    Raises: OperationFailed when there is no such copy, or it is not what was recorded; Misconfigured for a missing key.
    """
    store = object_store(tools)
    if await store.find(row.object_key) is None:
        raise OperationFailed(
            f"{row.file} is neither in the folder nor in S3 (s3://{row.bucket}/{row.object_key}).",
            hint="Choose another backup: `/takumi backup list`.",
        )
    await store.peek(row.object_key)
    manifest, sha256 = await _manifest_of(tools, row)
    if int(manifest.server_version.split(".")[0]) > server_major:
        raise _other(
            row.file, f"it was dumped from PostgreSQL {manifest.server_version}, which cannot be restored here"
        )
    return BackupFile(
        folder=Path(row.folder),
        file=row.file,
        size_bytes=row.size_bytes,
        sha256=row.sha256,
        manifest_sha256=sha256,
        raw_bytes=manifest.source_size_bytes,
        taken_at=row.taken_at,
        from_server=manifest.server_version,
        object_key=row.object_key,
        **source_of(manifest),
    )


async def _manifest_of(tools: StepTools, row: Backup) -> tuple[Manifest, str]:
    path = BackupFiles(Path(), row.file).manifest
    text, sha256 = await object_store(tools).read(PREFIX + path.name)
    try:
        manifest = Manifest.model_validate_json(text)
    except ValidationError as error:
        raise _other(row.file, "its manifest there cannot be read") from error
    if (manifest.file, manifest.sha256, manifest.size_bytes) != (row.file, row.sha256, row.size_bytes):
        raise _other(row.file, "its manifest there describes another file")
    return manifest, sha256


def _other(file: str, why: str) -> OperationFailed:
    return OperationFailed(f"The copy of {file} in S3 cannot be used: {why}.", hint="Choose another backup.")


@dataclass(frozen=True)
class FetchBackup:
    """Brings a backup's files back from S3 into the folder, where they stay for as long as the backup is kept."""

    backup: BackupFile
    server_major: int
    timeout: timedelta
    safe_to_repeat: bool = True

    def describe(self) -> str:
        return (
            f"Bring {self.backup.file} back from S3 ({self.backup.object_key}) into {self.backup.folder}: opened, its"
            f" sha256 compared ({self.backup.sha256}), read to its end as any other file, never over another one"
        )

    async def run(self, tools: StepTools) -> Outcome:
        """Raises: OperationFailed, and leaves no file then."""
        files, run = self.backup.files, tools.context.run
        if await in_thread(files.dump.exists):
            return Outcome(f"{files.name} is in {files.folder} already.")
        await in_thread(files.folder.mkdir, parents=True, exist_ok=True)
        await in_thread(must_have_room, files.folder, self.backup.size_bytes)
        hidden = BackupFiles(await in_thread(begin_unfinished, files.folder, run), files.name)
        try:
            await self._fetch(tools, hidden)
            await inspect(tools, hidden, self.server_major)
            await in_thread(_publish, hidden, files)
        finally:
            await outlast(forget_unfinished(tools, files.folder, run))
        return Outcome(f"{files.dump}, {phrases.size(self.backup.size_bytes)}, is the file that was dumped")

    async def _fetch(self, tools: StepTools, hidden: BackupFiles) -> None:
        store, key = object_store(tools), self.backup.object_key
        sealed = ENDING if key.endswith(ENDING) else ""
        await tools.context.say(f"bringing {hidden.name} back from S3")
        got = await store.fetch(key, hidden.dump), await store.fetch(PREFIX + hidden.manifest.name, hidden.manifest)
        if got != (self.backup.sha256, self.backup.manifest_sha256):
            raise _other(hidden.name, f"its sha256 is {got[0]}, and its manifest's {got[1]}")
        roles = f"{PREFIX}{hidden.roles.name}{sealed}"
        if await store.find(roles) is not None:
            await store.fetch(roles, hidden.roles)
        await in_thread(write_durably, hidden.checksum, checksum_line(self.backup.sha256, hidden.name))


def _publish(hidden: BackupFiles, files: BackupFiles) -> None:
    for source, target in zip(hidden.in_order, files.in_order, strict=True):
        if source.exists() and not (target.exists() and sha256_of(target) == sha256_of(source)):
            publish_file(source, target)
    sync_folder(files.folder)


def fetch_steps(backup: BackupFile, server_major: int, limit: timedelta) -> tuple[Step, ...]:
    """None for a backup whose file is in the folder."""
    if not backup.object_key:
        return ()
    return (Step("fetch", "Bring the file back from S3", FetchBackup(backup, server_major, limit)),)

"""Checks of a backup that restore nothing: its file read from end to end, and its copy in S3 compared by hash."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from bot.domain import phrases
from bot.domain.backups import Backup, Verdict, taken_at
from bot.domain.errors import OperationFailed, RequestError
from bot.domain.operations import Outcome
from bot.domain.plans import Claim
from bot.domain.targets import Environment
from bot.domain.verdicts import Aspect, Changes, FileFacts, Offsite, Settled, Verification
from bot.operations.choosing import BackupFile, backup_names, chosen, files_of, inspect
from bot.operations.copying import object_store
from bot.operations.files import BackupFiles, in_thread, sha256_of
from bot.operations.latest import latest_in
from bot.operations.tools.toolbox import StepTools

Judged = tuple[BackupFile | None, str]


async def look_up_known(tools: StepTools, wanted: str) -> Backup | FileFacts:
    """The row of that backup, or what is known of a file that has none.

    Raises: RequestError when there is neither; OperationFailed.
    """
    folder = tools.platform.backups.folder
    names = await backup_names(tools)
    known = await tools.known.of_file(wanted)
    if known is not None and wanted not in names:
        return known
    name = chosen(wanted, names, await in_thread(latest_in, folder))
    row = await tools.known.of_file(name)
    return await in_thread(_facts, tools, files_of(name, tools.platform.backups.folders)) if row is None else row


class VerifyLookUp(BaseModel):
    """A backup to check: `sha256` is what was recorded of it, `object_key` is empty without a copy in S3."""

    model_config = ConfigDict(frozen=True)

    folder: Path
    file: str
    sha256: str
    size_bytes: int
    bucket: str
    object_key: str
    environment: Environment


async def look_up_verify(tools: StepTools, wanted: str) -> VerifyLookUp:
    """Raises: RequestError, OperationFailed."""
    backup = await look_up_known(tools, wanted)
    row = backup if isinstance(backup, Backup) else None
    return VerifyLookUp(
        folder=Path(backup.folder),
        file=backup.file,
        sha256=backup.sha256,
        size_bytes=backup.size_bytes,
        bucket=row.bucket if row else "",
        object_key=row.object_key if row else "",
        environment=tools.database("").environment,
    )


def backup_claim(file: str, *, exclusive: bool) -> Claim:
    """The hold on a backup that a run needs: who reads it shares it, who deletes it does not."""
    return Claim(f"backup/{file}", exclusive)


def _facts(tools: StepTools, files: BackupFiles) -> FileFacts:
    at = taken_at(files.name) or datetime.fromtimestamp(files.dump.stat().st_mtime, UTC)
    return FileFacts(
        folder=files.folder,
        file=files.name,
        database=tools.platform.default_database,
        size_bytes=files.dump.stat().st_size,
        sha256="",
        tables=0,
        taken_at=at,
        expires_at=at + tools.platform.backups.retention,
    )


@dataclass(frozen=True)
class ReadBackup:
    """Reads a backup to its end. The outcome's data have `file`, everything that was found out about it.

    `sha256` is what was recorded of it (empty for a file that nobody recorded); a `server_major` of 0 is any.
    """

    folder: Path
    name: str
    sha256: str
    timeout: timedelta
    server_major: int = 0
    safe_to_repeat: bool = True

    def describe(self) -> str:
        against = f"what was recorded of it (sha256 {self.sha256})" if self.sha256 else "its checksum file, if any"
        return (
            f"Read {self.folder / self.name} to its end: whole, nothing but what pg_dump writes, complete;"
            f" compare it with {against} and with its manifest"
        )

    async def run(self, tools: StepTools) -> Outcome:
        """Raises: OperationFailed, which settles that it is broken when its bytes are at fault."""
        files = BackupFiles(self.folder, self.name)
        found, why = await _judged(tools, files, self.server_major)
        if found is not None and self.sha256 and found.sha256 != self.sha256:
            why = f"{self.name} is not the file that was recorded: its sha256 is {found.sha256}."
        facts = await in_thread(_recorded, tools, files, found)
        if found is None or why:
            raise broken(self.name, why, Aspect.VERIFICATION, facts)
        how = f"read to its end: {phrases.size(found.size_bytes)}, {phrases.count(found.tables, 'table')}"
        settled = Settled(name=self.name, findings=((Aspect.VERIFICATION, Verification.INTACT.value, how),), file=facts)
        data = {"file": found.model_dump(mode="json"), "settled": settled.model_dump(mode="json")}
        return Outcome(f"{self.name} is intact, {how}", data)


async def _judged(tools: StepTools, files: BackupFiles, server_major: int) -> Judged:
    if not await in_thread(files.dump.exists):
        return None, f"{files.name} is gone from {files.folder}."
    try:
        return await inspect(tools, files, server_major), ""
    except OperationFailed as error:
        return None, str(error)


def _recorded(tools: StepTools, files: BackupFiles, found: BackupFile | None) -> FileFacts | None:
    """What a row of it needs; None when there is no file any more."""
    if not files.dump.exists():
        return None
    facts = _facts(tools, files)
    known = {"sha256": found.sha256, "tables": found.tables} if found else {"sha256": sha256_of(files.dump)}
    return facts.model_copy(update=known | ({"database": found.source} if found and found.source else {}))


def broken(name: str, why: str, aspect: Aspect, facts: FileFacts | None = None) -> OperationFailed:
    """An error that settles, when its step ends, that the backup is broken; `why` is a sentence."""
    findings = tuple((one, Verdict.BROKEN.value, why) for one in dict.fromkeys((aspect, Aspect.BACKUP)))
    settled = Settled(name=name, findings=findings, changes=Changes(verdict=Verdict.BROKEN.value), file=facts)
    hint = "It is marked as broken, and nothing takes it for good any more. Choose another: `/takumi backup list`."
    return OperationFailed(why, hint=hint, settled=settled.model_dump(mode="json"))


@dataclass(frozen=True)
class CompareOffsite:
    """Compares the copy in S3 with the file, by S3's own checksum or, where S3 keeps none, by reading all of it."""

    folder: Path
    name: str
    bucket: str
    object_key: str
    timeout: timedelta
    safe_to_repeat: bool = True

    def describe(self) -> str:
        return f"Compare s3://{self.bucket}/{self.object_key} with the file, by size and SHA-256"

    async def run(self, tools: StepTools) -> Outcome:
        """Raises: OperationFailed, which settles what is wrong with the copy."""
        store, place = object_store(tools), f"s3://{self.bucket}/{self.object_key}"
        seen = await store.find(self.object_key)
        if seen is None:
            raise self._wrong(Offsite.MISSING, f"There is no object {place} any more.")
        same, how = await store.compare(seen, self.folder / self.name)
        if not same:
            raise self._wrong(Offsite.DIFFERS, f"{place} is not the file: {how}.")
        settled = Settled(name=self.name, findings=((Aspect.OFFSITE, Offsite.MATCHES.value, how),))
        return Outcome(f"{place} is the same file, {how}", {"settled": settled.model_dump(mode="json")})

    def _wrong(self, verdict: Offsite, why: str) -> OperationFailed:
        settled = Settled(name=self.name, findings=((Aspect.OFFSITE, verdict.value, why),))
        hint = "The file on this machine is intact. Upload it again by making a new backup."
        return OperationFailed(why, hint=hint, settled=settled.model_dump(mode="json"))


def must_be_there(backup: Backup | FileFacts) -> None:
    """Raises: RequestError for a backup whose file is not in the folder."""
    if (Path(backup.folder) / backup.file).is_file():
        return
    copied = isinstance(backup, Backup) and backup.object_key
    copy = f" There is a copy in S3: {copied}." if copied else ""
    raise RequestError(f"{backup.file} is not in the folder any more.{copy}", hint="`/takumi backup list`.")

"""A backup that a person deletes: moved aside with everything beside it, and brought back while it is kept there."""

from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

from pydantic import AwareDatetime, BaseModel, ConfigDict

from bot.domain import phrases
from bot.domain.backups import Backup, Verdict
from bot.domain.errors import OperationFailed, Refused, RequestError
from bot.domain.operations import Outcome
from bot.domain.retention import newest_proven
from bot.domain.targets import Environment
from bot.domain.verdicts import Aspect, Changes, FileFacts, Retention, Settled
from bot.operations.files import BackupFiles, in_thread, sha256_of, sync_folder
from bot.operations.latest import point_latest
from bot.operations.swapping import KEEP
from bot.operations.tools.toolbox import StepTools
from bot.operations.verifying import look_up_known, must_be_there

ASIDE = ".deleted"
NOTE = "note.json"


class AsideNote(BaseModel):
    """What is written beside the files; `expires_at` is the date they had before."""

    model_config = ConfigDict(frozen=True)

    file: str
    until: AwareDatetime
    expires_at: AwareDatetime


class DeleteLookUp(BaseModel):
    """A backup that somebody wants to be rid of, and what it is worth."""

    model_config = ConfigDict(frozen=True)

    file: str
    folder: Path
    sha256: str
    size_bytes: int
    database: str
    verdict: str
    taken_at: AwareDatetime
    expires_at: AwareDatetime
    offsite: str
    environment: Environment
    keep: timedelta = KEEP


def aside_folder(folder: Path, run: str) -> Path:
    """Where a run puts what it deletes; no listing of backups looks into it."""
    return folder / ASIDE / run


async def look_up_delete(tools: StepTools, wanted: str) -> DeleteLookUp:
    """Raises: RequestError when there is none; Refused when it must stay; OperationFailed."""
    backup = await look_up_known(tools, wanted)
    must_be_there(backup)
    await must_be_spare(tools, backup.file)
    row = backup if isinstance(backup, Backup) else None
    files = BackupFiles(Path(backup.folder), backup.file)
    return DeleteLookUp(
        file=backup.file,
        folder=files.folder,
        sha256=await in_thread(sha256_of, files.dump),
        size_bytes=backup.size_bytes,
        database=row.database if row else "unknown",
        verdict=row.verdict.value if row else Verdict.UNPROVEN.value,
        taken_at=backup.taken_at,
        expires_at=backup.expires_at,
        offsite=f"s3://{row.bucket}/{row.object_key}" if row and row.object_key else "none",
        environment=tools.database("").environment,
    )


async def must_be_spare(tools: StepTools, file: str) -> None:
    """Raises: Refused for the newest proven backup of a database, and for one that a request or a run refers to."""
    rows = await tools.known.there()
    backup = next((one for one in rows if one.file == file), None)
    if backup and newest_proven(rows, backup.database, await tools.known.now()) == backup:
        raise Refused(
            f"{file} is the newest proven backup of {backup.database}: it stays.", hint="Make another one first."
        )
    held = await tools.known.held([file], tools.context.run)
    if held:
        raise Refused(f"{held[file]} refers to {file}: it stays.", hint="Wait until it has ended, or cancel it.")


@dataclass(frozen=True)
class MoveAside:
    """Takes a backup out of the folder, the dump first, so that nothing half is taken for a backup."""

    folder: Path
    name: str
    sha256: str
    expires_at: AwareDatetime
    keep: timedelta
    timeout: timedelta = timedelta(minutes=10)
    safe_to_repeat: bool = True

    def describe(self) -> str:
        return (
            f"Move {self.folder / self.name} (sha256 {self.sha256}) and what lies beside it into {ASIDE}/, unless it is"
            f" the newest proven backup or something refers to it; it can be brought back for"
            f" {phrases.duration(self.keep)}, then it goes, its copy in S3 with it"
        )

    async def run(self, tools: StepTools) -> Outcome:
        """Raises: Refused when it has to stay after all; OperationFailed when it is another file now."""
        await must_be_spare(tools, self.name)
        until = await tools.known.now() + self.keep
        note = AsideNote(file=self.name, until=until, expires_at=self.expires_at)
        latest = await point_latest(tools, without=self.name)
        await in_thread(_move_aside, self.folder, tools.context.run, note, self.sha256)
        how = f"moved aside until {phrases.instant(until)}, then deleted; `/takumi undo` brings it back"
        settled = Settled(
            name=self.name,
            findings=((Aspect.RETENTION, Retention.ASIDE.value, how),),
            changes=Changes(retention=Retention.ASIDE, expires_at=until),
            file=await in_thread(_facts, tools, self, until),
        )
        return Outcome(f"{self.name} is {how}; {latest}", {"settled": settled.model_dump(mode="json")})


def _facts(tools: StepTools, move: MoveAside, until: AwareDatetime) -> FileFacts:
    """So that a file which nobody recorded is remembered, and goes when its time is up."""
    aside = BackupFiles(aside_folder(move.folder, tools.context.run), move.name)
    return FileFacts(
        folder=move.folder,
        file=move.name,
        database=tools.platform.default_database,
        size_bytes=aside.dump.stat().st_size,
        sha256=move.sha256,
        tables=0,
        taken_at=move.expires_at - tools.platform.backups.retention,
        expires_at=until,
    )


def _move_aside(folder: Path, run: str, note: AsideNote, sha256: str) -> None:
    here, there = BackupFiles(folder, note.file), BackupFiles(aside_folder(folder, run), note.file)
    there.folder.mkdir(parents=True, exist_ok=True)
    (there.folder / NOTE).write_text(note.model_dump_json(), encoding="utf-8")
    if here.dump.exists():
        if sha256_of(here.dump) != sha256:
            raise OperationFailed(f"{note.file} is another file than was asked about.", hint="Look, then ask again.")
        here.dump.rename(there.dump)
    if not there.dump.exists():
        raise OperationFailed(f"{note.file} is not in the folder any more.", hint="Somebody else took it away.")
    for source, target in zip(reversed(here.in_order), reversed(there.in_order), strict=True):
        if source.exists():
            source.rename(target)
    sync_folder(folder)


@dataclass(frozen=True)
class BringBack:
    """Puts what a run moved aside back, the dump last, never over another file."""

    folder: Path
    run_id: str
    name: str
    timeout: timedelta = timedelta(minutes=10)
    safe_to_repeat: bool = True

    def describe(self) -> str:
        return f"Move {self.name} and what lies beside it from {ASIDE}/{self.run_id} back into {self.folder}"

    async def run(self, tools: StepTools) -> Outcome:
        """Raises: OperationFailed when it is not there any more, or its name has been taken."""
        rows = [one for one in await tools.known.there() if (one.file, one.retention) == (self.name, Retention.ASIDE)]
        note = await in_thread(_bring_back, self.folder, self.run_id, self.name) or _moved_already(tools, rows)
        if note is None:
            return Outcome(f"{self.name} was never moved.")
        row = next((one for one in rows if one.expires_at == note.until), None)
        latest = await point_latest(tools, replace(row, retention=Retention.KEPT) if row else None)
        how = f"brought back; until {phrases.instant(note.expires_at)}"
        settled = Settled(
            name=self.name,
            id=row.id if row else "",
            findings=((Aspect.RETENTION, Retention.KEPT.value, how),),
            changes=Changes(retention=Retention.KEPT, expires_at=note.expires_at),
        )
        return Outcome(f"{self.name} is {how}; {latest}", {"settled": settled.model_dump(mode="json")})


def _moved_already(tools: StepTools, rows: list[Backup]) -> AsideNote | None:
    """For an attempt that died between moving and recording: the row still says that it lies aside."""
    if not rows:
        return None
    expires_at = rows[0].taken_at + tools.platform.backups.retention
    return AsideNote(file=rows[0].file, until=rows[0].expires_at, expires_at=expires_at)


def _bring_back(folder: Path, run: str, name: str) -> AsideNote | None:
    """None when that run moved nothing, or everything is back already."""
    aside, here = BackupFiles(aside_folder(folder, run), name), BackupFiles(folder, name)
    if not (aside.folder / NOTE).exists():
        return None
    note = AsideNote.model_validate_json((aside.folder / NOTE).read_text(encoding="utf-8"))
    if aside.dump.exists() and here.dump.exists():
        raise OperationFailed(f"There is another {name} in the folder by now.", hint="Move that one away first.")
    for source, target in zip(aside.in_order, here.in_order, strict=True):
        if source.exists():
            source.rename(target)
    (aside.folder / NOTE).unlink()
    aside.folder.rmdir()
    sync_folder(folder)
    return note


class AsideLookUp(BaseModel):
    """The folder into which a backup goes back, and whose it is."""

    model_config = ConfigDict(frozen=True)

    folder: Path
    environment: Environment


async def look_up_aside(tools: StepTools, run: str, file: str) -> AsideLookUp:
    """Raises: RequestError when nothing is kept of that run."""
    folders = tools.platform.backups.folders
    folder = next((one for one in folders if (aside_folder(one, run) / file).exists()), None)
    if folder is None:
        raise RequestError(
            f"Nothing of {file} is kept from that run: its time was up, or it is back already.",
            hint="`/takumi backup list` shows what there is.",
        )
    return AsideLookUp(folder=folder, environment=tools.database("").environment)

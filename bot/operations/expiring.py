"""Backups whose time is up: which go, which stay all the same and why, and how they go here and in S3."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from pydantic import AwareDatetime, BaseModel, ConfigDict

from bot.domain import phrases
from bot.domain.backups import Backup, Verdict, taken_at
from bot.domain.operations import Outcome
from bot.domain.retention import expired
from bot.domain.targets import Environment
from bot.domain.verdicts import Aspect, Changes, Retention, Settled
from bot.operations.choosing import names_in
from bot.operations.copying import object_store
from bot.operations.files import BackupFiles, in_thread, sync_folder
from bot.operations.latest import point_latest
from bot.operations.setting_aside import ASIDE, NOTE, AsideNote
from bot.operations.tools.object_versions import Lock
from bot.operations.tools.toolbox import StepTools


class Expiring(BaseModel):
    """A backup that goes; `id` is its row's, empty for a file that nobody recorded; `retention` is where it lies."""

    model_config = ConfigDict(frozen=True)

    id: str
    folder: Path
    file: str
    retention: Retention
    size_bytes: int
    expires_at: AwareDatetime
    bucket: str
    object_key: str


class SparedFile(BaseModel):
    """A backup whose time is up, and why it stays."""

    model_config = ConfigDict(frozen=True)

    file: str
    why: str


class ExpiryLookUp(BaseModel):
    """What goes and what stays, on the database's clock."""

    model_config = ConfigDict(frozen=True)

    folder: Path
    environment: Environment
    going: tuple[Expiring, ...]
    spared: tuple[SparedFile, ...]


async def look_up_expired(tools: StepTools) -> ExpiryLookUp:
    """Raises: OperationFailed."""
    folder = tools.platform.backups.folder
    ours = {str(one) for one in tools.platform.backups.folders}
    known = [one for one in await tools.known.there() if one.folder in ours]
    strangers = await in_thread(_strangers, tools, {one.file for one in known})
    going, spared = await _judged(tools, [*known, *strangers])
    return ExpiryLookUp(
        folder=folder,
        environment=tools.database("").environment,
        going=tuple(_expiring(one) for one in going),
        spared=tuple(SparedFile(file=file, why=why) for file, why in spared),
    )


def _strangers(tools: StepTools, known: set[str]) -> list[Backup]:
    """Files that nobody recorded, as backups that nobody proved; they age by their names."""
    places = tools.platform.backups
    found = []
    for name in names_in(places.folder):
        at = taken_at(name)
        if name not in known and at is not None:
            found.append(
                Backup(
                    id="",
                    run="",
                    database="",
                    folder=str(places.folder),
                    file=name,
                    size_bytes=(places.folder / name).stat().st_size,
                    sha256="",
                    taken_at=at,
                    expires_at=at + places.retention,
                    verdict=Verdict.UNPROVEN,
                    tables=0,
                    rows=None,
                )
            )
    return found


async def _judged(tools: StepTools, backups: list[Backup]) -> tuple[list[Backup], list[tuple[str, str]]]:
    held = await tools.known.held([one.file for one in backups], tools.context.run)
    foreign = tools.platform.backups.foreign_expire
    now: datetime = await tools.known.now()
    going, spared = expired(backups, now, held, foreign=foreign)
    return list(going), [(one.backup.file, one.why) for one in spared]


def _expiring(backup: Backup) -> Expiring:
    return Expiring(
        id=backup.id,
        folder=Path(backup.folder),
        file=backup.file,
        retention=backup.retention,
        size_bytes=backup.size_bytes,
        expires_at=backup.expires_at,
        bucket=backup.bucket,
        object_key=backup.object_key,
    )


@dataclass(frozen=True)
class DeleteExpired:
    """Deletes one backup whose time is up, wherever it lies; what S3 has locked stays there, and is told."""

    folder: Path
    backup: Expiring
    timeout: timedelta = timedelta(minutes=10)
    safe_to_repeat: bool = True

    def describe(self) -> str:
        copy = f" and s3://{self.backup.bucket}/{self.backup.object_key}, unless S3 has locked it"
        return (
            f"Delete {self.folder / self.backup.file} and what lies beside it"
            f"{copy if self.backup.object_key else ''}; it expired {phrases.instant(self.backup.expires_at)};"
            " never the newest proven one, nor one that a request or a run refers to"
        )

    async def run(self, tools: StepTools) -> Outcome:
        """What has to stay after all stays, and the others go. Raises: OperationFailed."""
        why = await self._reason_to_stay(tools)
        if why:
            return Outcome(f"{self.backup.file} stays: {why}")
        await point_latest(tools, without=self.backup.file)
        lock = await self._purge(tools) if self.backup.object_key else None
        await in_thread(_unlink, self.folder, self.backup)
        retention, how = Retention.DELETED, "its time was up"
        if lock is not None:
            retention = Retention.LOCKED
            how += f"; S3 keeps its copy until {phrases.instant(lock.until)} ({lock.kind})"
        settled = Settled(
            name=self.backup.file,
            id=self.backup.id,
            findings=((Aspect.RETENTION, retention.value, how),),
            changes=Changes(retention=retention, expires_at=lock.until if lock else None),
        )
        data = {"settled": settled.model_dump(mode="json")} if self.backup.id else {}
        return Outcome(f"{self.backup.file} is deleted, {how}", data)

    async def _reason_to_stay(self, tools: StepTools) -> str:
        """The rules again, in the moment of the deed; empty when it goes."""
        now = await look_up_expired(tools)
        if self.backup in now.going:
            return ""
        return next((one.why for one in now.spared if one.file == self.backup.file), "it is not expired any more")

    async def _purge(self, tools: StepTools) -> Lock | None:
        """The dump first: what is left half way must not look like a backup. Answers the longest lock."""
        store = object_store(tools)
        locks = [await store.purge(key) for key in keys_of(self.backup.object_key, self.backup.file)]
        return max((lock for lock in locks if lock), key=lambda lock: lock.until, default=None)


def keys_of(object_key: str, file: str) -> list[str]:
    """Every object of a backup; those that are sealed bear the ending that the dump's key has beyond its name."""
    prefix, _, name = object_key.rpartition("/")
    endings = dict.fromkeys(("", name.removeprefix(file)))
    names = [path.name for path in reversed(BackupFiles(Path(), file).in_order)]
    return [f"{prefix}/{one}{ending}".lstrip("/") for one in names for ending in endings]


def _unlink(folder: Path, backup: Expiring) -> None:
    """From the folder, or from where it was moved aside: there may be another of its name in the folder by now."""
    if backup.retention is Retention.KEPT:
        _unlink_all(BackupFiles(folder, backup.file))
    elif backup.retention is Retention.ASIDE:
        for files in _aside(folder, backup):
            _unlink_all(files)
            (files.folder / NOTE).unlink(missing_ok=True)
            files.folder.rmdir()
    sync_folder(folder)


def _unlink_all(files: BackupFiles) -> None:
    for path in reversed(files.in_order):
        path.unlink(missing_ok=True)


def _aside(folder: Path, backup: Expiring) -> list[BackupFiles]:
    """Its own alone: another of its name may have been deleted later."""
    notes = [
        (path, AsideNote.model_validate_json(path.read_text("utf-8"))) for path in folder.glob(f"{ASIDE}/*/{NOTE}")
    ]
    wanted = (backup.file, backup.expires_at)
    return [BackupFiles(path.parent, backup.file) for path, note in notes if (note.file, note.until) == wanted]

"""What a backup needs to know before it is planned: the database, the programs, the places."""

import asyncio
import os
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from bot.domain.backups import Format
from bot.domain.errors import Misconfigured, RequestError
from bot.operations.archives import pg_restore_of
from bot.operations.capabilities import must_be_provable
from bot.operations.copying import PREFIX, Offsite, bucket_advice, object_store
from bot.operations.files import in_thread
from bot.operations.looking import DatabaseFacts, look_up_database
from bot.operations.tools.access import BackupPlaces
from bot.operations.tools.toolbox import StepTools


class PlaceFacts(BaseModel):
    """Where a backup will go; `bucket` is empty when it stays on this machine alone."""

    model_config = ConfigDict(frozen=True)

    folder: Path
    keep: timedelta
    bucket: str
    form: Format = Format.PLAIN
    key_id: str = ""
    lock: str = ""
    hashed: bool = True

    @property
    def offsite(self) -> Offsite | None:
        """None when it stays on this machine alone."""
        return Offsite(self.bucket, self.keep, self.key_id, self.lock) if self.bucket else None


async def look_up_database_to_back_up(tools: StepTools, name: str) -> DatabaseFacts:
    """Raises: RequestError for an unknown name or a database without tables; Refused; OperationFailed."""
    facts = await look_up_database(tools, name)
    if facts.tables == 0:
        raise RequestError(
            f"{facts.name} has no tables: there is nothing to back up.",
            hint="Look whether this is the right database, and whether it was emptied by a failed restore.",
        )
    await tools.programs(facts.server_major)
    await must_be_provable(tools, tools.database(name))
    return facts


@dataclass(frozen=True)
class Wishes:
    """What was asked for; `dir` is the name of a folder, empty for the usual one.

    `to` is `configured`, `local` or `s3`; `form` is `configured` or a format's name.
    """

    to: str = "configured"
    keep_days: int | None = None
    form: str = "configured"
    dir: str = ""


async def look_up_places(tools: StepTools, database: DatabaseFacts, wishes: Wishes) -> PlaceFacts:
    """Raises: RequestError when S3 is asked for and there is none; Misconfigured, OperationFailed."""
    places = tools.platform.backups
    folder = _folder(places, wishes.dir)
    await in_thread(_must_be_writable, folder)
    keep = timedelta(days=wishes.keep_days) if wishes.keep_days else places.retention
    form = Format(wishes.form) if wishes.form != "configured" else places.forms.get(database.name, Format.PLAIN)
    if form is Format.FAST:
        pg_restore_of(await tools.programs(database.server_major))
    bucket, key_id = _bucket(places, wishes.to), places.keys.current
    if bucket and places.storage.lock:
        await _must_keep(tools, places.storage.lock, keep)
    if bucket and key_id:
        await asyncio.to_thread(places.keys.key, key_id)  # told now, not after the dump
    return PlaceFacts(
        folder=folder,
        keep=keep,
        bucket=bucket,
        form=form,
        key_id=key_id,
        lock=places.storage.lock,
        hashed=places.hashed,
    )


def _folder(places: BackupPlaces, name: str) -> Path:
    if name and name not in places.dirs:
        known = ", ".join(sorted(places.dirs)) or "none"
        hint = f"There are: {known}. TAKUMI_BOT_BACKUP_DIRS names them; without `--dir` it is BACKUP_DIR."
        raise RequestError(f"There is no folder of the name {name!r} for backups.", hint=hint, fields={"dir": hint})
    return places.dirs[name] if name else places.folder


async def _must_keep(tools: StepTools, lock: str, keep: timedelta) -> None:
    """Raises: Misconfigured when the bucket cannot do what is asked of it; OperationFailed."""
    wrong = bucket_advice(await object_store(tools).traits(PREFIX), lock, keep.days)
    if wrong:
        raise Misconfigured("The bucket does not suit these copies.", hint=wrong)


def _bucket(places: BackupPlaces, to: str) -> str:
    wanted = to == "s3" or (to == "configured" and places.cloud)
    if wanted and not places.bucket:
        hint = "Set S3_BUCKET, or ask with `--to local`."
        raise RequestError("There is no S3 bucket configured.", hint=hint, fields={"to": hint})
    return places.bucket if wanted else ""


def _must_be_writable(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    if not os.access(folder, os.W_OK | os.X_OK):
        raise Misconfigured(
            f"The bot may not write into {folder}.", hint="Open it to the bot's user, or set BACKUP_DIR."
        )

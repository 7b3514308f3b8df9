"""A dump's way to S3 while it is written: parts that are no object, a note of them, and how they are forgotten."""

import os
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import structlog

from bot.domain.errors import Misconfigured, OperationFailed
from bot.operations.files import in_thread, remove_unfinished, unfinished_folder
from bot.operations.tools.buckets import BucketTraits
from bot.operations.tools.multiparts import Cut, Sending, Sent, part_bytes_for
from bot.operations.tools.objects import How, ObjectStore
from bot.operations.tools.seals import ENDING
from bot.operations.tools.toolbox import StepTools

log = structlog.get_logger()

PREFIX = "database/"
RUN = "takumi-run"
NOTE = "upload.json"


@dataclass(frozen=True)
class Offsite:
    """Where a copy goes. Sealed with the key `key_id` when there is one; `lock` is S3's, for as long as it is kept."""

    bucket: str
    keep: timedelta
    key_id: str = ""
    lock: str = ""

    @property
    def told(self) -> str:
        sealed = f", sealed with the key {self.key_id}" if self.key_id else ""
        locked = f", locked by S3 ({self.lock.lower()}) for {self.keep.days} days" if self.lock else ""
        return f"s3://{self.bucket}/{PREFIX}{sealed}{locked}"

    def key(self, name: str, *, secret: bool = True) -> str:
        """The key of an object; what is `secret` is sealed where there is a seal."""
        return f"{PREFIX}{name}{ENDING if secret and self.key_id else ''}"


def object_store(tools: StepTools) -> ObjectStore:
    """Raises: Misconfigured when no bucket is configured."""
    if tools.objects is None:
        raise Misconfigured("There is no S3 bucket.", hint="Set S3_BUCKET, or ask with `--to local`.")
    return tools.objects


def bucket_advice(traits: BucketTraits, lock: str, keep_days: int) -> str:
    """What is wrong with a bucket for copies that are to stay that long; empty for nothing."""
    if lock and not traits.lockable:
        return f"TAKUMI_BOT_S3_LOCK is {lock}, but this bucket cannot lock objects: make one with Object Lock."
    if traits.expires_days is not None and traits.expires_days < keep_days:
        days = traits.expires_days
        return f"A rule of the bucket deletes copies after {days} days, before the {keep_days} asked for."
    return ""


class Copying:
    """The parts of one dump; its methods block. Nothing is begun for a dump that fits into one part."""

    def __init__(self, store: ObjectStore, sending: Sending, note: Path) -> None:
        self._store, self._sending, self._note = store, sending, note

    def grew(self, size_bytes: int) -> None:
        """Raises: OperationFailed when S3 refused a part."""
        with self._store.errors("take a part"):
            self._sending.grew(size_bytes)

    def finish(self, size_bytes: int) -> None:
        """Wait until S3 has every part. Raises: OperationFailed."""
        try:
            if self._note.exists():
                with self._store.errors("take a part"):
                    write_note(self._note, self._sending.finish(size_bytes))
        finally:
            self._sending.stop()

    def stop(self) -> None:
        self._sending.stop()


class NotCopying:
    """In the place of a copy where there is none."""

    def grew(self, size_bytes: int) -> None:
        """Nobody follows."""

    def finish(self, size_bytes: int) -> None:
        """There is nothing to wait for."""

    def stop(self) -> None:
        """There is nothing to stop."""


def begin_copy(tools: StepTools, offsite: Offsite, dump: Path, at: datetime, about_bytes: int) -> Copying:
    """For a dump that is about to be written, of a database of `about_bytes`. Raises: Misconfigured."""
    store, note = object_store(tools), dump.parent / NOTE
    seal = tools.platform.backups.keys.fresh() if offsite.key_id else None
    cut = Cut(dump, part_bytes_for(about_bytes), seal)
    how = How({RUN: tools.context.run}, until=at + offsite.keep)
    sending = store.sending(offsite.key(dump.name), cut, how, lambda sent: write_note(note, sent))
    return Copying(store, sending, note)


def write_note(path: Path, sent: Sent) -> None:
    """On the disk before a part is sent, so that nothing is ever begun that nobody knows of. Raises: OSError."""
    with path.open("w", encoding="utf-8") as file:
        file.write(sent.model_dump_json())
        file.flush()
        os.fsync(file.fileno())


def note_in(folder: Path) -> Sent | None:
    """The upload that was begun for the files in that hidden folder. Raises: OSError."""
    path = folder / NOTE
    return Sent.model_validate_json(path.read_bytes()) if path.exists() else None


async def forget_unfinished(tools: StepTools, folder: Path, run: str) -> bool:
    """The run's unfinished files and parts go; whether there were any.

    The note of parts that S3 does not forget now stays: the sweep of leftovers comes back to it.
    Raises: OperationFailed.
    """
    hidden = unfinished_folder(folder, run)
    sent = await in_thread(note_in, hidden)
    if sent is None or tools.objects is None:
        return await in_thread(remove_unfinished, folder, run)
    try:
        await tools.objects.abandon(sent)
    except OperationFailed as error:
        log.warning("upload.not_forgotten", key=sent.key, why=str(error))
        await in_thread(_leave_the_note, hidden, sent, folder, run)
        return True
    return await in_thread(remove_unfinished, folder, run)


def _leave_the_note(hidden: Path, sent: Sent, folder: Path, run: str) -> None:
    remove_unfinished(folder, run)
    hidden.mkdir(mode=0o700)
    write_note(hidden / NOTE, sent)

"""The copy in S3: an object only once its dump is proven, whole, checked by S3, and never over another object."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from bot.domain.errors import OperationFailed
from bot.domain.operations import Outcome
from bot.domain.plans import Step
from bot.operations.copying import PREFIX, RUN, Offsite, note_in, object_store
from bot.operations.files import BackupFiles, in_thread, sha256_of, unfinished_folder
from bot.operations.tools.multiparts import Cut, Sent, digests_of
from bot.operations.tools.objects import How
from bot.operations.tools.seals import ENDING, KeyRing
from bot.operations.tools.toolbox import StepTools

# No dump takes that long: parts that old belong to a machine that is gone.
STALE = timedelta(days=2)


@dataclass(frozen=True)
class UploadBackup:
    """Makes objects of the run's unfinished files, the dump last."""

    folder: Path
    offsite: Offsite
    timeout: timedelta
    safe_to_repeat: bool = True

    def describe(self) -> str:
        return (
            f"Upload checksum, manifest, roles and dump to {self.offsite.told}, each checked by S3 against its SHA-256,"
            " never over another object, and look each of them up again; the dump's parts, sent while it was written,"
            f" become an object last, when its whole hash is right; forget parts there older than {STALE.days} days"
        )

    async def run(self, tools: StepTools) -> Outcome:
        """Raises: OperationFailed when S3 does not take or does not have what was sent."""
        store, dumped, began = object_store(tools), tools.context.earlier["dump"], datetime.now(UTC)
        files = BackupFiles(unfinished_folder(self.folder, tools.context.run), dumped["file"])
        stale = await store.abandon_stale(PREFIX, STALE)
        *small, dump = files.in_order
        for path in small:
            await tools.context.say(f"uploading {path.name}")
            await self._put(tools, path, secret=path == files.roles)
        await tools.context.say(f"completing {dump.name}")
        await self._complete(tools, dump, dumped["sha256"])
        took = (datetime.now(UTC) - began).total_seconds()
        key = self.offsite.key(files.name)
        data = {"bucket": self.offsite.bucket, "object_key": key, "seconds": round(took, 3)}
        forgotten = f"; parts of {len(stale)} uploads of dead runs forgotten" if stale else ""
        return Outcome(f"s3://{self.offsite.bucket}/{key} in {took:.1f} s, checked by S3{forgotten}", data)

    async def _put(self, tools: StepTools, path: Path, *, secret: bool) -> None:
        metadata = {RUN: tools.context.run, "sha256": await in_thread(sha256_of, path)}
        taken_at = datetime.fromisoformat(tools.context.earlier["dump"]["taken_at"])
        how = How(metadata, sealed=secret and bool(self.offsite.key_id), until=taken_at + self.offsite.keep)
        await object_store(tools).put(self.offsite.key(path.name, secret=secret), path, how)

    async def _complete(self, tools: StepTools, dump: Path, sha256: str) -> None:
        """Of the parts that were sent meanwhile; anew where there are none, or where they were not all taken."""
        sent = await in_thread(note_in, dump.parent)
        if sent is not None and sent.digests:
            await in_thread(must_be_what_was_sent, sent, dump, sha256, tools.platform.backups.keys)
            await object_store(tools).complete(sent)
            return
        if sent is not None:
            await object_store(tools).abandon(sent)
        await self._put(tools, dump, secret=True)


def must_be_what_was_sent(sent: Sent, dump: Path, sha256: str, keys: KeyRing) -> None:
    """Raises: OperationFailed when the parts that S3 took are not those of the file with that hash; OSError."""
    seal = keys.seal(sent.key_id, bytes.fromhex(sent.salt)) if sent.key_id else None
    whole = hashlib.sha256()
    digests = digests_of(Cut(dump, sent.part_bytes, seal), whole.update)
    if whole.hexdigest() != sha256 or digests != sent.digests:
        raise OperationFailed(
            f"What was sent to S3 is not {dump.name} as it was dumped.",
            hint="The disk or somebody changed it meanwhile. Look at the disk, then ask again.",
        )


@dataclass(frozen=True)
class RemoveObjects:
    """Puts an upload back: the run's own objects go, and no others."""

    bucket: str
    timeout: timedelta = timedelta(minutes=5)
    safe_to_repeat: bool = True

    def describe(self) -> str:
        return f"Remove the run's own objects from s3://{self.bucket}/{PREFIX}"

    async def run(self, tools: StepTools) -> Outcome:
        """One that cannot be removed keeps no other. Raises: OperationFailed."""
        failures, removed = list[OperationFailed](), 0
        for key in _keys(tools.context.earlier):
            try:
                removed += await self._remove(tools, key)
            except OperationFailed as error:
                failures.append(error)
        if failures:
            raise failures[0]
        return Outcome(f"{removed} objects removed from s3://{self.bucket}/{PREFIX}")

    async def _remove(self, tools: StepTools, key: str) -> bool:
        store = object_store(tools)
        seen = await store.find(key)
        ours = seen is not None and seen.metadata.get(RUN) == tools.context.run
        if ours:
            await store.remove(key)
        return ours


def upload_steps(folder: Path, offsite: Offsite | None, limit: timedelta) -> tuple[Step, ...]:
    """Before publishing: with S3 down, nothing is left that could be taken for a backup."""
    if offsite is None:
        return ()
    upload = UploadBackup(folder, offsite, timeout=limit)
    return (Step("upload", "Upload to S3", upload, undo=RemoveObjects(offsite.bucket)),)


def _keys(earlier: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """The dump first: what is left half way must not look like a backup."""
    if "dump" not in earlier:
        return []
    files = BackupFiles(Path(), earlier["dump"]["file"])
    names = [path.name for path in reversed(files.in_order)]
    return [f"{PREFIX}{name}{ending}" for name in names for ending in ("", ENDING)]

"""The copy in S3: checked by S3 as it arrives, looked up again, and never over another object."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from bot.domain.errors import Misconfigured
from bot.domain.operations import Outcome
from bot.operations.files import BackupFiles, in_thread, sha256_of, unfinished_folder
from bot.operations.tools.objects import ObjectStore
from bot.operations.tools.toolbox import StepTools

PREFIX = "database/"
RUN = "takumi-run"


@dataclass(frozen=True)
class UploadBackup:
    """Uploads the run's unfinished files, the dump last."""

    folder: Path
    bucket: str
    timeout: timedelta
    safe_to_repeat: bool = True

    def describe(self) -> str:
        return (
            f"Upload dump, checksum and manifest to s3://{self.bucket}/{PREFIX}, each checked by S3 against its"
            " SHA-256, never over another object, and look each of them up again"
        )

    async def run(self, tools: StepTools) -> Outcome:
        """Raises: OperationFailed when S3 does not take or does not have what was sent."""
        store, dumped, began = object_store(tools), tools.context.earlier["dump"], datetime.now(UTC)
        files = BackupFiles(unfinished_folder(self.folder, tools.context.run), dumped["file"])
        for path in files.in_order:
            await tools.context.say(f"uploading {path.name}")
            metadata = {RUN: tools.context.run, "sha256": await in_thread(sha256_of, path)}
            await store.put(PREFIX + path.name, path, metadata)
        took = (datetime.now(UTC) - began).total_seconds()
        key = PREFIX + files.name
        data = {"bucket": self.bucket, "object_key": key, "seconds": round(took, 3)}
        return Outcome(f"s3://{self.bucket}/{key} in {took:.1f} s, checked by S3", data)


@dataclass(frozen=True)
class RemoveObjects:
    """Puts an upload back: the run's own objects go, and no others."""

    bucket: str
    timeout: timedelta = timedelta(minutes=5)
    safe_to_repeat: bool = True

    def describe(self) -> str:
        return f"Remove the run's own objects from s3://{self.bucket}/{PREFIX}"

    async def run(self, tools: StepTools) -> Outcome:
        """Raises: OperationFailed."""
        store, removed = object_store(tools), 0
        for key in _keys(tools.context.earlier):
            seen = await store.find(key)
            if seen and seen.metadata.get(RUN) == tools.context.run:
                await store.remove(key)
                removed += 1
        return Outcome(f"{removed} objects removed from s3://{self.bucket}/{PREFIX}")


def _keys(earlier: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """The dump first: what is left half way must not look like a backup."""
    if "dump" not in earlier:
        return []
    files = BackupFiles(Path(), earlier["dump"]["file"])
    return [PREFIX + path.name for path in reversed(files.in_order)]


def object_store(tools: StepTools) -> ObjectStore:
    """Raises: Misconfigured when no bucket is configured."""
    if tools.objects is None:
        raise Misconfigured("There is no S3 bucket.", hint="Set S3_BUCKET, or ask with `--to local`.")
    return tools.objects

"""The moment when unfinished files become a backup: in one folder, under the guide's names, the dump last."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from bot.domain import phrases
from bot.domain.backups import Backup, Manifest, Verdict
from bot.domain.errors import OperationFailed
from bot.domain.operations import Outcome
from bot.operations.comparing import read_manifest
from bot.operations.files import (
    BackupFiles,
    checksum_line,
    in_thread,
    publish_file,
    remove_unfinished,
    sha256_of,
    sync_folder,
    unfinished_folder,
)
from bot.operations.latest import LATEST_FILE, point_latest
from bot.operations.tools.toolbox import StepTools


@dataclass(frozen=True)
class PublishBackup:
    """Moves the run's proven files into the backup folder.

    The outcome's data have one key, `backup`: everything that a row of a backup holds, as `_backup` lists it.
    """

    folder: Path
    keep: timedelta
    timeout: timedelta = timedelta(minutes=10)
    safe_to_repeat: bool = True

    def describe(self) -> str:
        return (
            f"Move manifest, checksum, roles and dump into {self.folder}, the dump last, never over another file;"
            f" it expires {self.keep.days} days after it was taken; lead {LATEST_FILE} to the newest proven backup"
        )

    async def run(self, tools: StepTools) -> Outcome:
        """Raises: OperationFailed."""
        dumped = tools.context.earlier["dump"]
        unfinished = BackupFiles(unfinished_folder(self.folder, tools.context.run), dumped["file"])
        published = BackupFiles(self.folder, dumped["file"])
        await in_thread(_publish, unfinished, published, tools.context.run, dumped["manifest_sha256"])
        manifest = await read_manifest(published, dumped["manifest_sha256"])
        backup = self._backup(manifest, tools)
        latest = await point_latest(tools, _fresh(backup))
        return Outcome(f"{published.dump}, kept until {backup['expires_at'][:10]}; {latest}", {"backup": backup})

    def _backup(self, manifest: Manifest, tools: StepTools) -> dict[str, Any]:
        """`bucket` and `object_key` are empty without a copy in S3; instants are ISO 8601 in UTC."""
        earlier = tools.context.earlier
        dumped, upload = earlier["dump"], earlier.get("upload", {})
        return {
            "database": manifest.database,
            "folder": str(self.folder),
            "file": manifest.file,
            "size_bytes": manifest.size_bytes,
            "sha256": manifest.sha256,
            "taken_at": manifest.taken_at.astimezone(UTC).isoformat(),
            "expires_at": (manifest.taken_at.astimezone(UTC) + self.keep).isoformat(),
            "tables": dumped["tables"],
            "rows": dumped["rows"],
            "bucket": upload.get("bucket", ""),
            "object_key": upload.get("object_key", ""),
            "verdict": Verdict.PROVEN.value if "compare" in earlier else Verdict.UNPROVEN.value,
            "took_seconds": dumped["seconds"],
            **self._proof(tools),
            "manifest": manifest.model_dump(mode="json"),
        }

    def _proof(self, tools: StepTools) -> dict[str, Any]:
        """When and where the dump was proven, and how long that took; nothing of a dump that nobody restored."""
        compared = tools.context.earlier.get("compare")
        if compared is None:
            return {}
        return {
            "proven_at": compared["compared_at"],
            "proven_on": compared["compared_on"],
            "restore_seconds": compared["restore_seconds"],
            "compare_seconds": compared["compare_seconds"],
        }


def _fresh(backup: Mapping[str, Any]) -> Backup:
    """The backup whose row is written when this step has ended."""
    same = ("database", "folder", "file", "size_bytes", "sha256", "tables", "rows", "bucket", "object_key")
    taken, expires = (datetime.fromisoformat(backup[name]) for name in ("taken_at", "expires_at"))
    values = {name: backup[name] for name in same}
    return Backup(id="", run="", taken_at=taken, expires_at=expires, verdict=Verdict(backup["verdict"]), **values)


@dataclass(frozen=True)
class CheckPublished:
    """Looks at the published files as anybody would: `sha256sum -c` must accept them."""

    folder: Path
    timeout: timedelta = timedelta(minutes=30)
    safe_to_repeat: bool = True

    def describe(self) -> str:
        return f"Read the dump in {self.folder} again and compare it with its checksum file"

    async def run(self, tools: StepTools) -> Outcome:
        """Raises: OperationFailed."""
        dumped = tools.context.earlier["dump"]
        files = BackupFiles(self.folder, dumped["file"])
        found = await in_thread(sha256_of, files.dump)
        line = await in_thread(files.checksum.read_text, encoding="utf-8")
        if found != dumped["sha256"] or line != checksum_line(found, files.name):
            raise OperationFailed(
                f"{files.dump} is not what was written there: its sha256 is {found}.",
                hint="The disk or somebody changed it. Look at the disk, then ask again.",
            )
        return Outcome(f"{files.name}: OK")


@dataclass(frozen=True)
class RetractBackup:
    """Puts publishing back: the run's own files leave the backup folder, the dump first."""

    folder: Path
    timeout: timedelta = timedelta(minutes=5)
    safe_to_repeat: bool = True

    def describe(self) -> str:
        return f"Remove the run's own files from {self.folder}"

    async def run(self, tools: StepTools) -> Outcome:
        """Raises: OperationFailed."""
        dumped = tools.context.earlier.get("dump")
        removed = await in_thread(_retract, self.folder, dumped["file"], dumped["manifest_sha256"]) if dumped else False
        if removed:
            await point_latest(tools)
        return Outcome("The files are gone." if removed else "No file of this run was there.")


def told_backup(outcomes: Mapping[str, Mapping[str, Any]]) -> tuple[tuple[str, str], ...]:
    """The closing message's lines."""
    backup, compared = outcomes["publish"]["backup"], outcomes["compare"]
    proof = timedelta(seconds=compared["restore_seconds"] + compared["compare_seconds"])
    how = "row for row" if outcomes["dump"].get("hashed", True) else "by the number of rows in each table"
    copy = f"s3://{backup['bucket']}/{backup['object_key']}" if backup["object_key"] else "none: on this machine alone"
    return (
        ("File", f"{backup['folder']}/{backup['file']}"),
        ("Size", phrases.size(backup["size_bytes"])),
        ("Took", phrases.duration(timedelta(seconds=backup["took_seconds"]))),
        ("sha256", backup["sha256"]),
        ("Tables", f"{backup['tables']:,}"),
        ("Rows", f"{backup['rows']:,}"),
        ("Compared", f"restored and compared {how} in {phrases.duration(proof)}"),
        ("S3", copy),
        ("Expires", phrases.instant(datetime.fromisoformat(backup["expires_at"]))),
    )


def _publish(unfinished: BackupFiles, published: BackupFiles, run: str, manifest_sha256: str) -> None:
    """All or none of them: the first one refuses when there is anything of that name that is not ours."""
    if not _is_ours(published, manifest_sha256):
        for taken in (path for path in published.in_order if path.exists()):
            raise OperationFailed(f"{taken} exists already, and nothing is ever overwritten.", hint="Ask again.")
    for source, target in zip(unfinished.in_order, published.in_order, strict=True):
        publish_file(source, target)
    sync_folder(published.folder)
    remove_unfinished(published.folder, run)


def _is_ours(published: BackupFiles, manifest_sha256: str) -> bool:
    """The manifest goes first and leaves last, and it names the dump's hash: with it, the others are the run's."""
    return published.manifest.exists() and sha256_of(published.manifest) == manifest_sha256


def _retract(folder: Path, name: str, manifest_sha256: str) -> bool:
    files = BackupFiles(folder, name)
    if not _is_ours(files, manifest_sha256):
        return False
    for path in reversed(files.in_order):
        path.unlink(missing_ok=True)
    sync_folder(folder)
    return True

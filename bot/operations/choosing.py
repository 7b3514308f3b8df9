"""Backups as they lie in the folder: which there are, and whether one of them can be restored at all.

The guide's own scripts leave files here, too, some of them broken with a valid checksum and exit code 0: what a name, a
checksum and a size say is not believed; the whole file is read.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from pydantic import AwareDatetime, BaseModel, ConfigDict, ValidationError

from bot.domain.backups import FILE_NAME, Format, Manifest, format_of, taken_at
from bot.domain.errors import OperationFailed, RequestError
from bot.operations.archives import ArchiveLook, screen_archive
from bot.operations.files import BackupFiles, in_thread, sha256_of
from bot.operations.latest import LINKS, latest_in
from bot.operations.screening import DumpScreen
from bot.operations.tools import gzips, zstds
from bot.operations.tools.gzips import Fed, Progress
from bot.operations.tools.toolbox import StepTools

LATEST = "latest"
MOST_CHOICES = 90
FEEDS = {Format.PLAIN: gzips.feed, Format.FAST: zstds.feed}


class BackupFile(BaseModel):
    """A backup that was read from end to end. Without a manifest there is nothing to compare a restore with.

    `tables` and `rows` are the manifest's; without one, `tables` is what the dump creates and `rows` is unknown.
    `object_key` is set while the file is in S3 alone: then it was not read yet, and `raw_bytes` is a guess.
    """

    model_config = ConfigDict(frozen=True)

    folder: Path
    file: str
    size_bytes: int
    sha256: str
    manifest_sha256: str
    raw_bytes: int
    taken_at: AwareDatetime
    from_server: str
    tables: int
    rows: int | None = None
    source: str = ""
    source_system: str = ""
    source_size_bytes: int = 0
    rows_written: int | None = None
    stats_reset: AwareDatetime | None = None
    object_key: str = ""

    @property
    def files(self) -> BackupFiles:
        return BackupFiles(self.folder, self.file)

    @property
    def has_manifest(self) -> bool:
        return bool(self.manifest_sha256)


async def backup_names(tools: StepTools) -> list[str]:
    """Every file there that is named as a backup, newest first. Raises: OperationFailed."""
    return await in_thread(names_in, *tools.platform.backups.folders)


async def look_up_backup_file(tools: StepTools, wanted: str, server_major: int) -> BackupFile:
    """The backup of that name, or the latest, for a server of that version.

    Raises: RequestError when there is no such file; OperationFailed, with what is wrong, when it cannot be restored.
    """
    places = tools.platform.backups
    name = chosen(wanted, await backup_names(tools), await in_thread(latest_in, places.folder))
    return await inspect(tools, await in_thread(files_of, name, places.folders), server_major)


def files_of(name: str, folders: Sequence[Path]) -> BackupFiles:
    """Where that backup lies; in the first folder when it lies nowhere. Raises: OSError."""
    there = (folder for folder in folders if (folder / name).is_file())
    return BackupFiles(next(there, folders[0]), name)


async def inspect(tools: StepTools, files: BackupFiles, server_major: int) -> BackupFile:
    """Read it from end to end, and look at every statement in it. Raises: OperationFailed saying what is wrong."""
    found = await in_thread(inspected, files, server_major)
    if format_of(files.name) is Format.PLAIN:
        return found
    major = server_major or int(found.from_server.split(".")[0])
    tables = await screen_archive(tools, files.dump, major)
    return found if found.has_manifest else found.model_copy(update={"tables": tables})


def names_in(*folders: Path) -> list[str]:
    """Every file there that is named as a backup, newest first; none where there is no folder."""
    found = [
        path.name
        for folder in folders
        for form in Format
        for path in folder.glob(f"*{form.ending}")
        if FILE_NAME.match(path.name) and path.is_file()
    ]
    return sorted(found, key=lambda name: (taken_at(name) or datetime.min.replace(tzinfo=UTC), name), reverse=True)


def chosen(wanted: str, names: list[str], led_to: str) -> str:
    """`latest` is the newest proven one; the newest of all only where none is proven.

    Raises: RequestError.
    """
    if wanted in names:
        return wanted
    if wanted in (LATEST, *LINKS.values()) and led_to in names:
        return led_to
    if wanted == LATEST and names:
        return names[0]
    near = get_close_matches(wanted, names, n=1)
    hint = f"Did you mean {near[0]}?" if near else "`/takumi backup list` shows what there is."
    raise RequestError(f"There is no backup {wanted!r} in the folder.", hint=hint, fields={"backup": hint})


def inspected(files: BackupFiles, server_major: int) -> BackupFile:
    """Read it from end to end; a `server_major` of 0 is any. Raises: OperationFailed saying what is wrong; OSError."""
    screen = _screen_of(files.name, server_major)
    fed = FEEDS[format_of(files.name)](files.dump, None, screen, Progress())
    _must_match_its_checksum(files, fed.sha256)
    manifest = _manifest_of(files, fed)
    at = manifest.taken_at if manifest else taken_at(files.name)
    source: dict[str, Any] = source_of(manifest) if manifest else {"tables": screen.tables}
    return BackupFile(
        folder=files.folder,
        file=files.name,
        size_bytes=fed.size_bytes,
        sha256=fed.sha256,
        manifest_sha256=sha256_of(files.manifest) if manifest else "",
        raw_bytes=fed.raw_bytes,
        taken_at=at or datetime.fromtimestamp(files.dump.stat().st_mtime, UTC),
        from_server=screen.from_server,
        **source,
    )


def _screen_of(name: str, server_major: int) -> DumpScreen | ArchiveLook:
    """An archive is looked into by pg_restore, later: here it is read to its end, and its head is believed."""
    looks = ArchiveLook if format_of(name) is Format.FAST else DumpScreen
    return looks(name, server_major)


def source_of(manifest: Manifest) -> dict[str, Any]:
    """What of a manifest is told of its backup."""
    return {
        "tables": manifest.count_of_tables,
        "rows": manifest.rows,
        "source": manifest.database,
        "source_system": manifest.system_identifier,
        "source_size_bytes": manifest.source_size_bytes,
        "rows_written": manifest.rows_written,
        "stats_reset": manifest.stats_reset,
    }


def _must_match_its_checksum(files: BackupFiles, sha256: str) -> None:
    """The path in a checksum file may be absolute, so only its hash is read. Source: facts, Backups in the wild."""
    if not files.checksum.exists():
        return
    words = files.checksum.read_text(encoding="utf-8", errors="replace").split()
    if not words or words[0].lower().lstrip("\\") != sha256:
        raise OperationFailed(
            f"{files.name} does not match its checksum: it was changed or damaged since it was made.",
            hint="Do not use it. Choose another backup: `/takumi backup list`.",
        )


def _manifest_of(files: BackupFiles, fed: Fed) -> Manifest | None:
    if not files.manifest.exists():
        return None
    try:
        manifest = Manifest.model_validate_json(files.manifest.read_bytes())
    except ValidationError as error:
        raise _other_manifest(files, "it cannot be read") from error
    if (manifest.file, manifest.sha256, manifest.size_bytes) != (files.name, fed.sha256, fed.size_bytes):
        raise _other_manifest(files, "it describes another file")
    return manifest


def _other_manifest(files: BackupFiles, why: str) -> OperationFailed:
    return OperationFailed(
        f"The manifest of {files.name} does not belong to it: {why}.",
        hint="Do not use it. Choose another backup: `/takumi backup list`.",
    )

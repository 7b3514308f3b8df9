"""The backup folder as anybody would find it: every file named as a backup, and which of them are broken and why.

A listing must not read for minutes: files are read to their end while the budget lasts, newest first, and what was
read is remembered for as long as the files stay as they are.
"""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from bot.domain.backups import taken_at
from bot.domain.errors import OperationFailed
from bot.operations.choosing import files_of, inspected, names_in
from bot.operations.files import BackupFiles, in_thread
from bot.operations.latest import latest_in
from bot.operations.tools.toolbox import Toolbox
from bot.services.backup_ports import FileSeen

# About five seconds of reading on a slow machine.
READ_AT_ONCE_BYTES = 64 << 20
ANY_VERSION = 0
Signature = tuple[tuple[int, int, int], ...]


class FolderLook:
    """Fulfils `BackupFolder` for the configured folder; one of them is shared by all listings of a process."""

    def __init__(self, toolbox: Toolbox, read_at_once_bytes: int = READ_AT_ONCE_BYTES) -> None:
        self._folders = toolbox.platform.backups.folders
        self._budget = read_at_once_bytes
        self._known: dict[str, tuple[Signature, FileSeen]] = {}
        self._turn = asyncio.Lock()

    async def look(self) -> Sequence[FileSeen]:
        async with self._turn:
            return await in_thread(self._look)

    async def latest(self) -> str:
        return await in_thread(latest_in, self._folders[0])

    def _look(self) -> list[FileSeen]:
        left, seen = self._budget, []
        for name in names_in(*self._folders):
            files = files_of(name, self._folders)
            try:
                one, read_bytes = self._seen(files, left)
            except FileNotFoundError:
                continue  # it went while we looked
            left -= read_bytes
            seen.append(one)
        self._known = {one.file: self._known[one.file] for one in seen if one.file in self._known}
        return seen

    def _seen(self, files: BackupFiles, left: int) -> tuple[FileSeen, int]:
        """What is known of it, and how many bytes had to be read for that."""
        signature = _signature(files)
        known = self._known.get(files.name)
        if known and known[0] == signature:
            return known[1], 0
        size_bytes = signature[0][0]
        if size_bytes > left:
            return _file(files, size_bytes, unread=True), 0
        seen = _file(files, size_bytes, broken=_broken(files))
        self._known[files.name] = signature, seen
        return seen, size_bytes


def _file(files: BackupFiles, size_bytes: int, *, broken: str = "", unread: bool = False) -> FileSeen:
    at = taken_at(files.name) or datetime.fromtimestamp(files.dump.stat().st_mtime, UTC)
    return FileSeen(files.name, at, size_bytes, files.manifest.exists(), broken, unread)


def _broken(files: BackupFiles) -> str:
    """What is wrong with it, in one sentence; empty for a file that reads as a backup to its end."""
    try:
        inspected(files, ANY_VERSION)
    except OperationFailed as error:
        return str(error)
    except OSError as error:
        return f"It cannot be read: {error.strerror}."
    return ""


def _signature(files: BackupFiles) -> Signature:
    """What changes when one of the files does. Raises: FileNotFoundError without a dump."""
    paths: tuple[Path, ...] = (files.dump, files.checksum, files.manifest)
    stats = [path.stat() for path in paths if path is files.dump or path.exists()]
    return tuple((stat.st_size, stat.st_mtime_ns, stat.st_ino) for stat in stats)

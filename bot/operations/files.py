"""Files of backups: a hidden folder while they are unfinished, names that nothing overwrites, disks that are full.

Everything here blocks for a moment; what may take longer is called in a thread.
"""

import asyncio
import errno
import hashlib
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import ParamSpec, TypeVar

from bot.domain.backups import Format, file_name
from bot.domain.errors import OperationFailed

UNFINISHED = ".unfinished"
SPARE_BYTES = 64 << 20
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
NO_LINKS = (errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS)
BLOCK_BYTES = 1 << 20

P = ParamSpec("P")
T = TypeVar("T")


@dataclass(frozen=True)
class BackupFiles:
    """The files of one backup in one folder: the dump, its checksum line, its manifest, and the cluster's roles."""

    folder: Path
    name: str

    @property
    def dump(self) -> Path:
        return self.folder / self.name

    @property
    def checksum(self) -> Path:
        return self.folder / f"{self.name}.sha256"

    @property
    def manifest(self) -> Path:
        return self.folder / f"{self.name}.manifest.json"

    @property
    def roles(self) -> Path:
        return self.folder / f"{self.name}.roles.sql"

    @property
    def in_order(self) -> tuple[Path, ...]:
        """As they are published: the dump last, since it is what is taken for a backup."""
        return (self.manifest, self.checksum, self.roles, self.dump)


def unfinished_folder(folder: Path, run: str) -> Path:
    """Where a run's files are until they are proven; no listing of backups looks into it."""
    return folder / UNFINISHED / run


async def in_thread(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Do blocking work on files. Raises: OperationFailed for what the disk says."""
    with disk_errors():
        return await asyncio.to_thread(work, *args, **kwargs)


@contextmanager
def disk_errors() -> Iterator[None]:
    """Turn what the system says about files into OperationFailed."""
    try:
        yield
    except OSError as error:
        if error.errno in FULL:
            raise OperationFailed(
                f"The disk of the backup folder is full ({error.strerror}).",
                hint="Free some space there, then ask again. Nothing was left behind.",
            ) from error
        raise OperationFailed(
            f"The backup folder cannot be used: {error}.", hint="Look at its path and its permissions (BACKUP_DIR)."
        ) from error


def begin_unfinished(folder: Path, run: str) -> Path:
    """A new, empty folder for the run's files; an earlier attempt's are removed. Raises: OSError."""
    mine = unfinished_folder(folder, run)
    mine.parent.mkdir(parents=True, exist_ok=True)
    remove_unfinished(folder, run)
    mine.mkdir(mode=0o700)
    return mine


def remove_unfinished(folder: Path, run: str) -> bool:
    """Forget the run's files and the name it reserved; whether there were any. Raises: OSError."""
    mine = unfinished_folder(folder, run)
    there = mine.exists()
    while mine.exists():
        with suppress(FileNotFoundError):  # another worker collects the same leftovers
            shutil.rmtree(mine)
    for whose, note in reserved_names(folder):
        if whose == run:
            note.unlink(missing_ok=True)
    return there


def reserved_names(folder: Path) -> Sequence[tuple[str, Path]]:
    """(run, note) of every name that is reserved; other runs free theirs while we look. Raises: OSError."""
    found = []
    for note in (folder / UNFINISHED).glob("*.reserved"):
        with suppress(FileNotFoundError):
            found.append((note.read_text(encoding="utf-8"), note))
    return found


def reserve_name(
    folder: Path,
    run: str,
    at: datetime,
    label: str,
    form: Format = Format.PLAIN,
    *,
    elsewhere: Sequence[Path] = (),
) -> str:
    """A name for a backup taken at that second, or at the next that nobody has; two runs never get the same.

    Nor does it get one that a backup in a folder `elsewhere` has.

    Raises: OSError.
    """
    at = at.astimezone(UTC).replace(microsecond=0)
    while True:
        name = file_name(at, label, form)
        taken = [path for one in (folder, *elsewhere) for path in BackupFiles(one, name).in_order if path.exists()]
        if not taken and _reserved(folder, name, run):
            return name
        at += timedelta(seconds=1)


def _reserved(folder: Path, name: str, run: str) -> bool:
    note = folder / UNFINISHED / f"{name}.reserved"
    try:
        with note.open("x", encoding="utf-8") as file:
            file.write(run)
    except FileExistsError:
        return False
    except OSError:
        note.unlink(missing_ok=True)  # a full disk took the name and not the run: nobody would ever free it
        raise
    return True


def must_have_room(folder: Path, needed_bytes: int) -> None:
    """Raises: OperationFailed when the disk has less than that and some to spare; OSError."""
    free = shutil.disk_usage(folder).free
    if free < needed_bytes + SPARE_BYTES:
        raise OperationFailed(
            f"The disk of {folder} has {free >> 20} MB free; the backup may need {needed_bytes >> 20} MB,"
            f" and {SPARE_BYTES >> 20} MB must stay free.",
            hint="Free some space there, then ask again. Nothing was done.",
        )


def write_durably(path: Path, text: str) -> None:
    """Raises: OSError; FileExistsError when there is such a file."""
    with path.open("x", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def publish_file(source: Path, target: Path) -> None:
    """Move a finished file to its place in one instant, never over another; done again, it finds it done.

    Raises: OSError, OperationFailed when there is another file of that name.
    """
    if not source.exists() and target.exists():
        return
    try:
        os.link(source, target)
    except FileExistsError as error:
        if not source.samefile(target):
            raise OperationFailed(
                f"{target} exists already, and nothing is ever overwritten.", hint="Move it away, then ask again."
            ) from error
    except OSError as error:
        if error.errno not in NO_LINKS:
            raise
        source.rename(target)  # a file system without links; the name was reserved before
        return
    source.unlink()


def sync_folder(folder: Path) -> None:
    """Make names durable, too. Raises: OSError."""
    fd = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def sha256_of(path: Path) -> str:
    """Raises: OSError."""
    whole = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(BLOCK_BYTES):
            whole.update(block)
    return whole.hexdigest()


def checksum_line(sha256: str, name: str) -> str:
    """What `sha256sum -c` reads in that folder."""
    return f"{sha256}  {name}\n"

"""`latest.sql.gz`: a name that always leads to the newest proven backup, for people and scripts that know no other.

The guide's recovery section uses it, and no known script makes it. Source: facts, Services.
"""

import json
import os
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bot.domain.backups import Backup, Format, format_of, taken_at
from bot.domain.operations import Outcome
from bot.domain.retention import newest_proven
from bot.operations.files import in_thread, sync_folder
from bot.operations.tools.toolbox import StepTools

LATEST_FILE = "latest.sql.gz"
LATEST_FAST = "latest.dump.zst"
LINKS = {Format.PLAIN: LATEST_FILE, Format.FAST: LATEST_FAST}
LATEST_OBJECT = "latest.json"


async def point_latest(tools: StepTools, fresh: Backup | None = None, without: str = "") -> str:
    """Lead the name to the newest proven backup of the default database; answers what it leads to, in words.

    `fresh` is a backup whose row is about to be written, `without` a file that is about to go. Raises: OperationFailed.
    """
    folder = str(tools.platform.backups.folder)
    known = [one for one in await tools.known.there() if one.file != without]
    known = await in_thread(lambda: [one for one in known if _is_there(one)])
    known = [one for one in (*known, *([fresh] if fresh else [])) if one.folder == folder]
    now, default = await tools.known.now(), tools.platform.default_database
    told = []
    for form, link in LINKS.items():
        newest = newest_proven([one for one in known if format_of(one.file) is form], default, now)
        if newest or form is Format.PLAIN or (tools.platform.backups.folder / link).is_symlink():
            file = newest.file if newest else ""
            told.append(await in_thread(point, tools.platform.backups.folder, link, file))
    found = newest_proven(known, default, now)
    if tools.objects is not None and found is not None and found.object_key:
        key = f"{found.object_key.rpartition('/')[0]}/{LATEST_OBJECT}".lstrip("/")
        pointer = {"file": found.file, "key": found.object_key, "sha256": found.sha256}
        await tools.objects.point(key, json.dumps(pointer | {"taken_at": found.taken_at.isoformat()}))
    return "; ".join(told)


@dataclass(frozen=True)
class PointLatest:
    """Leads the name to what the catalogue says now."""

    timeout: timedelta = timedelta(minutes=2)
    safe_to_repeat: bool = True

    def describe(self) -> str:
        return f"Lead {LATEST_FILE} (and its pointer in S3) to the newest proven backup of the default database"

    async def run(self, tools: StepTools) -> Outcome:
        """Raises: OperationFailed."""
        return Outcome(await point_latest(tools))


def _is_there(backup: Backup) -> bool:
    path = Path(backup.folder) / backup.file
    return path.is_file() and path.stat().st_size == backup.size_bytes


def point(folder: Path, link: str, file: str) -> str:
    """Make `link` lead to that file of the folder in one instant; to nothing when `file` is empty. Serves any kind.

    A file of that name which is no link is somebody's own, and is left alone. Raises: OSError.
    """
    path = folder / link
    if path.exists() and not path.is_symlink():
        return f"{link} is a file of its own here, and was left alone"
    if not file:
        path.unlink(missing_ok=True)
        return f"{link} leads nowhere: no backup is proven"
    if not path.is_symlink() or str(path.readlink()) != file:
        fresh = folder / f".{link}.{os.getpid()}"
        fresh.unlink(missing_ok=True)
        fresh.symlink_to(file)
        fresh.replace(path)
        sync_folder(folder)
    return f"{link} leads to {file}"


def latest_in(folder: Path) -> str:
    """The newest file that one of the names leads to; empty when they lead nowhere. Raises: OSError."""
    links = [folder / link for link in LINKS.values()]
    files = [str(path.readlink()) for path in links if path.is_symlink() and path.exists()]
    return max(files, key=lambda name: taken_at(name) or datetime.min.replace(tzinfo=UTC), default="")

"""What the bot says about backups: its own rows and the files as they lie there, side by side."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from bot.domain import phrases
from bot.domain.backups import Backup, Verdict, taken_at
from bot.domain.errors import RequestError
from bot.domain.retention import SKEW
from bot.domain.verdicts import Aspect, Finding, Retention, latest
from bot.services.backup_ports import BackupFolder, FileSeen
from bot.services.ports import Store

LATEST = "latest"
MOST = 10_000


@dataclass(frozen=True)
class Listed:
    """One backup as it is known now: `row` is None for a file nobody recorded, `seen` for a row without a file."""

    file: str
    taken_at: datetime
    verdict: Verdict
    why: str = ""
    row: Backup | None = None
    seen: FileSeen | None = None


@dataclass(frozen=True)
class Shown:
    """One backup with the latest finding of each aspect."""

    listed: Listed
    findings: Mapping[Aspect, Finding]


@dataclass(frozen=True)
class Backups:
    """Look-ups of backups. Everything raises: OperationFailed when the folder cannot be looked at."""

    store: Store
    folder: BackupFolder

    async def listed(self, limit: int, database: str = "") -> Sequence[Listed]:
        """Newest first; files without a row belong to no database."""
        seen = await self.folder.look()
        async with self.store.work() as work:
            rows, now = await work.backups.there(database), await work.now()
            others = {row.file for row in await work.backups.there() if row not in rows}
        return merged(rows, [one for one in seen if not database or one.file not in others], now)[:limit]

    async def shown(self, name: str) -> Shown:
        """`latest` is what `latest.sql.gz` leads to. Raises: RequestError for neither a row nor a file of that name."""
        everything = await self.listed(MOST)
        name = await self.folder.latest() if name == LATEST else name
        found = next((one for one in everything if one.file == name), None)
        if found is None:
            raise RequestError(f"There is no backup {name!r}.", hint="`/takumi backup list` shows what there is.")
        async with self.store.work() as work:
            findings = await work.backups.findings(found.row.id) if found.row else ()
        return Shown(found, latest(findings))


def merged(rows: Sequence[Backup], seen: Sequence[FileSeen], now: datetime) -> list[Listed]:
    """Rows and files joined by name, newest first; nothing is called good that its file does not bear out."""
    newest: dict[str, Backup] = {}
    for row in sorted(rows, key=lambda row: row.retention is not Retention.KEPT):
        newest.setdefault(row.file, row)
    files = {one.file: one for one in seen}
    found = [_listed(name, newest.get(name), files.get(name), now) for name in {**newest, **files}]
    return sorted(found, key=lambda one: (one.taken_at, one.file), reverse=True)


def _listed(name: str, row: Backup | None, seen: FileSeen | None, now: datetime) -> Listed:
    if seen and row and row.retention is not Retention.KEPT:
        row = None  # that one lies elsewhere; this is another file of its name
    at = row.taken_at if row else seen.taken_at if seen else taken_at(name) or now
    verdict, why = _verdict(row, seen)
    if at > now + SKEW:
        why = f"{why}; " if why else ""
        why += f"it was stamped in the future ({phrases.instant(at)}): a clock was wrong"
    return Listed(name, at, verdict, why, row, seen)


def _verdict(row: Backup | None, seen: FileSeen | None) -> tuple[Verdict, str]:
    if seen is None:
        return _without_file(row)
    if seen.broken:
        return Verdict.BROKEN, seen.broken
    if row is None:
        return Verdict.UNPROVEN, "not read yet" if seen.unread else _unrecorded(seen)
    if row.size_bytes != seen.size_bytes:
        was, found = phrases.size(row.size_bytes), phrases.size(seen.size_bytes)
        return Verdict.BROKEN, f"its file was changed: {found}, where {was} were recorded"
    return row.verdict, ""


def _unrecorded(seen: FileSeen) -> str:
    return "nobody recorded it" if seen.has_manifest else "no manifest: nothing to compare a restore with"


def _without_file(row: Backup | None) -> tuple[Verdict, str]:
    if row is not None and row.retention is Retention.ASIDE:
        return row.verdict, f"deleted; it can be brought back until {phrases.instant(row.expires_at)}"
    if row is not None and row.retention is Retention.LOCKED:
        return row.verdict, f"deleted here; S3 keeps its copy until {phrases.instant(row.expires_at)}"
    copy = f"; there is a copy in s3://{row.bucket}/{row.object_key}" if row and row.object_key else ""
    return Verdict.BROKEN, f"its file is gone from the folder{copy}"

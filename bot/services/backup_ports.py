"""Where backups are recorded, and what the operations are told of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

from bot.domain.backups import Backup
from bot.domain.verdicts import Finding


class BackupStore(Protocol):
    """What the bot knows of backups: those that it made, and files of the guide's scripts that it has looked into."""

    async def add(self, backup: Backup) -> None: ...

    async def save(self, backup: Backup) -> None:
        """Write what may change of it. Raises: LookupError when it was never added."""
        ...

    async def get(self, backup_id: str) -> Backup | None: ...

    async def of_file(self, file: str) -> Backup | None:
        """The newest of that name that is kept."""
        ...

    async def recent(self, limit: int, database: str = "") -> Sequence[Backup]:
        """Newest first, those that have gone included."""
        ...

    async def there(self, database: str = "") -> Sequence[Backup]:
        """Every one that is kept, was moved aside, or whose copy S3 has locked; newest first."""
        ...

    async def note(self, finding: Finding) -> None: ...

    async def findings(self, backup_id: str) -> Sequence[Finding]:
        """Oldest first."""
        ...


class KnownBackups(Protocol):
    """What operations may ask about backups. All raise: Unavailable."""

    async def there(self) -> Sequence[Backup]:
        """Every one that is kept, was moved aside, or whose copy S3 has locked; newest first."""
        ...

    async def of_file(self, file: str) -> Backup | None: ...

    async def held(self, files: Sequence[str], but: str) -> Mapping[str, str]:
        """Which of the files is named by which request or run that has not ended; `but` is the asking run's id."""
        ...

    async def now(self) -> datetime:
        """The database's clock (UTC), by which backups expire."""
        ...


class NothingKnown:
    """Where there is no database of the bot: every file is a stranger, and the clock is this machine's."""

    async def there(self) -> Sequence[Backup]:
        return ()

    async def of_file(self, file: str) -> Backup | None:  # noqa: ARG002 - the port names it
        return None

    async def held(self, files: Sequence[str], but: str) -> Mapping[str, str]:  # noqa: ARG002 - the port names them
        return {}

    async def now(self) -> datetime:
        return datetime.now(UTC)


@dataclass(frozen=True)
class FileSeen:
    """A file of the backup folder as it was found; `broken` says what is wrong, `unread` that nobody looked inside."""

    file: str
    taken_at: datetime
    size_bytes: int
    has_manifest: bool
    broken: str = ""
    unread: bool = False


class BackupFolder(Protocol):
    """Looks at the files themselves. Raises: OperationFailed."""

    async def look(self) -> Sequence[FileSeen]:
        """Every file that is named as a backup, newest first; as many as time allows are read to their end."""
        ...

    async def latest(self) -> str:
        """The file that `latest.sql.gz` leads to; empty when it leads nowhere."""
        ...

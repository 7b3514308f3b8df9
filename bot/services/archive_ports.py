"""What the services need to know of the archive of WAL."""

from typing import Protocol

from bot.domain.archive import ArchiveFacts


class ArchiveProbe(Protocol):
    """A look at the platform's archive and at the cluster's backups."""

    @property
    def is_configured(self) -> bool:
        """False where there is no repository: then nothing can be looked at."""
        ...

    async def look(self) -> ArchiveFacts:
        """Raises: Refused where it cannot be had, OperationFailed."""
        ...

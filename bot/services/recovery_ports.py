"""Where measured recoveries are kept, and who knows what would be lost now."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from bot.domain.recoveries import Loss, Recovery


class RecoveryStore(Protocol):
    """Measurements; they only grow."""

    async def add(self, recovery: Recovery) -> None: ...

    async def recent(self, component: str, limit: int) -> Sequence[Recovery]:
        """Newest first."""
        ...

    async def began(self) -> datetime:
        """Since when this installation is there; nothing can have been proven before."""
        ...


class LossProbe(Protocol):
    """A way by which less would be lost than by the last backup, such as archived WAL."""

    async def look(self) -> Loss | None:
        """None where that way does not exist. Raises: OperationFailed, Unavailable."""
        ...

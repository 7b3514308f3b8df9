"""Where the looks at the platform's components are counted."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Protocol

from bot.domain.alerts import AlertGroup
from bot.domain.tallies import Tally


class HealthStore(Protocol):
    """Counts that all replicas share, and that a restart keeps."""

    async def take_turn(self, every: timedelta) -> bool:
        """Whether it is this caller who looks now: one in so long."""
        ...

    async def tallies(self) -> Sequence[Tally]:
        """By component."""
        ...

    async def save(self, tally: Tally) -> None: ...

    async def hold(self, component: str) -> None:
        """Until the transaction ends nobody else decides which message is this component's."""
        ...

    async def adopt(self, group: AlertGroup) -> None:
        """The group of this number has this source and key from now on."""
        ...

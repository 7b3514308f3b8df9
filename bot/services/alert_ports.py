"""Where alerts are kept, and who silences them."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Protocol

from bot.domain.alerts import Alert, AlertEvent, AlertGroup, Silence


class AlertStore(Protocol):
    """Groups of alerts. Who changes a group holds it until the transaction ends."""

    async def open(self, group: AlertGroup, again_within: timedelta) -> tuple[AlertGroup, bool]:
        """The newest group of this source and key that fires or was resolved so lately, held; else this one, stored.

        The second value says whether it is new; a new one carries its number.
        """
        ...

    async def get(self, number: int, *, hold: bool = False) -> AlertGroup | None: ...

    async def save(self, group: AlertGroup) -> None:
        """What may change of a held group."""
        ...

    async def alerts(self, number: int) -> Sequence[Alert]:
        """By fingerprint."""
        ...

    async def save_alerts(self, number: int, alerts: Sequence[Alert]) -> None:
        """Store or replace them, given in the order of their fingerprints."""
        ...

    async def note(self, number: int, event: AlertEvent) -> int:
        """Add a line to the history; answers its place, from 1."""
        ...

    async def events(self, number: int) -> Sequence[AlertEvent]:
        """Oldest first."""
        ...

    async def firing(self) -> Sequence[AlertGroup]:
        """The most urgent first, then the oldest."""
        ...

    async def of_storm(self, storm: int) -> Sequence[AlertGroup]:
        """Every group of it, oldest first."""
        ...

    async def storm_is_told(self, group: AlertGroup) -> bool:
        """Whether an earlier group of its storm is as urgent: one clock calls for all of them."""
        ...

    async def acknowledge_storm(self, storm: int, by: str, slack_user: str) -> int:
        """Acknowledge what fires there and nobody has; answers how many groups that were."""
        ...

    async def recent(self, limit: int) -> Sequence[AlertGroup]:
        """Newest first."""
        ...


class Silencer(Protocol):
    """Whoever sends the alerts, and can be asked to be silent. Everything raises OperationFailed."""

    async def silence(
        self, labels: Mapping[str, str], until: datetime, by: str, comment: str, *, instead_of: str = ""
    ) -> Silence:
        """Silence what has all of these labels; asked for again with the same comment, it is the same silence."""
        ...

    async def stands(self, silence: str) -> bool: ...

    async def lift(self, silence: str) -> None:
        """One that is over already is lifted."""
        ...

    async def firing(self, labels: Mapping[str, str]) -> frozenset[str] | None:
        """The fingerprints of what fires with these labels, silenced or not; None when that is not known yet."""
        ...

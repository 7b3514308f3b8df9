"""Alerts in memory."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

from bot.domain.alerts import Alert, AlertEvent, AlertGroup
from bot.stores.memory.tables import Clock, Tables


class MemoryAlerts:
    """Alerts in one transaction; the store's one turn holds every group."""

    def __init__(self, tables: Tables, clock: Clock) -> None:
        self._groups, self._alerts, self._events = tables.alert_groups, tables.alerts, tables.alert_events
        self._clock = clock

    async def open(self, group: AlertGroup, again_within: timedelta) -> tuple[AlertGroup, bool]:
        since = self._clock() - again_within
        same = [one for one in self._groups.values() if (one.source, one.key) == (group.source, group.key)]
        latest = [one for one in same if one.is_firing or (one.resolved_at and one.resolved_at > since)]
        if latest:
            return latest[-1], False
        number = len(self._groups) + 1
        self._groups[number] = replace(group, number=number, opened_at=self._clock())
        return self._groups[number], True

    async def get(self, number: int, *, hold: bool = False) -> AlertGroup | None:  # noqa: ARG002 - held anyway
        return self._groups.get(number)

    async def save(self, group: AlertGroup) -> None:
        self._groups[group.number] = group

    async def alerts(self, number: int) -> Sequence[Alert]:
        return [self._alerts[key] for key in sorted(self._alerts) if key[0] == number]

    async def save_alerts(self, number: int, alerts: Sequence[Alert]) -> None:
        self._alerts.update({(number, alert.fingerprint): alert for alert in alerts})

    async def note(self, number: int, event: AlertEvent) -> int:
        place = len(await self.events(number)) + 1
        self._events[number, place] = replace(event, at=self._clock())
        return place

    async def events(self, number: int) -> Sequence[AlertEvent]:
        return [self._events[key] for key in sorted(self._events) if key[0] == number]

    async def firing(self) -> Sequence[AlertGroup]:
        groups = [group for group in self._groups.values() if group.is_firing]
        return sorted(groups, key=lambda group: (group.severity.value, group.number))

    async def of_storm(self, storm: int) -> Sequence[AlertGroup]:
        return [group for _, group in sorted(self._groups.items()) if group.storm == storm]

    async def storm_is_told(self, group: AlertGroup) -> bool:
        return any(
            one.severity <= group.severity and one.number < group.number for one in await self.of_storm(group.storm)
        )

    async def acknowledge_storm(self, storm: int, by: str, slack_user: str) -> int:
        theirs = [one for one in await self.of_storm(storm) if one.is_firing and not one.acknowledged_by]
        answered: dict[str, Any] = {
            "acknowledged_by": by,
            "acknowledged_slack": slack_user,
            "acknowledged_at": self._clock(),
        }
        self._groups.update({one.number: replace(one, **answered) for one in theirs})
        return len(theirs)

    async def recent(self, limit: int) -> Sequence[AlertGroup]:
        return sorted(self._groups.values(), key=lambda group: -group.number)[:limit]

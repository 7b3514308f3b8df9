"""Alerts: held by their group's row, written many at once."""

from collections.abc import Sequence
from dataclasses import fields
from datetime import timedelta
from typing import Any

from psycopg.rows import DictRow
from psycopg.types.json import Jsonb

from bot.domain.alerts import Alert, AlertEvent, AlertEventKind, AlertGroup, Source, Status
from bot.domain.risk import Severity
from bot.stores.connections import Connection

_GET = "SELECT * FROM alert_groups WHERE number = %s"
_HOLD = f"{_GET} FOR UPDATE"
_LATEST = """
SELECT * FROM alert_groups
WHERE source = %(source)s AND key = %(key)s
  AND (status = 'firing' OR resolved_at > clock_timestamp() - %(again_within)s)
ORDER BY number DESC LIMIT 1 FOR UPDATE
"""
_ADD = """
INSERT INTO alert_groups (source, key, severity, title, labels, annotations, link, status, storm)
VALUES (%(source)s, %(key)s, %(severity)s, %(title)s, %(labels)s, %(annotations)s, %(link)s, 'firing', %(storm)s)
ON CONFLICT (source, key) WHERE status = 'firing' DO NOTHING
RETURNING *
"""
_SAVE = """
UPDATE alert_groups SET severity = %(severity)s, title = %(title)s, labels = %(labels)s,
    annotations = %(annotations)s, link = %(link)s, status = %(status)s, resolved_at = %(resolved_at)s,
    acknowledged_by = %(acknowledged_by)s, acknowledged_slack = %(acknowledged_slack)s,
    acknowledged_at = %(acknowledged_at)s, silence = %(silence)s, silenced_until = %(silenced_until)s,
    incident = %(incident)s, flaps = %(flaps)s, clock = %(clock)s
WHERE number = %(number)s
"""
# Sorted rows, so that two deliveries never wait for each other in a circle.
_SAVE_ALERTS = """
INSERT INTO alerts (group_number, fingerprint, status, starts_at, ends_at, labels, annotations, link, changes)
SELECT %(number)s, told.* FROM unnest(%(fingerprint)s::text[], %(status)s::text[], %(starts_at)s::timestamptz[],
    %(ends_at)s::timestamptz[], %(labels)s::jsonb[], %(annotations)s::jsonb[], %(link)s::text[], %(changes)s::integer[]
) AS told
ON CONFLICT (group_number, fingerprint) DO UPDATE SET status = excluded.status, starts_at = excluded.starts_at,
    ends_at = excluded.ends_at, labels = excluded.labels, annotations = excluded.annotations, link = excluded.link,
    changes = excluded.changes
"""
_ACKNOWLEDGE_STORM = """
UPDATE alert_groups SET acknowledged_by = %s, acknowledged_slack = %s, acknowledged_at = clock_timestamp()
WHERE storm = %s AND status = 'firing' AND acknowledged_by = ''
"""
_STORM_TOLD = "SELECT 1 FROM alert_groups WHERE storm = %s AND severity <= %s AND number < %s LIMIT 1"
_NOTE = """
INSERT INTO alert_events (group_number, place, kind, text, by, slack_user)
SELECT %(number)s, coalesce(max(place), 0) + 1, %(kind)s, %(text)s, %(by)s, %(slack_user)s
FROM alert_events WHERE group_number = %(number)s
RETURNING place
"""


# A newer version's migration may have added columns.
_FIELDS = frozenset(field.name for field in fields(AlertGroup))


class PostgresAlerts:
    """Alerts in one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def open(self, group: AlertGroup, again_within: timedelta) -> tuple[AlertGroup, bool]:
        values = _values(group) | {"again_within": again_within}
        while True:
            for statement, is_new in ((_LATEST, False), (_ADD, True)):
                row = await (await self._connection.execute(statement, values)).fetchone()
                if row is not None:
                    return _group(row), is_new

    async def get(self, number: int, *, hold: bool = False) -> AlertGroup | None:
        row = await (await self._connection.execute(_HOLD if hold else _GET, (number,))).fetchone()
        return _group(row) if row else None

    async def save(self, group: AlertGroup) -> None:
        await self._connection.execute(_SAVE, _values(group))

    async def alerts(self, number: int) -> Sequence[Alert]:
        cursor = await self._connection.execute(
            "SELECT * FROM alerts WHERE group_number = %s ORDER BY fingerprint", (number,)
        )
        return [_alert(row) for row in await cursor.fetchall()]

    async def save_alerts(self, number: int, alerts: Sequence[Alert]) -> None:
        columns: dict[str, Any] = {
            field.name: [getattr(alert, field.name) for alert in alerts] for field in fields(Alert)
        }
        columns["status"] = [alert.status.value for alert in alerts]
        for name in ("labels", "annotations"):
            columns[name] = [Jsonb(dict(value)) for value in columns[name]]
        await self._connection.execute(_SAVE_ALERTS, columns | {"number": number})

    async def note(self, number: int, event: AlertEvent) -> int:
        values = {"kind": event.kind.value, "text": event.text, "by": event.by, "slack_user": event.slack_user}
        row = await (await self._connection.execute(_NOTE, values | {"number": number})).fetchone()
        assert row is not None  # noqa: S101 - an INSERT that did not raise returns its row
        place: int = row["place"]
        return place

    async def events(self, number: int) -> Sequence[AlertEvent]:
        cursor = await self._connection.execute(
            "SELECT * FROM alert_events WHERE group_number = %s ORDER BY place", (number,)
        )
        return [
            AlertEvent(AlertEventKind(row["kind"]), row["text"], row["by"], row["slack_user"], row["at"])
            for row in await cursor.fetchall()
        ]

    async def firing(self) -> Sequence[AlertGroup]:
        cursor = await self._connection.execute(
            "SELECT * FROM alert_groups WHERE status = 'firing' ORDER BY severity, number"
        )
        return [_group(row) for row in await cursor.fetchall()]

    async def of_storm(self, storm: int) -> Sequence[AlertGroup]:
        cursor = await self._connection.execute("SELECT * FROM alert_groups WHERE storm = %s ORDER BY number", (storm,))
        return [_group(row) for row in await cursor.fetchall()]

    async def storm_is_told(self, group: AlertGroup) -> bool:
        values = (group.storm, group.severity.value, group.number)
        return await (await self._connection.execute(_STORM_TOLD, values)).fetchone() is not None

    async def acknowledge_storm(self, storm: int, by: str, slack_user: str) -> int:
        return (await self._connection.execute(_ACKNOWLEDGE_STORM, (by, slack_user, storm))).rowcount

    async def recent(self, limit: int) -> Sequence[AlertGroup]:
        cursor = await self._connection.execute("SELECT * FROM alert_groups ORDER BY number DESC LIMIT %s", (limit,))
        return [_group(row) for row in await cursor.fetchall()]


def _values(group: AlertGroup) -> dict[str, Any]:
    values: dict[str, Any] = {field.name: getattr(group, field.name) for field in fields(AlertGroup)}
    values |= {name: values[name].value for name in ("source", "severity", "status")}
    return values | {name: Jsonb(dict(values[name])) for name in ("labels", "annotations")}


def _group(row: DictRow) -> AlertGroup:
    typed = {"source": Source(row["source"]), "severity": Severity(row["severity"]), "status": Status(row["status"])}
    return AlertGroup(**{name: value for name, value in row.items() if name in _FIELDS} | typed)


def _alert(row: DictRow) -> Alert:
    values = {name: value for name, value in row.items() if name != "group_number"}
    return Alert(**values | {"status": Status(row["status"])})

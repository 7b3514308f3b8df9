"""One look over what waits, fires and was measured."""

from collections.abc import Sequence
from datetime import timedelta

from psycopg.rows import DictRow

from bot.services.figure_ports import Backlog, RowFigures
from bot.stores.connections import Connection

# Every part is read through an index of what is open; what has ended is not counted.
_LOOK = """
SELECT 'runs' AS kind, state AS label, count(*) AS count, interval '0' AS age
FROM runs WHERE finished_at IS NULL GROUP BY state
UNION ALL
SELECT 'approvals', '', count(*), coalesce(clock_timestamp() - min(created_at), interval '0')
FROM runs WHERE finished_at IS NULL AND state = 'requested'
UNION ALL
SELECT 'inbox', '', count(*), coalesce(clock_timestamp() - min(received_at), interval '0')
FROM inbox WHERE worked_at IS NULL
UNION ALL
SELECT 'messages', '', count(*), coalesce(clock_timestamp() - min(wanted_at), interval '0')
FROM messages WHERE shown_at < wanted_at
UNION ALL
SELECT 'calls', '', count(*), coalesce(clock_timestamp() - min(due_at), interval '0')
FROM calls WHERE made_at IS NULL AND due_at <= clock_timestamp()
UNION ALL
SELECT 'alerts', severity, count(*), interval '0' FROM alert_groups WHERE status = 'firing' GROUP BY severity
UNION ALL
SELECT 'proven', database, 1, clock_timestamp() - max(taken_at)
FROM backups WHERE verdict = 'proven' AND retention = 'kept' GROUP BY database
UNION ALL
(SELECT DISTINCT ON (component) 'recovered', component, 1, took FROM recoveries ORDER BY component, at DESC)
"""


class PostgresFigures:
    """Figures in one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def look(self) -> RowFigures:
        rows = await (await self._connection.execute(_LOOK)).fetchall()
        return RowFigures(
            runs=_counts(rows, "runs"),
            approvals=_backlog(rows, "approvals"),
            inbox=_backlog(rows, "inbox"),
            messages=_backlog(rows, "messages"),
            calls=_backlog(rows, "calls"),
            alerts=_counts(rows, "alerts"),
            proven_age=_ages(rows, "proven"),
            recovered=_ages(rows, "recovered"),
        )


def _counts(rows: Sequence[DictRow], kind: str) -> dict[str, int]:
    return {row["label"]: row["count"] for row in rows if row["kind"] == kind}


def _ages(rows: Sequence[DictRow], kind: str) -> dict[str, timedelta]:
    return {row["label"]: row["age"] for row in rows if row["kind"] == kind}


def _backlog(rows: Sequence[DictRow], kind: str) -> Backlog:
    (row,) = [row for row in rows if row["kind"] == kind]
    return Backlog(row["count"], row["age"])

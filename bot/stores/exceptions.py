"""What is out of the ordinary: incidents, freezes, and the reviews that broken glass owes."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from psycopg.rows import DictRow

from bot.domain.freezes import Freeze
from bot.domain.incidents import Incident
from bot.domain.reviews import Review
from bot.domain.risk import Severity
from bot.stores.connections import Connection

_ADD_INCIDENT = """
INSERT INTO incidents (severity, title, declared_by) VALUES (%s, %s, %s) RETURNING number, declared_at
"""
_RESOLVE = """
UPDATE incidents SET resolved_by = %s, resolved_at = clock_timestamp() WHERE number = %s AND resolved_at IS NULL
"""
_LIFT = """
UPDATE freezes SET lifted_by = %s, lifted_at = clock_timestamp() WHERE lifted_at IS NULL AND until > clock_timestamp()
"""
_STANDING = "SELECT * FROM freezes WHERE lifted_at IS NULL AND until > clock_timestamp() ORDER BY until DESC, number"
_DONE = """
UPDATE reviews SET done_at = %(at)s, done_by = %(by)s, note = %(note)s
WHERE run = %(run)s AND done_at IS NULL AND requester <> %(by)s
"""


class PostgresIncidents:
    """Incidents in one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def add(self, incident: Incident) -> Incident:
        values = (incident.severity.value, incident.title, incident.declared_by)
        row = await (await self._connection.execute(_ADD_INCIDENT, values)).fetchone()
        assert row is not None  # noqa: S101 - an INSERT that did not raise returns its row
        return replace(incident, number=row["number"], declared_at=row["declared_at"])

    async def open(self) -> Sequence[Incident]:
        cursor = await self._connection.execute(
            "SELECT * FROM incidents WHERE resolved_at IS NULL ORDER BY severity, number"
        )
        return [_incident(row) for row in await cursor.fetchall()]

    async def resolve(self, number: int, principal: str) -> bool:
        return (await self._connection.execute(_RESOLVE, (principal, number))).rowcount == 1


def _incident(row: DictRow) -> Incident:
    names = ("title", "declared_by", "number", "declared_at", "resolved_by", "resolved_at")
    return Incident(**{name: row[name] for name in names}, severity=Severity(row["severity"]))


class PostgresFreezes:
    """Freezes in one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def add(self, freeze: Freeze) -> Freeze:
        cursor = await self._connection.execute(
            "INSERT INTO freezes (until, reason, declared_by) VALUES (%s, %s, %s) RETURNING number",
            (freeze.until, freeze.reason, freeze.declared_by),
        )
        row = await cursor.fetchone()
        assert row is not None  # noqa: S101 - an INSERT that did not raise returns its row
        return replace(freeze, number=row["number"])

    async def standing(self) -> Sequence[Freeze]:
        names = ("until", "reason", "declared_by", "number", "lifted_by", "lifted_at")
        cursor = await self._connection.execute(_STANDING)
        return [Freeze(**{name: row[name] for name in names}) for row in await cursor.fetchall()]

    async def lift(self, principal: str) -> int:
        return (await self._connection.execute(_LIFT, (principal,))).rowcount


class PostgresReviews:
    """Reviews in one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def add(self, review: Review) -> None:
        await self._connection.execute(
            "INSERT INTO reviews (run, requester) VALUES (%s, %s) ON CONFLICT DO NOTHING",
            (review.run, review.requester),
        )

    async def get(self, run_id: str) -> Review | None:
        cursor = await self._connection.execute("SELECT * FROM reviews WHERE run = %s", (run_id,))
        row = await cursor.fetchone()
        return Review(**row) if row else None

    async def undone(self) -> Sequence[Review]:
        cursor = await self._connection.execute("SELECT * FROM reviews WHERE done_at IS NULL ORDER BY made_at")
        return [Review(**row) for row in await cursor.fetchall()]

    async def done(self, run_id: str, principal: str, note: str, at: datetime) -> bool:
        values = {"run": run_id, "by": principal, "note": note, "at": at}
        return (await self._connection.execute(_DONE, values)).rowcount == 1

"""Factors, tries and what was used: each proof is good once by a primary key or a compare-and-swap."""

from collections.abc import Sequence
from datetime import timedelta

from psycopg import IntegrityError
from psycopg.rows import DictRow

from bot.domain.factors import Factor, FactorKind
from bot.stores.connections import Connection

_FIND = """
SELECT factors.*, coalesce((SELECT array_agg(voucher) FROM factor_vouchers WHERE factor = factors.id), '{}') AS vouchers
FROM factors
"""
_ADD = """
INSERT INTO factors (id, principal, kind, secret, challenge)
VALUES (%(id)s, %(principal)s, %(kind)s, %(secret)s, %(challenge)s)
"""
_ATTEMPT = "INSERT INTO proof_attempts (principal) VALUES (%s)"
_ATTEMPTS = "SELECT count(*) AS tries FROM proof_attempts WHERE principal = %s AND at > clock_timestamp() - %s"
_USE_CHALLENGE = """
UPDATE challenges SET used_at = clock_timestamp()
WHERE run = %s AND approver = %s AND nonce = %s AND role = %s AND used_at IS NULL
"""


class PostgresFactors:
    """Factors in one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def add(self, factor: Factor) -> None:
        values = {"id": factor.id, "principal": factor.principal, "kind": factor.kind.value}
        await self._connection.execute(_ADD, values | {"secret": factor.secret, "challenge": factor.challenge})

    async def get(self, factor_id: str) -> Factor | None:
        cursor = await self._connection.execute(_FIND + "WHERE id = %s", (factor_id,))
        row = await cursor.fetchone()
        return _factor(row) if row else None

    async def of(self, principal: str) -> Sequence[Factor]:
        where = "WHERE principal = %s AND retired_at IS NULL ORDER BY made_at"
        cursor = await self._connection.execute(_FIND + where, (principal,))
        return [_factor(row) for row in await cursor.fetchall()]

    async def show(self, factor_id: str, *, by_old: bool) -> bool:
        cursor = await self._connection.execute(
            "UPDATE factors SET shown_at = clock_timestamp(), by_old = %s WHERE id = %s AND shown_at IS NULL",
            (by_old, factor_id),
        )
        return cursor.rowcount == 1

    async def vouch(self, factor_id: str, principal: str) -> bool:
        try:
            async with self._connection.transaction():
                statement = "INSERT INTO factor_vouchers (factor, voucher) VALUES (%s, %s)"
                await self._connection.execute(statement, (factor_id, principal))
        except IntegrityError:
            return False
        return True

    async def retire(self, factor_id: str) -> None:
        await self._connection.execute(
            "UPDATE factors SET retired_at = clock_timestamp() WHERE id = %s AND retired_at IS NULL", (factor_id,)
        )

    async def attempt(self, principal: str, most: int, within: timedelta) -> bool:
        # One person's tries wait for each other, so that two at once are two.
        await self._connection.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", (principal,))
        cursor = await self._connection.execute(_ATTEMPTS, (principal, within))
        row = await cursor.fetchone()
        if row is None or row["tries"] >= most:
            return False
        await self._connection.execute(_ATTEMPT, (principal,))
        return True

    async def use_step(self, principal: str, step: int) -> bool:
        cursor = await self._connection.execute(
            "INSERT INTO codes_used (principal, step) VALUES (%s, %s) ON CONFLICT DO NOTHING", (principal, step)
        )
        return cursor.rowcount == 1

    async def challenge(self, run_id: str, approver: str, nonce: str, role: str) -> None:
        await self._connection.execute(
            "INSERT INTO challenges (run, approver, nonce, role) VALUES (%s, %s, %s, %s) ON CONFLICT DO NOTHING",
            (run_id, approver, nonce, role),
        )

    async def challenged(self, run_id: str, nonce: str) -> tuple[str, str] | None:
        cursor = await self._connection.execute(
            "SELECT approver, role FROM challenges WHERE run = %s AND nonce = %s", (run_id, nonce)
        )
        row = await cursor.fetchone()
        return (row["approver"], row["role"]) if row else None

    async def use_challenge(self, run_id: str, approver: str, nonce: str, role: str) -> bool:
        cursor = await self._connection.execute(_USE_CHALLENGE, (run_id, approver, nonce, role))
        return cursor.rowcount == 1


def _factor(row: DictRow) -> Factor:
    same = {name: row[name] for name in ("id", "principal", "secret", "challenge", "made_at", "shown_at", "by_old")}
    return Factor(**same, kind=FactorKind(row["kind"]), vouchers=frozenset(row["vouchers"]))

"""Decisions on requested runs; the database's constraints say no, and this says which rule it was."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from psycopg import IntegrityError
from psycopg.rows import DictRow

from bot.domain.approvals import Decision, DecisionRule, Verdict
from bot.domain.errors import Refused
from bot.domain.people import Role
from bot.stores.connections import Connection

_ADD = """
INSERT INTO approvals (run, requester, digest, approver, slack_user, role, verdict, reason, proof)
SELECT id, requester, %(digest)s, %(approver)s, %(slack_user)s, %(role)s, %(verdict)s, %(reason)s, %(proof)s
FROM runs WHERE id = %(run)s
RETURNING at
"""
_RULES: Mapping[str, DecisionRule] = {
    "not_waiting": DecisionRule.NOT_WAITING,
    "expired": DecisionRule.EXPIRED,
    "unproven": DecisionRule.UNPROVEN,
    "stale_digest": DecisionRule.STALE_DIGEST,
    "already_denied": DecisionRule.ALREADY_DENIED,
    "self_approval": DecisionRule.SELF_APPROVAL,
    "decided_before": DecisionRule.DECIDED_BEFORE,
    "role_filled": DecisionRule.ROLE_FILLED,
}


class PostgresApprovals:
    """Decisions in one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def add(self, decision: Decision) -> Decision:
        try:
            async with self._connection.transaction():
                cursor = await self._connection.execute(_ADD, _columns(decision))
                row = await cursor.fetchone()
        except IntegrityError as error:
            raise Refused(_RULES[error.diag.constraint_name or ""]) from error
        if row is None:
            raise Refused(DecisionRule.UNKNOWN_RUN)
        return replace(decision, at=row["at"])

    async def of_run(self, run_id: str) -> Sequence[Decision]:
        cursor = await self._connection.execute("SELECT * FROM approvals WHERE run = %s ORDER BY id", (run_id,))
        return [_decision(row) for row in await cursor.fetchall()]


def _columns(decision: Decision) -> dict[str, object]:
    return vars(decision) | {"role": decision.role.value, "verdict": decision.verdict.value}


def _decision(row: DictRow) -> Decision:
    same = {name: row[name] for name in ("run", "digest", "approver", "slack_user", "reason", "proof", "at")}
    return Decision(**same, role=Role(row["role"]), verdict=Verdict(row["verdict"]))

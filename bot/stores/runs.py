"""Runs, their steps, what they hold and who may work on them; every move is a compare-and-swap here."""

import uuid
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

from psycopg.rows import DictRow
from psycopg.types.json import Json

from bot.domain.risk import Risk, Severity
from bot.domain.runs import Lease, Origin, Run, RunState, StepRow, StepState, check_move, check_new
from bot.services.run_ports import RunKnownError
from bot.stores.connections import Connection

_ADD = """
INSERT INTO runs (id, runbook, title, params, facts, described, digest, definition, risk, environment, state,
                  requester, requester_slack, channel, thread, undoes, created_at, card, expires_at,
                  severity, incident, glass, own_severity, as_production)
VALUES (%(id)s, %(runbook)s, %(title)s, %(params)s, %(facts)s, %(described)s, %(digest)s, %(definition)s, %(risk)s,
        %(environment)s, %(state)s, %(requester)s, %(requester_slack)s, %(channel)s, %(thread)s, %(undoes)s,
        %(created_at)s, %(card)s, %(expires_at)s, %(severity)s, %(incident)s, %(glass)s,
        %(own_severity)s, %(as_production)s)
ON CONFLICT (id) DO NOTHING RETURNING number
"""
_ADD_STEP = """
INSERT INTO run_steps (run, position, key, title, state, attempt, note, data, started_at, finished_at)
VALUES (%(run)s, %(position)s, %(key)s, %(title)s, %(state)s, %(attempt)s, %(note)s, %(data)s, %(started_at)s,
        %(finished_at)s)
"""
_SAVE_STEP = """
UPDATE run_steps SET state = %(state)s, attempt = %(attempt)s, note = %(note)s, data = %(data)s,
                     started_at = %(started_at)s, finished_at = %(finished_at)s
WHERE run = %(run)s AND key = %(key)s
"""
_MOVE = """
UPDATE runs SET state = %(new)s,
    started_at = CASE WHEN %(starts)s THEN coalesce(started_at, clock_timestamp()) ELSE started_at END,
    finished_at = CASE WHEN %(ends)s THEN clock_timestamp() END,
    failure = CASE WHEN %(failure)s = '' THEN failure ELSE %(failure)s END,
    hint = CASE WHEN %(hint)s = '' THEN hint ELSE %(hint)s END
WHERE id = %(id)s AND state = %(expected)s
"""
_CLAIM = """
INSERT INTO run_claims (run, name, exclusive, slots)
SELECT id, %(name)s, %(exclusive)s,
       CASE WHEN %(exclusive)s THEN int8range(NULL, NULL) ELSE int8range(number, number, '[]') END
FROM runs WHERE id = %(run)s
ON CONFLICT DO NOTHING
"""
_HOLDER = """
SELECT run FROM run_claims WHERE held AND name = %(name)s AND (exclusive OR %(exclusive)s) AND run <> %(run)s LIMIT 1
"""
_LEASE = """
INSERT INTO leases (run, token, owner, until) VALUES (%(run)s, %(token)s, %(owner)s, clock_timestamp() + %(length)s)
ON CONFLICT (run) DO UPDATE SET token = excluded.token, owner = excluded.owner, until = excluded.until
RETURNING until
"""
_RENEW = """
UPDATE leases SET until = clock_timestamp() + %s WHERE run = %s AND token = %s AND until > clock_timestamp()
RETURNING until
"""
_ABANDONED = """
SELECT runs.id FROM runs JOIN leases ON leases.run = runs.id
WHERE runs.state = 'running' AND runs.finished_at IS NULL AND leases.until <= clock_timestamp()
ORDER BY leases.until LIMIT %s
"""


def merged_claims(claims: Sequence[tuple[str, bool]]) -> list[tuple[str, bool]]:
    """One claim a name, exclusive when any of them is, in the one order in which everybody takes them."""
    merged: dict[str, bool] = {}
    for name, exclusive in claims:
        merged[name] = merged.get(name, False) or exclusive
    return sorted(merged.items())


class _Held(Exception):
    """Another run holds a claim: what this start did so far is rolled back."""

    def __init__(self, by: str) -> None:
        super().__init__(by)
        self.by = by


class PostgresRuns:
    """Runs in one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def add(self, run: Run) -> Run:
        check_new(run)
        cursor = await self._connection.execute(_ADD, _columns(run))
        row = await cursor.fetchone()
        if row is None:
            raise RunKnownError((await self._find("WHERE id = %s", run.id))[0])
        for position, step in enumerate(run.steps):
            await self._connection.execute(_ADD_STEP, _step_columns(run.id, step) | {"position": position})
        return replace(run, number=row["number"])

    async def get(self, run_id: str) -> Run | None:
        found = await self._find("WHERE id = %s", run_id)
        return found[0] if found else None

    async def by_number(self, number: int) -> Run | None:
        found = await self._find("WHERE number = %s", number)
        return found[0] if found else None

    async def recent(self, limit: int, *, states: Sequence[RunState] = ()) -> Sequence[Run]:
        wanted = [state.value for state in states or RunState]
        return await self._find("WHERE state = ANY(%s) ORDER BY number DESC LIMIT %s", wanted, limit)

    async def move(self, run_id: str, expected: RunState, new: RunState, *, failure: str = "", hint: str = "") -> bool:
        check_move(expected, new)
        return await self._swap(run_id, expected, new, failure, hint)

    async def start(self, run_id: str, owner: str, lease: timedelta, claims: Sequence[tuple[str, bool]]) -> Lease | str:
        try:
            async with self._connection.transaction():
                if not await self._swap(run_id, RunState.APPROVED, RunState.RUNNING, "", ""):
                    return ""
                await self._claim(run_id, merged_claims(claims))
                return await self._lend(run_id, owner, lease)
        except _Held as held:
            return held.by

    async def renew(self, lease: Lease, length: timedelta) -> Lease | None:
        cursor = await self._connection.execute(_RENEW, (length, lease.run, lease.token))
        row = await cursor.fetchone()
        return replace(lease, until=row["until"]) if row else None

    async def take_over(self, run_id: str, owner: str, length: timedelta) -> Lease | None:
        # Two statements: once the lease is locked, the second sees what its former holder committed last.
        cursor = await self._connection.execute(
            "SELECT FROM leases WHERE run = %s AND until <= clock_timestamp() FOR UPDATE SKIP LOCKED", (run_id,)
        )
        if cursor.rowcount == 0:
            return None
        cursor = await self._connection.execute("SELECT FROM runs WHERE id = %s AND state = 'running'", (run_id,))
        return await self._lend(run_id, owner, length) if cursor.rowcount else None

    async def holds(self, lease: Lease) -> bool:
        cursor = await self._connection.execute(
            "SELECT FROM leases WHERE run = %s AND token = %s AND until > clock_timestamp() FOR UPDATE",
            (lease.run, lease.token),
        )
        return cursor.rowcount == 1

    async def release(self, lease: Lease) -> None:
        await self._connection.execute(
            "UPDATE leases SET until = clock_timestamp() WHERE run = %s AND token = %s AND until > clock_timestamp()",
            (lease.run, lease.token),
        )

    async def abandoned(self, limit: int) -> Sequence[str]:
        cursor = await self._connection.execute(_ABANDONED, (limit,))
        return [row["id"] for row in await cursor.fetchall()]

    async def waiting(self, limit: int) -> Sequence[str]:
        cursor = await self._connection.execute(
            "SELECT id FROM runs WHERE finished_at IS NULL AND (state = 'approved'"
            " OR state = 'requested' AND expires_at <= clock_timestamp()) ORDER BY number LIMIT %s",
            (limit,),
        )
        return [row["id"] for row in await cursor.fetchall()]

    async def save_step(self, run_id: str, row: StepRow) -> None:
        cursor = await self._connection.execute(_SAVE_STEP, _step_columns(run_id, row))
        if cursor.rowcount != 1:
            raise LookupError(f"run {run_id} has no step {row.key!r}")

    async def save_card(self, run_id: str, card: Mapping[str, Any]) -> None:
        await self._connection.execute("UPDATE runs SET card = %s WHERE id = %s", (Json(dict(card)), run_id))

    async def last_holder(self, claim: str) -> Run | None:
        found = await self._find(
            "WHERE id IN (SELECT run FROM run_claims WHERE name = %s AND exclusive) ORDER BY started_at DESC LIMIT 1",
            claim,
        )
        return found[0] if found else None

    async def unattended(self, run_id: str) -> timedelta:
        cursor = await self._connection.execute(
            "SELECT clock_timestamp() - until AS ago FROM leases WHERE run = %s AND until < clock_timestamp()",
            (run_id,),
        )
        row = await cursor.fetchone()
        return row["ago"] if row else timedelta()

    async def ask_cancel(self, run_id: str, principal: str) -> bool:
        cursor = await self._connection.execute(
            "UPDATE runs SET cancel_asked_by = %s WHERE id = %s AND cancel_asked_by = '' AND finished_at IS NULL",
            (principal, run_id),
        )
        return cursor.rowcount == 1

    async def _swap(self, run_id: str, expected: RunState, new: RunState, failure: str, hint: str) -> bool:
        values = {"id": run_id, "expected": expected.value, "new": new.value, "failure": failure, "hint": hint}
        times = {"starts": new is RunState.RUNNING, "ends": new.is_final}
        cursor = await self._connection.execute(_MOVE, values | times)
        return cursor.rowcount == 1

    async def _claim(self, run_id: str, claims: Sequence[tuple[str, bool]]) -> None:
        """Take every claim. Raises: _Held, when one is not free."""
        for name, exclusive in claims:
            values = {"run": run_id, "name": name, "exclusive": exclusive}
            while (await self._connection.execute(_CLAIM, values)).rowcount == 0:
                holder = await (await self._connection.execute(_HOLDER, values)).fetchone()
                if holder is not None:
                    raise _Held(holder["run"])

    async def _lend(self, run_id: str, owner: str, length: timedelta) -> Lease:
        token = uuid.uuid4().hex
        values = {"run": run_id, "token": token, "owner": owner, "length": length}
        row = await (await self._connection.execute(_LEASE, values)).fetchone()
        assert row is not None  # noqa: S101 - the upsert always returns its row
        return Lease(run_id, token, row["until"])

    async def _find(self, where: str, *values: object) -> list[Run]:
        cursor = await self._connection.execute(f"SELECT * FROM runs {where}".encode(), values)  # noqa: S608 - every `where` is a constant of this class
        rows = await cursor.fetchall()
        cursor = await self._connection.execute(
            "SELECT * FROM run_steps WHERE run = ANY(%s) ORDER BY run, position", ([row["id"] for row in rows],)
        )
        steps: defaultdict[str, list[StepRow]] = defaultdict(list)
        for row in await cursor.fetchall():
            steps[row["run"]].append(_step(row))
        return [_run(row, tuple(steps[row["id"]])) for row in rows]


def _columns(run: Run) -> dict[str, object]:
    return {
        "id": run.id,
        "runbook": run.runbook,
        "title": run.title,
        "params": Json(dict(run.params)),
        "facts": Json(dict(run.facts)),
        "described": Json(dict(run.described)),
        "digest": run.digest,
        "definition": run.definition,
        "risk": run.risk.value,
        "environment": run.environment,
        "state": run.state.value,
        "requester": run.requester,
        "requester_slack": run.requester_slack,
        "channel": run.origin.channel,
        "thread": run.origin.thread,
        "undoes": run.undoes,
        "created_at": run.created_at,
        "card": Json(dict(run.card)),
        "expires_at": run.expires_at,
        "severity": run.severity.value,
        "incident": run.incident,
        "glass": run.glass,
        "own_severity": run.own_severity.value,
        "as_production": run.as_production,
    }


def _step_columns(run_id: str, row: StepRow) -> dict[str, object]:
    return {
        "run": run_id,
        "key": row.key,
        "title": row.title,
        "state": row.state.value,
        "attempt": row.attempt,
        "note": row.note,
        "data": Json(dict(row.data)),
        "started_at": row.started_at,
        "finished_at": row.finished_at,
    }


def _step(row: DictRow) -> StepRow:
    values = {name: row[name] for name in ("key", "title", "attempt", "note", "data", "started_at", "finished_at")}
    return StepRow(**values, state=StepState(row["state"]))


_SAME = (
    "id", "number", "runbook", "title", "params", "facts", "described", "digest", "definition", "environment",
    "requester", "requester_slack", "created_at", "started_at", "finished_at", "failure", "hint", "cancel_asked_by",
    "undoes", "card", "expires_at", "incident", "glass",
    "as_production",
)  # fmt: skip


def _run(row: DictRow, steps: tuple[StepRow, ...]) -> Run:
    return Run(
        **{name: row[name] for name in _SAME},
        risk=Risk(row["risk"]),
        severity=Severity(row["severity"]),
        own_severity=Severity(row["own_severity"]),
        state=RunState(row["state"]),
        origin=Origin(row["channel"], row["thread"]),
        steps=steps,
    )

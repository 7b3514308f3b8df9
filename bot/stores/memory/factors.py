"""Factors in memory."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from bot.domain.factors import Factor
from bot.stores.memory.tables import Clock, Tables


class MemoryFactors:
    """Factors in one transaction."""

    def __init__(self, tables: Tables, clock: Clock) -> None:
        self._tables = tables
        self._clock = clock

    async def add(self, factor: Factor) -> None:
        self._tables.factors[factor.id] = replace(factor, made_at=self._clock())

    async def get(self, factor_id: str) -> Factor | None:
        return self._tables.factors.get(factor_id)

    async def of(self, principal: str) -> Sequence[Factor]:
        return [
            one
            for one in self._tables.factors.values()
            if one.principal == principal and one.id not in self._tables.retired
        ]

    async def show(self, factor_id: str, *, by_old: bool) -> bool:
        found = self._tables.factors.get(factor_id)
        if found is None or found.shown_at is not None:
            return False
        self._tables.factors[factor_id] = replace(found, shown_at=self._clock(), by_old=by_old)
        return True

    async def vouch(self, factor_id: str, principal: str) -> bool:
        found = self._tables.factors.get(factor_id)
        if found is None or principal in found.vouchers or principal == found.principal:
            return False
        self._tables.factors[factor_id] = replace(found, vouchers=found.vouchers | {principal})
        return True

    async def retire(self, factor_id: str) -> None:
        self._tables.retired.add(factor_id)

    async def attempt(self, principal: str, most: int, within: timedelta) -> bool:
        now = self._clock()
        tries = [at for who, at in self._tables.attempts if who == principal and at > now - within]
        if len(tries) >= most:
            return False
        self._tables.attempts.append((principal, now))
        return True

    async def use_step(self, principal: str, step: int) -> bool:
        is_new = (principal, step) not in self._tables.steps_used
        self._tables.steps_used.add((principal, step))
        return is_new

    async def challenge(self, run_id: str, approver: str, nonce: str, role: str) -> None:
        self._tables.challenges.setdefault((run_id, approver, nonce), role)

    async def challenged(self, run_id: str, nonce: str) -> tuple[str, str] | None:
        found = [
            (who, role) for (run, who, its), role in self._tables.challenges.items() if (run, its) == (run_id, nonce)
        ]
        return found[0] if found else None

    async def use_challenge(self, run_id: str, approver: str, nonce: str, role: str) -> bool:
        if self._tables.challenges.get((run_id, approver, nonce)) != role:
            return False
        self._tables.challenges[run_id, approver, nonce] = ""
        return True

"""Incidents, freezes and reviews in memory."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from bot.domain.freezes import Freeze
from bot.domain.incidents import Incident
from bot.domain.reviews import Review
from bot.stores.memory.tables import Clock, Tables


class MemoryIncidents:
    """Incidents in one transaction."""

    def __init__(self, tables: Tables, clock: Clock) -> None:
        self._incidents = tables.incidents
        self._clock = clock

    async def add(self, incident: Incident) -> Incident:
        stored = replace(incident, number=len(self._incidents) + 1, declared_at=self._clock())
        self._incidents[stored.number] = stored
        return stored

    async def open(self) -> Sequence[Incident]:
        found = [one for one in self._incidents.values() if one.resolved_at is None]
        return sorted(found, key=lambda one: (one.severity, one.number))

    async def resolve(self, number: int, principal: str) -> bool:
        found = self._incidents.get(number)
        if found is None or found.resolved_at is not None:
            return False
        self._incidents[number] = replace(found, resolved_by=principal, resolved_at=self._clock())
        return True


class MemoryFreezes:
    """Freezes in one transaction."""

    def __init__(self, tables: Tables, clock: Clock) -> None:
        self._freezes = tables.freezes
        self._clock = clock

    async def add(self, freeze: Freeze) -> Freeze:
        stored = replace(freeze, number=len(self._freezes) + 1)
        self._freezes[stored.number] = stored
        return stored

    async def standing(self) -> Sequence[Freeze]:
        found = [one for one in self._freezes.values() if one.lifted_at is None and one.until > self._clock()]
        return sorted(found, key=lambda one: one.until, reverse=True)

    async def lift(self, principal: str) -> int:
        standing = await self.standing()
        for one in standing:
            self._freezes[one.number] = replace(one, lifted_by=principal, lifted_at=self._clock())
        return len(standing)


class MemoryReviews:
    """Reviews in one transaction."""

    def __init__(self, tables: Tables, clock: Clock) -> None:
        self._reviews = tables.reviews
        self._clock = clock

    async def add(self, review: Review) -> None:
        self._reviews.setdefault(review.run, replace(review, made_at=self._clock()))

    async def get(self, run_id: str) -> Review | None:
        return self._reviews.get(run_id)

    async def undone(self) -> Sequence[Review]:
        return [one for one in self._reviews.values() if one.done_at is None]

    async def done(self, run_id: str, principal: str, note: str, at: datetime) -> bool:
        found = self._reviews.get(run_id)
        if found is None or found.done_at is not None or found.requester == principal:
            return False
        self._reviews[run_id] = replace(found, done_at=at, done_by=principal, note=note)
        return True

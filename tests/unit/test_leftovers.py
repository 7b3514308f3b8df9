"""Only what belongs to a run that has ended is removed, and the trail says so before it is."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

import pytest

from bot.domain.audit import Verb
from bot.domain.runs import RunState
from bot.services.leftovers import collect
from bot.services.rows import AuditQuery
from bot.stores.memory.store import MemoryStore
from tests.builders import a_run


@dataclass
class FakeLeftovers:
    """A platform full of things."""

    store: MemoryStore
    there: Mapping[str, Sequence[str]]
    cleared: list[str] = field(default_factory=list)
    trail: list[Verb] = field(default_factory=list)

    async def find(self) -> Mapping[str, Sequence[str]]:
        return self.there

    async def clear(self, run: str) -> None:
        self.cleared.append(run)
        async with self.store.work() as work:
            self.trail += [one.entry.verb for one in await work.audit.find(AuditQuery(run=run))]


async def in_state(store: MemoryStore, state: RunState) -> str:
    run = a_run()
    async with store.work() as work:
        await work.runs.add(run)
        if state is not RunState.APPROVED:
            await work.runs.start(run.id, "dead", timedelta(0), [])
        if state not in (RunState.APPROVED, RunState.RUNNING):
            await work.runs.move(run.id, RunState.RUNNING, state)
    return run.id


@pytest.mark.parametrize("state", [RunState.SUCCEEDED, RunState.FAILED, RunState.CANCELLED])
async def test_what_an_ended_run_left_is_removed_and_the_trail_says_so_first(state: RunState) -> None:
    store = MemoryStore()
    run = await in_state(store, state)
    leftovers = FakeLeftovers(store, {run: [f"takumi_proof_{run}"]})
    await collect(store, leftovers)
    assert leftovers.cleared == [run]
    assert leftovers.trail == [Verb.LEFTOVERS_REMOVED]


@pytest.mark.parametrize("state", [RunState.APPROVED, RunState.RUNNING, RunState.INTERRUPTED])
async def test_what_a_run_that_has_not_ended_may_need_is_left_alone(state: RunState) -> None:
    store = MemoryStore()
    leftovers = FakeLeftovers(store, {await in_state(store, state): ["takumi_proof"]})
    await collect(store, leftovers)
    assert leftovers.cleared == []


async def test_what_belongs_to_another_bot_is_left_alone() -> None:
    store = MemoryStore()
    leftovers = FakeLeftovers(store, {"0123456789abcdef0123": ["takumi_proof"]})
    await collect(store, leftovers)
    assert leftovers.cleared == []

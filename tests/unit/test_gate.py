"""No entry, no action: what is disruptive waits for the chain and the anchor, and a closed trail stops everything."""

from datetime import UTC, datetime, timedelta

import pytest

from bot.domain.chain import ANCHOR_LIMIT, CHAIN_LIMIT, TrailState, reason_closed
from bot.domain.documents import Rich
from bot.domain.errors import OperationFailed, Refused, Unrecorded
from bot.domain.plans import Step
from bot.domain.risk import Risk
from bot.domain.runs import RunState
from bot.services.gate import Gate, TrailWatch
from bot.services.painting import RunPainter
from bot.stores.memory.store import MemoryStore
from tests.builders import a_run, an_entry
from tests.fakes import FakeChat, Scripted, catalog_of
from tests.figures import exposed
from tests.unit.test_execution import World, runbook

SHORT = timedelta(milliseconds=20)
NOW = datetime(2026, 11, 24, 2, 0, tzinfo=UTC)


async def a_gate(chained: int, anchored: int, **settings: bool) -> Gate:
    """One entry of run r1 is recorded; the numbers say how far the trail has come."""
    store = MemoryStore()
    async with store.work() as work:
        await work.audit.record(an_entry(run="r1"))
    store._tables.trail.update(chained=chained, anchored=anchored)
    return Gate(store, chain_patience=SHORT, anchor_patience=SHORT, **settings)


@pytest.mark.parametrize("risk", [Risk.READ_ONLY, Risk.ROUTINE])
async def test_what_disrupts_nothing_waits_for_nothing(risk: Risk) -> None:
    await (await a_gate(0, 0, must_anchor=True)).wait(a_run(id="r1", risk=risk))


@pytest.mark.parametrize("risk", [Risk.DISRUPTIVE, Risk.DESTRUCTIVE])
@pytest.mark.parametrize("glass", ["", "the site is down"])
async def test_an_intent_that_is_not_chained_stops_even_broken_glass(risk: Risk, glass: str) -> None:
    gate = await a_gate(0, 0)
    with pytest.raises(OperationFailed, match="not chained"):
        await gate.wait(a_run(id="r1", risk=risk, glass=glass))


async def test_an_intent_that_is_not_anchored_needs_broken_glass() -> None:
    gate = await a_gate(1, 0, must_anchor=True)
    with pytest.raises(OperationFailed, match="not anchored outside"):
        await gate.wait(a_run(id="r1", risk=Risk.DISRUPTIVE))
    assert gate.store._tables.trail["wanted"] == 1, "an anchor was asked for"
    await gate.wait(a_run(id="r1", risk=Risk.DISRUPTIVE, glass="the site is down"))


async def test_a_chained_and_anchored_intent_goes_through() -> None:
    await (await a_gate(1, 1, must_anchor=True)).wait(a_run(id="r1", risk=Risk.DESTRUCTIVE))
    await (await a_gate(1, 0)).wait(a_run(id="r1", risk=Risk.DESTRUCTIVE))


async def test_nothing_happens_before_the_intent_is_chained() -> None:
    world = World(runbook(Step("one", "One", Scripted("effect")), risk=Risk.ROUTINE))
    gate = Gate(world.store, chain_patience=SHORT)

    async def wait(run) -> None:
        await Gate.wait(gate, a_run(id=run.id, risk=Risk.DISRUPTIVE))

    object.__setattr__(gate, "wait", wait)
    object.__setattr__(world.execution, "gate", gate)
    run = await world.run()
    assert (run.state, world.tools.happened) == (RunState.FAILED, [])
    assert "not chained" in run.failure


async def test_an_approved_run_waits_while_the_trail_is_closed_and_goes_on_by_itself() -> None:
    world = World(runbook(Step("one", "One", Scripted("effect"))))
    object.__setattr__(world.execution, "gate", Gate(world.store))
    run = await world.ask()
    world.passed = CHAIN_LIMIT * 2
    await world.execution.advance(run.id)
    assert (await world.look(run)).state is RunState.APPROVED
    world.store._tables.trail["chained"] = 10
    await world.execution.advance(run.id)
    assert (await world.look(run)).state is RunState.SUCCEEDED


async def test_a_closed_trail_refuses_what_changes_anything_and_nothing_else() -> None:
    world = World()
    async with world.store.work() as work:
        await work.audit.record(an_entry())
    world.passed = CHAIN_LIMIT * 2
    gate = Gate(world.store)
    await gate.must_be_open(Risk.READ_ONLY)
    with pytest.raises(Refused, match="not been chained"):
        await gate.must_be_open(Risk.ROUTINE)


@pytest.mark.parametrize(
    ("state", "anchored", "said"),
    [
        (TrailState(NOW), True, ""),
        (TrailState(NOW, unchained_since=NOW - CHAIN_LIMIT), True, ""),
        (TrailState(NOW, unchained_since=NOW - 2 * CHAIN_LIMIT), True, "no sequencer is running"),
        (TrailState(NOW, unchained_since=NOW - 2 * CHAIN_LIMIT, sequencer="host:1"), True, "host:1 is at it"),
        (TrailState(NOW, unanchored_since=NOW - ANCHOR_LIMIT), True, ""),
        (TrailState(NOW, unanchored_since=NOW - 2 * ANCHOR_LIMIT, trouble="S3 is away"), True, "S3 is away"),
        (TrailState(NOW, unanchored_since=NOW - 2 * ANCHOR_LIMIT), False, ""),
    ],
)
def test_the_trail_is_closed_when_it_is_overdue(state: TrailState, anchored: bool, said: str) -> None:
    reason = reason_closed(state, anchored=anchored)
    assert said in reason
    assert bool(reason) == bool(said)


class Closing(MemoryStore):
    """A store whose trail can be closed."""

    closed = False

    def work(self):
        if self.closed:
            raise Unrecorded("the trail takes no entry")
        return super().work()


async def test_a_trail_that_closes_is_told_once_and_told_again_when_it_opens() -> None:
    store, chat, declared = Closing(), FakeChat(), []

    async def declare() -> None:
        declared.append(1)

    watch = TrailWatch(Gate(store), chat, "C1", declare)
    await watch.look()
    store.closed = True
    await watch.look()
    await watch.look()
    assert watch.why == "the trail takes no entry"
    assert "takumi_trail_open 0" in await exposed(watch.figures())
    store.closed = False
    await watch.look()
    said = [document.summary for _, document, _ in chat.posts.values()]
    assert len(said) == 2
    assert "Nothing that changes anything" in said[0]
    assert "as before" in said[1]
    assert (watch.why, len(declared)) == ("", 2)
    assert "takumi_trail_open 1" in await exposed(watch.figures())


async def test_a_card_says_that_no_anchor_can_be_reached_and_is_drawn_again_when_one_can() -> None:
    store, chat = MemoryStore(), FakeChat()
    run = a_run(id="r1", risk=Risk.DISRUPTIVE, state=RunState.REQUESTED, environment="production")
    async with store.work() as work:
        await work.runs.add(run)
    gate = Gate(store, anchored=True, must_anchor=True)
    watch, painter = TrailWatch(gate, chat, "C1", _nothing), RunPainter(store, catalog_of(), gate)
    await watch.look()
    assert (await _warned(painter), store.wakes) == ("", [])
    assert "anchors_reachable 1" in await exposed(watch.figures())
    store._tables.anchors["trouble"] = "S3 is away"
    await watch.look()
    await watch.look()
    assert "S3 is away. Until one can, this starts only as a new request for which glass" in await _warned(painter)
    assert "anchors_reachable 0" in await exposed(watch.figures())
    assert [wake.key for wake in store.wakes].count("run:r1") == 1, "the card was drawn again, once"
    store._tables.anchors["trouble"] = ""
    await watch.look()
    assert await _warned(painter) == ""
    assert [wake.key for wake in store.wakes].count("run:r1") == 2


async def test_a_card_says_that_broken_glass_starts_without_an_anchor() -> None:
    store = MemoryStore()
    async with store.work() as work:
        await work.runs.add(
            a_run(id="r1", risk=Risk.DESTRUCTIVE, state=RunState.REQUESTED, environment="production", glass="fire")
        )
    painter = RunPainter(store, catalog_of(), Gate(store, must_anchor=True))
    said = await _warned(painter)
    assert "no place for anchors is configured. It starts all the same, because glass is broken" in said


async def _nothing() -> None:
    """No void is due."""


async def _warned(painter: RunPainter) -> str:
    document = await painter.paint("run:r1")
    assert document is not None
    return " ".join(part.markup for part in document.parts if isinstance(part, Rich) and "anchor" in part.markup)

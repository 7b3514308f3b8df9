"""Working on a run: intents before effects, outcomes after, undo, cancellation, takeover."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from bot.domain.approvals import Verdict
from bot.domain.audit import Verb
from bot.domain.catalog import Catalog
from bot.domain.errors import OperationFailed, Refused, Unavailable
from bot.domain.operations import Observation, Outcome, Seen
from bot.domain.people import Actor, Person, Role, Surface
from bot.domain.plans import Claim, Step
from bot.domain.risk import Risk
from bot.domain.runbooks import Runbook
from bot.domain.runs import Origin, Run, RunState, StepState
from bot.services import steps
from bot.services.approvals import Approvals
from bot.services.execution import Execution
from bot.services.freshness import Freshness
from bot.services.interruptions import Answer, Interruptions
from bot.services.people import People
from bot.services.rows import AuditQuery
from bot.services.runs import Asked, Runs
from bot.stores.memory.runs import MemoryRuns
from bot.stores.memory.store import MemoryStore
from tests.fakes import FakeChat, FakeTools, Nothing, Probed, Scripted, StepTools, catalog_of, failing, forever, runbook

AIKO = Actor("slack:T1:UAIKO", Surface.SLACK, "UAIKO")
EMI = Actor("slack:T1:UEMI", Surface.SLACK, "UEMI")


class World:
    """A store, a platform, and one worker."""

    def __init__(self, *books: Runbook) -> None:
        self.passed = timedelta()
        self.store = MemoryStore(lambda: datetime.now(UTC) + self.passed)
        self.tools = FakeTools()
        self.catalog: Catalog = catalog_of(*books)
        self.chat = FakeChat(people={"UEMI": Person("UEMI", "T1", "Emi", roles=frozenset({Role.ENGINEERING_LEAD}))})
        people, freshness = People(self.chat, "T1"), Freshness(self.tools, self.catalog)
        self.approvals = Approvals(self.store, self.chat, people, freshness)
        self.runs = Runs(self.store, self.tools, self.catalog, self.approvals)
        self.execution = self.worker(self.catalog)

    def worker(self, catalog: Catalog) -> Execution:
        return Execution(self.store, self.tools, catalog, self.approvals, "worker")

    async def ask(self, word: str = "", request: str = "inbox-1") -> Run:
        return await self.runs.request("try-a-thing", Nothing(word=word), Asked(request, AIKO, Origin("C1")))

    async def run(self) -> Run:
        run = await self.ask()
        await self.execution.advance(run.id)
        return await self.look(run)

    async def look(self, run: Run) -> Run:
        async with self.store.work() as work:
            found = await work.runs.get(run.id)
        assert found is not None
        return found

    async def verbs(self, run: Run) -> list[Verb]:
        async with self.store.work() as work:
            return [one.entry.verb for one in reversed(await work.audit.find(AuditQuery(run=run.id, limit=90)))]


async def test_steps_run_in_order_and_the_run_succeeds() -> None:
    world = World(runbook(Step("one", "One", Scripted("one")), Step("two", "Two", Scripted("two"))))
    run = await world.run()
    assert world.tools.happened == ["one", "two"]
    assert run.state is RunState.SUCCEEDED
    assert [row.state for row in run.steps] == [StepState.DONE, StepState.DONE]


async def test_a_run_that_brings_something_back_measures_how_long_it_took() -> None:
    world = World(runbook(Step("one", "One", Scripted("one")), recovers="Database"))
    run = await world.run()
    async with world.store.work() as work:
        measured = await work.recoveries.recent("Database", 5)
    assert [(one.run, one.took >= timedelta()) for one in measured] == [(run.id, True)]


async def test_a_failed_run_has_brought_nothing_back() -> None:
    world = World(runbook(Step("one", "One", Scripted("one", act=failing(OperationFailed("no")))), recovers="Database"))
    await world.run()
    async with world.store.work() as work:
        assert list(await work.recoveries.recent("Database", 5)) == []


async def test_the_intent_stands_in_the_trail_before_the_effect_and_the_outcome_after() -> None:
    seen: list[Verb] = []

    async def look_at_the_trail(tools: StepTools) -> Outcome | None:
        async with world.store.work() as work:
            entries = await work.audit.find(AuditQuery(run=tools.context.run, limit=90))
        seen.extend(entry.entry.verb for entry in entries)
        return None

    world = World(runbook(Step("one", "One", Scripted("one", look_at_the_trail))))
    run = await world.run()
    assert Verb.STEP_INTENDED in seen
    assert Verb.STEP_DONE not in seen
    assert await world.verbs(run) == [
        Verb.RUN_REQUESTED,
        Verb.RUN_STARTED,
        Verb.STEP_INTENDED,
        Verb.STEP_DONE,
        Verb.RUN_SUCCEEDED,
    ]


async def test_without_an_intent_there_is_no_effect(monkeypatch: pytest.MonkeyPatch) -> None:
    async def disk_full(*_arguments: object) -> None:
        raise Unavailable("The bot's own database is full.")

    monkeypatch.setattr(MemoryRuns, "save_step", disk_full)
    world = World(runbook(Step("one", "One", Scripted("one"))))
    run = await world.ask()
    with pytest.raises(Unavailable):
        await world.execution.advance(run.id)
    assert world.tools.happened == []


async def test_an_effect_counts_only_once_it_was_verified() -> None:
    lies = Scripted("verify", failing(OperationFailed("The file is not there.")))
    world = World(runbook(Step("one", "One", Scripted("one"), verify=lies)))
    run = await world.run()
    assert run.state is RunState.FAILED
    assert run.failure == "One: The file is not there."


async def test_a_failure_undoes_what_was_begun_last_first() -> None:
    bad = Scripted("two", failing(OperationFailed("S3 did not answer.", hint="Try --to local.")))
    world = World(
        runbook(
            Step("one", "One", Scripted("one"), undo=Scripted("undo one")),
            Step("two", "Two", bad, undo=Scripted("undo two")),
            Step("three", "Three", Scripted("three"), undo=Scripted("undo three")),
        )
    )
    run = await world.run()
    assert world.tools.happened == ["one", "two", "undo two", "undo one"]
    assert run.state is RunState.UNDONE
    assert (run.failure, run.hint) == ("Two: S3 did not answer.", "Try --to local.")


async def test_a_failed_undo_is_said_and_does_not_stop_the_others() -> None:
    stuck = Scripted("undo two", failing(OperationFailed("Permission denied")))
    world = World(
        runbook(
            Step("one", "One", Scripted("one"), undo=Scripted("undo one")),
            Step("two", "Two", Scripted("two", failing(OperationFailed("No."))), undo=stuck),
        )
    )
    run = await world.run()
    assert world.tools.happened[-1] == "undo one"
    assert run.state is RunState.FAILED
    assert "Could not put back 'Two': Permission denied" in run.failure


async def test_a_bug_fails_the_run_with_a_reference_and_not_with_its_text() -> None:
    world = World(runbook(Step("one", "One", Scripted("one", failing(KeyError("password"))))))
    run = await world.run()
    assert run.state is RunState.FAILED
    assert "reference" in run.failure
    assert "password" not in run.failure


async def test_later_steps_see_the_outcomes_of_earlier_ones() -> None:
    seen: list[object] = []

    async def give(_tools: StepTools) -> Outcome:
        return Outcome("ok", {"sha256": "abc"})

    async def take(tools: StepTools) -> Outcome | None:
        seen.append(tools.context.earlier["one"]["sha256"])
        return None

    world = World(runbook(Step("one", "One", Scripted("one", give)), Step("two", "Two", Scripted("two", take))))
    await world.run()
    assert seen == ["abc"]


async def test_a_cancelled_run_stops_its_step_waits_for_its_end_and_is_put_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(steps, "WATCH_EVERY", timedelta(milliseconds=10))
    world = World(runbook(Step("one", "One", Scripted("one", forever()), undo=Scripted("undo one"))))
    run = await world.ask()
    working = asyncio.create_task(world.execution.advance(run.id))
    await world.tools.started.wait()
    await world.runs.cancel(run.id, AIKO)
    await working
    run = await world.look(run)
    assert world.tools.happened == ["one", "stopped", "undo one"]
    assert world.tools.ended == [run.id]
    assert run.state is RunState.CANCELLED


async def test_a_step_over_its_limit_is_stopped() -> None:
    slow = Scripted("one", forever(), timeout=timedelta(milliseconds=10))
    world = World(runbook(Step("one", "One", slow)))
    run = await world.run()
    assert run.state is RunState.FAILED
    assert "longer than" in run.failure
    assert "stopped" in world.tools.happened


async def test_a_waiting_run_is_cancelled_at_once_and_never_starts() -> None:
    world = World(runbook(Step("one", "One", Scripted("one"))))
    run = await world.ask()
    await world.runs.cancel(run.id, AIKO)
    await world.execution.advance(run.id)
    assert world.tools.happened == []
    assert (await world.look(run)).state is RunState.CANCELLED


async def test_a_finished_run_cannot_be_cancelled() -> None:
    world = World(runbook(Step("one", "One", Scripted("one"))))
    run = await world.run()
    with pytest.raises(Refused, match="succeeded"):
        await world.runs.cancel(run.id, AIKO)


async def test_two_wake_ups_for_one_run_do_it_once() -> None:
    world = World(runbook(Step("one", "One", Scripted("one"))))
    run = await world.ask()
    await asyncio.gather(world.execution.advance(run.id), world.execution.advance(run.id))
    await world.execution.advance(run.id)
    assert world.tools.happened == ["one"]


async def test_the_same_request_worked_on_twice_makes_one_run() -> None:
    world = World(runbook(Step("one", "One", Scripted("one"))))
    first, second = await world.ask(request="inbox-1"), await world.ask(request="inbox-1")
    assert first.id == second.id


@pytest.mark.parametrize("unreachable", [False, True])
async def test_two_workers_at_one_request_at_once_make_one_run_and_nobody_is_refused(*, unreachable: bool) -> None:
    book, others = runbook(Step("one", "One", Scripted("one"))), [1]

    async def look_up(params: object, tools: object) -> object:
        if others and others.pop():  # a worker that was paused here, while another did all of it
            await world.ask()
        if unreachable:
            raise OperationFailed("db:5432 did not answer.")
        return await book.look_up(params, tools)

    world = World(replace(book, look_up=look_up))
    run = await world.ask()
    assert (await world.look(run)).state is (RunState.REFUSED if unreachable else RunState.APPROVED)
    assert await world.runs.recent(9) == [await world.look(run)]
    assert (await world.verbs(run)).count(Verb.RUN_REQUESTED) == 1


async def test_typing_the_same_again_within_seconds_is_refused_and_names_the_first() -> None:
    world = World(runbook(Step("one", "One", Scripted("one"))))
    first = await world.ask(request="inbox-1")
    with pytest.raises(Refused, match=first.label):
        await world.ask(request="inbox-2")
    await world.ask(word="another", request="inbox-3")


async def test_a_destructive_run_waits_for_approval() -> None:
    world = World(runbook(Step("one", "One", Scripted("one")), risk=Risk.DESTRUCTIVE))
    run = await world.run()
    assert run.state is RunState.REQUESTED
    assert world.tools.happened == []


async def test_a_run_whose_target_is_taken_waits_for_it() -> None:
    world = World(runbook(Step("one", "One", Scripted("one")), claims=(Claim("7/takumi"),)))
    holder, waiting = await world.ask(), await world.ask(word="b", request="inbox-2")
    async with world.store.work() as work:
        await work.runs.start(holder.id, "other", timedelta(minutes=1), [("7/takumi", True)])
    await world.execution.advance(waiting.id)
    assert world.tools.happened == []
    assert (await world.look(waiting)).state is RunState.APPROVED


async def _crash_in_step_one(world: World) -> Run:
    """A worker that died after its intent, before its outcome."""
    run = await world.ask()
    await _crash(world, run)
    return run


async def _crash(world: World, run: Run) -> None:
    async with world.store.work() as work:
        lease = await work.runs.start(run.id, "dead", timedelta(0), [])
        assert not isinstance(lease, str)
        await work.runs.save_step(run.id, replace(run.steps[0], state=StepState.INTENDED, attempt=1))


async def test_a_takeover_ends_the_dead_workers_sessions_before_it_looks_or_acts() -> None:
    seen: list[list[str]] = []

    async def note(_tools: StepTools) -> Outcome | None:
        seen.append(list(world.tools.ended))
        return None

    world = World(runbook(Step("one", "One", Scripted("one", note, safe_to_repeat=True))))
    run = await _crash_in_step_one(world)
    await world.execution.advance(run.id)
    assert seen == [[run.id]]
    assert Verb.RUN_TAKEN_OVER in await world.verbs(run)


async def test_what_is_safe_to_repeat_runs_again() -> None:
    world = World(runbook(Step("one", "One", Scripted("one", safe_to_repeat=True))))
    run = await _crash_in_step_one(world)
    await world.execution.advance(run.id)
    run = await world.look(run)
    assert run.state is RunState.SUCCEEDED
    assert run.steps[0].attempt == 2


@pytest.mark.parametrize(
    ("seen", "happened", "state"),
    [
        (Seen.HAPPENED, ["probe one", "two"], RunState.SUCCEEDED),
        (Seen.NOT_HAPPENED, ["probe one", "one", "two"], RunState.SUCCEEDED),
        (Seen.CANNOT_TELL, ["probe one"], RunState.INTERRUPTED),
    ],
)
async def test_a_destructive_step_is_looked_up_and_never_repeated_blindly(
    seen: Seen, happened: list[str], state: RunState
) -> None:
    destroys = Probed("one", look=Observation(seen, "the table is half empty"))
    world = World(runbook(Step("one", "One", destroys), Step("two", "Two", Scripted("two"))))
    run = await _crash_in_step_one(world)
    await world.execution.advance(run.id)
    assert world.tools.happened == happened
    assert (await world.look(run)).state is state


async def test_without_a_probe_a_person_is_asked() -> None:
    world = World(runbook(Step("one", "One", Scripted("one"))))
    run = await _crash_in_step_one(world)
    await world.execution.advance(run.id)
    run = await world.look(run)
    assert run.state is RunState.INTERRUPTED
    assert world.tools.happened == []


async def test_a_takeover_in_the_middle_of_putting_back_goes_on_putting_back() -> None:
    world = World(
        runbook(
            Step("one", "One", Scripted("one"), undo=Scripted("undo one")),
            Step("two", "Two", Scripted("two"), undo=Scripted("undo two")),
        )
    )
    run = await world.ask()
    failed = {"failure": "No.", "hint": "", "cancelled": False}
    async with world.store.work() as work:
        await work.runs.start(run.id, "dead", timedelta(0), [])
        await work.runs.save_step(run.id, replace(run.steps[0], state=StepState.DONE, attempt=1))
        await work.runs.save_step(run.id, replace(run.steps[1], state=StepState.UNDONE, attempt=1, data=failed))
    await world.execution.advance(run.id)
    assert world.tools.happened == ["undo one"]
    assert (await world.look(run)).state is RunState.UNDONE


async def test_a_worker_that_lost_its_lease_records_nothing_more() -> None:
    async def lose(tools: StepTools) -> Outcome | None:
        world.passed += timedelta(minutes=5)
        async with world.store.work() as work:
            assert await work.runs.take_over(tools.context.run, "other", timedelta(minutes=1))
        return None

    world = World(runbook(Step("one", "One", Scripted("one", lose)), Step("two", "Two", Scripted("two"))))
    run = await world.run()
    assert world.tools.happened == ["one"]
    assert run.steps[0].state is StepState.INTENDED
    assert run.state is RunState.RUNNING


async def test_a_worker_with_another_version_of_the_runbook_leaves_the_run_alone() -> None:
    world = World(runbook(Step("one", "One", Scripted("one"))))
    run = await world.ask()
    await world.worker(catalog_of(runbook(Step("one", "One", Scripted("other"))))).advance(run.id)
    assert world.tools.happened == []
    assert (await world.look(run)).state is RunState.APPROVED


async def test_a_platform_that_cannot_be_looked_at_is_told_in_the_runs_thread() -> None:
    book = runbook(Step("one", "One", Scripted("one")))

    async def unreachable(_params: object, _tools: object) -> object:
        raise OperationFailed("db:5432 did not answer.", hint="Is it running?")

    world = World(replace(book, look_up=unreachable))
    run = await world.ask()
    assert run.state is RunState.REFUSED
    assert (run.failure, run.hint) == ("db:5432 did not answer.", "Is it running?")
    assert {wake.key for wake in world.store.wakes} >= {f"run:{run.id}", f"run:{run.id}:result"}


@pytest.mark.parametrize(
    ("answer", "happened", "state"),
    [
        (Answer.WAS_DONE, ["two"], RunState.SUCCEEDED),
        (Answer.RUN_AGAIN, ["one", "two"], RunState.SUCCEEDED),
        (Answer.ABORT, ["undo one"], RunState.UNDONE),
    ],
)
async def test_an_interrupted_run_goes_on_as_a_person_says(
    answer: Answer, happened: list[str], state: RunState
) -> None:
    steps = (Step("one", "One", Scripted("one"), undo=Scripted("undo one")), Step("two", "Two", Scripted("two")))
    world = World(runbook(*steps))
    run = await _crash_in_step_one(world)
    await world.execution.advance(run.id)
    interruptions = Interruptions(world.store, world.chat)
    await interruptions.answer(run.id, AIKO, answer)
    await world.execution.advance(run.id)
    assert world.tools.happened == happened
    assert (await world.look(run)).state is state
    assert Verb.RUN_RESUMED in await world.verbs(run)


async def test_an_interruption_is_answered_once() -> None:
    world = World(runbook(Step("one", "One", Scripted("one"))))
    run = await _crash_in_step_one(world)
    await world.execution.advance(run.id)
    interruptions = Interruptions(world.store, world.chat)
    await interruptions.answer(run.id, AIKO, Answer.WAS_DONE)
    with pytest.raises(Refused, match="asks nothing"):
        await interruptions.answer(run.id, AIKO, Answer.RUN_AGAIN)


async def test_how_a_destructive_run_goes_on_is_not_for_its_requester_or_for_other_roles() -> None:
    world = World(runbook(Step("one", "One", Scripted("one")), risk=Risk.DESTRUCTIVE))
    world.chat.people["UTARO"] = Person("UTARO", "T1", "Taro", roles=frozenset({Role.TEAM_LEAD}))
    run = await world.ask()
    await world.approvals.decide(run.id, EMI, Verdict.APPROVED)
    await _crash(world, run)
    await world.execution.advance(run.id)
    interruptions = Interruptions(world.store, world.chat)
    for somebody in (AIKO, replace(AIKO, principal="slack:T1:UTARO", slack_user="UTARO")):
        with pytest.raises(Refused):
            await interruptions.answer(run.id, somebody, Answer.RUN_AGAIN)
    await interruptions.answer(run.id, EMI, Answer.RUN_AGAIN)
    await world.execution.advance(run.id)
    assert world.tools.happened == ["one"]

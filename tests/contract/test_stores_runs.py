"""Runs move only as they may, start only when they win their targets, and are worked on by one: both stores."""

import asyncio
from collections import Counter
from dataclasses import replace
from datetime import timedelta

import pytest

from bot.domain.runs import LEGAL_MOVES, Lease, Run, RunState, StepRow, StepState
from bot.services.run_ports import RunKnownError
from tests.builders import a_run
from tests.stores import StoreUnderTest

A_MOMENT = timedelta(milliseconds=50)
LONG = timedelta(minutes=1)
TAKUMI = ("7300/takumi", True)
TAKUMI_SHARED = ("7300/takumi", False)
STAGING = ("7300/takumi_staging", True)


async def added(under_test: StoreUnderTest, **changes: object) -> Run:
    async with under_test.store.work() as work:
        return await work.runs.add(a_run(**changes))


async def started(
    under_test: StoreUnderTest, run: Run, *claims: tuple[str, bool], lease: timedelta = LONG
) -> Lease | str:
    async with under_test.store.work() as work:
        return await work.runs.start(run.id, "w1", lease, claims)


async def running(under_test: StoreUnderTest, *claims: tuple[str, bool], lease: timedelta = LONG) -> Lease:
    answer = await started(under_test, await added(under_test), *claims, lease=lease)
    assert isinstance(answer, Lease)
    return answer


async def moved(under_test: StoreUnderTest, run_id: str, expected: RunState, new: RunState) -> bool:
    async with under_test.store.work() as work:
        return await work.runs.move(run_id, expected, new)


async def fetched(under_test: StoreUnderTest, run_id: str) -> Run:
    async with under_test.store.work() as work:
        run = await work.runs.get(run_id)
    assert run is not None
    return run


async def test_a_run_comes_back_as_it_was_stored(under_test: StoreUnderTest):
    step = StepRow("dump", "Dump", StepState.DONE, 2, "3 s", {"rows": 3}, await now(under_test), await now(under_test))
    run = a_run(
        facts={"z": 1.0, "a": [None, True, "\x00☃"], "n": 10**20}, steps=(step, StepRow("b", "B"), StepRow("a", "A"))
    )
    async with under_test.store.work() as work:
        stored = await work.runs.add(run)
        assert await work.runs.get(run.id) == stored
        assert await work.runs.by_number(stored.number) == stored
    assert stored == replace(run, number=stored.number)
    assert list(stored.facts) == ["z", "a", "n"]


async def now(under_test: StoreUnderTest):
    async with under_test.store.work() as work:
        return await work.now()


async def test_numbers_grow_and_the_latest_come_first(under_test: StoreUnderTest):
    states = (RunState.REQUESTED, RunState.APPROVED, RunState.APPROVED)
    first, second, third = [await added(under_test, state=state, expires_at=None) for state in states]
    assert first.number < second.number < third.number
    async with under_test.store.work() as work:
        assert [run.id for run in await work.runs.recent(2)] == [third.id, second.id]
        assert [run.id for run in await work.runs.recent(5, states=[RunState.REQUESTED])] == [first.id]
        assert list(await work.runs.waiting(5)) == [second.id, third.id]


async def test_a_request_whose_time_is_up_is_looked_at_again(under_test: StoreUnderTest):
    """Its own wake-up may be lost; silence must end it all the same."""
    instant = await now(under_test)
    overdue = await added(under_test, state=RunState.REQUESTED, expires_at=instant)
    await added(under_test, state=RunState.REQUESTED, expires_at=instant + timedelta(hours=1))
    async with under_test.store.work() as work:
        assert list(await work.runs.waiting(5)) == [overdue.id]


async def test_an_unknown_run_is_none(under_test: StoreUnderTest):
    async with under_test.store.work() as work:
        assert await work.runs.get("nothing") is None
        assert await work.runs.by_number(987_654) is None
        assert not await work.runs.move("nothing", RunState.REQUESTED, RunState.APPROVED)
        assert await work.runs.start("nothing", "w1", LONG, []) == ""
        assert await work.runs.take_over("nothing", "w1", LONG) is None
        assert not await work.runs.ask_cancel("nothing", "slack:T1:U1")


@pytest.mark.parametrize("state", [state for state in RunState if state not in ("requested", "approved")])
async def test_a_run_begins_requested_or_approved(under_test: StoreUnderTest, state: RunState):
    with pytest.raises(ValueError, match="requested or approved"):
        await added(under_test, state=state)


@pytest.mark.parametrize("expected", list(RunState))
async def test_an_illegal_move_is_an_error(under_test: StoreUnderTest, expected: RunState):
    run = await added(under_test)
    for new in set(RunState) - LEGAL_MOVES[expected]:
        with pytest.raises(ValueError, match="no run moves"):
            await moved(under_test, run.id, expected, new)
    assert (await fetched(under_test, run.id)).state is RunState.APPROVED


async def test_a_run_is_not_started_by_a_bare_move(under_test: StoreUnderTest):
    run = await added(under_test)
    with pytest.raises(ValueError, match="lease and its claims"):
        await moved(under_test, run.id, RunState.APPROVED, RunState.RUNNING)


async def test_a_move_from_another_state_than_expected_changes_nothing(under_test: StoreUnderTest):
    run = await added(under_test, state=RunState.REQUESTED)
    assert not await moved(under_test, run.id, RunState.APPROVED, RunState.CANCELLED)
    assert (await fetched(under_test, run.id)).state is RunState.REQUESTED


async def test_of_two_moves_at_once_one_happens(under_test: StoreUnderTest):
    run = await added(under_test, state=RunState.REQUESTED)
    ends = [RunState.APPROVED, RunState.CANCELLED, RunState.EXPIRED, RunState.REFUSED]
    results = await asyncio.gather(*(moved(under_test, run.id, RunState.REQUESTED, new) for new in ends))
    assert results.count(True) == 1
    assert (await fetched(under_test, run.id)).state is ends[results.index(True)]


async def test_times_and_the_failure_are_kept(under_test: StoreUnderTest):
    lease = await running(under_test)
    begun = await fetched(under_test, lease.run)
    assert begun.started_at is not None
    assert begun.finished_at is None
    async with under_test.store.work() as work:
        await work.runs.move(lease.run, RunState.RUNNING, RunState.INTERRUPTED, failure="Nobody knows.", hint="Look.")
        await work.runs.move(lease.run, RunState.INTERRUPTED, RunState.RUNNING)
        await work.runs.move(lease.run, RunState.RUNNING, RunState.FAILED)
    ended = await fetched(under_test, lease.run)
    assert ended.started_at == begun.started_at
    assert ended.finished_at is not None
    assert (ended.failure, ended.hint) == ("Nobody knows.", "Look.")


async def test_a_start_takes_a_lease_and_happens_once(under_test: StoreUnderTest):
    run = await added(under_test)
    answers = await asyncio.gather(*(started(under_test, run, TAKUMI) for _ in range(6)))
    leases = [answer for answer in answers if isinstance(answer, Lease)]
    assert len(leases) == 1
    assert answers.count("") == 5
    assert (await fetched(under_test, run.id)).state is RunState.RUNNING


async def test_a_requested_run_does_not_start(under_test: StoreUnderTest):
    run = await added(under_test, state=RunState.REQUESTED)
    assert await started(under_test, run, TAKUMI) == ""
    assert (await fetched(under_test, run.id)).state is RunState.REQUESTED


@pytest.mark.parametrize(
    ("held", "wanted", "starts"),
    [
        (TAKUMI, TAKUMI, False),
        (TAKUMI, TAKUMI_SHARED, False),
        (TAKUMI_SHARED, TAKUMI, False),
        (TAKUMI_SHARED, TAKUMI_SHARED, True),
        (TAKUMI, STAGING, True),
    ],
)
async def test_claims_exclude_unless_both_are_shared(
    under_test: StoreUnderTest, held: tuple[str, bool], wanted: tuple[str, bool], starts: bool
):
    lease = await running(under_test, held)
    run = await added(under_test)
    answer = await started(under_test, run, wanted)
    assert isinstance(answer, Lease) if starts else answer == lease.run
    assert (await fetched(under_test, run.id)).state is (RunState.RUNNING if starts else RunState.APPROVED)


async def test_a_start_that_loses_one_claim_keeps_none(under_test: StoreUnderTest):
    await running(under_test, STAGING)
    loser = await added(under_test)
    assert await started(under_test, loser, TAKUMI, STAGING) != ""
    await running(under_test, TAKUMI)


async def test_a_name_claimed_twice_by_one_run_is_exclusive(under_test: StoreUnderTest):
    lease = await running(under_test, TAKUMI_SHARED, TAKUMI, TAKUMI_SHARED)
    assert await started(under_test, await added(under_test), TAKUMI_SHARED) == lease.run


async def test_an_interrupted_run_keeps_its_targets_and_a_final_one_frees_them(under_test: StoreUnderTest):
    lease = await running(under_test, TAKUMI)
    other = await added(under_test)
    await moved(under_test, lease.run, RunState.RUNNING, RunState.INTERRUPTED)
    assert await started(under_test, other, TAKUMI) == lease.run
    await moved(under_test, lease.run, RunState.INTERRUPTED, RunState.FAILED)
    assert isinstance(await started(under_test, other, TAKUMI), Lease)


async def test_a_rolled_back_end_frees_nothing(under_test: StoreUnderTest):
    lease = await running(under_test, TAKUMI)
    with pytest.raises(ZeroDivisionError):  # noqa: PT012 - the rollback is what is tested
        async with under_test.store.work() as work:
            await work.runs.move(lease.run, RunState.RUNNING, RunState.SUCCEEDED)
            raise ZeroDivisionError
    assert await started(under_test, await added(under_test), TAKUMI) == lease.run


async def test_of_many_starts_at_once_no_two_ever_hold_the_same_target(under_test: StoreUnderTest):
    """Each run wants two of three names in any order; whoever won frees them again, until all had their turn."""
    names = ["7300/a", "7300/b", "7300/c"]
    held: Counter[str] = Counter()

    async def take_turn(number: int) -> None:
        run = await added(under_test)
        wanted = [(names[number % 3], True), (names[(number + 1) % 3], number % 2 == 0)]
        while not isinstance(await started(under_test, run, *wanted), Lease):  # noqa: ASYNC110 - rows tell nobody
            await asyncio.sleep(0.01)
        for name, exclusive in wanted:
            held[name] += 1000 if exclusive else 1
            assert held[name] == 1000 or (not exclusive and held[name] < 1000)
        await asyncio.sleep(0.005)
        for name, exclusive in wanted:
            held[name] -= 1000 if exclusive else 1
        assert await moved(under_test, run.id, RunState.RUNNING, RunState.SUCCEEDED)

    await asyncio.wait_for(asyncio.gather(*(take_turn(number) for number in range(24))), 60)


async def test_a_lease_is_renewed_by_its_holder_alone(under_test: StoreUnderTest):
    lease = await running(under_test)
    async with under_test.store.work() as work:
        renewed = await work.runs.renew(lease, 2 * LONG)
        assert renewed is not None
        assert renewed.until > lease.until
        assert await work.runs.holds(renewed)
        assert await work.runs.renew(replace(lease, token="stolen"), LONG) is None
        assert not await work.runs.holds(replace(lease, token="stolen"))
        assert await work.runs.take_over(lease.run, "w2", LONG) is None


async def test_a_lease_that_ran_out_is_lost_and_taken_over_once(under_test: StoreUnderTest):
    lease = await running(under_test, lease=A_MOMENT)
    await under_test.wait(2 * A_MOMENT)
    async with under_test.store.work() as work:
        assert not await work.runs.holds(lease)
        assert await work.runs.renew(lease, LONG) is None
        assert list(await work.runs.abandoned(5)) == [lease.run]

    async def take_over(owner: str) -> Lease | None:
        async with under_test.store.work() as work:
            return await work.runs.take_over(lease.run, owner, LONG)

    taken = await asyncio.gather(*(take_over(f"w{number}") for number in range(6)))
    assert len([one for one in taken if one]) == 1
    async with under_test.store.work() as work:
        assert not await work.runs.holds(lease)
        assert list(await work.runs.abandoned(5)) == []


async def test_a_released_run_may_be_taken_over_at_once(under_test: StoreUnderTest):
    lease = await running(under_test)
    async with under_test.store.work() as work:
        await work.runs.release(replace(lease, token="stolen"))
        assert await work.runs.holds(lease)
        await work.runs.release(lease)
        assert not await work.runs.holds(lease)
        assert await work.runs.take_over(lease.run, "w2", LONG) is not None


async def test_only_running_runs_are_abandoned_or_taken_over(under_test: StoreUnderTest):
    lease = await running(under_test)
    await moved(under_test, lease.run, RunState.RUNNING, RunState.INTERRUPTED)
    async with under_test.store.work() as work:
        await work.runs.release(lease)
        assert list(await work.runs.abandoned(5)) == []
        assert await work.runs.take_over(lease.run, "w2", LONG) is None
        await work.runs.move(lease.run, RunState.INTERRUPTED, RunState.RUNNING)
        assert await work.runs.take_over(lease.run, "w2", LONG) is not None


async def test_a_step_is_saved_in_its_place(under_test: StoreUnderTest):
    run = await added(under_test)
    at = await now(under_test)
    done = StepRow("dump", "Dump", StepState.DONE, 1, "5 GB", {"size_bytes": 5}, at, at)
    async with under_test.store.work() as work:
        await work.runs.save_step(run.id, done)
    assert (await fetched(under_test, run.id)).steps == (done, run.steps[1])


async def test_a_step_that_the_run_does_not_have_is_an_error(under_test: StoreUnderTest):
    run = await added(under_test)
    with pytest.raises(LookupError, match="no step 'fly'"):
        async with under_test.store.work() as work:
            await work.runs.save_step(run.id, StepRow("fly", "Fly"))


async def test_a_cancellation_is_asked_once_and_not_of_a_final_run(under_test: StoreUnderTest):
    run = await added(under_test)
    async with under_test.store.work() as work:
        assert await work.runs.ask_cancel(run.id, "slack:T1:U2")
        assert not await work.runs.ask_cancel(run.id, "slack:T1:U3")
    assert (await fetched(under_test, run.id)).cancel_asked_by == "slack:T1:U2"
    final = await added(under_test)
    await moved(under_test, final.id, RunState.APPROVED, RunState.CANCELLED)
    async with under_test.store.work() as work:
        assert not await work.runs.ask_cancel(final.id, "slack:T1:U2")


async def test_a_run_that_is_stored_already_is_told_as_it_is_and_the_transaction_stays_usable(
    under_test: StoreUnderTest,
):
    run = a_run()
    async with under_test.store.work() as work:
        first = await work.runs.add(run)
    async with under_test.store.work() as work:
        with pytest.raises(RunKnownError) as known:
            await work.runs.add(replace(run, title="another"))
        assert await work.runs.get(run.id) == first
    assert known.value.run == first


async def test_who_had_a_target_last_and_how_long_nobody_works_on_a_run(under_test: StoreUnderTest):
    claim, other = "1/takumi", "1/other"
    runs = [a_run() for _ in range(3)]
    async with under_test.store.work() as work:
        assert await work.runs.last_holder(claim) is None
        for run, exclusive in zip(runs, (True, True, False), strict=True):
            await work.runs.add(run)
            length = A_MOMENT if exclusive else timedelta(minutes=1)
            assert not isinstance(await work.runs.start(run.id, "w", length, [(claim, exclusive)]), str)
            await work.runs.move(run.id, RunState.RUNNING, RunState.FAILED)
    await under_test.wait(3 * A_MOMENT)
    async with under_test.store.work() as work:
        last = await work.runs.last_holder(claim)
        assert last is not None
        assert last.id == runs[1].id, "a shared hold closes nothing"
        assert await work.runs.last_holder(other) is None
        assert await work.runs.unattended(runs[0].id) >= A_MOMENT
        assert await work.runs.unattended(runs[2].id) == timedelta()
        assert await work.runs.unattended("nobody's") == timedelta()

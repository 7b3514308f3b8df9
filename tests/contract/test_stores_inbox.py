"""Requests are recorded once, worked on by one, and never forgotten: both stores."""

import asyncio
from datetime import timedelta

import pytest

from bot.services.rows import DeliveryKind, Job, Wake
from tests.builders import a_delivery
from tests.stores import StoreUnderTest

A_MOMENT = timedelta(milliseconds=50)
LONG = timedelta(minutes=1)


async def test_a_delivery_is_recorded_with_its_job(under_test: StoreUnderTest):
    delivery = a_delivery("t1", command="/takumi", text='backup "now" ☃ \x00')
    inbox_id, is_new = await under_test.store.receive(delivery)
    assert is_new
    assert await under_test.deferred() == [Wake(Job.WORK_INBOX, inbox_id)]
    async with under_test.store.work() as work:
        row = await work.inbox.get(inbox_id)
    assert row is not None
    assert row.delivery == delivery
    assert (row.worked, row.attempts) == (False, 0)


async def test_a_redelivery_is_answered_with_the_first_one_s_id_and_no_job(under_test: StoreUnderTest):
    first, _ = await under_test.store.receive(a_delivery("t1"))
    second, is_new = await under_test.store.receive(a_delivery("t1", command="/other"))
    assert (second, is_new) == (first, False)
    assert len(await under_test.deferred()) == 1


async def test_the_same_key_of_another_kind_is_another_request(under_test: StoreUnderTest):
    command = a_delivery("t1")
    mention = type(command)(DeliveryKind.MENTION, "t1", {})
    answers = [await under_test.store.receive(one) for one in (command, mention)]
    assert [is_new for _, is_new in answers] == [True, True]


async def test_many_at_once_are_each_recorded_once(under_test: StoreUnderTest):
    deliveries = [a_delivery(f"t{number % 100}") for number in range(300)]
    answers = await asyncio.gather(*(under_test.store.receive(one) for one in deliveries))
    new = [inbox_id for inbox_id, is_new in answers if is_new]
    assert len(new) == 100
    assert {inbox_id for inbox_id, _ in answers} == set(new)
    assert sorted(wake.key for wake in await under_test.deferred()) == sorted(new)


async def test_what_is_no_json_fails_alone(under_test: StoreUnderTest):
    good = [a_delivery() for _ in range(3)]
    bad = a_delivery(payload=object())
    answers = await asyncio.gather(*map(under_test.store.receive, [*good, bad]), return_exceptions=True)
    assert isinstance(answers[3], TypeError)
    assert all(isinstance(answer, tuple) and answer[1] for answer in answers[:3])


async def test_an_answer_is_kept_once_and_is_there_for_whoever_works_on_it_next(under_test: StoreUnderTest):
    inbox_id, _ = await under_test.store.receive(a_delivery())
    async with under_test.store.work() as work:
        assert await work.inbox.answer(inbox_id, "it is approved")
    async with under_test.store.work() as work:
        row = await work.inbox.claim(inbox_id, "next", LONG)
        assert not await work.inbox.answer(inbox_id, "something else")
    assert row is not None
    assert (row.answer, row.worked) == ("it is approved", False)


async def test_what_is_finished_is_answered_no_more(under_test: StoreUnderTest):
    inbox_id, _ = await under_test.store.receive(a_delivery())
    async with under_test.store.work() as work:
        await work.inbox.finish(inbox_id, "")
        assert not await work.inbox.answer(inbox_id, "too late")


async def test_a_claim_is_renewed_by_who_holds_it_and_not_once_it_has_run_out(under_test: StoreUnderTest):
    inbox_id, _ = await under_test.store.receive(a_delivery())
    async with under_test.store.work() as work:
        await work.inbox.claim(inbox_id, "w1", A_MOMENT)
        assert not await work.inbox.renew(inbox_id, "w2", LONG)
        assert await work.inbox.renew(inbox_id, "w1", 4 * A_MOMENT)
    await under_test.wait(A_MOMENT)
    async with under_test.store.work() as work:
        assert await work.inbox.claim(inbox_id, "w2", LONG) is None
    await under_test.wait(4 * A_MOMENT)
    async with under_test.store.work() as work:
        assert not await work.inbox.renew(inbox_id, "w1", LONG)
        assert await work.inbox.claim(inbox_id, "w2", LONG) is not None
        await work.inbox.finish(inbox_id, "")
        assert not await work.inbox.renew(inbox_id, "w2", LONG)


async def test_one_worker_holds_a_row_until_its_claim_runs_out(under_test: StoreUnderTest):
    inbox_id, _ = await under_test.store.receive(a_delivery())
    async with under_test.store.work() as work:
        claimed = await work.inbox.claim(inbox_id, "w1", A_MOMENT)
        assert claimed is not None
        assert claimed.attempts == 1
        assert await work.inbox.claim(inbox_id, "w2", LONG) is None
    await under_test.wait(2 * A_MOMENT)
    async with under_test.store.work() as work:
        again = await work.inbox.claim(inbox_id, "w2", LONG)
    assert again is not None
    assert again.attempts == 2


async def test_a_claim_that_was_let_go_is_free_at_once_but_only_by_its_owner(under_test: StoreUnderTest):
    inbox_id, _ = await under_test.store.receive(a_delivery())
    async with under_test.store.work() as work:
        await work.inbox.claim(inbox_id, "w1", LONG)
        await work.inbox.let_go(inbox_id, "w2")
        assert await work.inbox.claim(inbox_id, "w2", LONG) is None
        await work.inbox.let_go(inbox_id, "w1")
        assert await work.inbox.claim(inbox_id, "w2", LONG) is not None


async def test_a_finished_row_is_never_worked_on_again(under_test: StoreUnderTest):
    inbox_id, _ = await under_test.store.receive(a_delivery())
    async with under_test.store.work() as work:
        await work.inbox.finish(inbox_id, "answered")
        assert await work.inbox.claim(inbox_id, "w1", LONG) is None
        row = await work.inbox.get(inbox_id)
        assert await work.inbox.unworked(timedelta(), 10) == []
    assert row is not None
    assert row.worked


async def test_an_unknown_row_is_none(under_test: StoreUnderTest):
    async with under_test.store.work() as work:
        assert await work.inbox.get("nothing") is None
        assert await work.inbox.claim("nothing", "w1", LONG) is None


async def test_unworked_rows_are_those_that_are_old_and_that_nobody_holds(under_test: StoreUnderTest):
    ids = [(await under_test.store.receive(a_delivery()))[0] for _ in range(3)]
    async with under_test.store.work() as work:
        await work.inbox.claim(ids[1], "w1", LONG)
    await under_test.wait(A_MOMENT)
    async with under_test.store.work() as work:
        assert list(await work.inbox.unworked(A_MOMENT, 10)) == [ids[0], ids[2]]
        assert list(await work.inbox.unworked(A_MOMENT, 1)) == [ids[0]]
        assert list(await work.inbox.unworked(LONG, 10)) == []


async def test_two_claims_at_once_have_one_winner(under_test: StoreUnderTest):
    inbox_id, _ = await under_test.store.receive(a_delivery())

    async def claim(owner: str) -> bool:
        async with under_test.store.work() as work:
            return await work.inbox.claim(inbox_id, owner, LONG) is not None

    won = await asyncio.gather(*(claim(f"w{number}") for number in range(8)))
    assert won.count(True) == 1


@pytest.mark.parametrize("job", list(Job))
async def test_a_rollback_leaves_neither_row_nor_job(under_test: StoreUnderTest, job: Job):
    inbox_id, _ = await under_test.store.receive(a_delivery())
    before = await under_test.deferred()
    with pytest.raises(ZeroDivisionError):  # noqa: PT012 - the rollback is what is tested
        async with under_test.store.work() as work:
            await work.inbox.finish(inbox_id, "answered")
            await work.defer(Wake(job, "k"))
            raise ZeroDivisionError
    assert await under_test.deferred() == before
    async with under_test.store.work() as work:
        row = await work.inbox.get(inbox_id)
    assert row is not None
    assert not row.worked


async def test_jobs_of_a_committed_transaction_are_kept_with_their_instants(under_test: StoreUnderTest):
    async with under_test.store.work() as work:
        later = await work.now() + LONG
        await work.defer(Wake(Job.ADVANCE_RUN, "r1"), Wake(Job.DRAW_MESSAGE, "m1", later), Wake(Job.ADVANCE_RUN, "r1"))
        await work.defer()
    deferred = await under_test.deferred()
    assert sorted(deferred, key=lambda wake: wake.key) == [
        Wake(Job.DRAW_MESSAGE, "m1", later),
        Wake(Job.ADVANCE_RUN, "r1"),
        Wake(Job.ADVANCE_RUN, "r1"),
    ]

"""Messages are wanted once, drawn by one at a time, and those never posted are found again: both stores."""

from datetime import timedelta

from bot.services.rows import MessageRow
from tests.stores import StoreUnderTest

A_MOMENT = timedelta(milliseconds=50)
LONG = timedelta(minutes=1)
HEAD = MessageRow("run:1", "C1", thread="1.2")
STEPS = MessageRow("run:1:steps", "C1", parent="run:1")


async def test_a_message_is_wanted_once_and_keeps_its_place(under_test: StoreUnderTest):
    async with under_test.store.work() as work:
        assert await work.messages.want(HEAD)
        assert not await work.messages.want(MessageRow("run:1", "C2"))
        assert await work.messages.get("run:1") == HEAD
        assert await work.messages.get("run:2") is None


async def test_one_draws_at_a_time_until_it_lets_go_or_its_claim_runs_out(under_test: StoreUnderTest):
    async with under_test.store.work() as work:
        await work.messages.want(HEAD)
        claimed = await work.messages.claim("run:1", "w1", LONG)
        assert claimed is not None
        assert claimed.attempts == 1
        assert await work.messages.claim("run:1", "w2", LONG) is None
        await work.messages.let_go("run:1")
        assert await work.messages.claim("run:1", "w2", A_MOMENT) is not None
        assert await work.messages.claim("nothing", "w1", LONG) is None
    await under_test.wait(2 * A_MOMENT)
    async with under_test.store.work() as work:
        again = await work.messages.claim("run:1", "w3", LONG)
    assert again is not None
    assert again.attempts == 3


async def test_a_post_in_doubt_is_noted_until_the_message_is_drawn(under_test: StoreUnderTest):
    async with under_test.store.work() as work:
        await work.messages.want(HEAD)
        await work.messages.claim("run:1", "w1", LONG)
        await work.messages.posting("run:1")
    async with under_test.store.work() as work:
        doubtful = await work.messages.get("run:1")
        await work.messages.drawn("run:1", "17.5", "abc")
        drawn = await work.messages.get("run:1")
    assert doubtful == MessageRow("run:1", "C1", thread="1.2", posting=True, attempts=1)
    assert drawn == MessageRow("run:1", "C1", thread="1.2", ts="17.5", drawn="abc")


async def test_a_drawn_message_is_still_its_drawer_s_until_let_go(under_test: StoreUnderTest):
    async with under_test.store.work() as work:
        await work.messages.want(HEAD)
        await work.messages.claim("run:1", "w1", LONG)
        await work.messages.drawn("run:1", "17.5", "abc")
        assert await work.messages.claim("run:1", "w2", LONG) is None


async def test_undrawn_are_those_never_posted_old_enough_and_free(under_test: StoreUnderTest):
    async with under_test.store.work() as work:
        for key in ("a", "b", "c", "d"):
            await work.messages.want(MessageRow(key, "C1"))
    async with under_test.store.work() as work:
        await work.messages.claim("b", "w1", LONG)
        await work.messages.drawn("b", "17.5", "abc")
        await work.messages.let_go("b")
        await work.messages.claim("c", "w1", LONG)
    await under_test.wait(A_MOMENT)
    async with under_test.store.work() as work:
        assert list(await work.messages.undrawn(A_MOMENT, 10)) == ["a", "d"]
        assert list(await work.messages.undrawn(A_MOMENT, 1)) == ["a"]
        assert list(await work.messages.undrawn(LONG, 10)) == []


async def test_children_come_in_the_order_in_which_they_were_wanted(under_test: StoreUnderTest):
    rows = [MessageRow(key, "C1", parent="run:1") for key in ("z", "a", "m")]
    async with under_test.store.work() as work:
        for row in [HEAD, *rows, MessageRow("other", "C1", parent="run:2")]:
            await work.messages.want(row)
        assert list(await work.messages.children("run:1")) == rows
        assert list(await work.messages.children("run:3")) == []


async def test_a_message_wanted_again_after_it_was_read_for_drawing_is_undrawn_until_it_is_drawn_again(
    under_test: StoreUnderTest,
):
    """Its update may be lost: a crash, a Slack that refuses everything for an hour."""
    async with under_test.store.work() as work:
        await work.messages.want(HEAD)
        await work.messages.claim("run:1", "w1", LONG)
        await work.messages.want(HEAD)
        await work.messages.drawn("run:1", "17.5", "abc")
        await work.messages.let_go("run:1")
    await under_test.wait(A_MOMENT)
    async with under_test.store.work() as work:
        assert list(await work.messages.undrawn(A_MOMENT, 10)) == ["run:1"]
        await work.messages.claim("run:1", "w1", LONG)
        await work.messages.shown("run:1")
        await work.messages.let_go("run:1")
        assert list(await work.messages.undrawn(timedelta(0), 10)) == []


async def test_a_message_that_rests_is_nobodys_until_it_has_rested_and_says_whether_it_is_behind(
    under_test: StoreUnderTest,
):
    async with under_test.store.work() as work:
        await work.messages.want(HEAD)
        await work.messages.claim("run:1", "w1", LONG)
        assert await work.messages.let_go("run:1", A_MOMENT)
        assert await work.messages.claim("run:1", "w2", LONG) is None
    await under_test.wait(2 * A_MOMENT)
    async with under_test.store.work() as work:
        assert await work.messages.claim("run:1", "w2", LONG) is not None
        await work.messages.drawn("run:1", "17.5", "abc")
        assert not await work.messages.let_go("run:1")
        assert not await work.messages.let_go("nothing")

"""The trail tells what was recorded, newest first, narrowed by what is asked: both stores."""

from dataclasses import replace
from datetime import timedelta

import pytest

from bot.domain.audit import Verb
from bot.domain.canonical import canonical_json
from bot.domain.chain import Standing
from bot.domain.people import CALENDAR, Actor, Surface
from bot.services.rows import AuditQuery
from tests.builders import an_entry
from tests.stores import CANARY, StoreUnderTest


async def recorded(under_test: StoreUnderTest, *entries):
    async with under_test.store.work() as work:
        for entry in entries:
            await work.audit.record(entry)


async def found(under_test: StoreUnderTest, **query):
    async with under_test.store.work() as work:
        return await work.audit.find(AuditQuery(**query))


async def test_an_entry_comes_back_as_it_was_recorded(under_test: StoreUnderTest):
    entry = an_entry(run="r1", digest="d1", details={"b": [1, None, {"x": 2.5}], "a": "☃"})
    await recorded(under_test, entry)
    (stored,) = await found(under_test)
    assert stored.entry == entry
    async with under_test.store.work() as work:
        assert await work.now() - stored.at < timedelta(minutes=1)


async def test_entries_come_newest_first_and_page_by_page(under_test: StoreUnderTest):
    await recorded(under_test, *(an_entry(subject=f"s{number}") for number in range(5)))
    page = await found(under_test, limit=2)
    rest = await found(under_test, before=page[-1].id)
    assert [one.entry.subject for one in page] == ["s4", "s3"]
    assert [one.entry.subject for one in rest] == ["s2", "s1", "s0"]


@pytest.mark.parametrize(
    ("query", "subjects"),
    [
        ({"run": "r1"}, ["b", "a"]),
        ({"principal": "bot:calendar"}, ["c"]),
        ({"subject": "b"}, ["b"]),
        ({"target": "T1:U1"}, ["b", "a"]),
        ({"run": "r1", "principal": "bot:calendar"}, []),
        ({}, ["c", "b", "a"]),
    ],
)
async def test_a_query_narrows(under_test: StoreUnderTest, query, subjects):
    entries = [an_entry(subject="a", run="r1"), an_entry(subject="b", run="r1"), an_entry(subject="c", actor=CALENDAR)]
    await recorded(under_test, *entries)
    assert [one.entry.subject for one in await found(under_test, **query)] == subjects


async def test_since_narrows_by_the_time_of_the_database(under_test: StoreUnderTest):
    await recorded(under_test, an_entry(subject="old"))
    await under_test.wait(timedelta(milliseconds=20))
    async with under_test.store.work() as work:
        since = await work.now()
        await work.audit.record(an_entry(subject="new"))
    assert [one.entry.subject for one in await found(under_test, since=since)] == ["new"]


async def test_a_rolled_back_entry_is_not_in_the_trail(under_test: StoreUnderTest):
    with pytest.raises(ZeroDivisionError):  # noqa: PT012 - the rollback is what is tested
        async with under_test.store.work() as work:
            await work.audit.record(an_entry())
            raise ZeroDivisionError
    # PostgreSQL's writer numbers its entries, and declares the number void that was not used.
    assert [one for one in await found(under_test) if one.entry.verb is not Verb.TRAIL_VOID] == []


@pytest.mark.parametrize(
    ("given", "kept"),
    [("a\x00b", "a␀b"), ("\\\x00", "\\␀"), ("\\u0000", "\\u0000"), ("half \ud800 of a pair", "half ? of a pair")],
)
async def test_text_that_no_database_can_hold_is_recorded_visibly(under_test: StoreUnderTest, given: str, kept: str):
    """No entry, no action: whoever types such a character must be recorded all the same."""
    entry = an_entry(verb=Verb.COMMAND_REFUSED, subject=given, details={"text": given})
    await recorded(under_test, entry)
    (stored,) = await found(under_test)
    assert stored.entry == replace(entry, subject=kept, details={"text": kept})


async def test_details_that_are_no_json_are_an_error_and_not_a_guess(under_test: StoreUnderTest):
    with pytest.raises(TypeError):
        await recorded(under_test, an_entry(details={"what": object()}))


async def test_who_it_was_is_told_in_full(under_test: StoreUnderTest):
    actor = Actor("slack:T1:U7", Surface.TERMINAL, "U7")
    await recorded(under_test, an_entry(actor=actor))
    assert [one.entry.actor for one in await found(under_test, principal="slack:T1:U7")] == [actor]


async def test_secrets_are_taken_out_before_an_entry_is_stored(under_test: StoreUnderTest) -> None:
    async with under_test.store.work() as work:
        details = {"words": f"x {CANARY}", "more": [CANARY], "url": "postgresql://me:pa55word@db/x"}
        await work.audit.record(an_entry(subject=f"about {CANARY}", details=details))
    async with under_test.store.work() as work:
        (stored,) = await work.audit.find(AuditQuery())
    text = canonical_json(stored.entry)
    assert "[redacted]" in text
    assert CANARY not in text
    assert "pa55word" not in text


async def test_a_run_s_entries_are_not_chained_before_somebody_chains_them(under_test: StoreUnderTest) -> None:
    await recorded(under_test, an_entry(run="r1"), an_entry(run="r1"), an_entry(run="r2"), an_entry())
    async with under_test.store.work() as work:
        assert await work.audit.standing("r1") == Standing(unchained=2, unanchored=2)
        assert await work.audit.standing("unknown") == Standing(0, 0)
        state = await work.audit.state()
    assert state.unchained_since is not None
    assert state.unchained_since <= state.now
    assert (state.unanchored_since, state.anchored_at, state.sequencer) == (None, None, "")


async def test_names_live_beside_the_trail_and_an_erased_one_stays_erased(under_test: StoreUnderTest) -> None:
    async with under_test.store.work() as work:
        await work.audit.note_name("slack:T1:U1", "Aiko")
        await work.audit.note_name("slack:T1:U2", "Kenji")
        await work.audit.note_name("slack:T1:U2", "Kenji Abe")
    async with under_test.store.work() as work:
        assert await work.audit.names() == {"slack:T1:U1": "Aiko", "slack:T1:U2": "Kenji Abe"}
        assert await work.audit.erase_name("slack:T1:U1")
        assert not await work.audit.erase_name("slack:T1:U9")
        await work.audit.note_name("slack:T1:U1", "Aiko again")
    async with under_test.store.work() as work:
        assert await work.audit.names() == {"slack:T1:U2": "Kenji Abe"}

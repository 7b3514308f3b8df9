"""The chain on PostgreSQL: every committed entry once, by one sequencer at a time, whatever dies."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest
import pytest_asyncio

from bot.domain.errors import Unrecorded
from bot.stores.chain import PostgresChain
from bot.stores.proofs import proof_of
from bot.stores.signing import passing_key
from bot.verifier import Report, Verifier, proven
from demo.platform.postgres import Cluster
from tests.builders import an_entry
from tests.stores import BotDatabase, opened, rows
from tests.trails import TOKEN, TrailUnderTest, a_trail


@pytest_asyncio.fixture
async def trail(migrated: BotDatabase, tmp_path: Path) -> AsyncIterator[TrailUnderTest]:
    async with a_trail(migrated, tmp_path) as made:
        yield made


async def verified(trail: TrailUnderTest, *, anchored: bool = False) -> Report:
    anchors = trail.place.texts() if anchored else None
    return Verifier(trail.keys, anchors).check(await trail.export())


async def test_what_was_recorded_and_chained_is_verified(trail: TrailUnderTest) -> None:
    await trail.record(7)
    await trail.chained(3, 4)
    report = await verified(trail)
    assert (report.problems, report.entries, report.heads) == ([], 7, 2)


async def test_an_entry_that_commits_late_is_not_skipped(trail: TrailUnderTest) -> None:
    async with trail.store.work() as late:
        await late.audit.record(an_entry(subject="late"))
        await trail.record(2)
        await trail.chained(2)
    await trail.chained(1)
    found = await rows(trail.database.url, "SELECT subject FROM audit_entries ORDER BY position")
    assert [subject for (subject,) in found] == ["s0", "s1", "late"]
    assert (await verified(trail)).problems == []


async def test_a_rolled_back_number_is_declared_void_and_no_gap(trail: TrailUnderTest) -> None:
    with pytest.raises(ZeroDivisionError):  # noqa: PT012 - the rollback is what is tested
        async with trail.store.work() as work:
            await work.audit.record(an_entry())
            await work.audit.record(an_entry())
            raise ZeroDivisionError
    await trail.record(1)
    found = await rows(trail.database.url, "SELECT number, verb FROM audit_entries ORDER BY number")
    assert found == [(1, "trail.void"), (2, "trail.void"), (3, "run.requested")]
    await trail.chained(3)
    assert (await verified(trail)).problems == []


async def test_numbers_that_are_rolled_back_at_once_are_declared_once(trail: TrailUnderTest) -> None:
    async def roll_back() -> None:
        with pytest.raises(ZeroDivisionError):  # noqa: PT012 - the rollback is what is tested
            async with trail.store.work() as work:
                await work.audit.record(an_entry())
                raise ZeroDivisionError

    await asyncio.gather(*(roll_back() for _ in range(8)))
    found = await rows(trail.database.url, "SELECT number FROM audit_entries ORDER BY number")
    assert found == [(number,) for number in range(1, 9)]


async def test_only_one_is_the_sequencer_until_its_lease_ends(trail: TrailUnderTest) -> None:
    await trail.record(2)
    assert await trail.chain.take("one", "1", timedelta(milliseconds=300))
    assert not await trail.chain.take("two", "2", timedelta(minutes=1))
    assert await trail.chain.chain("2", 10) is None
    assert await trail.chain.chain("1", 1) == 1
    async with asyncio.timeout(5):
        while not await trail.chain.take("two", "2", timedelta(minutes=1)):  # noqa: ASYNC110 - the database's clock
            await asyncio.sleep(0.05)
    assert await trail.chain.chain("1", 10) is None
    assert await trail.chain.chain("2", 10) == 1
    assert (await verified(trail)).problems == []


async def test_an_entry_is_chained_once_and_by_nobody_else(trail: TrailUnderTest) -> None:
    await trail.record(2)
    await trail.chained(1)
    again = "UPDATE audit_entries SET position = 9, previous = '', hash = ''"
    for url in (trail.database.sequencer_url, trail.database.owner_url):
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="chained once"):
            await rows(url, again)
    with pytest.raises(psycopg.errors.InsufficientPrivilege, match="chained once"):
        await rows(trail.database.owner_url, f"{again} WHERE position IS NULL")


async def by_superuser(cluster: Cluster, trail: TrailUnderTest, statement: str) -> None:
    """What nobody but a superuser (or the owner, on purpose) can do."""
    async with cluster.connect(trail.database.name) as connection:
        await connection.execute("SET session_replication_role = replica")
        await connection.execute(statement.encode())


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("UPDATE audit_entries SET body = replace(body, 's3', 's9') WHERE position = 4", "entry 4 was changed"),
        ("DELETE FROM audit_entries WHERE position = 4", "entry 4 is not where it should be"),
        ("UPDATE audit_entries SET at = at + interval '1 s' WHERE position = 4", "entry 4 was changed"),
        ("UPDATE audit_entries SET position = 9 - position WHERE position IN (4, 5)", "entry 4 was changed"),
        (
            "UPDATE audit_heads SET signature = repeat('0', 128) WHERE batch = 2",
            "head 2 (entries 4 to 7) is not signed",
        ),
        ("DELETE FROM audit_entries WHERE position > 3", "head 2 does not fit its entries"),
        ("DELETE FROM audit_heads WHERE batch = 2; DELETE FROM audit_entries WHERE position > 3", "the tail was cut"),
    ],
)
async def test_whoever_owns_the_database_is_found_out(
    cluster: Cluster, trail: TrailUnderTest, statement: str, said: str
) -> None:
    await trail.record(7)
    await trail.chained(3, 4)
    await put_outside(trail)
    for one in statement.split(";"):
        await by_superuser(cluster, trail, one)
    assert said in " ".join((await verified(trail, anchored=True)).problems)


async def put_outside(trail: TrailUnderTest) -> None:
    batches = await trail.chain.unanchored(100)
    await trail.place.put("000000000001", "".join(batch.as_text() for batch in batches))
    await trail.chain.note_anchor(batches[-1].number, "000000000001")


async def test_an_entry_is_proven_by_itself(trail: TrailUnderTest) -> None:
    await trail.record(40)
    await trail.chained(5, 35)
    ((entry,),) = await rows(trail.database.url, "SELECT id FROM audit_entries WHERE position = 21")
    found = await trail.exports.place_of(entry)
    assert found is not None
    place, hashes = found
    proof = proof_of(hashes, place["index"])
    assert proven(hashes[place["index"]], proof, batch_root(place["head"]))
    assert await trail.exports.place_of(10_000) is None


def batch_root(head_line: str) -> bytes:
    return bytes.fromhex(json.loads(head_line[131:])["root"])


async def until(trail: TrailUnderTest, count: int) -> None:
    async with asyncio.timeout(30):
        chained = "SELECT count(*) FROM audit_entries WHERE position > 0"
        while await rows(trail.database.url, chained) != [(count,)]:  # noqa: ASYNC110 - rows tell nobody
            await asyncio.sleep(0.05)


async def test_many_writers_two_sequencers_and_a_killed_one_leave_no_break(
    cluster: Cluster, trail: TrailUnderTest
) -> None:
    """32 writers; one sequencer after the other loses its connections in the middle of its work."""
    stop = asyncio.Event()

    async def write(number: int) -> None:
        for index in range(20):
            async with trail.store.work() as work:
                await work.audit.record(an_entry(subject=f"{number}.{index}"))

    async def kill() -> None:
        while True:
            await asyncio.sleep(0.2)
            async with cluster.connect(trail.database.name) as connection:
                await connection.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'takumi_bot_sequencer'"
                )

    async with opened(trail.database.sequencer_url, max_size=4) as pool:
        other = type(trail.sequencer)(PostgresChain(pool, passing_key()), None, "other")
        async with asyncio.TaskGroup() as group:
            group.create_task(trail.sequencer.run(stop))
            group.create_task(other.run(stop))
            killer = group.create_task(kill())
            await asyncio.gather(*(write(number) for number in range(32)))
            killer.cancel()
            await until(trail, 640)
            stop.set()
        trail.keys = await trail.exports.keys()
    report = await verified(trail)
    assert (report.problems, report.entries) == ([], 640)


async def test_heads_are_put_outside_when_somebody_waits_for_it(trail: TrailUnderTest) -> None:
    stop = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        group.create_task(trail.sequencer.run(stop))
        await trail.record(3, run="r1")
        await until(trail, 3)
        async with trail.store.work() as work:
            assert (await work.audit.standing("r1")).unanchored == 3
            await work.audit.want_anchor()
        async with asyncio.timeout(10):
            while await unanchored(trail):  # noqa: ASYNC110 - another task's doing
                await asyncio.sleep(0.05)
        assert trail.place.put_there
        assert await trouble(trail) == ""
        stop.set()
    assert (await verified(trail, anchored=True)).problems == []


async def test_a_place_that_is_away_is_told_and_tried_again(trail: TrailUnderTest) -> None:
    trail.place.away = True
    stop = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        group.create_task(trail.sequencer.run(stop))
        await trail.record(1)
        await until(trail, 1)
        async with trail.store.work() as work:
            await work.audit.want_anchor()
        async with asyncio.timeout(10):
            while "does not answer" not in await trouble(trail):  # noqa: ASYNC110 - another task's doing
                await asyncio.sleep(0.05)
        trail.place.away = False
        async with asyncio.timeout(10):
            while await trouble(trail) or not trail.place.put_there:  # noqa: ASYNC110 - another task's doing
                await asyncio.sleep(0.05)
        stop.set()


async def unanchored(trail: TrailUnderTest) -> int:
    async with trail.store.work() as work:
        return (await work.audit.standing("r1")).unanchored


async def trouble(trail: TrailUnderTest) -> str:
    async with trail.store.work() as work:
        return (await work.audit.state()).trouble


async def test_months_are_retired_once_they_are_anchored_and_old(trail: TrailUnderTest, cluster: Cluster) -> None:
    retire = "SELECT retire_audit_partition('2026-01-01')"
    with pytest.raises(psycopg.errors.UndefinedTable):
        await rows(trail.database.retention_url, retire)
    await rows(trail.database.sequencer_url, "SELECT make_audit_partition('2026-01-15')")
    await trail.record(2)
    await by_superuser(cluster, trail, "UPDATE audit_entries SET at = '2026-01-31 12:00:00+00'")
    await trail.record(2)
    with pytest.raises(psycopg.errors.CheckViolation, match="no anchored head covers"):
        await rows(trail.database.retention_url, retire)
    assert await trail.chain.take("test", TOKEN, timedelta(minutes=1))
    assert [await trail.chain.chain(TOKEN, 10), await trail.chain.chain(TOKEN, 10)] == [2, 2], "a batch has one month"
    with pytest.raises(psycopg.errors.CheckViolation, match="no anchored head covers"):
        await rows(trail.database.retention_url, retire)
    await put_outside(trail)
    assert await rows(trail.database.retention_url, retire) == [(2,)]
    with pytest.raises(psycopg.errors.CheckViolation, match="younger than ninety days"):
        await rows(trail.database.retention_url, "SELECT retire_audit_partition(now()::date)")
    assert await trail.exports.retired() == 2
    report = Verifier(trail.keys, trail.place.texts(), retired=2).check(await trail.export())
    assert (report.problems, report.entries, report.retired) == ([], 2, 2)


async def test_erasing_a_name_does_not_touch_the_chain(trail: TrailUnderTest) -> None:
    await trail.record(2)
    await trail.chained(2)
    async with trail.store.work() as work:
        await work.audit.note_name("slack:T1:U1", "Aiko")
        assert await work.audit.erase_name("slack:T1:U1")
    text = b"".join(await trail.export())
    assert b"Aiko" not in text
    assert (await verified(trail)).problems == []


LOST = [
    ("REVOKE INSERT (body, writer, number, signature) ON audit_entries FROM takumi_bot", "role write"),
    ("REVOKE USAGE ON SEQUENCE audit_entries_id_seq FROM takumi_bot", "role write"),
    ("ALTER TABLE audit_entries RENAME TO gone", "takes no entry"),
]


@pytest.mark.parametrize(("statement", "said"), LOST)
async def test_a_trail_that_takes_no_entry_is_said_and_nothing_is_kept(
    trail: TrailUnderTest, cluster: Cluster, statement: str, said: str
) -> None:
    await by_superuser(cluster, trail, statement)
    with pytest.raises(Unrecorded, match=said):  # noqa: PT012 - the first write is rolled back too
        async with trail.store.work() as work:
            await work.schedules.fire("daily", await work.now())
            await work.audit.record(an_entry())
    assert await rows(trail.database.owner_url, "SELECT count(*) FROM schedule_firings") == [(0,)]


async def test_a_read_only_database_is_said_and_recovers_by_itself(trail: TrailUnderTest, cluster: Cluster) -> None:
    async with cluster.connect() as connection:
        await connection.execute(
            f"ALTER DATABASE {trail.database.name} SET default_transaction_read_only = on".encode()
        )
    async with opened(trail.database.url) as pool:
        closed = type(trail.store)(pool, trail.store._defer, "count(*)")
        with pytest.raises(Unrecorded, match="only lets itself be read"):
            async with closed.work() as work:
                await work.audit.record(an_entry())
    async with cluster.connect() as connection:
        await connection.execute(f"ALTER DATABASE {trail.database.name} RESET default_transaction_read_only".encode())
    async with (
        opened(trail.database.url) as pool,
        type(trail.store)(pool, trail.store._defer, "count(*)").work() as work,
    ):
        await work.audit.record(an_entry())

"""What only the real database can show: rights, triggers, lost connections, silence, and rows that it refuses."""

import asyncio
import contextlib
import os
import signal
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

from bot.domain.errors import Unavailable
from bot.domain.runs import Lease, RunState
from bot.services.rows import Delivery, Job, Wake
from bot.stores import reception
from bot.stores.postgres import PostgresStore
from demo.platform.postgres import Cluster
from tests.builders import a_backup, a_decision, a_delivery, a_run, an_entry
from tests.servers import free_port
from tests.stores import DEFER_RECEIVED, BotDatabase, opened, rows

LONG = timedelta(minutes=1)


async def test_audit_columns_follow_the_recorded_text(postgres_store: PostgresStore, migrated: BotDatabase):
    async with postgres_store.work() as work:
        await work.audit.record(an_entry(run="r1"))
    assert await rows(migrated.url, "SELECT principal, verb, subject, run FROM audit_entries") == [
        ("slack:T1:U1", "run.requested", "backup_database", "r1")
    ]
    with pytest.raises(psycopg.errors.GeneratedAlways):
        await rows(migrated.url, "INSERT INTO audit_entries (body, principal) VALUES ('{}', 'somebody else')")


async def test_an_approval_cannot_name_another_requester(postgres_store: PostgresStore, migrated: BotDatabase):
    async with postgres_store.work() as work:
        run = await work.runs.add(a_run(state=RunState.REQUESTED))
    own = a_decision(run, approver=run.requester)
    with pytest.raises(psycopg.errors.ForeignKeyViolation):
        await rows(
            migrated.url,
            "INSERT INTO approvals (run, requester, digest, approver, slack_user, role, verdict, reason) "
            "VALUES (%s, 'somebody else', %s, %s, 'U1', 'cto', 'approved', '')",
            run.id, run.digest, own.approver,
        )  # fmt: skip


async def test_a_claim_that_somebody_inserts_by_hand_meets_the_constraint(
    postgres_store: PostgresStore, migrated: BotDatabase
):
    async with postgres_store.work() as work:
        run, other = [await work.runs.add(a_run()) for _ in range(2)]
        assert isinstance(await work.runs.start(run.id, "w1", LONG, [("7300/takumi", True)]), Lease)
    with pytest.raises(psycopg.errors.ExclusionViolation):
        await rows(
            migrated.url,
            "INSERT INTO run_claims (run, name, exclusive, slots) VALUES (%s, '7300/takumi', false, '[9,9]')",
            other.id,
        )


async def test_a_row_that_the_database_refuses_spoils_no_other(postgres_store: PostgresStore, migrated: BotDatabase):
    deliveries = [
        a_delivery(),
        Delivery(a_delivery().kind, "nul\x00", {}),
        a_delivery(),
        Delivery(a_delivery().kind, "", {}),
    ]
    answers = await asyncio.gather(*map(postgres_store.receive, deliveries), return_exceptions=True)
    assert isinstance(answers[1], psycopg.DataError)
    assert isinstance(answers[3], psycopg.errors.CheckViolation)
    assert isinstance(answers[0], tuple)
    assert isinstance(answers[2], tuple)
    assert len(await rows(migrated.url, "SELECT id FROM inbox")) == 2


async def test_concurrent_requests_share_transactions(postgres_store: PostgresStore, migrated: BotDatabase):
    await asyncio.gather(*(postgres_store.receive(a_delivery()) for _ in range(100)))
    transactions = await rows(migrated.url, "SELECT count(DISTINCT xmin::text) FROM inbox")
    assert transactions[0][0] < 50


async def test_a_database_that_is_not_there_is_unavailable():
    url = f"postgresql://nobody@127.0.0.1:{free_port()}/bot"
    async with opened(url) as pool:
        store = PostgresStore(pool, _no_jobs, DEFER_RECEIVED)
        with pytest.raises(Unavailable, match="could not confirm"):
            await store.receive(a_delivery())
        with pytest.raises(Unavailable, match="could not confirm"):
            async with store.work():
                pytest.fail("there is nothing to work on")


async def _no_jobs(_connection: object, _wakes: object) -> None:
    pass


async def test_connections_that_died_in_the_pool_are_replaced_unseen(
    postgres_store: PostgresStore, migrated: BotDatabase, cluster: Cluster
):
    await asyncio.gather(*(_look(postgres_store) for _ in range(5)))
    await end_sessions(cluster, migrated)
    _, is_new = await postgres_store.receive(a_delivery())
    assert is_new
    await asyncio.gather(*(_look(postgres_store) for _ in range(5)))


async def _look(store: PostgresStore) -> None:
    async with store.work() as work:
        await work.now()


async def end_sessions(cluster: Cluster, database: BotDatabase) -> None:
    async with cluster.connect() as connection:
        await connection.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = %s", (database.name,)
        )


async def test_a_connection_lost_inside_a_unit_of_work_is_unavailable_and_keeps_nothing(
    postgres_store: PostgresStore, migrated: BotDatabase, cluster: Cluster
):
    run = a_run()
    with pytest.raises(Unavailable):  # noqa: PT012 - the loss happens inside
        async with postgres_store.work() as work:
            await work.runs.add(run)
            await work.defer(Wake(Job.ADVANCE_RUN, run.id))
            await end_sessions(cluster, migrated)
    assert await rows(migrated.url, "SELECT id FROM runs") == []
    assert await rows(migrated.owner_url, "SELECT id FROM procrastinate_jobs") == []


async def test_an_insert_that_was_committed_but_not_confirmed_is_recognised(
    postgres_store: PostgresStore, migrated: BotDatabase, monkeypatch: pytest.MonkeyPatch
):
    """The connection dies between the commit and its confirmation: the second try finds the first one's row."""
    original, tries = reception.insert, 0

    async def committed_and_lost(line: Any, *values: Any) -> Sequence[str]:
        nonlocal tries
        tries += 1
        new: Sequence[str] = await original(line, *values)
        if tries == 1:
            await line.connection.close()
            raise psycopg.OperationalError("lost")
        return new

    monkeypatch.setattr(reception, "insert", committed_and_lost)
    inbox_id, is_new = await postgres_store.receive(a_delivery("t1"))
    assert (is_new, tries) == (True, 2)
    assert await rows(migrated.url, "SELECT id FROM inbox") == [(inbox_id,)]
    assert (await postgres_store.receive(a_delivery("t1"))) == (inbox_id, False)


async def test_an_error_swallowed_inside_a_unit_of_work_is_not_taken_for_success(postgres_store: PostgresStore):
    run, backup = a_run(), a_backup()
    with pytest.raises(RuntimeError, match="swallowed"):  # noqa: PT012 - the swallowing is what is tested
        async with postgres_store.work() as work:
            await work.runs.add(run)
            await work.backups.add(backup)
            with contextlib.suppress(psycopg.IntegrityError):
                await work.backups.add(backup)
    async with postgres_store.work() as work:
        assert await work.runs.get(run.id) is None


async def test_a_silent_database_is_told_in_time_and_served_again_when_it_speaks(
    postgres_store: PostgresStore, migrated: BotDatabase
):
    await postgres_store.receive(a_delivery())
    pids = [pid for (pid,) in await rows(migrated.owner_url, _SESSIONS)]
    assert pids
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        async with asyncio.timeout(10):
            with pytest.raises(Unavailable, match="could not confirm"):
                await postgres_store.receive(a_delivery())
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)
    for _ in range(3):
        _, is_new = await postgres_store.receive(a_delivery())
        assert is_new


_SESSIONS = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"


async def test_a_request_given_up_in_the_queue_is_not_carried_out_later(migrated: BotDatabase):
    async with opened(migrated.url) as pool:
        store = PostgresStore(pool, _no_jobs, "count(pg_sleep(0.5))")
        first = asyncio.create_task(store.receive(a_delivery("t1")))
        await asyncio.sleep(0.2)
        second = asyncio.create_task(store.receive(a_delivery("t2")))
        third = asyncio.create_task(store.receive(a_delivery("t3")))
        await asyncio.sleep(0)
        second.cancel()
        await asyncio.wait({first, second, third})
    assert await rows(migrated.url, "SELECT key FROM inbox ORDER BY key") == [("t1",), ("t3",)]


async def test_what_is_due_at_once_is_told_nearby_after_the_commit_and_never_without_one(
    postgres_store: PostgresStore,
) -> None:
    told: list[Wake] = []

    async def note(wake: Wake) -> None:
        async with postgres_store.work() as work:
            assert await work.inbox.get("seen") is None
        told.append(wake)

    postgres_store.nearby = note
    at_once, later = Wake(Job.ADVANCE_RUN, "a"), Wake(Job.ADVANCE_RUN, "b", datetime.now(UTC) + timedelta(days=1))
    async with postgres_store.work() as work:
        await work.defer(at_once, later)
        assert told == []
    assert told == [at_once]

    async def without_a_commit() -> None:
        async with postgres_store.work() as work:
            await work.defer(at_once)
            raise ValueError("no commit")

    with pytest.raises(ValueError, match="no commit"):
        await without_a_commit()
    assert told == [at_once]

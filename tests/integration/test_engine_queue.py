"""Jobs on real PostgreSQL: in the caller's transaction, harmless twice, and outliving workers and the server."""

import asyncio
import signal
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest

from bot.engine import queue as queue_module
from bot.engine.queue import Queue
from bot.services.rows import Job, Wake
from bot.stores.migrate import migrate
from bot.stores.postgres import PostgresStore
from demo.platform.databases import BOT_OWNER, BOT_RUNTIME, create_bot_database
from demo.platform.postgres import Cluster
from tests.builders import a_delivery
from tests.servers import EMBEDDED_VERSION, programs_of, start_cluster, unique_name
from tests.stores import DEFER_RECEIVED, QUEUE_SCHEMA, BotDatabase, opened, rows

QUICK = timedelta(milliseconds=300)


class Seen:
    """Handlers that note what they were woken for; `until` waits for so many notes."""

    def __init__(self) -> None:
        self.keys: list[str] = []
        self._changed = asyncio.Condition()

    async def note(self, key: str) -> None:
        async with self._changed:
            self.keys.append(key)
            self._changed.notify_all()

    async def until(self, count: int) -> list[str]:
        async with asyncio.timeout(40), self._changed:
            await self._changed.wait_for(lambda: len(self.keys) >= count)
            return list(self.keys)

    @property
    def handlers(self) -> dict[Job, Callable[[str], Awaitable[None]]]:
        return dict.fromkeys(Job, self.note)


@asynccontextmanager
async def working(url: str, handlers: dict[Job, Callable[[str], Awaitable[None]]], **options: timedelta):
    """A worker at work until the block ends."""
    drain = options.pop("drain", timedelta(seconds=5))
    stop = asyncio.Event()
    heartbeat = options.pop("heartbeat", timedelta(seconds=10))
    queue = Queue(url, polling=options.pop("polling", QUICK), heartbeat=heartbeat)
    task = asyncio.create_task(queue.run(handlers, 4, stop, drain))
    try:
        yield task
    finally:
        stop.set()
        ended, _ = await asyncio.wait({task}, timeout=20)
        task.cancel()
        assert ended, "the worker did not end"
        await task


async def defer(store: PostgresStore, *wakes: Wake) -> None:
    async with store.work() as work:
        await work.defer(*wakes)


async def left_over(database: BotDatabase) -> list[tuple[str, str]]:
    """(key, status) of the jobs in the queue."""
    async with await psycopg.AsyncConnection.connect(database.owner_url) as connection:
        cursor = await connection.execute("SELECT args->>'key', status::text FROM procrastinate_jobs ORDER BY id")
        return await cursor.fetchall()


async def test_a_committed_job_wakes_its_handler_and_is_gone(postgres_store: PostgresStore, migrated: BotDatabase):
    seen = Seen()
    async with working(migrated.url, seen.handlers):
        await defer(postgres_store, *(Wake(job, job.value) for job in Job))
        inbox_id, _ = await postgres_store.receive(a_delivery())
        assert sorted(await seen.until(len(Job) + 1)) == sorted([*(job.value for job in Job), inbox_id])
    assert await left_over(migrated) == []


async def test_a_rolled_back_job_wakes_nobody(postgres_store: PostgresStore, migrated: BotDatabase):
    seen = Seen()
    with pytest.raises(ZeroDivisionError):  # noqa: PT012 - the rollback is what is tested
        async with postgres_store.work() as work:
            await work.defer(Wake(Job.ADVANCE_RUN, "rolled back"))
            raise ZeroDivisionError
    await defer(postgres_store, Wake(Job.ADVANCE_RUN, "committed"))
    async with working(migrated.url, seen.handlers):
        assert await seen.until(1) == ["committed"]
    assert seen.keys == ["committed"]


async def test_the_same_wake_up_twice_is_two_calls_of_one_handler(postgres_store: PostgresStore, migrated: BotDatabase):
    seen = Seen()
    await defer(postgres_store, Wake(Job.ADVANCE_RUN, "r1"), Wake(Job.ADVANCE_RUN, "r1"))
    async with working(migrated.url, seen.handlers):
        assert await seen.until(2) == ["r1", "r1"]


async def test_a_wake_up_for_later_waits_and_keeps_nobody_waiting(postgres_store: PostgresStore, migrated: BotDatabase):
    called: dict[str, datetime] = {}
    seen = Seen()

    async def note(key: str) -> None:
        called[key] = datetime.now(UTC)
        await seen.note(key)

    async with working(migrated.url, dict.fromkeys(Job, note)):
        at = datetime.now(UTC) + timedelta(seconds=1)
        await defer(postgres_store, Wake(Job.ADVANCE_RUN, "later", at), Wake(Job.ADVANCE_RUN, "now"))
        assert await seen.until(2) == ["now", "later"]
    assert called["now"] < at <= called["later"]


async def test_a_handler_that_raises_is_called_again_and_then_no_more(
    postgres_store: PostgresStore, migrated: BotDatabase, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(queue_module, "RETRY_DELAYS", (timedelta(0), timedelta(0)))
    seen = Seen()

    async def fail(key: str) -> None:
        await seen.note(key)
        raise RuntimeError("this handler fails on purpose")

    async with working(migrated.url, dict.fromkeys(Job, fail)):
        await defer(postgres_store, Wake(Job.ADVANCE_RUN, "r1"))
        assert await seen.until(3) == ["r1"] * 3
    assert seen.keys == ["r1"] * 3
    assert await left_over(migrated) == [("r1", "failed")]


async def test_one_failing_handler_does_not_stop_the_others(postgres_store: PostgresStore, migrated: BotDatabase):
    seen = Seen()

    async def fail(_key: str) -> None:
        raise RuntimeError("this handler fails on purpose")

    async with working(migrated.url, seen.handlers | {Job.ADVANCE_RUN: fail}):
        await defer(postgres_store, Wake(Job.ADVANCE_RUN, "r1"), Wake(Job.DRAW_MESSAGE, "m1"))
        assert await seen.until(1) == ["m1"]
        await defer(postgres_store, Wake(Job.DRAW_MESSAGE, "m2"))
        assert await seen.until(2) == ["m1", "m2"]


async def test_a_handler_at_work_may_end_before_the_worker_does(postgres_store: PostgresStore, migrated: BotDatabase):
    begun, ended = asyncio.Event(), asyncio.Event()

    async def work_slowly(_key: str) -> None:
        begun.set()
        await asyncio.sleep(0.5)
        ended.set()

    async with working(migrated.url, dict.fromkeys(Job, work_slowly)):
        await defer(postgres_store, Wake(Job.ADVANCE_RUN, "r1"))
        await begun.wait()
    assert ended.is_set()
    assert await left_over(migrated) == []


async def test_a_handler_that_outlasts_the_drain_is_cancelled_and_its_job_left_for_others(
    postgres_store: PostgresStore, migrated: BotDatabase
):
    begun, cancelled = asyncio.Event(), asyncio.Event()

    async def work_for_ever(_key: str) -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()

    async with working(migrated.url, dict.fromkeys(Job, work_for_ever), drain=timedelta(seconds=0.2)):
        await defer(postgres_store, Wake(Job.ADVANCE_RUN, "r1"))
        await begun.wait()
    assert cancelled.is_set()
    assert await left_over(migrated) == [("r1", "todo")]


WORKER = """
import asyncio, sys
from bot.engine.queue import Queue
from bot.services.rows import Job

async def hang(key):
    print(key, flush=True)
    await asyncio.Event().wait()

asyncio.run(Queue(sys.argv[1]).run(dict.fromkeys(Job, hang), 1, asyncio.Event()))
"""


async def test_the_job_of_a_killed_worker_is_picked_up_by_another(postgres_store: PostgresStore, migrated: BotDatabase):
    await defer(postgres_store, Wake(Job.ADVANCE_RUN, "r1"))
    command = [sys.executable, "-c", WORKER, migrated.url]
    victim = await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE, cwd=Path(__file__).parents[2])
    assert victim.stdout is not None
    try:
        async with asyncio.timeout(30):
            while await victim.stdout.readline() != b"r1\n":
                assert not victim.stdout.at_eof()
    finally:
        victim.send_signal(signal.SIGKILL)
        await victim.wait()
    assert await left_over(migrated) == [("r1", "doing")]
    seen = Seen()
    async with working(migrated.url, seen.handlers, heartbeat=timedelta(seconds=0.5)):
        assert await seen.until(1) == ["r1"]
    assert await left_over(migrated) == []


async def test_a_worker_that_was_taken_for_dead_stands_up_again(postgres_store: PostgresStore, migrated: BotDatabase):
    """Another that starts removes whoever was silent too long; without its row a worker cannot take jobs.

    It must not have to end its running handlers first.
    """
    seen, begun, go_on = Seen(), asyncio.Event(), asyncio.Event()

    async def work_slowly(_key: str) -> None:
        begun.set()
        await go_on.wait()

    async with working(migrated.url, seen.handlers | {Job.ADVANCE_RUN: work_slowly}):
        await defer(postgres_store, Wake(Job.ADVANCE_RUN, "at work"))
        await begun.wait()
        assert await rows(migrated.owner_url, "DELETE FROM procrastinate_workers RETURNING 1") == [(1,)]
        await defer(postgres_store, Wake(Job.DRAW_MESSAGE, "after"))
        assert await seen.until(1) == ["after"]
        go_on.set()


async def test_a_job_that_ends_every_worker_ends_itself_at_last(
    postgres_store: PostgresStore, migrated: BotDatabase, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(queue_module, "GIVE_BACK_LIMIT", 3)
    await defer(postgres_store, Wake(Job.ADVANCE_RUN, "r1"))
    async with await psycopg.AsyncConnection.connect(migrated.owner_url) as connection:
        await connection.execute("UPDATE procrastinate_jobs SET status = 'doing', attempts = 3")
    async with working(migrated.url, Seen().handlers), asyncio.timeout(20):
        while await left_over(migrated) != [("r1", "failed")]:  # noqa: ASYNC110 - rows tell nobody
            await asyncio.sleep(0.1)


@pytest.fixture
def own_cluster(server_folder: Path) -> Iterator[Cluster]:
    """A cluster that the test may stop and start."""
    cluster = start_cluster(programs_of(EMBEDDED_VERSION, server_folder), server_folder / unique_name("own"))
    yield cluster
    asyncio.run(cluster.stop())


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGQUIT])
async def test_worker_and_running_handlers_live_through_a_restart_of_the_database(
    own_cluster: Cluster, how: signal.Signals
):
    name = f"bot_{how.name.lower()}"
    await create_bot_database(own_cluster, name)
    url = own_cluster.url(name, BOT_RUNTIME)
    await migrate(own_cluster.url(name, BOT_OWNER), BOT_RUNTIME, [QUEUE_SCHEMA])
    seen, begun, go_on = Seen(), asyncio.Event(), asyncio.Event()

    async def work_slowly(key: str) -> None:
        begun.set()
        await go_on.wait()
        await seen.note(key)

    async with opened(url) as pool, working(url, seen.handlers | {Job.ADVANCE_RUN: work_slowly}) as worker:
        store = PostgresStore(pool, Queue(url).deferrer, DEFER_RECEIVED)
        await defer(store, Wake(Job.ADVANCE_RUN, "at work"))
        await begun.wait()
        await own_cluster.stop(how)
        await asyncio.sleep(4)  # long enough for the worker to look for jobs and to listen in vain
        await own_cluster.start()
        await defer(store, Wake(Job.DRAW_MESSAGE, "after"))
        assert await seen.until(1) == ["after"]
        go_on.set()
        first, *others = await seen.until(2)
        # The queue commits its own notes asynchronously: after a crash of the database a job may be fetched once more,
        # which is harmless, since a wake-up only looks at its row.
        assert (first, set(others)) == ("after", {"at work"})
        assert len(others) == 1 or how is signal.SIGQUIT, "an orderly stop loses no note"
        assert not worker.done()
        async with asyncio.timeout(20):
            while await left_over(BotDatabase(name, url, own_cluster.url(name, BOT_OWNER))) != []:  # noqa: ASYNC110 - rows tell nobody
                await asyncio.sleep(0.1)


async def test_a_stop_while_the_database_is_away_does_not_wait_for_it(own_cluster: Cluster):
    await create_bot_database(own_cluster, "bot")
    url = own_cluster.url("bot", BOT_RUNTIME)
    await migrate(own_cluster.url("bot", BOT_OWNER), BOT_RUNTIME, [QUEUE_SCHEMA])
    seen, begun, go_on = Seen(), asyncio.Event(), asyncio.Event()

    async def work_slowly(key: str) -> None:
        begun.set()
        await go_on.wait()
        await seen.note(key)

    async with working(url, dict.fromkeys(Job, work_slowly), drain=timedelta(seconds=1)), opened(url) as pool:
        await defer(PostgresStore(pool, Queue(url).deferrer, DEFER_RECEIVED), Wake(Job.ADVANCE_RUN, "r1"))
        await begun.wait()
        await own_cluster.stop()
        go_on.set()
        assert await seen.until(1) == ["r1"]


async def test_new_jobs_are_announced_again_after_a_restart(own_cluster: Cluster):
    """Polling is so rare here that only the announcement can wake the worker in time."""
    await create_bot_database(own_cluster, "bot")
    url = own_cluster.url("bot", BOT_RUNTIME)
    await migrate(own_cluster.url("bot", BOT_OWNER), BOT_RUNTIME, [QUEUE_SCHEMA])
    seen = Seen()
    async with opened(url) as pool, working(url, seen.handlers, polling=timedelta(minutes=5)):
        store = PostgresStore(pool, Queue(url).deferrer, DEFER_RECEIVED)
        await _announced(store, seen)
        await own_cluster.stop()
        await asyncio.sleep(1)
        await own_cluster.start()
        await _announced(store, seen)


async def _announced(store: PostgresStore, seen: Seen) -> None:
    before = len(seen.keys)
    async with asyncio.timeout(20):
        while len(seen.keys) == before:  # the worker may not listen yet
            await defer(store, Wake(Job.ADVANCE_RUN, "r1"))
            await asyncio.sleep(0.3)


async def test_a_worker_that_begins_while_the_database_is_away_works_when_it_is_back(own_cluster: Cluster):
    await create_bot_database(own_cluster, "bot")
    url = own_cluster.url("bot", BOT_RUNTIME)
    await migrate(own_cluster.url("bot", BOT_OWNER), BOT_RUNTIME, [QUEUE_SCHEMA])
    await own_cluster.stop()
    seen = Seen()
    async with working(url, seen.handlers), opened(url) as pool:
        await asyncio.sleep(1)
        await own_cluster.start()
        await defer(PostgresStore(pool, Queue(url).deferrer, DEFER_RECEIVED), Wake(Job.ADVANCE_RUN, "r1"))
        assert await seen.until(1) == ["r1"]

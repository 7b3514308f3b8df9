"""The known traps of the queue: none of them loses a run or does its work twice, since rows and leases decide."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from procrastinate.exceptions import ConnectorException
from procrastinate.jobs import Job as QueuedJob
from procrastinate.jobs import Status
from procrastinate.manager import JobManager

from bot.domain.audit import Verb
from bot.domain.errors import Unavailable
from bot.domain.operations import Outcome
from bot.domain.plans import Claim, Step
from bot.domain.runs import Origin, Run, RunState
from bot.engine.queue import Queue
from bot.services.approvals import Approvals
from bot.services.execution import Execution
from bot.services.freshness import Freshness
from bot.services.people import People
from bot.services.rows import AuditQuery, Job, Wake
from bot.services.runs import Asked, Runs
from bot.services.sweeping import sweep
from bot.stores.postgres import PostgresStore
from tests.fakes import FakeChat, FakeTools, Nothing, Scripted, StepTools, catalog_of, runbook
from tests.integration.test_engine_queue import left_over, working
from tests.stores import BotDatabase, rows
from tests.unit.test_execution import AIKO

HEARTBEAT = timedelta(seconds=0.3)
LEASE = timedelta(seconds=1)


class Site:
    """One run whose step goes on until the test says so, and as many workers as the test starts."""

    def __init__(self, store: PostgresStore) -> None:
        self.store, self.tools, self.chat = store, FakeTools(), FakeChat()
        self.go_on = asyncio.Event()
        step = Step("one", "One", Scripted("one", self._wait, safe_to_repeat=True))
        self.catalog = catalog_of(runbook(step, claims=(Claim("1/takumi"),)))
        self.approvals = Approvals(store, self.chat, People(self.chat, "T1"), Freshness(self.tools, self.catalog))
        self.runs = Runs(store, self.tools, self.catalog, self.approvals)

    async def _wait(self, _tools: StepTools) -> Outcome | None:
        await self.go_on.wait()
        return None

    def handlers(self, owner: str) -> dict[Job, Callable[[str], Awaitable[None]]]:
        execution = Execution(self.store, self.tools, self.catalog, self.approvals, owner, LEASE)

        async def nothing(_key: str) -> None:
            return None

        return dict.fromkeys(Job, nothing) | {Job.ADVANCE_RUN: execution.advance}

    async def ask(self) -> Run:
        return await self.runs.request("try-a-thing", Nothing(), Asked("inbox-1", AIKO, Origin()))

    async def look(self, run: Run) -> Run:
        async with self.store.work() as work:
            found = await work.runs.get(run.id)
        assert found is not None
        return found

    async def ended(self, run: Run, state: RunState = RunState.SUCCEEDED) -> Run:
        async with asyncio.timeout(20):
            while (found := await self.look(run)).state is not state:  # noqa: ASYNC110 - rows tell nobody
                await asyncio.sleep(0.05)
        return found

    async def verbs(self, run: Run) -> list[Verb]:
        async with self.store.work() as work:
            return [one.entry.verb for one in reversed(await work.audit.find(AuditQuery(run=run.id, limit=90)))]


@pytest.fixture
def site(postgres_store: PostgresStore) -> Site:
    return Site(postgres_store)


async def advance_jobs(database: BotDatabase) -> list[tuple[int, str, int | None]]:
    """(id, status, worker) of the wake-ups of runs."""
    found = await rows(
        database.owner_url,
        "SELECT id, status::text, worker_id FROM procrastinate_jobs WHERE task_name = %s ORDER BY id",
        Job.ADVANCE_RUN.value,
    )
    return [(int(job), str(status), worker) for job, status, worker in found]


async def no_job_is_left(database: BotDatabase) -> None:
    async with asyncio.timeout(20):
        while await advance_jobs(database):  # noqa: ASYNC110 - rows tell nobody
            await asyncio.sleep(0.05)


@asynccontextmanager
async def manager(database: BotDatabase) -> AsyncIterator[JobManager]:
    """Procrastinate's own, as a recoverer with a stale list would use it."""
    queue = Queue(database.url)
    await queue._app.open_async()
    try:
        yield JobManager(queue._app.connector)
    finally:
        await queue._app.close_async()


async def the_job(database: BotDatabase, status: str) -> QueuedJob:
    ((job_id, found, _),) = await advance_jobs(database)
    assert found == status
    async with manager(database) as procrastinate:
        return next(job for job in await procrastinate.list_jobs_async() if job.id == job_id)


async def test_a_job_retried_while_a_live_worker_has_it_does_its_work_once(site: Site, migrated: BotDatabase):
    run = await site.ask()
    async with working(migrated.url, site.handlers("first"), heartbeat=HEARTBEAT):
        await site.tools.started.wait()
        job = await the_job(migrated, "doing")
        async with manager(migrated) as procrastinate:
            await procrastinate.retry_job(job, retry_at=datetime.now(UTC))
        async with working(migrated.url, site.handlers("second"), heartbeat=HEARTBEAT):
            await no_job_is_left(migrated)  # the second worker has looked, and found nothing to do
            assert (await site.look(run)).state is RunState.RUNNING
            site.go_on.set()
            await site.ended(run)
    assert site.tools.happened == ["one"]
    assert (await site.verbs(run)).count(Verb.STEP_INTENDED) == 1


async def test_a_run_whose_job_a_resumed_worker_marked_succeeded_is_found_by_the_sweep(
    site: Site, migrated: BotDatabase
):
    """The paused worker finishes the retry's job; then the retry's worker dies, and nothing in the queue knows."""
    run = await site.ask()
    job = await the_job(migrated, "todo")
    async with manager(migrated) as procrastinate:
        worker = await procrastinate.register_worker()
        assert await procrastinate.fetch_job(None, worker)
        await procrastinate.finish_job(job, Status.SUCCEEDED, delete_job=True)
    async with site.store.work() as work:
        assert await work.runs.start(run.id, "the retry's worker, which died", timedelta(0), [])
    assert await advance_jobs(migrated) == []
    site.go_on.set()
    await sweep(site.store, Job.ADVANCE_RUN, site.handlers("third")[Job.ADVANCE_RUN])
    found = await site.ended(run)
    assert found.steps[0].attempt == 1
    assert Verb.RUN_TAKEN_OVER in await site.verbs(run)


async def test_a_worker_silent_for_longer_than_its_heartbeat_keeps_its_run_by_its_lease(
    site: Site, migrated: BotDatabase
):
    """Its job is given to another, who finds the lease held: an outage of the queue is no takeover."""
    run = await site.ask()
    async with working(migrated.url, site.handlers("first"), heartbeat=timedelta(minutes=5)):
        await site.tools.started.wait()
        await rows(
            migrated.owner_url,
            "UPDATE procrastinate_workers SET last_heartbeat = now() - interval '1 hour' RETURNING 1",
        )
        async with working(migrated.url, site.handlers("second"), heartbeat=HEARTBEAT):
            await no_job_is_left(migrated)
            site.go_on.set()
            await site.ended(run)
    assert site.tools.happened == ["one"]
    assert Verb.RUN_TAKEN_OVER not in await site.verbs(run)


async def test_a_draining_worker_whose_job_is_given_away_keeps_its_run(site: Site, migrated: BotDatabase):
    run = await site.ask()
    stop = asyncio.Event()
    draining = Queue(migrated.url, heartbeat=timedelta(seconds=0.2))
    task = asyncio.create_task(draining.run(site.handlers("draining"), 2, stop, timedelta(seconds=15)))
    await site.tools.started.wait()
    stop.set()
    async with working(migrated.url, site.handlers("second"), heartbeat=timedelta(seconds=0.2)):
        await asyncio.sleep(1.5)  # longer than the heartbeat's patience, and than the lease
        assert site.tools.happened == ["one"]
        site.go_on.set()
        await site.ended(run)
        await task
    assert (await site.verbs(run)).count(Verb.STEP_INTENDED) == 1


async def test_a_job_whose_fetching_was_never_answered_is_given_back(
    postgres_store: PostgresStore, migrated: BotDatabase, monkeypatch: pytest.MonkeyPatch
):
    """The database gave it to this worker and the answer was lost: it lives, so nobody else would ever take it."""
    original, lost, called = JobManager.fetch_job, [], asyncio.Event()

    async def fetch(self: JobManager, queues: Iterable[str] | None, worker_id: int) -> Any:
        job = await original(self, queues, worker_id)
        if job is not None and not lost:
            lost.append(job.id)
            raise ConnectorException from psycopg.OperationalError("server closed the connection unexpectedly")
        return job

    async def note(_key: str) -> None:
        called.set()

    monkeypatch.setattr(JobManager, "fetch_job", fetch)
    async with working(migrated.url, dict.fromkeys(Job, note)):
        async with postgres_store.work() as work:
            await work.defer(Wake(Job.START_SCHEDULED, "database-backup|now"))
        async with asyncio.timeout(20):
            await called.wait()
    assert len(lost) == 1
    assert await left_over(migrated) == []


async def test_a_connection_lost_while_deferring_is_an_outage_and_no_bug(postgres_store: PostgresStore):
    with pytest.raises(Unavailable):  # noqa: PT012 - the unit of work is what is tested
        async with postgres_store.work() as work:
            connection = work.runs._connection  # type: ignore[attr-defined] # PostgreSQL's store has one
            await connection.close()
            await work.defer(Wake(Job.ADVANCE_RUN, "r1"))

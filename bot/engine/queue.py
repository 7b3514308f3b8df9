"""Wake-ups on the bot's PostgreSQL, carried by Procrastinate: deferred in the caller's transaction, worked anywhere."""

import asyncio
import random
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import structlog
from procrastinate import App, PsycopgConnector
from procrastinate.exceptions import ConnectorException
from procrastinate.jobs import Job as QueuedJob
from procrastinate.jobs import Status
from procrastinate.retry import BaseRetryStrategy, RetryDecision

from bot.engine.patience import PatientJobManager
from bot.services.rows import Job, Wake

log = structlog.get_logger()

Handler = Callable[[str], Awaitable[None]]

QUEUE = "takumi"
RETRY_DELAYS = tuple(timedelta(seconds=seconds) for seconds in (1, 5, 30, 120, 600))
DRAIN = timedelta(seconds=25)
GIVE_BACK_LIMIT = 20  # a job that kills every worker that takes it must end at some time
KEEP_FAILED_HOURS = 24 * 7
_RESTART_DELAYS = tuple(timedelta(seconds=seconds) for seconds in (0.5, 1, 2, 5, 10))


class GrowingDelays(BaseRetryStrategy):
    """A handler that raised is called again a few times, each time later; then the sweeps remain."""

    def get_retry_decision(self, *, exception: BaseException, job: QueuedJob) -> RetryDecision | None:  # noqa: ARG002 - the base class names it
        if job.attempts >= len(RETRY_DELAYS):
            return None
        return RetryDecision(retry_at=datetime.now(UTC) + RETRY_DELAYS[job.attempts])


def deferral_sql(job: Job) -> str:
    """An SQL expression that defers a job for each `id` of the rows it stands over, for one statement that does both.

    Source: Procrastinate's own query `defer_jobs`; a deferral through Python costs three more round trips.
    """
    row = f"ROW('{QUEUE}', '{job.value}', 0, NULL, NULL, jsonb_build_object('key', id), NULL)"
    return f"procrastinate_defer_jobs_v1(array_agg({row}::procrastinate_job_to_defer_v1))"


class Queue:
    """One task a kind of job; its argument is the key of the row to look at.

    `polling` bounds how late a scheduled or retried job starts; a new one is announced. A worker is taken for dead when
    its `heartbeat` has been missing three times.
    """

    def __init__(
        self, url: str, *, polling: timedelta = timedelta(seconds=1), heartbeat: timedelta = timedelta(seconds=10)
    ) -> None:
        self._polling = polling
        self._heartbeat = heartbeat
        # Called whenever a worker of ours has come round.
        self.beat: Callable[[], None] = lambda: None
        self._handlers: Mapping[Job, Handler] = {}
        self._working: set[asyncio.Task[Any]] = set()
        self._app = App(connector=_connector(url))
        self._manager = PatientJobManager(self._app.connector)
        self._app.job_manager = self._manager
        self._tasks = {job: self._task(job) for job in Job}

    async def deferrer(self, connection: Any, wakes: Sequence[Wake]) -> None:
        """Put jobs into the caller's transaction: they exist when it commits, and never otherwise."""
        groups: defaultdict[tuple[Job, datetime | None], list[str]] = defaultdict(list)
        for wake in wakes:
            groups[wake.job, wake.at].append(wake.key)
        for (job, at), keys in groups.items():
            deferrer = self._tasks[job].configure(connection=connection, schedule_at=at)
            try:
                await deferrer.batch_defer_async(*({"key": key} for key in keys))
            except ConnectorException as error:
                # The connection is the caller's, who knows what its errors mean.
                raise error.__cause__ or error from None

    async def run(
        self, handlers: Mapping[Job, Handler], concurrency: int, stop: asyncio.Event, drain: timedelta = DRAIN
    ) -> None:
        """Work until `stop`, whatever happens to the database; then give running handlers `drain` to end.

        A handler that is still at it after that is cancelled, and its job is left for another worker.
        """
        self._handlers = handlers
        self.beat()
        failures = 0
        while not stop.is_set():
            started = datetime.now(UTC)
            try:
                await self._work(concurrency, stop, drain)
            except Exception as error:
                log.exception("queue.worker_ended", error=str(error))
            if datetime.now(UTC) - started > timedelta(minutes=1):
                failures = 0
            delay = _RESTART_DELAYS[min(failures, len(_RESTART_DELAYS) - 1)]
            failures += 1
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), delay.total_seconds())

    async def _work(self, concurrency: int, stop: asyncio.Event, drain: timedelta) -> None:
        """One life of a worker."""
        self._manager.in_a_hurry = False
        try:
            await self._app.open_async()
            async with asyncio.TaskGroup() as group:
                worker = group.create_task(self._worker(concurrency))
                care = group.create_task(self._take_care())
                stopping = group.create_task(stop.wait())
                await asyncio.wait({worker, stopping}, return_when=asyncio.FIRST_COMPLETED)
                care.cancel()
                stopping.cancel()
                await self._end(worker, drain)
        finally:
            await self._app.close_async()

    async def _worker(self, concurrency: int) -> None:
        await self._app.run_worker_async(
            queues=[QUEUE],
            concurrency=concurrency,
            install_signal_handlers=False,
            delete_jobs="successful",
            fetch_job_polling_interval=self._polling.total_seconds(),
            update_heartbeat_interval=self._heartbeat.total_seconds(),
            stalled_worker_timeout=3 * self._heartbeat.total_seconds(),
        )

    async def _end(self, worker: "asyncio.Task[None]", drain: timedelta) -> None:
        """Take no new jobs, wait for those at work, and cancel what does not end in time."""
        worker.cancel()
        await asyncio.wait({worker}, timeout=drain.total_seconds())
        self._manager.in_a_hurry = True
        for task in tuple(self._working):
            log.warning("queue.handler_cancelled", handler=task.get_name())
            task.cancel()
        await asyncio.wait({worker})

    async def _take_care(self) -> None:
        """Give the jobs of dead workers back, and forget failed ones after a week."""
        while True:
            try:
                await self._give_back()
                await self._manager.delete_old_jobs(KEEP_FAILED_HOURS, include_failed=True, include_aborted=True)
                self.beat()
            except Exception as error:  # noqa: BLE001 - tried again in a moment
                log.warning("queue.no_answer", what="care", error=str(error))
            await asyncio.sleep(self._heartbeat.total_seconds() * random.uniform(0.5, 1.5))  # noqa: S311 - jitter

    async def _give_back(self) -> None:
        """A job whose worker is gone runs again; that it may still be at it is harmless, since rows decide."""
        manager = self._manager
        for job in await manager.get_stalled_jobs(seconds_since_heartbeat=3 * self._heartbeat.total_seconds()):
            log.warning("queue.job_given_back", job=job.task_name, key=job.task_kwargs.get("key"))
            if job.attempts < GIVE_BACK_LIMIT:
                await manager.retry_job(job, retry_at=datetime.now(UTC))
            else:
                await manager.finish_job(job, Status.FAILED, delete_job=False)

    def _task(self, job: Job) -> Any:
        async def handle(*, key: str) -> None:
            await self._handle(job, key)

        return self._app.task(name=job.value, queue=QUEUE, retry=GrowingDelays())(handle)

    async def _handle(self, job: Job, key: str) -> None:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - a coroutine that runs is in a task
        self._working.add(task)
        try:
            with structlog.contextvars.bound_contextvars(job=job.value, key=key):
                await self._call(job, key)
        finally:
            self._working.discard(task)

    async def _call(self, job: Job, key: str) -> None:
        try:
            await self._handlers[job](key)
        except Exception as error:
            log.exception("job.failed", error=str(error))
            raise


def _connector(url: str) -> PsycopgConnector:
    settings = {"connect_timeout": 2, "keepalives_idle": 5, "keepalives_interval": 2, "keepalives_count": 2}
    # What the queue itself notes (who has a job, that it is done) may be lost with the server: a job then runs again,
    # which is harmless. Deferring is the caller's commit, and as durable as that.
    options = "-c synchronous_commit=off"
    kwargs = settings | {"tcp_user_timeout": 10_000, "application_name": "takumi-bot-queue", "options": options}
    return PsycopgConnector(conninfo=url, min_size=1, max_size=4, timeout=2, kwargs=kwargs)

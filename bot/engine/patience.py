"""Procrastinate's job manager, made to live through an outage of the database instead of ending the worker."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import structlog
from procrastinate.connector import BaseConnector
from procrastinate.exceptions import ConnectorException
from procrastinate.jobs import Job, Status
from procrastinate.manager import JobManager, NotificationCallback

log = structlog.get_logger()

LOOK_AGAIN = timedelta(seconds=1)
PERSIST_FOR = timedelta(minutes=10)

# A worker whose heartbeat was late is removed by the next one that starts: this one then stands up again.
_HEARTBEAT = """
INSERT INTO procrastinate_workers (id) OVERRIDING SYSTEM VALUE VALUES (%(worker_id)s)
ON CONFLICT (id) DO UPDATE SET last_heartbeat = now()
"""
_FOREIGN_KEY_VIOLATION = "23503"


class PatientJobManager(JobManager):
    """Waits where the original raises: a worker that ended would wait for its longest run before it is restarted.

    While `in_a_hurry`, at the end of the process, nothing that failed is tried again.
    """

    in_a_hurry = False

    def __init__(self, connector: BaseConnector) -> None:
        super().__init__(connector)
        self._held: set[int | None] = set()
        self._answer_was_lost = False

    async def fetch_job(self, queues: Iterable[str] | None, worker_id: int) -> Job | None:
        try:
            if self._answer_was_lost:
                await self._give_back_unseen(worker_id)
            job = await super().fetch_job(queues, worker_id)
        except ConnectorException as error:
            self._answer_was_lost = True
            if _sqlstate(error) == _FOREIGN_KEY_VIOLATION:
                await self.update_heartbeat(worker_id)
            elif not _is_outage(error):
                raise
            log.warning("queue.no_answer", what="fetch", error=_cause(error))
            await asyncio.sleep(LOOK_AGAIN.total_seconds())
            return None
        if job is not None:
            self._held.add(job.id)
        return job

    async def _give_back_unseen(self, worker_id: int) -> None:
        """A job that was given to us in an answer that never came would be ours for as long as we live."""
        for job in await self.list_jobs_async(status=Status.DOING.value, worker_id=worker_id):
            if job.id not in self._held:
                await self._give_back(job)
        self._answer_was_lost = False

    async def _give_back(self, job: Job) -> None:
        log.warning("queue.job_given_back", job=job.task_name, key=job.task_kwargs.get("key"))
        try:
            await super().retry_job(job, retry_at=datetime.now(UTC))
        except ConnectorException as error:
            if _is_outage(error):
                raise
            # It was taken from us meanwhile: whoever did that has given it back, or ended it.
            log.warning("queue.not_given_back", job=job.task_name, error=_cause(error))

    async def update_heartbeat(self, worker_id: int) -> None:
        try:
            await self.connector.execute_query_async(_HEARTBEAT, worker_id=worker_id)
        except ConnectorException as error:
            log.warning("queue.no_answer", what="heartbeat", error=_cause(error))

    async def listen_for_jobs(
        self, *, on_notification: NotificationCallback, queues: Iterable[str] | None = None
    ) -> None:
        while True:
            try:
                await super().listen_for_jobs(on_notification=on_notification, queues=queues)
            except ConnectorException as error:
                log.warning("queue.no_answer", what="listen", error=_cause(error))
            await asyncio.sleep(LOOK_AGAIN.total_seconds())

    async def finish_job(self, job: Job, status: Status, delete_job: bool) -> None:
        original = super().finish_job
        await self._persist(job, lambda: original(job, status, delete_job))
        self._held.discard(job.id)

    async def retry_job(self, job: Job, *args: Any, **kwargs: Any) -> None:
        original = super().retry_job
        await self._persist(job, lambda: original(job, *args, **kwargs))
        self._held.discard(job.id)

    async def _persist(self, job: Job, write: Callable[[], Awaitable[None]]) -> None:
        """Try until the database answers; a job that is not finished here is given back later, which is harmless."""
        loop = asyncio.get_running_loop()
        until = loop.time() + PERSIST_FOR.total_seconds()
        while True:
            try:
                return await write()
            except ConnectorException as error:
                # What is no outage is a job that somebody else has finished meanwhile.
                over = not _is_outage(error) or self.in_a_hurry or loop.time() > until
                log.warning(
                    "queue.not_finished" if over else "queue.no_answer",
                    job=job.task_name,
                    key=job.task_kwargs.get("key"),
                    error=_cause(error),
                )
                if over:
                    return None
            await asyncio.sleep(LOOK_AGAIN.total_seconds())


def _is_outage(error: ConnectorException) -> bool:
    """Whether the connection failed (no code), or the server is short of resources, ending, or not yet there."""
    return (_sqlstate(error) or "08")[:2] in {"08", "53", "57"}


def _sqlstate(error: ConnectorException) -> str | None:
    return getattr(error.__cause__, "sqlstate", None)


def _cause(error: ConnectorException) -> str:
    return str(error.__cause__ or error)

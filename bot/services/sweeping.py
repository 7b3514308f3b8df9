"""What fell between two chairs: rows whose wake-up was lost, or whose worker died, are worked on by whoever looks."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta

import structlog

from bot.services.ports import Store
from bot.services.rows import Job

log = structlog.get_logger()

OLDER_THAN = timedelta(seconds=15)
AT_ONCE = 100
SIDE_BY_SIDE = 4
SWEPT = (Job.ADVANCE_RUN, Job.WORK_INBOX, Job.DRAW_MESSAGE, Job.MAKE_CALLS)

Handler = Callable[[str], Awaitable[None]]


async def sweep(store: Store, job: Job, handler: Handler) -> None:
    """Handle whatever rows of that job's kind were left alone for too long, here and now.

    No job is deferred: to a queue that is behind, one more for every row that waits would be added at every look.
    """
    places = asyncio.Semaphore(SIDE_BY_SIDE)
    await asyncio.gather(*(_handle(job, key, handler, places) for key in await _left_alone(store, job)))


async def _left_alone(store: Store, job: Job) -> Sequence[str]:
    async with store.work() as work:
        if job is Job.ADVANCE_RUN:
            return [*await work.runs.abandoned(AT_ONCE), *await work.runs.waiting(AT_ONCE)]
        if job is Job.WORK_INBOX:
            return await work.inbox.unworked(OLDER_THAN, AT_ONCE)
        if job is Job.MAKE_CALLS:
            return await work.calls.due(AT_ONCE)
        return await work.messages.undrawn(OLDER_THAN, AT_ONCE)


async def _handle(job: Job, key: str, handler: Handler, places: asyncio.Semaphore) -> None:
    async with places:
        with structlog.contextvars.bound_contextvars(swept=job.value, key=key):
            try:
                await handler(key)
            except Exception as error:  # noqa: BLE001 - the next look finds it again, and the others must not wait for it
                log.warning("sweep.not_handled", error=str(error))

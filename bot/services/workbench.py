"""Where runs are worked on: beside the queue, since a run takes minutes and a wake-up must not."""

import asyncio
from collections.abc import Awaitable, Callable
from contextvars import Context
from dataclasses import dataclass, field
from datetime import timedelta

import structlog

from bot.services.rows import Job, Wake

log = structlog.get_logger()

DRAIN = timedelta(seconds=25)


@dataclass
class Workbench:
    """Works on at most `places` runs at once; what finds no place is woken again by the sweeps, here or elsewhere.

    `advance` works on one run until it ends, waits or is somebody else's.
    """

    advance: Callable[[str], Awaitable[None]]
    places: int = 4
    _tasks: dict[str, asyncio.Task[None]] = field(default_factory=dict)
    _is_closing: bool = False

    async def wake(self, run_id: str) -> None:
        """Take a run up unless it is under way here already; never waits for it."""
        if run_id in self._tasks or len(self._tasks) >= self.places or self._is_closing:
            return
        # Of whoever wakes it, be it a request that is being answered, it inherits nothing.
        task = asyncio.create_task(self._work(run_id), name=f"run {run_id}", context=Context())
        self._tasks[run_id] = task
        task.add_done_callback(lambda _: self._tasks.pop(run_id, None))

    async def nearby(self, wake: Wake) -> None:
        """For a store: take up at once what was committed here; its job is there all the same, and finds it taken."""
        if wake.job is Job.ADVANCE_RUN:
            await self.wake(wake.key)

    async def _work(self, run_id: str) -> None:
        with structlog.contextvars.bound_contextvars(run=run_id):
            try:
                await self.advance(run_id)
            except Exception:
                # The row is the truth, its lease runs out, and a sweep wakes it: nothing is lost with this task.
                log.exception("run.worker_failed")

    async def serve(self, stop: asyncio.Event) -> None:
        """Until `stop`; then what is under way gets a while to end, and is left for another worker after that."""
        await stop.wait()
        self._is_closing = True
        if not self._tasks:
            return
        _, late = await asyncio.wait(self._tasks.values(), timeout=DRAIN.total_seconds())
        for task in late:
            log.warning("run.left_to_another_worker", task=task.get_name())
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)

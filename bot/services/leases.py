"""Keeping the right to work on a run for as long as the work goes on."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import structlog

from bot.domain.runs import Lease
from bot.services.ports import Store

log = structlog.get_logger()


class LeaseLost(Exception):
    """Another worker may be at it by now: nothing more may be recorded."""


class Kept:
    """A lease that a task of its own renews; `lost` is set when it could not be renewed in time.

    `good_until` is on the loop's clock, which goes on while the process is paused: whoever wakes up after that knows
    without asking anybody that the run may be another's.
    """

    def __init__(self, lease: Lease, good_until: float) -> None:
        self.lease = lease
        self.good_until = good_until
        self.lost = asyncio.Event()

    @property
    def is_held(self) -> bool:
        return not self.lost.is_set() and asyncio.get_running_loop().time() < self.good_until


@asynccontextmanager
async def kept(store: Store, lease: Lease, length: timedelta, asked_at: float) -> AsyncIterator[Kept]:
    """Renew at a third of the length until the block ends, then give it back.

    `asked_at` is the loop's time before the lease was asked for.
    """
    holder = Kept(lease, asked_at + length.total_seconds())
    task = asyncio.create_task(_renew(store, holder, length))
    try:
        yield holder
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        if not holder.lost.is_set():
            async with store.work() as work:
                await work.runs.release(lease)


async def _renew(store: Store, holder: Kept, length: timedelta) -> None:
    loop = asyncio.get_running_loop()
    while True:
        await asyncio.sleep(length.total_seconds() / 3)
        renewed_at = loop.time()
        try:
            async with store.work() as work:
                kept_on = await work.runs.renew(holder.lease, length)
        except Exception as error:  # noqa: BLE001 - whatever keeps us from renewing, the clock decides
            log.warning("lease.not_renewed", run=holder.lease.run, error=str(error))
            if holder.is_held:
                continue
            kept_on = None
        if kept_on is None:
            holder.lost.set()
            return
        holder.good_until = renewed_at + length.total_seconds()

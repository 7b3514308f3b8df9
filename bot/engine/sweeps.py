"""Looking now and then for what fell between two chairs: a wake-up that was lost, a worker that died."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta

import structlog

log = structlog.get_logger()

DRAIN = timedelta(seconds=20)


@dataclass(frozen=True)
class Sweep:
    """A look that is repeated; replicas look at different moments, since every wait is jittered."""

    name: str
    look: Callable[[], Awaitable[None]]
    every: timedelta = timedelta(seconds=5)


async def run_sweeps(sweeps: Sequence[Sweep], stop: asyncio.Event) -> None:
    """Repeat every sweep until `stop`, each at its own pace; one that fails is logged and repeated all the same."""
    await asyncio.gather(*(_repeat(sweep, stop) for sweep in sweeps))


async def _repeat(sweep: Sweep, stop: asyncio.Event) -> None:
    while not stop.is_set():
        try:
            await _look(sweep, stop)
        except Exception as error:  # noqa: BLE001 - whatever it was, the next look comes
            log.warning("sweep.failed", sweep=sweep.name, error=str(error))
        with suppress(TimeoutError):
            wait = sweep.every.total_seconds() * random.uniform(0.5, 1.5)  # noqa: S311 - jitter
            await asyncio.wait_for(stop.wait(), wait)


async def _look(sweep: Sweep, stop: asyncio.Event) -> None:
    """One look; at a stop what it found gets a while to end, and is left for another process after that."""
    looking, stopping = asyncio.ensure_future(sweep.look()), asyncio.ensure_future(stop.wait())
    try:
        await asyncio.wait({looking, stopping}, return_when=asyncio.FIRST_COMPLETED)
        await asyncio.wait({looking}, timeout=DRAIN.total_seconds())
    finally:
        stopping.cancel()
        looking.cancel()
        await asyncio.wait({looking})
    if not looking.cancelled():
        looking.result()

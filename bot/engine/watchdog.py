"""How late the event loop is: a handler that blocks it delays every acknowledgement."""

import asyncio
from contextlib import suppress
from datetime import timedelta

import structlog

from bot.domain.figures import Figure

log = structlog.get_logger()

LOOK_EVERY = timedelta(milliseconds=500)
LIMIT = timedelta(milliseconds=250)


class Watchdog:
    """Measures by sleeping; `lag` is the latest measurement, `worst` the largest since the start."""

    def __init__(self, every: timedelta = LOOK_EVERY, limit: timedelta = LIMIT) -> None:
        self.lag = timedelta()
        self.worst = timedelta()
        self._every = every
        self._limit = limit

    def figures(self) -> tuple[Figure, ...]:
        return (
            Figure("takumi_loop_lag_seconds", "How late the event loop was lately.", self.lag.total_seconds()),
            Figure("takumi_loop_worst_lag_seconds", "How late it was at worst.", self.worst.total_seconds()),
        )

    async def run(self, stop: asyncio.Event) -> None:
        """Measure until `stop`, and log what lies above the limit."""
        loop = asyncio.get_running_loop()
        while not stop.is_set():
            due = loop.time() + self._every.total_seconds()
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), self._every.total_seconds())
                return
            self._note(timedelta(seconds=max(0.0, loop.time() - due)))

    def _note(self, lag: timedelta) -> None:
        self.lag = lag
        self.worst = max(self.worst, lag)
        if lag > self._limit:
            log.warning("loop.late", lag_seconds=round(lag.total_seconds(), 3))

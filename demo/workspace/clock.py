"""The workspace's clock, which tests may move forward so that nobody waits for a deadline."""

import asyncio
import time
from collections.abc import Coroutine
from contextlib import suppress
from datetime import timedelta
from typing import Any, TypeVar

T = TypeVar("T")


class Clock:
    """Wall time plus an offset that only grows; `deadlines` are the moments somebody waits for.

    `speed` is how many seconds pass here in one of the world's; a restart goes on at 1.
    """

    def __init__(self, offset: timedelta = timedelta()) -> None:
        self._offset, self._since = offset, time.time()
        self.speed = 1.0
        self.deadlines: list[float] = []
        self._moved = asyncio.Event()

    @property
    def offset(self) -> timedelta:
        """How far ahead of the wall clock it is by now."""
        return self._offset + timedelta(seconds=(time.time() - self._since) * (self.speed - 1))

    def now(self) -> float:
        """Seconds since the epoch, as this workspace sees them."""
        return time.time() + self.offset.total_seconds()

    def advance(self, by: timedelta) -> None:
        """Raises: ValueError when time would run backwards."""
        if by < timedelta():
            raise ValueError("the clock only moves forward")
        self._offset += by
        self._wake()

    def run_at(self, speed: float) -> None:
        """Raises: ValueError for a speed below that of the wall clock."""
        if not 1 <= speed < float("inf"):
            raise ValueError("the clock runs at the speed of the wall clock, or faster")
        self._offset, self._since, self.speed = self.offset, time.time(), speed
        self._wake()

    def _wake(self) -> None:
        """Let everybody who waits look again."""
        self._moved.set()
        self._moved = asyncio.Event()

    async def sleep(self, duration: timedelta) -> None:
        """Return once `duration` has passed, whether it was lived through or skipped."""
        deadline = self.now() + duration.total_seconds()
        self.deadlines.append(deadline)
        try:
            while (left_seconds := deadline - self.now()) > 0:
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._moved.wait(), left_seconds / self.speed)
        finally:
            self.deadlines.remove(deadline)

    async def within(self, duration: timedelta, work: Coroutine[Any, Any, T]) -> T:
        """Raises: TimeoutError when the work is not done in time (it is then cancelled)."""
        task, alarm = asyncio.ensure_future(work), asyncio.ensure_future(self.sleep(duration))
        try:
            await asyncio.wait({task, alarm}, return_when=asyncio.FIRST_COMPLETED)
            if not task.done():
                raise TimeoutError
            return task.result()
        finally:
            alarm.cancel()
            task.cancel()

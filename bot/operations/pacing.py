"""A backup that is read no faster than allowed, so that its proof takes no disk away from those who work."""

import time
from collections.abc import Callable

from bot.operations.tools.gzips import Screen

LONGEST_NAP_SECONDS = 1.0


class Paced:
    """Another screen, held back: it blocks, in the thread that feeds."""

    def __init__(
        self,
        screen: Screen,
        bytes_per_second: int,
        clock: Callable[[], float] = time.monotonic,
        nap: Callable[[float], None] = time.sleep,
    ) -> None:
        self._screen, self._rate, self._clock, self._nap = screen, bytes_per_second, clock, nap
        self._began, self._passed = clock(), 0

    def pass_on(self, block: bytes) -> bytes:
        """Raises: OperationFailed as the other does."""
        self._passed += len(block)
        early = self._began + self._passed / self._rate - self._clock()
        while early > 0:
            self._nap(min(early, LONGEST_NAP_SECONDS))
            early = self._began + self._passed / self._rate - self._clock()
        return self._screen.pass_on(block)

    def finish(self) -> bytes:
        """Raises: OperationFailed as the other does."""
        return self._screen.finish()

"""Whether the parts of a process still come round: one that is overdue has stopped, whatever its task says."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta

# Each part comes round several times within it, on a machine that is busy, too.
OVERDUE = timedelta(seconds=90)


@dataclass
class Beats:
    """When each part was last there, on a clock that never steps; a part that never began is none of this process."""

    clock: Callable[[], float] = time.monotonic
    _seen: dict[str, float] = field(default_factory=dict)

    def beat(self, part: str) -> None:
        self._seen[part] = self.clock()

    def overdue(self) -> Mapping[str, str]:
        """What has stopped, and since when, in words."""
        silent = {part: self.clock() - at for part, at in self._seen.items()}
        late = {part: seconds for part, seconds in silent.items() if seconds > OVERDUE.total_seconds()}
        return {part: f"nothing came of it for {seconds:.0f} s: restart this process" for part, seconds in late.items()}

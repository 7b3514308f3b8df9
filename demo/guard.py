"""A process of its own that ends the demo's children when the demo itself was killed and could not."""

import os
import select
import signal
import subprocess
import sys
import time
from contextvars import ContextVar

_GRACE_SECONDS = 3.0


class Guard:
    """The demo's end of the pipe; when it closes, for whatever reason, the guard kills what is still watched."""

    def __init__(self) -> None:
        arguments = [sys.executable, "-m", "demo.guard"]
        self.process = subprocess.Popen(
            arguments, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, start_new_session=True
        )

    def watch(self, pid: int, ends_by: signal.Signals) -> None:
        self._tell(f"+{pid} {ends_by.value}")

    def forget(self, pid: int) -> None:
        self._tell(f"-{pid}")

    def close(self) -> None:
        """Let it go; what is still watched ends now."""
        if self.process.stdin:
            self.process.stdin.close()
        self.process.wait()

    def _tell(self, line: str) -> None:
        if self.process.stdin and self.process.poll() is None:
            self.process.stdin.write(line.encode() + b"\n")
            self.process.stdin.flush()


# Set by the conductor; tests that start a server of their own stop it themselves.
GUARD: ContextVar[Guard | None] = ContextVar("guard", default=None)


def main() -> None:
    """Follow the lines of standard input to its end, then end every process group that is left."""
    watched: dict[int, int] = {}
    for line in sys.stdin:
        pid, _, number = line[1:].strip().partition(" ")
        if line.startswith("+"):
            watched[int(pid)] = int(number)
        else:
            watched.pop(int(pid), None)
    for pid, number in watched.items():
        _signal_group(pid, number)
    deadline = time.monotonic() + _GRACE_SECONDS
    while any(_signal_group(pid, 0) for pid in watched) and time.monotonic() < deadline:
        select.select([], [], [], 0.05)
    for pid in watched:
        _signal_group(pid, signal.SIGKILL)


def _signal_group(pid: int, number: int) -> bool:
    """Whether the group was there to be signalled."""
    try:
        os.killpg(pid, number)
    except (ProcessLookupError, PermissionError):
        return False
    return True


if __name__ == "__main__":
    main()

"""Child processes that have a log, stop in order, and end when the process that started them is killed."""

import asyncio
import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from demo.accounts import Account
from demo.errors import CannotStartError
from demo.guard import GUARD

_POLL_SECONDS = 0.02
_PLAIN_ENVIRONMENT = ("PATH", "HOME", "LANG", "TMPDIR")


@dataclass(frozen=True)
class Program:
    """What to start: `environment` is everything the child sees besides PATH, HOME, LANG and TMPDIR."""

    name: str
    arguments: Sequence[str | Path]
    log: Path
    environment: Mapping[str, str]
    account: Account | None = None
    folder: Path | None = None
    ends_by: signal.Signals = signal.SIGKILL


@dataclass(frozen=True)
class Child:
    """A started program; it leads its own session, so a terminal's Ctrl-C does not reach it before we stop it."""

    program: Program
    process: subprocess.Popen[bytes]

    @property
    def pid(self) -> int:
        return self.process.pid

    def log_tail(self, lines: int = 5) -> str:
        text = self.program.log.read_text(encoding="utf-8", errors="replace")
        return " / ".join(text.strip().splitlines()[-lines:])


def spawn(program: Program, **options: Any) -> Child:
    """Start it; call this from the main thread only, since the death signal follows the thread that forked.

    Raises: CannotStartError when the file cannot be executed.
    """
    program.log.parent.mkdir(parents=True, exist_ok=True)
    with program.log.open("ab") as log:
        options = {"stdin": subprocess.DEVNULL, "stdout": log, "stderr": log, **options}
        try:
            process = subprocess.Popen(
                _with_death_signal(program),
                cwd=program.folder,
                env=_environment(program.environment),
                start_new_session=True,
                **options,
                **(program.account.options() if program.account else {}),
            )
        except OSError as error:
            raise CannotStartError(f"{program.name} cannot be started: {error}.") from error
    if guard := GUARD.get():
        guard.watch(process.pid, program.ends_by)
    return Child(program, process)


async def output_of(program: Program) -> str:
    """What a short program writes to standard output; the rest is as in `run_to_end`."""
    with tempfile.TemporaryFile() as output:
        await run_to_end(program, stdout=output)
        output.seek(0)
        return output.read().decode()


async def run_to_end(program: Program, **options: Any) -> None:
    """Run a short program to its end, killing it when we are cancelled.

    Raises: CannotStartError when its exit code is not 0, with the tail of its log.
    """
    child = spawn(program, **options)
    try:
        code = await wait(child)
    finally:
        _end_group(child)
    if code != 0:
        raise CannotStartError(f"{program.name} failed with exit code {code}: {child.log_tail()}")


async def wait(child: Child, poll_seconds: float = _POLL_SECONDS) -> int:
    """Its exit code, once it has ended; no thread and no event loop is bound to it."""
    # A child watcher would bind the child to one event loop; a cluster of the tests outlives many.
    while (code := child.process.poll()) is None:  # noqa: ASYNC110 - see above
        await asyncio.sleep(poll_seconds)
    return code


async def stop(child: Child, how: signal.Signals = signal.SIGTERM, patience: timedelta = timedelta(seconds=10)) -> None:
    """Ask it to end, wait, then kill its whole group; returns when it has ended."""
    if child.process.poll() is None:
        child.process.send_signal(how)
        try:
            await asyncio.wait_for(wait(child), patience.total_seconds())
        except TimeoutError:
            child.process.kill()
    _end_group(child)


def _with_death_signal(program: Program) -> list[str]:
    """The argument list under `setpriv --pdeathsig` where there is one; on macOS the guard alone watches."""
    arguments = [str(argument) for argument in program.arguments]
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        return arguments
    return [setpriv, "--pdeathsig", program.ends_by.name.removeprefix("SIG"), "--", *arguments]


def _environment(extra: Mapping[str, str]) -> dict[str, str]:
    return {name: os.environ[name] for name in _PLAIN_ENVIRONMENT if name in os.environ} | dict(extra)


def _end_group(child: Child) -> None:
    """Kill what is left of its process group, and take its exit code."""
    # The whole group may have ended; macOS says EPERM for a group of zombies.
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, signal.SIGKILL)
    child.process.wait()
    if guard := GUARD.get():
        guard.forget(child.pid)

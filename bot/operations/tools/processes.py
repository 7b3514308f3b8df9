"""Programs as children that never outlive the bot: argument lists, few variables, pipes without a shell, a sure end.

On Linux every program dies with its supervisor (`setpriv --pdeathsig`), and the supervisor kills its group when the
bot is gone. On macOS there is no death signal: there, a supervisor that is killed by hand leaves its program running.
"""

import asyncio
import os
import pwd
import re
import shutil
import signal
import sys
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bot.domain.errors import OperationFailed

SUPERVISOR = Path(__file__).with_name("supervisor.py")
PASSED_ON = ("PATH", "TMPDIR")
KEPT_BYTES = 8_000
PATIENCE_SECONDS = 5.0
ROW_QUOTED = re.compile(r': ".*$')

Pump = Callable[[int], Any]
UNREAD = object()


@dataclass(frozen=True)
class Command:
    """What to run. `environment` is all the program sees besides PATH, TMPDIR and LC_ALL=C; secrets go there.

    `account` is the system's account that it runs as, without any right of ours; empty for our own.
    """

    program: Path
    arguments: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)
    account: str = ""

    @property
    def name(self) -> str:
        return self.program.name


@dataclass(frozen=True)
class Ended:
    """How a program ended; its messages with head and tail kept. `fed` and `drained` are what the pumps answered.

    `fed` is `UNREAD` when the program stopped reading before its input was at its end.
    """

    code: int
    stderr: str
    fed: Any = None
    drained: Any = None


async def run(command: Command, *, feed: Pump | None = None, drain: Pump | None = None) -> Ended:
    """Run it to its end. `feed(fd)` writes its input and `drain(fd)` reads its output, each in a thread of its own;
    without them the input is empty and the output is kept as text.

    When we are cancelled or a pump fails, the group is asked to end, then killed, and has ended before this raises.
    Raises: OperationFailed when it cannot be started; whatever a pump raises.
    """
    with _pipe() as life, _pipe() as source, _pipe() as sink, _pipe() as messages:
        process = await _start(command, life, source, sink, messages)
        with ThreadPoolExecutor(3, thread_name_prefix=command.name) as threads:
            pumps = [
                _pump(threads, feed or _feed_nothing, source, 1),
                _pump(threads, drain or _keep, sink, 0),
                _pump(threads, _keep, messages, 0),
            ]
            fed, drained, told, code = await _finish(process, pumps)
    return Ended(code, told, fed, drained)


def must_succeed(command: Command, ended: Ended) -> None:
    """Raises: OperationFailed with the program's own words, unless it ended well and read all it was given."""
    if ended.code != 0:
        said = " ".join(without_rows(ended.stderr).split()) or "it said nothing"
        raise OperationFailed(f"{command.name} failed with exit code {ended.code}: {said}", exit_code=ended.code)
    if ended.fed is UNREAD:
        raise OperationFailed(f"{command.name} ended before it had read all of its input.")


def without_rows(stderr: str) -> str:
    """The messages without what they quote of people's rows, which is nobody's business in a channel."""
    kept = (line for line in stderr.splitlines() if not line.startswith("DETAIL:"))
    lines = (ROW_QUOTED.sub("", line) if line.startswith("CONTEXT:") else line for line in kept)
    return "\n".join(lines)


async def _start(
    command: Command, life: list[int], source: list[int], sink: list[int], messages: list[int]
) -> asyncio.subprocess.Process:
    arguments = [sys.executable, "-I", "-S", str(SUPERVISOR), str(life[0]), *_mortal(command)]
    try:
        process = await asyncio.create_subprocess_exec(
            *arguments,
            stdin=source[0],
            stdout=sink[1],
            stderr=messages[1],
            env=_environment(command),
            pass_fds=(life[0],),
            start_new_session=True,
        )
    except OSError as error:
        raise OperationFailed(f"{command.name} cannot be started: {error}.", hint="Look at the machine.") from error
    for theirs in ((life, 0), (source, 0), (sink, 1), (messages, 1)):
        _close(*theirs)
    return process


def _environment(command: Command) -> dict[str, str]:
    passed_on = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
    return passed_on | {"LC_ALL": "C"} | dict(command.environment)


def _mortal(command: Command) -> list[str]:
    """The program under its death signal, where the machine has setpriv. Raises: OperationFailed."""
    program = [str(command.program), *command.arguments]
    setpriv = shutil.which("setpriv")
    if setpriv is None and command.account:
        raise OperationFailed(
            f"{command.name} cannot run as {command.account}: this machine has no setpriv.",
            hint="Let the bot itself run as that account, or install util-linux.",
        )
    return [setpriv, "--pdeathsig", "KILL", *_switch(command.account), "--", *program] if setpriv else program


def _switch(account: str) -> list[str]:
    """The death signal is set by setpriv after it has changed accounts, which would have cleared it."""
    if not account:
        return []
    try:
        entry = pwd.getpwnam(account)
    except KeyError:
        raise OperationFailed(f"This machine has no account {account}.", hint="Look at the bot's settings.") from None
    return [f"--reuid={entry.pw_uid}", f"--regid={entry.pw_gid}", "--init-groups"]


async def _finish(process: asyncio.subprocess.Process, pumps: "list[asyncio.Future[Any]]") -> list[Any]:
    """Wait for every pump and the end of the program, whatever happens."""
    parts = [*pumps, asyncio.ensure_future(process.wait())]
    try:
        return await asyncio.gather(*map(asyncio.shield, parts))
    except BaseException:
        await outlast(_stop(process))
        raise
    finally:
        await outlast(asyncio.wait(parts))


async def _stop(process: asyncio.subprocess.Process) -> None:
    _signal_group(process, signal.SIGTERM)
    try:
        await asyncio.wait_for(process.wait(), PATIENCE_SECONDS)
    except TimeoutError:
        pass
    finally:
        _signal_group(process, signal.SIGKILL)


async def outlast(waiting: Any) -> None:
    """Wait to the end even when we are cancelled meanwhile, once or more often; the cancellation then goes on."""
    task = asyncio.ensure_future(waiting)
    cancelled = False
    while not task.done():
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError:
            cancelled = True
    if cancelled:
        raise asyncio.CancelledError


def _signal_group(process: asyncio.subprocess.Process, number: signal.Signals) -> None:
    try:
        os.killpg(process.pid, number)
    except (ProcessLookupError, PermissionError):
        return  # the whole group has ended (macOS says EPERM for a group of zombies)


def _pump(threads: ThreadPoolExecutor, work: Pump, pipe: list[int], end: int) -> "asyncio.Future[Any]":
    def pumped() -> Any:
        try:
            return work(pipe[end])
        except BrokenPipeError:
            return UNREAD
        finally:
            _close(pipe, end)

    return asyncio.get_running_loop().run_in_executor(threads, pumped)


def _feed_nothing(_: int) -> None:
    """An input that ends at once."""


def _keep(source: int) -> str:
    """All of it as text, or its head and tail."""
    head, tail, dropped = b"", b"", 0
    while chunk := os.read(source, 65_536):
        room = KEPT_BYTES - len(head)
        head, tail = head + chunk[:room], tail + chunk[room:]
        dropped += max(0, len(tail) - KEPT_BYTES)
        tail = tail[-KEPT_BYTES:]
    gap = f"\n... {dropped} bytes left out ...\n".encode() if dropped else b""
    return (head + gap + tail).decode("utf-8", errors="replace")


@contextmanager
def _pipe() -> Iterator[list[int]]:
    """A pipe as [read end, write end]; a closed end is -1."""
    pipe = list(os.pipe())
    try:
        yield pipe
    finally:
        _close(pipe, 0)
        _close(pipe, 1)


def _close(pipe: list[int], end: int) -> None:
    if pipe[end] >= 0:
        fd, pipe[end] = pipe[end], -1
        os.close(fd)

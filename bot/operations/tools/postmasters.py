"""A recovered copy of a cluster as a server of our own: reachable through one folder, and without any effect outside.

It dies with the bot, as every program does. What its files say of other settings does not count: it archives nothing,
subscribes to nothing, loads nothing, and listens on no address.
"""

import asyncio
import os
import re
import shutil
import signal
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from bot.domain.errors import Misconfigured, OperationFailed
from bot.domain.targets import Environment
from bot.operations.tools.access import NO_SECRET, DatabaseAccess, Login
from bot.operations.tools.pgbackrest import make_folder
from bot.operations.tools.processes import Command, Ended, must_succeed, outlast, run
from bot.operations.tools.sessions import session

PORT = 5432
LONGEST_SOCKET = 107
READY_EVERY_SECONDS = 0.2
STOP_SECONDS = 60
PREPARED = re.compile(r"max_prepared_xacts setting:\s+(\d+)")
# Not those with which it turned our own attempts away, to see whether it is ready.
LAST_WORDS = re.compile(r"(?:FATAL|PANIC):\s+(?!\s|the database system is )(.*)")
LAST_MOMENT = re.compile(r"last completed transaction was at log time (.*)")

# Passed as arguments, which win over every file that came with the copy.
HARMLESS = {
    "listen_addresses": "",
    "archive_mode": "off",
    "archive_command": "",
    "archive_cleanup_command": "",
    "recovery_end_command": "",
    "primary_conninfo": "",
    "primary_slot_name": "",
    "hot_standby": "off",
    "max_wal_senders": "0",
    "max_logical_replication_workers": "0",
    "shared_preload_libraries": "",
    "session_preload_libraries": "",
    "local_preload_libraries": "",
    "logging_collector": "off",
    "log_destination": "stderr",
    "ssl": "off",
    "huge_pages": "off",
    "shared_buffers": "128MB",
    "max_connections": "100",
    "max_locks_per_transaction": "256",
    "autovacuum": "off",
    "fsync": "off",
    "full_page_writes": "off",
    "external_pid_file": "",
    "cluster_name": "takumi_recovered",
}


@dataclass(frozen=True)
class RecoveredCluster:
    """A copy below `folder`, which belongs to `account`; `programs` is the bin folder of the server's own version."""

    folder: Path
    programs: Path
    account: str
    user: str
    environment: Mapping[str, str]

    @property
    def data(self) -> Path:
        return self.folder / "data"

    @property
    def tablespaces(self) -> Path:
        return self.folder / "tablespaces"

    @property
    def sockets(self) -> Path:
        return self.folder / "s"

    def access(self, database: str, environment: Environment) -> DatabaseAccess:
        """How its databases are reached: nobody but us can enter the folder of its socket."""
        return DatabaseAccess(database, str(self.sockets), PORT, Login(self.user, NO_SECRET), environment)

    def begin(self) -> None:
        """New, empty folders; what an earlier attempt left there goes. Raises: OSError, Misconfigured."""
        must_fit_socket(self.folder)
        self.remove()
        for folder in (self.folder, self.data, self.tablespaces, self.sockets):
            make_folder(folder, self.account)

    def remove(self) -> bool:
        """End a server that still runs there, and remove everything; whether there was anything. Raises: OSError."""
        if not self.folder.exists():
            return False
        end_server_in(self.data)
        shutil.rmtree(self.folder)
        return True

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Start it, wait until recovery has ended and it takes statements, and stop it in order.

        Raises: OperationFailed with the server's own last words.
        """
        arguments = await self._arguments()
        server = asyncio.create_task(run(self._command("postgres", *arguments)))
        try:
            await self._until_ready(server)
            yield
        finally:
            await outlast(self._stop(server))

    async def _arguments(self) -> tuple[str, ...]:
        files = await asyncio.to_thread(self._write_files)
        settings = {
            **HARMLESS,
            **files,
            "port": str(PORT),
            "unix_socket_directories": str(self.sockets),
            "max_prepared_transactions": await self._prepared(),
        }
        pairs = (("-c", f"{name}={value}") for name, value in settings.items())
        return ("-D", str(self.data), *(word for pair in pairs for word in pair))

    def _write_files(self) -> dict[str, str]:
        """In place of the cluster's own, which may lie elsewhere or include others: no settings, and no passwords."""
        names = {"config_file": "", "hba_file": "local all all trust\n", "ident_file": ""}
        for name, text in names.items():
            path = self.folder / name
            path.write_text(text, encoding="utf-8")
            path.chmod(0o644)
        return {name: str(self.folder / name) for name in names}

    async def _prepared(self) -> str:
        """Prepared transactions in the WAL need as many places as the server had."""
        command = self._command("pg_controldata", "-D", str(self.data))
        ended = await run(command)
        must_succeed(command, ended)
        found = PREPARED.search(str(ended.drained))
        return found[1] if found else "0"

    async def _until_ready(self, server: "asyncio.Task[Ended]") -> None:
        while not server.done():
            with suppress(OperationFailed):
                async with session(
                    self.access("template1", Environment.DEMO), "takumi:starting", "template1"
                ) as opened:
                    if not await opened.value("SELECT pg_is_in_recovery()"):
                        return
            await asyncio.wait([server], timeout=READY_EVERY_SECONDS)
        raise failed(server.result())

    async def _stop(self, server: "asyncio.Task[Ended]") -> None:
        """In order, so that the next start need not recover; else at once. It has ended before this returns."""
        if not server.done():
            with suppress(OperationFailed):
                stop = ("stop", "-D", str(self.data), "-m", "fast", "-w", "-t", str(STOP_SECONDS))
                await run(self._command("pg_ctl", *stop))
            await asyncio.wait([server], timeout=1)
        server.cancel()
        await asyncio.wait([server])

    def _command(self, program: str, *arguments: str) -> Command:
        return Command(self.programs / program, arguments, self.environment, self.account)


def must_fit_socket(folder: Path) -> None:
    """Raises: Misconfigured when the path of the copy's socket would be too long for the system."""
    if len(os.fsencode(folder / "s" / f".s.PGSQL.{PORT}")) > LONGEST_SOCKET:
        raise Misconfigured(
            f"{folder} is too deep: the path of a socket below it would be longer than {LONGEST_SOCKET} bytes.",
            hint="Give TAKUMI_BOT_RECOVERY_DIR a shorter path.",
        )


def failed(ended: Ended) -> OperationFailed:
    """Why a copy did not start, with what to do next where its own words say so."""
    words = LAST_WORDS.findall(ended.stderr)
    said = words[-1] if words else f"it ended with code {ended.code}: {ended.stderr[-300:].strip()}"
    moment = LAST_MOMENT.search(ended.stderr)
    reached = f" It reached {moment[1]}." if moment else ""
    return OperationFailed(
        f"The copy of the cluster did not come up: {said}.{reached}",
        hint="A WAL file is missing or damaged, or nothing was committed after that moment: give an earlier one.",
    )


def end_server_in(data: Path) -> None:
    """End a server of that folder, if one runs, at once. Raises: OSError."""
    try:
        pid = int((data / "postmaster.pid").read_text(encoding="ascii").split("\n", 1)[0])
    except (FileNotFoundError, ValueError):
        return
    for number in (signal.SIGQUIT, signal.SIGKILL):
        if not runs_in(pid, data):
            return
        os.kill(pid, number)
        _wait_for_end(pid, data)


def runs_in(pid: int, data: Path) -> bool:
    """Whether that process is a server of this folder, which is a server's working folder."""
    try:
        return Path(f"/proc/{pid}/cwd").resolve(strict=True) == data.resolve()
    except (OSError, RuntimeError):
        return False


def _wait_for_end(pid: int, data: Path) -> None:
    """Five seconds at most; called in a thread."""
    until = time.monotonic() + 5
    while runs_in(pid, data) and time.monotonic() < until:
        time.sleep(0.05)

"""PostgreSQL clusters from any bin folder: created once, run in the foreground as our child, stopped in order."""

import asyncio
import os
import secrets
import shutil
import signal
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, Self
from urllib.parse import quote

import psycopg

from demo.accounts import unprivileged_account
from demo.children import Child, Program, run_to_end, spawn, stop
from demo.errors import CannotStartError

SUPERUSER = "postgres"
_START_TIMEOUT = timedelta(seconds=30)
_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    # TCP only: a socket file's path is limited to 107 bytes, and a checkout may lie deeper.
    "unix_socket_directories": "",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "max_connections": "100",
}


class Cluster:
    """One PostgreSQL server with its data under `folder`.

    `programs` is the bin folder whose version the data belongs to. `passwords` holds one password a role; the
    superuser's is made up when absent. Never use PATH's tools on it: they may be of another version.
    """

    def __init__(
        self,
        programs: Path,
        folder: Path,
        port: int,
        *,
        settings: Mapping[str, str] | None = None,
        passwords: Mapping[str, str] | None = None,
        log: Path | None = None,
    ) -> None:
        self.programs = programs
        self.folder = folder
        self.data = folder / "data"
        self.port = port
        self.settings = _SETTINGS | dict(settings or {})
        self.passwords = {SUPERUSER: secrets.token_urlsafe(18)} | dict(passwords or {})
        self.log = log or folder / "server.log"
        self.account = unprivileged_account()
        self.child: Child | None = None

    async def create(self) -> bool:
        """Initialise the data folder; True when it was new. A half-made one of a crashed run is made again."""
        if (self.data / "PG_VERSION").exists():
            return False
        new = self.folder / "data.new"
        self._make_folder(new)
        password_file = self._write(self.folder / "superuser-password", self.passwords[SUPERUSER])
        try:
            await run_to_end(self._initdb(new, password_file))
        finally:
            password_file.unlink()
        self._write(new / "postgresql.conf", (new / "postgresql.conf").read_text() + "\ninclude 'demo.conf'\n")
        new.rename(self.data)
        return True

    async def start(self) -> None:
        """Start and wait until it answers. An orphan of a crashed run on the same data is stopped first.

        Raises: CannotStartError with the tail of the server's log.
        """
        await self._clear_crashed_run()
        lines = [f"{name} = '{value}'" for name, value in (self.settings | {"port": str(self.port)}).items()]
        self._write(self.data / "demo.conf", "\n".join(lines) + "\n")
        # SIGQUIT is the immediate shutdown: certain to end, and the next start recovers from the WAL.
        arguments = [self.programs / "postgres", "-D", self.data]
        self.child = spawn(self._program("postgres", arguments, self.log, ends_by=signal.SIGQUIT))
        await self._wait_until_ready(self.child)

    async def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """End it: SIGINT disconnects clients and checkpoints (fast), SIGQUIT leaves recovery to the next start."""
        if self.child is not None:
            await stop(self.child, how, timedelta(seconds=20))
            self.child = None

    def url(self, database: str, user: str = SUPERUSER) -> str:
        """A libpq URL with the role's password."""
        return f"postgresql://{user}:{quote(self.passwords[user], safe='')}@127.0.0.1:{self.port}/{database}"

    @asynccontextmanager
    async def connect(
        self, database: str = "postgres", user: str = SUPERUSER
    ) -> AsyncIterator[psycopg.AsyncConnection[Any]]:
        """A connection in autocommit, so that databases can be created on it."""
        async with await psycopg.AsyncConnection.connect(self.url(database, user), autocommit=True) as connection:
            yield connection

    async def __aenter__(self) -> Self:
        await self.create()
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def _wait_until_ready(self, child: Child) -> None:
        deadline = time.monotonic() + _START_TIMEOUT.total_seconds()
        while True:
            if child.process.poll() is not None:
                raise CannotStartError(f"PostgreSQL on port {self.port} ended while starting: {child.log_tail()}")
            try:
                async with self.connect():
                    return
            except psycopg.OperationalError as error:
                if time.monotonic() > deadline:
                    await self.stop(signal.SIGQUIT)
                    raise CannotStartError(f"PostgreSQL on port {self.port} does not answer: {error}") from error
            await asyncio.sleep(0.05)

    async def _clear_crashed_run(self) -> None:
        """Deal with the pid file of an earlier server; PostgreSQL refuses to start when its pid is in use by *any*
        process of the same account, such as our other cluster after a crash.
        """
        pid_file = self.data / "postmaster.pid"
        pid = _pid_in(pid_file)
        if pid is None:
            return
        if _runs_in(pid, self.data):
            os.kill(pid, signal.SIGQUIT)
            await _wait_for_end_of(pid, self.data)
        pid_file.unlink(missing_ok=True)

    def _initdb(self, data: Path, password_file: Path) -> Program:
        arguments = [self.programs / "initdb", "-D", data, "-U", SUPERUSER, f"--pwfile={password_file}"]
        arguments += ["--auth=scram-sha-256", "--encoding=UTF8", "--locale=C", "--no-instructions"]
        arguments += ["--no-sync"]  # a machine that crashes within the first seconds makes a new demo, and saves them
        return self._program("initdb", arguments, self.log)

    def _program(
        self, name: str, arguments: list[Any], log: Path, *, ends_by: signal.Signals = signal.SIGKILL
    ) -> Program:
        return Program(name, arguments, log, {}, self.account, self.folder, ends_by)

    def _make_folder(self, data: Path) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(data, ignore_errors=True)
        data.mkdir(mode=0o700)
        for path in (self.folder, data):
            self._give(path)
        if self.account and not self.account.can_enter(data):
            raise CannotStartError(f"PostgreSQL's account cannot reach {data}: open its parents to others (mode 711).")

    def _write(self, path: Path, text: str) -> Path:
        path.touch(mode=0o600)
        path.write_text(text, encoding="utf-8")
        self._give(path)
        return path

    def _give(self, path: Path) -> None:
        if self.account:
            self.account.take(path)


def _pid_in(pid_file: Path) -> int | None:
    """The pid that the file names; None without a file, and without /proc (macOS): there we cannot tell whose pid it
    is, and leave the judgement to PostgreSQL.
    """
    if not pid_file.exists() or not Path("/proc").exists():
        return None
    return int(pid_file.read_text(encoding="ascii").split("\n", 1)[0])


def _runs_in(pid: int, folder: Path) -> bool:
    """Whether the process is a server of this folder: a server's working folder is its data."""
    try:
        return Path(f"/proc/{pid}/cwd").resolve(strict=True) == folder.resolve()
    except (OSError, RuntimeError):
        return False  # ended, or not ours to look at


async def _wait_for_end_of(pid: int, folder: Path) -> None:
    deadline = time.monotonic() + 15
    while _runs_in(pid, folder):
        if time.monotonic() > deadline:
            raise CannotStartError(f"An earlier PostgreSQL (pid {pid}) does not end: stop it and start again.")
        await asyncio.sleep(0.05)

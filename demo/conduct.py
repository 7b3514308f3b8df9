"""Starts the whole demo at once, watches over its parts, and stops them in order."""

import asyncio
import json
import os
import signal
import sys
import webbrowser
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, Protocol

from demo.addresses import addresses_of
from demo.bot_process import DATABASE, BotProcess
from demo.children import Child, wait
from demo.display import Display
from demo.errors import CannotStartError
from demo.folder import locked, require_space
from demo.guard import GUARD, Guard
from demo.parts import Parts, lay_out
from demo.platform.chain import Contract
from demo.platform.databases import create_bot_database, create_platform_roles
from demo.platform.rows import PRODUCTION, create_filled_database

_RESTART_DELAY = timedelta(seconds=2)
_RESTARTS_AT_MOST = 5
_INTERRUPTED = 130


class Server(Protocol):
    """What the conductor watches and stops."""

    child: Child | None

    async def start(self) -> None: ...
    async def stop(self) -> None: ...


def main(folder: Path, headless: bool, as_json: bool, *, without_bot: bool = False, scale: float = 1.0) -> int:
    """Run the demo until Ctrl-C or SIGTERM; the exit code is 1 when something could not start.

    `scale` shrinks the platform's data for tests; `without_bot` leaves the bot out.
    """
    folder = folder.resolve()
    display = Display()
    try:
        with locked(folder), _guarded():
            require_space(folder)
            conductor = Conductor(lay_out(folder), display, scale=scale, with_bot=not without_bot)
            return asyncio.run(conductor.run(headless, as_json))
    except CannotStartError as error:
        display.say(str(error), style="bold red")
        return 1
    except KeyboardInterrupt:  # before the loop, and with it our own handling of Ctrl-C, had begun
        return _INTERRUPTED


@contextmanager
def _guarded() -> Iterator[None]:
    guard = Guard()
    token = GUARD.set(guard)
    try:
        yield
    finally:
        GUARD.reset(token)
        guard.close()


class Conductor:
    """One run of the demo."""

    def __init__(self, parts: Parts, display: Display, *, scale: float, with_bot: bool) -> None:
        self.parts = parts
        self.display = display
        self.size, self.staging_size = PRODUCTION.scaled(scale), PRODUCTION.scaled(scale * 0.05)
        self.bot = BotProcess(parts) if with_bot else None
        self.contract: Contract | None = None
        self._watchers: list[asyncio.Task[None]] = []

    async def run(self, headless: bool, as_json: bool) -> int:
        """Start, tell where everything is, and wait for the signal to stop.

        Raises: CannotStartError, after everything that had started was stopped.
        """
        stop_asked = _stop_on_signals()
        try:
            with self.display:
                started = await _unless(stop_asked, self._start_all())
            if not started:
                return _INTERRUPTED
            self._announce(headless, as_json)
            await stop_asked.wait()
            return 0
        finally:
            await self._stop_all()

    async def _start_all(self) -> None:
        """Everything in parallel; a part waits for those that it needs."""
        try:
            async with asyncio.TaskGroup() as group:
                begin = group.create_task
                platform = begin(self._start("platform database", self.parts.platform_cluster, self._platform_database))
                own = begin(self._start("bot database", self.parts.bot_cluster, self._bot_database))
                store = begin(self._start("S3", self.parts.s3, self.parts.s3.start))
                redis = begin(self._start("Redis", self.parts.redis, self.parts.redis.start))
                chain = begin(self._start(f"chain ({self.parts.chain.engine})", self.parts.chain, self._chain))
                api = begin(self._start("Takumi API", self.parts.api, self.parts.api.start, platform, redis))
                page = begin(self._start("workspace", self.parts.workspace, self.parts.workspace.start))
                if self.bot:
                    ready = begin(self._step("bot", "installing and migrating", self.bot.prepare, own, page))
                    begin(self._start("bot", self.bot, self.bot.start, ready, platform, store, redis, chain, api))
        except BaseExceptionGroup as errors:
            sentences = errors.subgroup(CannotStartError)
            if sentences is None:
                raise
            raise _first(sentences) from None

    async def _start(
        self, name: str, server: Server, start: Callable[[], Awaitable[None]], *needs: asyncio.Task[None]
    ) -> None:
        await self._step(name, "starting", start, *needs)
        self.display.state(name, "ready", done=True)
        self._watchers.append(asyncio.create_task(self._keep_running(name, server, start)))

    async def _step(
        self, name: str, state: str, start: Callable[[], Awaitable[None]], *needs: asyncio.Task[None]
    ) -> None:
        if needs:
            self.display.state(name, "waiting")
            await asyncio.gather(*needs)
        self.display.state(name, state)
        try:
            await start()
        except CannotStartError:
            self.display.state(name, "failed")
            raise
        except OSError as error:
            self.display.state(name, "failed")
            raise CannotStartError(f"{name} cannot start: {error}.") from error

    async def _platform_database(self) -> None:
        cluster, name = self.parts.platform_cluster, "platform database"
        is_new = await cluster.create()
        await cluster.start()
        filling = f"filling takumi ({self.size.profiles:,} profiles) and takumi_staging"
        self.display.state(name, filling if is_new else "checking its roles and databases")
        await create_platform_roles(cluster)
        async with asyncio.TaskGroup() as group:
            group.create_task(create_filled_database(cluster, "takumi", self.size))
            group.create_task(create_filled_database(cluster, "takumi_staging", self.staging_size))

    async def _bot_database(self) -> None:
        await self.parts.bot_cluster.create()
        await self.parts.bot_cluster.start()
        await create_bot_database(self.parts.bot_cluster, DATABASE)

    async def _chain(self) -> None:
        await self.parts.chain.start()
        self.contract = await self.parts.chain.skill_profile()

    async def _keep_running(self, name: str, server: Server, start: Callable[[], Awaitable[None]]) -> None:
        """Start a part again that ended by itself, and say so; after some times it stays down, and that is said too."""
        for _ in range(_RESTARTS_AT_MOST):
            if server.child is not None:
                code = await wait(server.child, poll_seconds=0.25)
                self.display.say(f"{name} ended with exit code {code}; starting it again: {server.child.log_tail(1)}")
            await asyncio.sleep(_RESTART_DELAY.total_seconds())
            try:
                await start()
            except CannotStartError as error:
                self.display.say(str(error), style="red")
        self.display.say(f"{name} ended too often and stays down; its log is in {self.parts.logs}.", style="red")

    def _announce(self, headless: bool, as_json: bool) -> None:
        addresses = addresses_of(self.parts, self.bot, self.contract)
        if as_json:
            sys.stdout.write(json.dumps(addresses) + "\n")
            sys.stdout.flush()
            return
        self.display.welcome(addresses, str(self.parts.folder))
        if not headless and _has_display():
            webbrowser.open(addresses["page"])

    async def _stop_all(self) -> None:
        for watcher in self._watchers:
            watcher.cancel()
        await asyncio.gather(*self._watchers, return_exceptions=True)
        parts = self.parts
        in_order: list[list[Server]] = [
            [self.bot] if self.bot else [],
            [parts.workspace, parts.api],
            [parts.s3, parts.redis, parts.chain],
            [parts.platform_cluster, parts.bot_cluster],
        ]
        for servers in in_order:
            await asyncio.gather(*(server.stop() for server in servers))


async def _unless(stop_asked: asyncio.Event, work: Any) -> bool:
    """Do the work, but drop it when we are asked to stop; whether it was done."""
    working, stopping = asyncio.ensure_future(work), asyncio.create_task(stop_asked.wait())
    await asyncio.wait((working, stopping), return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    if working.done():
        working.result()
        return True
    working.cancel()
    await asyncio.gather(working, return_exceptions=True)
    return False


def _stop_on_signals() -> asyncio.Event:
    """Set by the first Ctrl-C, SIGTERM or SIGHUP; the second leaves at once, and the guard ends our children."""
    stop_asked = asyncio.Event()

    def ask() -> None:
        if stop_asked.is_set():
            os._exit(_INTERRUPTED)
        stop_asked.set()

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, ask)
    return stop_asked


def _first(errors: BaseExceptionGroup[CannotStartError]) -> CannotStartError:
    """One of the errors: the sentence a person can act on."""
    first = errors.exceptions[0]
    return _first(first) if isinstance(first, BaseExceptionGroup) else first


def _has_display() -> bool:
    return sys.platform == "darwin" or any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY"))

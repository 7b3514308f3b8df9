"""The same bot several times: one database, one app in Slack, one folder of backups, and a process each."""

import asyncio
import os
import signal
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from http import HTTPStatus

import aiohttp

from demo.children import Child, spawn, stop, wait
from demo.module_server import module_program
from demo.ports import free_ports
from tests.e2e.bots import BotUnderTest

READY_SECONDS = 60.0


@dataclass
class Replica:
    """One process of the bot, started again under another pid as often as it takes."""

    bot: BotUnderTest
    number: int
    settings: dict[str, str]
    child: Child | None = None
    paused: bool = False
    port: int = field(default_factory=lambda: free_ports(1)[0])

    @property
    def pid(self) -> int:
        assert self.child is not None
        return self.child.pid

    @property
    def is_up(self) -> bool:
        return self.child is not None and self.child.process.poll() is None

    def start(self) -> None:
        log = self.bot.parts.logs / f"replica-{self.number}.log"
        own = self.bot.environment() | {"TAKUMI_BOT_HTTP_PORT": str(self.port)} | self.settings
        self.child = spawn(module_program("bot", ["serve"], log, own))

    async def kill(self) -> float:
        """As the kernel does when memory runs out; answers when it was, in seconds since the epoch."""
        assert self.child is not None
        at = time.time()
        self.child.process.kill()
        await wait(self.child, 0.005)
        self.paused = False
        return at

    def pause(self) -> None:
        os.kill(self.pid, signal.SIGSTOP)
        self.paused = True

    def go_on(self) -> None:
        if self.is_up and self.paused:
            os.kill(self.pid, signal.SIGCONT)
        self.paused = False

    async def is_ready(self) -> bool:
        return await self._says_ok("readyz")

    async def is_serving(self) -> bool:
        return await self._says_ok("healthz")

    async def _says_ok(self, path: str) -> bool:
        if not self.is_up or self.paused:
            return False
        try:
            timeout = aiohttp.ClientTimeout(total=3)
            async with (
                aiohttp.ClientSession(timeout=timeout) as session,
                session.get(f"http://127.0.0.1:{self.port}/{path}") as answer,
            ):
                return answer.status == HTTPStatus.OK
        except (aiohttp.ClientError, TimeoutError):
            return False

    async def stop(self) -> None:
        self.go_on()
        if self.child is not None:
            await stop(self.child, signal.SIGTERM, timedelta(seconds=30))
            self.child = None


class Replicas:
    """All of them; whoever was killed, or ended because it could not start, is started again."""

    def __init__(self, bot: BotUnderTest, count: int, settings: dict[str, str]) -> None:
        self.all: Sequence[Replica] = [Replica(bot, number, settings) for number in range(count)]
        self.restarts = 0
        self._supervising: asyncio.Task[None] | None = None

    async def start(self) -> None:
        for replica in self.all:
            replica.start()
        self._supervising = asyncio.create_task(self._supervise())
        await self.until_ready()

    async def stop(self) -> None:
        if self._supervising is not None:
            self._supervising.cancel()
            await asyncio.gather(self._supervising, return_exceptions=True)
        await asyncio.gather(*(replica.stop() for replica in self.all))

    def of_pid(self, pid: int) -> Replica | None:
        return next((replica for replica in self.all if replica.is_up and replica.pid == pid), None)

    @property
    def awake(self) -> list[Replica]:
        return [replica for replica in self.all if replica.is_up and not replica.paused]

    async def until_ready(self) -> None:
        """Wait until every one of them says itself that Slack and its database can be reached."""
        until = time.monotonic() + READY_SECONDS
        while not all([await replica.is_ready() for replica in self.all]):
            assert time.monotonic() < until, [replica.child and replica.child.log_tail() for replica in self.all]
            await asyncio.sleep(0.2)

    async def _supervise(self) -> None:
        while True:
            for replica in self.all:
                if not replica.is_up:
                    self.restarts += 1
                    replica.start()
            await asyncio.sleep(0.2)

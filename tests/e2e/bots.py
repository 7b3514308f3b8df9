"""The bot under test: unmodified, `python -m bot serve` in a process of its own."""

import asyncio
import re
import signal
import time
from datetime import timedelta
from typing import Any

import aiohttp

from bot.slack.manifest import manifest
from bot.stores.migrate import migrate
from demo.bot_process import BotProcess
from demo.children import Child, spawn, stop
from demo.module_server import module_program
from demo.parts import Parts
from demo.platform.databases import BOT_OWNER, BOT_RUNTIME, BOT_SEQUENCER
from demo.ports import free_ports
from demo.workspace import Json
from demo.workspace.client import Workspace
from tests.stores import QUEUE_SCHEMA, TRAIL_ROLES

ALERTS = "C0ALERTS01"
READY_TIMEOUT = timedelta(seconds=30)


class BotUnderTest:
    """One bot of the workspace; `mode` is `socket` or `http`, `environment` replaces what the demo would set.

    Each has its own database, log and folder for backups.
    """

    def __init__(
        self, parts: Parts, name: str, command: str, *, mode: str = "socket", channel: str = ALERTS, **environment: str
    ) -> None:
        self.parts, self.name, self.command, self.mode, self.channel = parts, name, command, mode, channel
        word = re.sub("[^a-z]+", "_", name.lower())
        self.database = f"bot_{word}"
        self.log = parts.logs / f"{word}.log"
        self.backups = parts.folder / "backups" / word
        self.web = f"http://127.0.0.1:{free_ports(1)[0]}"
        self.child: Child | None = None
        self._demo, self._changes = BotProcess(parts), environment

    @property
    def user(self) -> str:
        """The bot's own user in the workspace."""
        return str(self._demo.installed["bot_user_id"])

    @property
    def credentials(self) -> Json:
        return dict(self._demo.installed)

    async def set_up(self) -> None:
        """Install, migrate and serve. In HTTP mode its address is told once it answers there, as with Slack."""
        await self.prepare()
        await self.start()
        if self.mode == "http":
            await self.install(manifest("http", url=self.web, name=self.name, command=self.command))

    async def prepare(self) -> None:
        """Install and migrate."""
        self.backups.mkdir(parents=True)
        await self.install(manifest("socket", name=self.name, command=self.command))
        owner = self.parts.bot_cluster.url(self.database, BOT_OWNER)
        await migrate(owner, BOT_RUNTIME, [QUEUE_SCHEMA], trail=TRAIL_ROLES)

    async def install(self, wanted: Json) -> None:
        """Install or install again: the workspace knows an app by its name, and keeps its tokens."""
        async with Workspace(self.parts.workspace.url, self.parts.workspace_token()) as workspace:
            self._demo.installed = await workspace.install(wanted, [self.channel])

    async def start(self) -> None:
        """Serve, and wait until it says itself that it is ready."""
        self.child = spawn(module_program("bot", ["serve"], self.log, self.environment()))
        await self.ready()

    async def ready(self, patience: timedelta = READY_TIMEOUT) -> None:
        """Wait for a 200 of `/readyz`. Raises: AssertionError when the process ends or time runs out."""
        deadline = time.monotonic() + patience.total_seconds()
        while not (said := await self.readiness())["ready"]:
            assert self.child is not None
            assert self.child.process.poll() is None, self.child.log_tail()
            assert time.monotonic() < deadline, f"{said}; {self.child.log_tail()}"
            await asyncio.sleep(0.05)

    async def until_not_ready(self) -> None:
        """Wait until it says itself that something is wrong. Raises: TimeoutError."""
        async with asyncio.timeout(READY_TIMEOUT.total_seconds()):
            while (await self.readiness())["ready"]:  # noqa: ASYNC110 - it is another process
                await asyncio.sleep(0.05)

    async def readiness(self) -> dict[str, Any]:
        """What `/readyz` says; an address that nobody serves is not ready either."""
        try:
            async with aiohttp.ClientSession() as session, session.get(f"{self.web}/readyz") as answer:
                return dict(await answer.json())
        except aiohttp.ClientError as error:
            return {"ready": False, "wrong": {"web": str(error)}}

    async def metrics(self) -> str:
        async with aiohttp.ClientSession() as session, session.get(f"{self.web}/metrics") as answer:
            return await answer.text()

    def times_logged(self, words: str) -> int:
        return self.log.read_text(encoding="utf-8").count(words)

    async def stop(self) -> None:
        if self.child is not None:
            await stop(self.child, signal.SIGTERM, timedelta(seconds=20))
            self.child = None

    async def kill(self) -> None:
        """As the kernel does when memory runs out: no goodbye."""
        if self.child is not None:
            self.child.process.kill()
            await asyncio.to_thread(self.child.process.wait)
            self.child = None

    def environment(self) -> dict[str, str]:
        """The demo's own, with this bot's names and places."""
        cluster, port = self.parts.bot_cluster, self.web.rsplit(":", 1)[1]
        own = {
            "TAKUMI_BOT_DATABASE_URL": cluster.url(self.database, BOT_RUNTIME),
            "TAKUMI_BOT_MIGRATE_DATABASE_URL": cluster.url(self.database, BOT_OWNER),
            "TAKUMI_BOT_SEQUENCER_DATABASE_URL": cluster.url(self.database, BOT_SEQUENCER),
            "TAKUMI_BOT_ANCHOR_PREFIX": f"audit/{self.database}/",
            "TAKUMI_BOT_HTTP_PORT": port,
            "TAKUMI_BOT_SLACK_MODE": self.mode,
            "TAKUMI_BOT_COMMAND": self.command,
            "TAKUMI_BOT_CHANNEL": self.channel,
            "BACKUP_DIR": str(self.backups),
        }
        return self._demo.environment() | own | self._changes

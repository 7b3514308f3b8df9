"""The bot of the demo: unmodified, in processes of its own, told everything through its environment."""

import asyncio
import json
import signal
import time
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from demo.children import Child, output_of, run_to_end, spawn, stop
from demo.errors import CannotStartError
from demo.module_server import module_program
from demo.parts import Parts
from demo.platform import s3
from demo.platform.chain import NETWORK
from demo.platform.databases import (
    BOT_OWNER,
    BOT_RETENTION,
    BOT_RUNTIME,
    BOT_SEQUENCER,
    PLATFORM_MAINTENANCE,
    PLATFORM_RESTORE,
)
from demo.ports import HOST
from demo.workspace.client import Workspace

DATABASE = "takumi_bot"
_CONNECT_TIMEOUT = timedelta(seconds=30)
# One a role, as the workspace has them from the start.
_ROLES = {
    "developer": ["S0DEVELOPR"],
    "team_lead": ["S0TEAMLEAD"],
    "engineering_lead": ["S0ENGLEAD0"],
    "cto": ["S0CTO00000"],
    "security": ["S0SECURITY"],
}


class BotProcess:
    """Installs the bot in the workspace from its own manifest, migrates its database, and serves."""

    def __init__(self, parts: Parts) -> None:
        self.parts = parts
        self.child: Child | None = None
        self.installed: Mapping[str, Any] = {}

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.parts.bot_web_port}/"

    async def prepare(self) -> None:
        """Install and migrate; needs the workspace and the bot's database."""
        logs = self.parts.logs
        manifest = json.loads(
            await output_of(module_program("bot", ["manifest", "--socket", "--json"], logs / "bot-manifest.log", {}))
        )
        async with self._workspace() as workspace:
            self.installed = await workspace.install(manifest)
        await run_to_end(module_program("bot", ["migrate"], logs / "bot-migrate.log", self.environment()))

    async def start(self) -> None:
        """Serve, until the workspace says that the bot is connected.

        Raises: CannotStartError when it ends, or does not connect in time.
        """
        self.child = spawn(module_program("bot", ["serve"], self.parts.logs / "bot.log", self.environment()))
        deadline = time.monotonic() + _CONNECT_TIMEOUT.total_seconds()
        async with self._workspace() as workspace:
            while not await self._is_connected(workspace):
                if self.child.process.poll() is not None:
                    raise CannotStartError(f"The bot ended while starting: {self.child.log_tail()}")
                if time.monotonic() > deadline:
                    raise CannotStartError(f"The bot does not connect to the workspace: see {self.parts.logs}/bot.log.")
                await asyncio.sleep(0.1)

    async def stop(self) -> None:
        if self.child is not None:
            await stop(self.child, signal.SIGTERM, timedelta(seconds=15))
            self.child = None

    def environment(self) -> dict[str, str]:
        """Every variable that the bot gets; the guide's own keep their names."""
        return self._own() | self._slack() | self._platform()

    def _own(self) -> dict[str, str]:
        parts = self.parts
        return {
            "TAKUMI_BOT_ENVIRONMENT": "demo",
            "TAKUMI_BOT_DATABASE_URL": parts.bot_cluster.url(DATABASE, BOT_RUNTIME),
            "TAKUMI_BOT_MIGRATE_DATABASE_URL": parts.bot_cluster.url(DATABASE, BOT_OWNER),
            "TAKUMI_BOT_SEQUENCER_DATABASE_URL": parts.bot_cluster.url(DATABASE, BOT_SEQUENCER),
            "TAKUMI_BOT_RETENTION_DATABASE_URL": parts.bot_cluster.url(DATABASE, BOT_RETENTION),
            "TAKUMI_BOT_ANCHOR_BUCKET": s3.BUCKET,
            # Locked as briefly as the setting allows: a demo is thrown away.
            "TAKUMI_BOT_ANCHOR_DAYS": "1",
            "TAKUMI_BOT_HTTP_HOST": HOST,
            "TAKUMI_BOT_HTTP_PORT": str(parts.bot_web_port),
            "TAKUMI_BOT_TIME_ZONE": "UTC",
            "TAKUMI_BOT_PG_BIN_DIRS": json.dumps([str(parts.programs)]),
        }

    def _slack(self) -> dict[str, str]:
        installed = self.installed
        return {
            "TAKUMI_BOT_SLACK_MODE": "socket",
            "TAKUMI_BOT_SLACK_API_URL": f"{self.parts.workspace.url}api/",
            "TAKUMI_BOT_SLACK_BOT_TOKEN": installed["bot_token"],
            "TAKUMI_BOT_SLACK_APP_TOKEN": installed["app_token"],
            "TAKUMI_BOT_SLACK_SIGNING_SECRET": installed["signing_secret"],
            "TAKUMI_BOT_CHANNEL": "C0ALERTS01",
            "TAKUMI_BOT_ROLES": json.dumps(_ROLES),
        }

    def _platform(self) -> dict[str, str]:
        parts = self.parts
        return {
            "TAKUMI_BOT_REDIS_URL": parts.redis.url,
            "TAKUMI_BOT_CHAIN_RPC_URL": parts.chain.url,
            "TAKUMI_BOT_BACKEND_URLS": json.dumps([f"{parts.api.url}health"]),
            "TAKUMI_BOT_S3_ENDPOINT_URL": parts.s3.endpoint,
            "TAKUMI_BOT_S3_ACCESS_KEY_ID": parts.s3.keys.access_key,
            "TAKUMI_BOT_S3_SECRET_ACCESS_KEY": parts.s3.keys.secret_key,
            "DB_HOST": HOST,
            "DB_PORT": str(parts.platform_cluster.port),
            "DB_NAME": "takumi",
            "DB_USER": PLATFORM_MAINTENANCE,
            "DB_PASSWORD": parts.platform_cluster.passwords[PLATFORM_MAINTENANCE],
            "TAKUMI_BOT_RESTORE_USER": PLATFORM_RESTORE,
            "TAKUMI_BOT_RESTORE_PASSWORD": parts.platform_cluster.passwords[PLATFORM_RESTORE],
            "BACKUP_DIR": str(parts.backups),
            "SNAPSHOT_DIR": str(parts.snapshots),
            "RETENTION_DAYS": "30",
            "CLOUD_BACKUP": "true",
            "S3_BUCKET": s3.BUCKET,
            "S3_REGION": s3.REGION,
            "NETWORK": NETWORK,
        }

    async def _is_connected(self, workspace: Workspace) -> bool:
        apps = (await workspace.state())["apps"]
        return any(app["connected"] for app in apps if app["bot_user_id"] == self.installed["bot_user_id"])

    def _workspace(self) -> Workspace:
        return Workspace(self.parts.workspace.url, self.parts.workspace_token())

"""The parts of the demo, each with its place in the folder, its ports and its secrets."""

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from demo.accounts import embedded_programs, server_home, unprivileged_account
from demo.errors import CannotStartError
from demo.folder import Remembered, fresh_logs
from demo.module_server import ModuleServer
from demo.platform import s3
from demo.platform.chain import ChainNode
from demo.platform.databases import (
    BOT_ROLES,
    PLATFORM_MAINTENANCE,
    PLATFORM_OWNER,
    PLATFORM_RESTORE,
    PLATFORM_SETTINGS,
)
from demo.platform.postgres import SUPERUSER, Cluster
from demo.platform.redis import RedisServer

PAGE_PORT_VARIABLE = "TAKUMI_DEMO_PAGE_PORT"
_USUAL_PORTS = range(1024, 65536)
_PORTS = {
    "page": 1,
    "bot-web": 1,
    "bot-postgres": 1,
    "platform-postgres": 1,
    "redis": 1,
    "chain": 1,
    "api": 1,
    "s3": s3.PORTS_NEEDED,
}


@dataclass(frozen=True)
class Parts:
    """Every server of the demo but the bot, none of them started."""

    folder: Path
    logs: Path
    bot_web_port: int
    programs: Path
    bot_cluster: Cluster
    platform_cluster: Cluster
    s3: s3.ObjectStore
    redis: RedisServer
    chain: ChainNode
    api: ModuleServer
    workspace: ModuleServer

    @property
    def backups(self) -> Path:
        return self.folder / "backups" / "database"

    @property
    def snapshots(self) -> Path:
        return self.folder / "backups" / "contracts"

    def workspace_token(self) -> str:
        """What opens the people's side of the workspace; it writes the file when it starts."""
        return (self.folder / "workspace" / "workspace-token").read_text(encoding="utf-8").strip()


def lay_out(folder: Path) -> Parts:
    """The parts of the demo in this folder, with the ports and secrets of the start before where there was one.

    Raises: CannotStartError when a package is missing, or a port that was asked for is taken.
    """
    remembered = Remembered.load(folder)
    account = unprivileged_account()
    home = server_home(folder, account)
    if home != folder and not remembered.path.exists():
        _forget_servers(home)  # `make demo-reset` removed the folder and could not know of this one
    remembered.take_ports(_PORTS, _fixed_ports())
    parts = _build(folder, home, embedded_programs(home, account), remembered)
    for place in (parts.backups, parts.snapshots):
        place.mkdir(parents=True, exist_ok=True)
    remembered.save()
    return parts


def _build(folder: Path, home: Path, programs: Path, remembered: Remembered) -> Parts:
    logs, port, secret = fresh_logs(folder), remembered.port, remembered.secret
    bot_cluster = Cluster(
        programs,
        home / "bot-postgres",
        port("bot-postgres"),
        passwords={SUPERUSER: secret("bot superuser")} | {role: secret(role) for role in BOT_ROLES},
        log=logs / "bot-postgres.log",
    )
    platform_cluster = Cluster(
        programs,
        home / "platform-postgres",
        port("platform-postgres"),
        settings=PLATFORM_SETTINGS,
        passwords={SUPERUSER: secret("platform superuser")}
        | {role: secret(role) for role in (PLATFORM_OWNER, PLATFORM_MAINTENANCE, PLATFORM_RESTORE)},
        log=logs / "platform-postgres.log",
    )
    keys = s3.Keys(secret("s3 access key"), secret("s3 secret key"))
    redis = RedisServer(folder / "redis", port("redis"), logs / "redis.log")
    chain = ChainNode(folder / "chain", port("chain"), logs / "chain.log")
    workspace = ["--port", str(port("page")), "--data", str(folder / "workspace")]
    return Parts(
        folder,
        logs,
        port("bot-web"),
        programs,
        bot_cluster,
        platform_cluster,
        s3.ObjectStore(folder / "s3", remembered.ports["s3"], keys, logs / "s3.log"),
        redis,
        chain,
        _api(port("api"), platform_cluster, redis, chain, logs),
        ModuleServer("demo.workspace", workspace, port("page"), logs / "workspace.log"),
    )


def _api(port: int, cluster: Cluster, redis: RedisServer, chain: ChainNode, logs: Path) -> ModuleServer:
    environment = {
        "DATABASE_URL": cluster.url("takumi", PLATFORM_OWNER),
        "REDIS_URL": redis.url,
        "CHAIN_RPC_URL": chain.url,
    }
    return ModuleServer("demo.platform.api", ["--port", str(port)], port, logs / "api.log", environment)


def _fixed_ports() -> dict[str, int]:
    text = os.environ.get(PAGE_PORT_VARIABLE, "")
    if not text:
        return {}
    if not text.isdecimal() or int(text) not in _USUAL_PORTS:
        raise CannotStartError(f"{PAGE_PORT_VARIABLE} is {text!r}, which is no port between 1024 and 65535.")
    return {"page": int(text)}


def _forget_servers(home: Path) -> None:
    for name in ("bot-postgres", "platform-postgres"):
        shutil.rmtree(home / name, ignore_errors=True)

"""Every address of a running demo, as `--json` prints them."""

from typing import Any

from demo.bot_process import DATABASE, BotProcess
from demo.parts import Parts
from demo.platform import s3
from demo.platform.chain import Contract
from demo.platform.chain_server import CHAIN_ID
from demo.platform.databases import BOT_OWNER, BOT_RUNTIME, PLATFORM_MAINTENANCE


def addresses_of(parts: Parts, bot: BotProcess | None, contract: Contract | None) -> dict[str, Any]:
    """What a script needs to reach every part; `bot_web` and `tokens` are null without the bot."""
    return _chat(parts, bot) | _databases(parts) | _services(parts) | _chain(parts, contract) | _processes(parts, bot)


def _chat(parts: Parts, bot: BotProcess | None) -> dict[str, Any]:
    return {
        "page": parts.workspace.url,
        "slack_api": f"{parts.workspace.url}api/",
        "workspace_token": parts.workspace_token(),
        "bot_web": bot.url if bot else None,
        "tokens": dict(bot.installed) if bot else None,
    }


def _databases(parts: Parts) -> dict[str, Any]:
    bot, platform = parts.bot_cluster, parts.platform_cluster
    names = ("takumi", "takumi_staging")
    return {
        "bot_database": bot.url(DATABASE, BOT_RUNTIME),
        "bot_migrate_database": bot.url(DATABASE, BOT_OWNER),
        "platform_databases": {name: platform.url(name, PLATFORM_MAINTENANCE) for name in names},
        "superusers": {"bot": bot.url("postgres"), "platform": platform.url("postgres")},
    }


def _services(parts: Parts) -> dict[str, Any]:
    store = {"endpoint": parts.s3.endpoint, "bucket": s3.BUCKET, "region": s3.REGION}
    return {
        "s3": store | {"access_key": parts.s3.keys.access_key, "secret_key": parts.s3.keys.secret_key},
        "redis": parts.redis.url,
        "api": parts.api.url,
        "metrics": f"{parts.api.url}metrics",
        "backups": str(parts.backups),
    }


def _chain(parts: Parts, contract: Contract | None) -> dict[str, Any]:
    found = {"metadata": str(parts.folder / "chain" / "metadata.json"), "chain_id": CHAIN_ID}
    if contract:
        found |= {"name": contract.name, "address": contract.address, "implementation": contract.implementation}
    return {"chain_rpc": parts.chain.url, "chain_engine": parts.chain.engine, "contract": found}


def _processes(parts: Parts, bot: BotProcess | None) -> dict[str, Any]:
    servers = {
        "bot": bot,
        "workspace": parts.workspace,
        "api": parts.api,
        "s3": parts.s3,
        "redis": parts.redis,
        "chain": parts.chain,
        "bot-postgres": parts.bot_cluster,
        "platform-postgres": parts.platform_cluster,
    }
    children = {name: server.child for name, server in servers.items() if server}
    return {"pids": {name: child.pid for name, child in children.items() if child}, "logs": str(parts.logs)}

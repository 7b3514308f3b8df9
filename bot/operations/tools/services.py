"""Looks at what is no database: HTTP health endpoints, Redis, a chain's JSON-RPC."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import aiohttp
import redis.asyncio as redis
from redis.exceptions import RedisError

from bot.domain.errors import OperationFailed

WITHOUT_TRANSACTIONS = False


@dataclass(frozen=True)
class HttpAnswer:
    """What an endpoint said; `body` is empty when it was no JSON object."""

    status: int
    body: dict[str, Any]


@dataclass(frozen=True)
class RedisSeen:
    """A Redis that answered PING."""

    version: str
    used_memory_bytes: int
    clients: int


@dataclass(frozen=True)
class BlockSeen:
    """A chain's latest block."""

    chain_id: int
    number: int
    at: datetime


async def get_json(url: str) -> HttpAnswer:
    """Raises: OperationFailed when nothing answers."""
    try:
        async with aiohttp.ClientSession() as session, session.get(url) as response:
            body = await response.json(content_type=None)
            return HttpAnswer(response.status, body if isinstance(body, dict) else {})
    except (aiohttp.ClientError, OSError) as error:
        raise OperationFailed(f"it does not answer ({error})") from error
    except ValueError:
        return HttpAnswer(response.status, {})


async def ping_redis(url: str) -> RedisSeen:
    """Raises: OperationFailed."""
    try:
        async with redis.Redis.from_url(url, socket_connect_timeout=3, socket_timeout=3) as client:
            await client.ping()
            info = await client.info()
    except (RedisError, OSError, ValueError) as error:
        raise OperationFailed(f"it does not answer ({error})") from error
    return RedisSeen(info["redis_version"], info["used_memory"], info["connected_clients"])


async def latest_block(rpc_url: str) -> BlockSeen:
    """Raises: OperationFailed."""
    try:
        async with aiohttp.ClientSession() as session:
            chain_id = await _call(session, rpc_url, "eth_chainId")
            block = await _call(session, rpc_url, "eth_getBlockByNumber", "latest", WITHOUT_TRANSACTIONS)
        return BlockSeen(
            int(chain_id, 16), int(block["number"], 16), datetime.fromtimestamp(int(block["timestamp"], 16), UTC)
        )
    except (aiohttp.ClientError, OSError) as error:
        raise OperationFailed(f"it does not answer ({error})") from error
    except (KeyError, TypeError, ValueError) as error:
        raise OperationFailed(f"it answered something else than a block ({error})") from error


async def _call(session: aiohttp.ClientSession, url: str, method: str, *parameters: Any) -> Any:
    request = {"jsonrpc": "2.0", "id": 1, "method": method, "params": parameters}
    async with session.post(url, json=request) as response:
        return (await response.json(content_type=None))["result"]

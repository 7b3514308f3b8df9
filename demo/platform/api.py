"""`python -m demo.platform.api --port N`: a small Takumi API with `/health`, `/metrics` and profiles."""

import argparse
import asyncio
import json
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import redis.asyncio as redis
from aiohttp import ClientError, ClientSession, ClientTimeout, web
from psycopg import AsyncConnection
from psycopg.rows import dict_row
from psycopg_pool import AsyncConnectionPool, PoolTimeout
from redis.exceptions import RedisError

from demo.platform.metrics import RequestMetrics
from demo.ports import HOST

ENVIRONMENT = "demo"
_PATIENCE_SECONDS = 2.0
_CACHE_SECONDS = 300
_PROFILE = "SELECT profile_id, wallet_address, name, bio, avatar_url, metadata FROM profiles WHERE wallet_address = %s"
_GAUGES = """
    SELECT (SELECT count(*) FROM profiles) AS takumi_profiles_total,
           (SELECT max(last_indexed_block) FROM indexer_state) AS takumi_indexer_block_height,
           (SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()) AS takumi_db_connections_active
"""

Pool = AsyncConnectionPool[AsyncConnection[Any]]


@dataclass(frozen=True)
class Backend:
    """What the API stands on."""

    pool: Pool
    cache: redis.Redis
    chain_url: str
    metrics: RequestMetrics
    started: float

    async def row(self, query: str, *parameters: Any) -> dict[str, Any] | None:
        """The first row of a query by column name."""
        async with self.pool.connection(timeout=_PATIENCE_SECONDS) as connection:
            cursor = connection.cursor(row_factory=dict_row)
            return await (await cursor.execute(query, parameters)).fetchone()

    async def database_answers(self) -> bool:
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                return await self.row("SELECT 1 AS one") is not None
        except (PoolTimeout, TimeoutError, OSError):
            return False

    async def cache_answers(self) -> bool:
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                return bool(await self.cache.ping())
        except (RedisError, TimeoutError, OSError):
            return False

    async def latest_block(self) -> int | None:
        """The chain's latest block; None when the chain does not answer."""
        call = {"jsonrpc": "2.0", "id": 1, "method": "eth_blockNumber", "params": []}
        timeout = ClientTimeout(total=_PATIENCE_SECONDS)
        try:
            async with ClientSession(timeout=timeout) as session, session.post(self.chain_url, json=call) as response:
                return int((await response.json())["result"], 16)
        except (ClientError, TimeoutError, OSError, KeyError):
            return None


BACKEND = web.AppKey("backend", Backend)


async def health(request: web.Request) -> web.Response:
    """200 while database and Redis answer, else 503."""
    backend = request.app[BACKEND]
    well = all(await asyncio.gather(backend.database_answers(), backend.cache_answers()))
    body = {
        "success": well,
        "status": "healthy" if well else "unhealthy",
        "timestamp": datetime.now(UTC).isoformat(),
        "uptime": round(time.monotonic() - backend.started, 3),
        "environment": ENVIRONMENT,
    }
    return web.json_response(body, status=200 if well else 503)


async def metrics(request: web.Request) -> web.Response:
    """What cannot be looked up now is left out, rather than shown as 0."""
    backend = request.app[BACKEND]
    gauges: dict[str, float] = {}
    if await backend.database_answers():
        gauges |= {name: value for name, value in (await backend.row(_GAUGES) or {}).items() if value is not None}
    block = await backend.latest_block()
    if block is not None and "takumi_indexer_block_height" in gauges:
        gauges["takumi_indexer_block_lag"] = max(0, block - gauges["takumi_indexer_block_height"])
    return web.Response(text=backend.metrics.render(gauges), content_type="text/plain")


async def profile(request: web.Request) -> web.Response:
    """One profile by its wallet, from the cache for five minutes."""
    backend, address = request.app[BACKEND], request.match_info["address"].lower()
    key = f"profile:{address}"
    try:
        found = await backend.cache.get(key) or await _store(backend, key, address)
    except (PoolTimeout, RedisError) as error:
        raise web.HTTPServiceUnavailable(text=f'{{"error":"{type(error).__name__}"}}') from error
    if found is None:
        raise web.HTTPNotFound(text='{"error":"no such profile"}', content_type="application/json")
    return web.Response(body=found, content_type="application/json")


async def _store(backend: Backend, key: str, address: str) -> bytes | None:
    row = await backend.row(_PROFILE, address)
    if row is None:
        return None
    body = json.dumps(row, ensure_ascii=False).encode()
    await backend.cache.set(key, body, ex=_CACHE_SECONDS)
    return body


@web.middleware
async def measure(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """Count each request under its route's pattern, so that addresses do not become labels."""
    begun, status = time.monotonic(), 500
    try:
        response = await handler(request)
        status = response.status
    except web.HTTPException as error:
        status = error.status
        raise
    finally:
        resource = request.match_info.route.resource
        route = resource.canonical if resource else "unknown"
        request.app[BACKEND].metrics.record(request.method, route, status, time.monotonic() - begun)
    return response


def application(database_url: str, redis_url: str, chain_url: str) -> web.Application:
    """The API; it starts without its database and says so in `/health`."""

    async def backend(app: web.Application) -> AsyncIterator[None]:
        options = {"application_name": "takumi-api", "connect_timeout": 2}
        # A pool that gives up soon tries anew with the next request, instead of waiting ever longer by itself.
        pool: Pool = AsyncConnectionPool(
            database_url,
            min_size=2,
            max_size=8,
            open=False,
            kwargs=options,
            check=AsyncConnectionPool.check_connection,
            reconnect_timeout=1,
        )
        async with pool, redis.from_url(redis_url) as cache:
            app[BACKEND] = Backend(pool, cache, chain_url, RequestMetrics(), time.monotonic())
            yield

    app = web.Application(middlewares=[measure])
    app.cleanup_ctx.append(backend)
    app.router.add_get("/health", health)
    app.router.add_get("/metrics", metrics)
    app.router.add_get("/api/profiles/{address}", profile)
    return app


def main() -> None:
    """Serve until a signal ends us."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    port = parser.parse_args().port
    app = application(*(os.environ[name] for name in ("DATABASE_URL", "REDIS_URL", "CHAIN_RPC_URL")))
    web.run_app(app, host=HOST, port=port, print=None)


if __name__ == "__main__":
    main()

"""What `/takumi health` sees of real servers, and of those that are away."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
import pytest_asyncio
from aiohttp import web
from pydantic import SecretStr

from bot.domain.tallies import BAD_LOOKS, WELL_LOOKS
from bot.operations.health import PlatformHealth
from bot.operations.tools.access import Platform
from bot.operations.tools.toolbox import Toolbox
from bot.policy.rules import Rules
from bot.services.alerts import Alerts
from bot.services.health_watch import HealthWatch
from bot.services.ports import Health, HealthState
from bot.stores.postgres import PostgresStore
from demo.platform.chain import ChainNode
from demo.platform.postgres import Cluster
from demo.platform.redis import RedisServer
from demo.platform.s3 import ObjectStore
from tests.integration.backups import platform
from tests.servers import free_port


async def look(reached: Platform, limit: timedelta = timedelta(seconds=8)) -> dict[str, Health]:
    return {health.component: health for health in await PlatformHealth(Toolbox(reached), limit).look()}


@pytest_asyncio.fixture
async def backend() -> AsyncIterator[str]:
    """A backend's address: /well, /sick (503), /odd (no JSON) and /slow are its health endpoints."""

    async def slow(_: web.Request) -> web.Response:
        await asyncio.sleep(60)
        return web.Response()

    async def well(_: web.Request) -> web.Response:
        return web.json_response({"success": True, "status": "healthy", "environment": "demo"})

    async def sick(_: web.Request) -> web.Response:
        return web.json_response({"success": False, "status": "unhealthy"}, status=503)

    async def odd(_: web.Request) -> web.Response:
        return web.Response(text="<html>")

    app = web.Application()
    app.add_routes([web.get("/well", well), web.get("/sick", sick), web.get("/odd", odd), web.get("/slow", slow)])
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", free_port())
    await site.start()
    yield site.name
    await runner.cleanup()


@pytest.fixture
def reached(cluster: Cluster, s3_server: ObjectStore, tmp_path: Path) -> Platform:
    return platform(cluster, "postgres", tmp_path, s3_server)


async def test_everything_is_seen_where_it_is(
    reached: Platform, redis_server: RedisServer, chain: ChainNode, backend: str
) -> None:
    reached = replace(
        reached,
        backend_urls=(f"{backend}/well",),
        redis_url=SecretStr(redis_server.url),
        chain_rpc_url=SecretStr(chain.url),
        chain_id=31337,
    )
    seen = await look(reached)
    assert {name: health.state for name, health in seen.items()} == dict.fromkeys(
        ["Backend", "Database postgres", "Redis", "Chain", "S3", "Backup folder"], HealthState.OK
    )
    assert "chain 31337, block " in seen["Chain"].detail
    assert "PostgreSQL 18." in seen["Database postgres"].detail
    assert "PONG" in seen["Redis"].detail


async def test_what_is_away_is_down_with_advice_and_stops_no_other_look(
    cluster: Cluster, s3_server: ObjectStore, backend: str, tmp_path: Path
) -> None:
    reached = platform(cluster, "postgres", tmp_path / "missing", s3_server)
    away = replace(reached.databases[0], name="away", port=free_port())
    seen = await look(
        replace(
            reached,
            databases=(*reached.databases, away),
            backups=replace(reached.backups, bucket="no-such-bucket"),
            backend_urls=(f"http://127.0.0.1:{free_port()}/health", f"{backend}/slow"),
            redis_url=SecretStr(f"redis://127.0.0.1:{free_port()}"),
            chain_rpc_url=SecretStr(f"{backend}/odd"),
        ),
        timedelta(seconds=2),
    )
    assert seen.pop("Database postgres").state is HealthState.OK
    assert {health.state for health in seen.values()} == {HealthState.DOWN}
    assert len(seen) == 7
    assert all(health.advice and health.detail for health in seen.values())


async def test_what_answers_but_is_not_well_is_degraded(
    cluster: Cluster, chain: ChainNode, backend: str, tmp_path: Path
) -> None:
    reached = replace(
        platform(cluster, "postgres", tmp_path),
        backend_urls=(f"{backend}/sick", f"{backend}/odd"),
        chain_rpc_url=SecretStr(chain.url),
        chain_id=137,
    )
    health = await PlatformHealth(Toolbox(reached)).look()
    assert [one.state for one in health if one.component.startswith(("Backend", "Chain"))] == [HealthState.DEGRADED] * 3


async def test_a_server_that_stays_away_is_an_alert_until_it_is_back(
    reached: Platform, postgres_store: PostgresStore, tmp_path: Path
) -> None:
    """The watch is a new one at every look, as after a restart or in another replica."""
    redis = RedisServer(tmp_path / "redis", free_port(), tmp_path / "redis.log")
    reached = replace(reached, redis_url=SecretStr(redis.url), backend_urls=())
    alerts = Alerts(postgres_store, Rules(alerts_channel="C1"))

    async def firing_after(looks: int) -> list[str]:
        for _ in range(looks):
            watch = HealthWatch(postgres_store, alerts, PlatformHealth(Toolbox(reached)), timedelta(0))
            await watch.look()
        async with postgres_store.work() as work:
            return [group.title for group in await work.alerts.firing()]

    assert await firing_after(BAD_LOOKS - 1) == []
    assert await firing_after(1) == ["Redis is not well"]
    await redis.start()
    try:
        assert await firing_after(WELL_LOOKS - 1) == ["Redis is not well"]
        assert await firing_after(1) == []
    finally:
        await redis.stop()

"""The HTTP surface: is the process alive, is it ready, and Slack's HTTP mode where that is chosen."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager

import structlog
from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST

from bot.web.metrics import exposition

log = structlog.get_logger()

# Ten thousand alerts in one delivery; deploy/nginx lets the same through.
LARGEST_BODY = 16 * 1024 * 1024

Readiness = Callable[[], Awaitable[Mapping[str, str]]]
Metrics = Callable[[], Awaitable[bytes]]
Route = tuple[str, Callable[[web.Request], Awaitable[web.StreamResponse]]]


def application(ready: Readiness, posts: tuple[Route, ...] = (), metrics: Metrics = exposition) -> web.Application:
    """`ready` answers what is wrong, by part; an empty answer is ready. `metrics` answers Prometheus' text."""

    async def healthz(_request: web.Request) -> web.StreamResponse:
        return web.json_response({"alive": True})

    async def readyz(_request: web.Request) -> web.StreamResponse:
        wrong = await ready()
        return web.json_response({"ready": not wrong, "wrong": dict(wrong)}, status=503 if wrong else 200)

    async def tell_metrics(_request: web.Request) -> web.StreamResponse:
        return web.Response(body=await metrics(), headers={"Content-Type": CONTENT_TYPE_LATEST})

    app = web.Application(client_max_size=LARGEST_BODY)
    app.add_routes([web.get("/healthz", healthz), web.get("/readyz", readyz), web.get("/metrics", tell_metrics)])
    app.add_routes([web.post(path, handle) for path, handle in posts])
    return app


@asynccontextmanager
async def serving(app: web.Application, host: str, port: int) -> AsyncIterator[int]:
    """Listen until the block ends; yields the port, which matters when 0 was asked for."""
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        site = web.TCPSite(runner, host, port)
        await site.start()
        taken = runner.addresses[0][1]
        log.info("web.listening", host=host, port=taken)
        yield taken
    finally:
        await runner.cleanup()

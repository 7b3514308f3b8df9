"""The peer: default Bolt with one command listener that acknowledges and stores nothing."""

import logging
import sys

from aiohttp import web
from slack_bolt.async_app import AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

from bench.slack_requests import BOT_TOKEN, COMMAND, PATH, SIGNING_SECRET


async def auth_test(_: web.Request) -> web.Response:
    """Bolt asks this once, at the first request."""
    answer = {"ok": True, "team_id": "T0BENCH", "user_id": "U0BOT", "bot_id": "B0BOT", "url": "http://127.0.0.1/"}
    return web.json_response(answer)


def build(port: int) -> web.Application:
    client = AsyncWebClient(token=BOT_TOKEN, base_url=f"http://127.0.0.1:{port}/api/")
    app = AsyncApp(signing_secret=SIGNING_SECRET, client=client)

    @app.command(COMMAND)
    async def acknowledge(ack) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001 - Bolt injects by name
        await ack()

    application = app.web_app(path=PATH, port=port)
    application.router.add_post("/api/auth.test", auth_test)
    return application


if __name__ == "__main__":
    logging.basicConfig(level=logging.WARNING)
    web.run_app(build(int(sys.argv[1])), host="127.0.0.1", port=int(sys.argv[1]), print=None, access_log=None)

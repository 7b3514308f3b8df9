"""HTTP mode: Slack's requests, verified by their signature, handed to Bolt."""

from collections.abc import Awaitable, Callable

from aiohttp import web
from slack_bolt.adapter.aiohttp import to_aiohttp_response, to_bolt_request
from slack_bolt.async_app import AsyncApp

PATH = "/slack/events"


def handler(app: AsyncApp) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    """The one address for commands, events and interactivity."""

    async def handle(request: web.Request) -> web.StreamResponse:
        return await to_aiohttp_response(await app.async_dispatch(await to_bolt_request(request)))

    return handle

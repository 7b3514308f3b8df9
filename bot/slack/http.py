"""HTTP mode: Slack's requests, verified by their signature, in the inbox before Bolt builds anything around them."""

from collections.abc import Awaitable, Callable

from aiohttp import web
from slack_bolt.async_app import AsyncApp
from slack_bolt.request.async_request import AsyncBoltRequest
from slack_bolt.request.internals import parse_body
from slack_bolt.response import BoltResponse
from slack_sdk.signature import SignatureVerifier

from bot.slack.receive import Receiver


def handler(
    app: AsyncApp, receiver: Receiver, signing_secret: str
) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    """The one address for commands, events and interactivity; what is nothing for the inbox goes on to Bolt."""
    verifier = SignatureVerifier(signing_secret)

    async def handle(request: web.Request) -> web.StreamResponse:
        text = await request.text()
        if not _is_signed(verifier, request, text):
            return web.json_response({"error": "invalid request"}, status=401)
        answer = await receiver.take(parse_body(text, request.content_type))
        return _answer(answer or await app.async_dispatch(_for_bolt(request, text)))

    return handle


def _is_signed(verifier: SignatureVerifier, request: web.Request, text: str) -> bool:
    timestamp = request.headers.get("X-Slack-Request-Timestamp")
    # The verifier takes anything but a number for a bug.
    if timestamp is None or not timestamp.isascii() or not timestamp.isdigit():
        return False
    return verifier.is_valid(text, timestamp, request.headers.get("X-Slack-Signature"))


def _for_bolt(request: web.Request, text: str) -> AsyncBoltRequest:
    return AsyncBoltRequest(body=text, query=request.query_string, headers=dict(request.headers))


def _answer(response: BoltResponse) -> web.Response:
    kind = "application/json" if response.body.startswith("{") else "text/plain"
    return web.Response(status=response.status, text=response.body, content_type=kind)

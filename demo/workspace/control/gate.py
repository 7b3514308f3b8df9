"""Who may speak to the people's side: loopback hosts, no foreign origins, and the workspace's own token."""

import hmac
import logging
from collections.abc import Awaitable, Callable
from urllib.parse import urlsplit

from aiohttp import web

from demo.workspace.errors import SlackError

log = logging.getLogger(__name__)

LOOPBACK = frozenset({"127.0.0.1", "localhost", "[::1]", "::1"})
TOKEN = web.AppKey("workspace_token", str)
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class ControlError(Exception):
    """A refusal on the people's side: an HTTP status, a code for programs, a sentence for people."""

    def __init__(self, status: int, code: str, detail: str) -> None:
        super().__init__(detail)
        self.status, self.code, self.detail = status, code, detail


@web.middleware
async def loopback_only(request: web.Request, handler: Handler) -> web.StreamResponse:
    """A page of another site cannot reach us, not even by a name that resolves to loopback."""
    if _host(request.headers.get("Host", "")) not in LOOPBACK:
        return _refusal(403, "foreign_host", "this workspace answers on loopback addresses only")
    origin = request.headers.get("Origin")
    if origin is not None and urlsplit(origin).netloc != request.headers.get("Host"):
        return _refusal(403, "foreign_origin", "this workspace answers its own page only")
    return await handler(request)


@web.middleware
async def people_side(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Check the token of writes under `/_workspace/` and word refusals as JSON."""
    if not request.path.startswith("/_workspace/"):
        return await handler(request)
    if request.method == "POST" and not has_token(request, request.headers.get("X-Workspace-Token", "")):
        return _refusal(403, "bad_token", "send the workspace's token in X-Workspace-Token")
    try:
        return await handler(request)
    except ControlError as refusal:
        return _refusal(refusal.status, refusal.code, refusal.detail)
    except SlackError as refusal:
        detail = "; ".join(refusal.beside.get("response_metadata", {}).get("messages", []))  # type: ignore[attr-defined] # always an object
        return _refusal(400, refusal.code, detail or refusal.code)


def has_token(request: web.Request, given: str) -> bool:
    return hmac.compare_digest(given.encode(), request.app[TOKEN].encode())


def _host(header: str) -> str:
    return header if header.startswith("[") and header.endswith("]") else header.rsplit(":", 1)[0]


def _refusal(status: int, code: str, detail: str) -> web.Response:
    return web.json_response({"ok": False, "error": code, "detail": detail}, status=status)

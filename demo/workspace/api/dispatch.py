"""`POST /api/<method>`: token, scope, rate, arguments, then the method itself."""

import asyncio
import logging
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from aiohttp import web

from demo.workspace import Json
from demo.workspace.api import wire
from demo.workspace.api.call import Call
from demo.workspace.api.registry import METHODS, Method
from demo.workspace.errors import COMMON_ERRORS, SlackError, explained
from demo.workspace.faults import CALL_FAULTS, Fault
from demo.workspace.state.apps import InstalledApp

if TYPE_CHECKING:
    from demo.workspace.stand_in import StandIn

log = logging.getLogger(__name__)


@dataclass
class Coverage:
    """What was called, so that a test can ask what was never tried."""

    called: Counter[str] = field(default_factory=Counter)
    answered: Counter[str] = field(default_factory=Counter)
    unknown_arguments: Counter[str] = field(default_factory=Counter)

    def as_json(self) -> Json:
        return {
            "methods": sorted(METHODS),
            "called": dict(self.called),
            "never_called": sorted(METHODS.keys() - self.called.keys()),
            "errors": dict(self.answered),
            "unknown_arguments": dict(self.unknown_arguments),
        }


class Dispatcher:
    """Serves the Web API of one stand-in."""

    def __init__(self, stand_in: "StandIn") -> None:
        self._stand_in = stand_in
        self.coverage = Coverage()

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """The HTTP side: planned faults around the answer."""
        name = request.match_info["method"]
        fault = self._stand_in.faults.take(CALL_FAULTS, name)
        if fault is None:
            return await self._answer(request, name)
        return await self._faulty(request, name, fault)

    async def _faulty(self, request: web.Request, name: str, fault: Fault) -> web.StreamResponse:
        if fault.kind == "ratelimited":
            return _limited(int(fault.seconds))
        if fault.kind == "http_error":
            return web.Response(status=fault.status, text="the workspace fails on purpose")
        if fault.kind == "error":
            return web.json_response({"ok": False, "error": fault.error})
        if fault.kind == "delay":
            await asyncio.sleep(fault.seconds)
            return await self._answer(request, name)
        if fault.kind in {"drop_after", "duplicate"}:
            await self._answer(request, name)
        if fault.kind == "duplicate":
            return await self._answer(request, name)
        if request.transport is not None:
            request.transport.abort()
        return web.Response(status=500)

    async def _answer(self, request: web.Request, name: str) -> web.Response:
        try:
            arguments = await wire.read(request)
            method = _known(name)
            app = self._authenticate(method, arguments.token)
            args = arguments.merged(takes_json=method.takes_json)
            if wait_seconds := self._wait_seconds(app, method, args):
                return _limited(wait_seconds)
            self._note(method, args)
            answer = {"ok": True, **await self._run(method, app, args)}
        except SlackError as refusal:
            self.coverage.answered[f"{name} {refusal.code}"] += 1
            answer = refusal.answer()
        headers = {"X-OAuth-Scopes": ",".join(app.scopes)} if answer["ok"] and app else {}
        return web.json_response(answer, headers=headers)

    def _authenticate(self, method: Method, token: str | None) -> InstalledApp | None:
        """Raises: SlackError not_authed, invalid_auth, not_allowed_token_type or missing_scope."""
        if method.caller == "anyone":
            return None
        if token is None:
            raise SlackError("not_authed")
        app = self._stand_in.world.app_with_token(token)
        if app is None:
            raise SlackError("invalid_auth")
        if (token == app.app_token) != (method.caller == "app"):
            raise SlackError("not_allowed_token_type")
        if method.scopes and not any(scope in app.scopes for scope in method.scopes):
            raise SlackError("missing_scope", needed=",".join(method.scopes), provided=",".join(app.scopes))
        return app

    def _wait_seconds(self, app: InstalledApp | None, method: Method, args: Json) -> int:
        if app is None:
            return 0
        now, channel = self._stand_in.world.clock.now(), str(args.get("channel", ""))
        return self._stand_in.limits.retry_after_seconds(app.id, method, channel, now)

    def _note(self, method: Method, args: Json) -> None:
        self.coverage.called[method.name] += 1
        for name in args.keys() - method.arguments - {"token"}:
            self.coverage.unknown_arguments[f"{method.name} {name}"] += 1

    async def _run(self, method: Method, app: InstalledApp | None, args: Json) -> Json:
        missing = [name for name in method.required if args.get(name) in (None, "")]
        if missing:
            raise explained("invalid_arguments", [f"missing required field: {name}" for name in missing])
        call = Call(self._stand_in, app, args, method.name)  # type: ignore[arg-type] # no-token methods never ask
        try:
            return await method.handler(call)
        except SlackError as refusal:
            if refusal.code not in method.raises | COMMON_ERRORS:
                log.exception("%s answered %s, which Slack does not document for it", method.name, refusal.code)
                raise AssertionError(f"{method.name} may not answer {refusal.code}") from refusal
            raise


def _known(name: str) -> Method:
    if name not in METHODS:
        raise SlackError("unknown_method", req_method=name)
    return METHODS[name]


def _limited(retry_after_seconds: int) -> web.Response:
    return web.json_response(
        {"ok": False, "error": "ratelimited"}, status=429, headers={"Retry-After": str(retry_after_seconds)}
    )

"""Socket Mode: single-use tickets, at most ten connections an app, each payload to exactly one of them."""

import asyncio
import json
import logging
import secrets
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta

from aiohttp import WSMsgType, web

from demo.workspace import Json
from demo.workspace.state.world import World

log = logging.getLogger(__name__)

TICKET_LIFETIME = timedelta(seconds=30)
CONNECTION_LIMIT = 10
CONNECTION_SECONDS = 3600


class ConnectionLostError(Exception):
    """The connection closed before it acknowledged the payload."""


@dataclass
class Connection:
    """One WebSocket of one app, with the envelopes it has not acknowledged."""

    id: str
    app_id: str
    socket: web.WebSocketResponse
    waiting: dict[str, asyncio.Future[Json]] = field(default_factory=dict)

    async def exchange(self, envelope: Json) -> Json:
        """Send an envelope and wait for its acknowledgement (the caller sets the deadline).

        Raises: ConnectionLostError.
        """
        envelope_id = str(envelope["envelope_id"])
        answer = self.waiting[envelope_id] = asyncio.get_running_loop().create_future()
        try:
            await self.socket.send_json(envelope)
            acknowledged: Json = await answer
        except ConnectionResetError as lost:
            raise ConnectionLostError from lost
        finally:
            self.waiting.pop(envelope_id, None)
        return acknowledged

    def receive(self, text: str) -> None:
        """An acknowledgement; anything else a client says is ignored, as Slack does."""
        message = _object(text)
        answer = self.waiting.get(str(message.get("envelope_id")))
        if answer is not None and not answer.done():
            payload = message.get("payload") or {}
            answer.set_result(payload if isinstance(payload, dict) else {"text": str(payload)})

    def lose(self) -> None:
        for answer in self.waiting.values():
            if not answer.done():
                answer.set_exception(ConnectionLostError())


class Sockets:
    """All Socket Mode connections of the workspace."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.silent = False  # connections stay open, and nothing goes out on them
        self._tickets: dict[str, tuple[str, float]] = {}
        self._connections: dict[str, list[Connection]] = {}
        self._turn = 0

    def mint_ticket(self, app_id: str) -> str:
        ticket = secrets.token_urlsafe(24)
        self._tickets[ticket] = (app_id, self._world.clock.now() + TICKET_LIFETIME.total_seconds())
        return ticket

    def connections(self, app_id: str) -> list[Connection]:
        return list(self._connections.get(app_id, []))

    def pick(self, app_id: str) -> Connection | None:
        """Any one open connection; they take turns."""
        open_ones = [] if self.silent else [c for c in self.connections(app_id) if not c.socket.closed]
        self._turn += 1
        return open_ones[self._turn % len(open_ones)] if open_ones else None

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """`GET /link?ticket=`: one use, within thirty seconds."""
        app_id = self._redeem(request.query.get("ticket", ""))
        if app_id is None:
            return web.Response(status=401, text="this ticket is unknown, used or expired")
        socket = web.WebSocketResponse(autoping=False)
        await socket.prepare(request)
        connection = Connection(secrets.token_hex(6), app_id, socket)
        if len(self.connections(app_id)) >= CONNECTION_LIMIT:
            await _say_goodbye(connection, "too_many_websockets")
            return socket
        await self._serve(connection)
        return socket

    async def disconnect(self, app_id: str | None, reason: str) -> None:
        """Ask clients to come back on a new connection, as Slack does about hourly.

        `warning` only announces it; every other reason closes the connection.
        """
        for connection in [c for a, cs in self._connections.items() if app_id in (None, a) for c in cs]:
            if reason == "warning":
                await connection.socket.send_json(_disconnect("warning"))
            else:
                await _say_goodbye(connection, reason)

    def _redeem(self, ticket: str) -> str | None:
        app_id, expires = self._tickets.pop(ticket, ("", 0.0))
        return app_id if app_id and self._world.clock.now() < expires else None

    async def _serve(self, connection: Connection) -> None:
        mine = self._connections.setdefault(connection.app_id, [])
        mine.append(connection)
        self._world.changed(state=True)
        try:
            await connection.socket.send_json(_hello(connection, len(mine)))
            async for message in connection.socket:
                if message.type is WSMsgType.TEXT:
                    connection.receive(message.data)
                elif message.type is WSMsgType.PING and not self.silent:
                    await _pong(connection, message.data)
        finally:
            mine.remove(connection)
            connection.lose()
            self._world.changed(state=True)


async def _pong(connection: Connection, data: bytes) -> None:
    with suppress(ConnectionResetError):
        await connection.socket.pong(data)


def _object(text: str) -> Json:
    try:
        message = json.loads(text)
    except ValueError:
        log.warning("a socket client sent something that is no JSON")
        return {}
    return message if isinstance(message, dict) else {}


def _hello(connection: Connection, how_many: int) -> Json:
    return {
        "type": "hello",
        "num_connections": how_many,
        "debug_info": _debug_info(),
        "connection_info": {"app_id": connection.app_id},
    }


def _debug_info() -> Json:
    return {
        "host": "local-stand-in-not-slack",
        "build_number": 1,
        "approximate_connection_time": CONNECTION_SECONDS,
    }


def _disconnect(reason: str) -> Json:
    return {"type": "disconnect", "reason": reason, "debug_info": _debug_info()}


async def _say_goodbye(connection: Connection, reason: str) -> None:
    with suppress(ConnectionResetError):
        await connection.socket.send_json(_disconnect(reason))
    await connection.socket.close()

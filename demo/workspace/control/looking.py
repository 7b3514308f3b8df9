"""What a person sees: state, messages, views, and the news of changes."""

import asyncio
from typing import TYPE_CHECKING

from aiohttp import web

from demo.workspace import Json
from demo.workspace.control import asked
from demo.workspace.control.gate import ControlError, has_token
from demo.workspace.state.apps import InstalledApp
from demo.workspace.state.channels import Channel
from demo.workspace.state.messages import top_level, visible
from demo.workspace.state.people import Person

if TYPE_CHECKING:
    from demo.workspace.stand_in import StandIn

MESSAGE_LIMIT = 200
MESSAGE_LIMIT_MAX = 1000
HEARTBEAT_SECONDS = 20


class Looking:
    """Reads only; opening a channel marks it as read."""

    def __init__(self, stand_in: "StandIn") -> None:
        self._stand_in, self._world = stand_in, stand_in.world

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/_workspace/state", self.state),
            web.get("/_workspace/messages", self.messages),
            web.get("/_workspace/views", self.views),
            web.get("/_workspace/coverage", self.coverage),
            web.get("/_workspace/feed", self.feed),
        ]

    async def state(self, request: web.Request) -> web.Response:
        me = asked.person(self._world, request.query.get("as", next(iter(self._world.state.people))))
        state = self._world.state
        apps = list(state.apps.values())
        return web.json_response(
            {
                "stand_in": "This is a local stand-in, not Slack.",
                "team": {"id": state.team_id, "name": state.team_name},
                "me": me.seen_on_page(),
                "people": [p.seen_on_page() for p in state.people.values()],
                "channels": [_listed(c, me) for c in state.channels.values() if _is_listed(c, me)],
                "commands": [_command(c, app) for app in apps for c in app.commands],
                "shortcuts": [{**s, "app_id": app.id} for app in apps for s in app.shortcuts],
                "apps": [self._app(app) for app in apps],
                "usergroups": [
                    {"id": g.id, "handle": g.handle, "name": g.name, "users": g.users} for g in state.groups.values()
                ],
                "faults": self._stand_in.faults.as_json(),
                "clock_speed": self._world.clock.speed,
                "clock_offset_seconds": self._world.clock.offset.total_seconds(),
            }
        )

    async def messages(self, request: web.Request) -> web.Response:
        me = asked.person(self._world, request.query.get("as"))
        channel = asked.channel(self._world, request.query.get("channel"), me)
        thread_ts = request.query.get("thread_ts")
        seen = visible(channel, me.id, thread_ts)[-_limit(request) :]
        if thread_ts is None and channel.messages:
            channel.last_read[me.id] = next(reversed(channel.messages))
        return web.json_response({"messages": seen})

    async def views(self, request: web.Request) -> web.Response:
        me = asked.person(self._world, request.query.get("as"))
        state = self._world.state
        stack = [state.views[view_id].slack_shape() for view_id in state.stacks.get(me.id, [])]
        homes = [state.views[v].slack_shape() for key, v in state.homes.items() if key.endswith(f":{me.id}")]
        return web.json_response({"stack": stack, "home": homes[-1] if homes else None, "homes": homes})

    async def coverage(self, _: web.Request) -> web.Response:
        """What apps called and were sent since the start, and which methods nobody has tried."""
        sent = dict(self._stand_in.deliveries.sent)
        return web.json_response(self._stand_in.dispatcher.coverage.as_json() | {"sent": sent})

    async def feed(self, request: web.Request) -> web.StreamResponse:
        """A WebSocket that says what changed, not what it is now."""
        if not has_token(request, request.query.get("token", "")):
            raise ControlError(403, "bad_token", "the feed needs the workspace's token")
        me = asked.person(self._world, request.query.get("as", next(iter(self._world.state.people))))
        socket = web.WebSocketResponse(heartbeat=HEARTBEAT_SECONDS)
        news: asyncio.Queue[Json] = asyncio.Queue()
        self._world.listeners.append(news.put_nowait)  # before the handshake, so that nothing is missed after it
        try:
            await socket.prepare(request)
            sender = asyncio.create_task(self._forward(socket, news, me))
            try:
                async for _ in socket:
                    pass
            finally:
                sender.cancel()
        finally:
            self._world.listeners.remove(news.put_nowait)
        return socket

    async def _forward(self, socket: web.WebSocketResponse, news: "asyncio.Queue[Json]", me: Person) -> None:
        while not socket.closed:
            item = await news.get()
            channel = self._world.state.channels.get(str(item.get("channel")))
            if channel is None or me.id in channel.members:
                await socket.send_json(item)

    def _app(self, app: InstalledApp) -> Json:
        is_connected = bool(self._stand_in.sockets.connections(app.id)) or not app.uses_socket_mode
        return {
            "id": app.id,
            "name": app.name,
            "bot_user_id": app.bot_user_id,
            "connected": is_connected,
            "has_home": app.has_home,
        }


def _is_listed(channel: Channel, me: Person) -> bool:
    return me.id in channel.members or not (channel.is_im or channel.is_private or me.is_restricted)


def _listed(channel: Channel, me: Person) -> Json:
    since = channel.last_read.get(me.id, "0")
    unread = sum(m["ts"] > since and m.get("user") != me.id for m in top_level(channel))
    return {
        "id": channel.id,
        "name": channel.name,
        "topic": channel.topic,
        "is_member": me.id in channel.members,
        "is_im": channel.is_im,
        "is_private": channel.is_private,
        "is_archived": channel.is_archived,
        "user": next((m for m in channel.members if m != me.id), me.id) if channel.is_im else None,
        "unread": unread if me.id in channel.members else 0,
    }


def _command(command: Json, app: InstalledApp) -> Json:
    shown = {name: command.get(name, "") for name in ("command", "description", "usage_hint")}
    return shown | {"app_id": app.id}


def _limit(request: web.Request) -> int:
    try:
        return min(max(int(request.query.get("limit", MESSAGE_LIMIT)), 1), MESSAGE_LIMIT_MAX)
    except ValueError as error:
        raise ControlError(400, "invalid_limit", "`limit` must be a number") from error

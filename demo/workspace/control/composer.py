"""What a person types: messages, mentions, and slash commands."""

import re
from typing import TYPE_CHECKING

from aiohttp import web

from demo.workspace import Json
from demo.workspace.control import asked
from demo.workspace.control.gate import ControlError
from demo.workspace.state import messages
from demo.workspace.state.channels import Channel
from demo.workspace.state.people import Person
from demo.workspace.writing import escaped, with_mentions

if TYPE_CHECKING:
    from demo.workspace.stand_in import StandIn

TEXT_LIMIT = 12_000


class Composer:
    """`POST /_workspace/type`."""

    def __init__(self, stand_in: "StandIn") -> None:
        self._stand_in, self._world = stand_in, stand_in.world

    def routes(self) -> list[web.RouteDef]:
        return [web.post("/_workspace/type", self.type)]

    async def type(self, request: web.Request) -> web.Response:
        """A line that begins with a slash is a command; `/invite @bot` is the workspace's own."""
        ask = await asked.body(request)
        me = asked.acting(self._world, ask)
        channel = asked.channel(self._world, asked.needed(ask, "channel"), me)
        text = str(asked.needed(ask, "text"))
        if channel.is_archived:
            raise ControlError(400, "is_archived", f"#{channel.name} is archived")
        if len(text) > TEXT_LIMIT:
            raise ControlError(400, "msg_too_long", f"a message has at most {TEXT_LIMIT} characters")
        if text.startswith("/"):
            return web.json_response(await self._command(me, channel, text, ask.get("thread_ts")))
        return web.json_response(self._say(me, channel, text, ask.get("thread_ts")))

    async def _command(self, me: Person, channel: Channel, text: str, thread_ts: object) -> Json:
        if thread_ts:
            command = text.split(maxsplit=1)[0]
            sentence = f"{command} is not supported in threads. Sorry!"
            return _kind("command", {"ok": False, "error": "not_in_thread", "text": sentence})
        if text.split(maxsplit=1)[0] == "/invite":
            return _kind("command", self._invite(me, channel, text))
        return _kind("command", await self._stand_in.commands.run(me, channel, text))

    def _say(self, me: Person, channel: Channel, text: str, thread_ts: object) -> Json:
        message: Json = {
            "type": "message",
            "ts": channel.next_ts(self._world.clock.now()),
            "user": me.id,
            "team": me.team(self._world.state.team_id),
            "text": with_mentions(self._world, escaped(text)),
        }
        if thread_ts:
            if thread_ts not in channel.messages:
                raise ControlError(404, "thread_not_found", f"no thread {thread_ts} in #{channel.name}")
            message["thread_ts"] = thread_ts
        messages.post(channel, message)
        channel.last_read[me.id] = message["ts"]
        self._stand_in.events.message_posted(channel, message)
        self._world.changed(channel=channel.id)
        return _kind("message", {"ok": True}) | {"ts": message["ts"]}

    def _invite(self, me: Person, channel: Channel, text: str) -> Json:
        invited = re.findall(r"<@(U\w+)>", with_mentions(self._world, escaped(text)))
        for user in invited:
            if user not in channel.members:
                self._stand_in.rooms.admit(channel, user, inviter=me.id)
        if not invited:
            return {"ok": False, "error": "no_user", "text": "Say whom: /invite @name"}
        return {"ok": True}


def _kind(kind: str, ack: Json) -> Json:
    return {"ok": True, "kind": kind, "ack": ack}

"""`response_url`: an address for answers, good for five uses within thirty minutes."""

import json
import secrets
from datetime import timedelta

from aiohttp import web

from demo.workspace import Json
from demo.workspace.composing import Content, authored
from demo.workspace.deliver.events import Events
from demo.workspace.errors import SlackError
from demo.workspace.state import messages
from demo.workspace.state.apps import InstalledApp
from demo.workspace.state.channels import Channel
from demo.workspace.state.world import ResponseAddress, World

LIFETIME = timedelta(minutes=30)
USES = 5


class Responses:
    """Mints the addresses and takes what is posted to them."""

    def __init__(self, world: World, events: Events) -> None:
        self._world, self._events = world, events

    def mint(self, app: InstalledApp, user: str, channel: str, message_ts: str | None = None) -> str:
        """A full URL; `message_ts` is the message that `replace_original` would replace."""
        self._forget_expired()
        address = ResponseAddress(
            id=secrets.token_urlsafe(18),
            app_id=app.id,
            user=user,
            channel=channel,
            expires_seconds=self._world.clock.now() + LIFETIME.total_seconds(),
            uses_left=USES,
            message_ts=message_ts,
        )
        self._world.state.response_addresses[address.id] = address
        return f"{self._world.base_url}response/{address.id}"

    def _forget_expired(self) -> None:
        """Addresses are kept in the order they were minted, and all live equally long."""
        addresses, now = self._world.state.response_addresses, self._world.clock.now()
        while addresses and next(iter(addresses.values())).expires_seconds < now:
            del addresses[next(iter(addresses))]

    async def handle(self, request: web.Request) -> web.Response:
        """`POST /response/<id>`; Slack answers `ok`, or 404 once the address is spent."""
        address = self._world.state.response_addresses.get(request.match_info["id"])
        if address is None or self._world.clock.now() >= address.expires_seconds:
            return web.json_response({"ok": False, "error": "expired_url"}, status=404)
        if address.uses_left < 1:
            return web.json_response({"ok": False, "error": "used_url"}, status=404)
        try:
            self.apply(address, _parsed(await request.read()))
        except SlackError as refusal:
            return web.json_response(refusal.answer(), status=400)
        address.uses_left -= 1
        self._world.changed(state=True)
        return web.Response(text="ok")

    def apply(self, address: ResponseAddress, body: Json) -> None:
        """Post, replace or delete, as the body says.

        Raises: SlackError for content Slack would refuse.
        """
        app, channel = self._world.state.apps[address.app_id], self._world.state.channels[address.channel]
        if body.get("delete_original") in (True, "true") and address.message_ts:
            self._delete(channel, address)
            return
        content = Content(
            text=str(body.get("text") or ""),
            blocks=body.get("blocks"),
            attachments=body.get("attachments"),
            metadata=body.get("metadata"),
        )
        content.check()
        if body.get("replace_original") in (True, "true") and address.message_ts:
            self._replace(app, channel, address, content)
        else:
            self._post(app, channel, address, content, body)
        self._world.changed(channel=channel.id)

    def _post(
        self, app: InstalledApp, channel: Channel, address: ResponseAddress, content: Content, body: Json
    ) -> None:
        message = authored(app, channel, content, self._world.state.team_id, self._world.clock.now())
        thread_ts = body.get("thread_ts")
        if thread_ts in channel.messages:
            message["thread_ts"] = thread_ts
        if body.get("response_type") == "in_channel":
            messages.post(channel, message)
            self._events.message_posted(channel, message)
        else:
            messages.whisper(channel, address.user, message)

    def _replace(self, app: InstalledApp, channel: Channel, address: ResponseAddress, content: Content) -> None:
        original = messages.find_visible(channel, address.user, str(address.message_ts))
        if original is None:
            raise SlackError("message_not_found")
        for gone in ("blocks", "attachments", "metadata"):
            original.pop(gone, None)
        original.update(content.fields())
        if "is_ephemeral" not in original:
            original["edited"] = {"user": app.bot_user_id, "ts": channel.next_ts(self._world.clock.now())}

    def _delete(self, channel: Channel, address: ResponseAddress) -> None:
        ts = str(address.message_ts)
        if ts in channel.messages:
            messages.remove(channel, ts)
        else:
            messages.forget_ephemeral(channel, ts)
        self._world.changed(channel=channel.id)


def _parsed(raw: bytes) -> Json:
    try:
        body = json.loads(raw)
    except ValueError as error:
        raise SlackError("invalid_payload") from error
    if not isinstance(body, dict):
        raise SlackError("invalid_payload")
    return body

"""Installing an app from its manifest."""

from typing import TYPE_CHECKING

from aiohttp import web

from demo.workspace import Json, identifiers
from demo.workspace.control import asked
from demo.workspace.control.gate import ControlError
from demo.workspace.deliver.deliveries import Parcel
from demo.workspace.state import apps, manifests
from demo.workspace.state.apps import InstalledApp

if TYPE_CHECKING:
    from demo.workspace.stand_in import StandIn

DEFAULT_CHANNELS = ["C0ALERTS01"]


class Installing:
    """`POST /_workspace/install`; an app of the same name keeps its tokens and gets the new manifest."""

    def __init__(self, stand_in: "StandIn") -> None:
        self._stand_in, self._world = stand_in, stand_in.world

    def routes(self) -> list[web.RouteDef]:
        return [web.post("/_workspace/install", self.install)]

    async def install(self, request: web.Request) -> web.Response:
        """`channels` are those the bot is invited to at once."""
        ask = await asked.body(request)
        manifest = _checked(asked.needed(ask, "manifest"))
        app = self._existing(manifest) or apps.mint(manifest)
        candidate = app.model_copy(update={"manifest": manifest})
        await self._verify(candidate)
        self._world.state.apps.pop(app.id, None)
        self._world.state.apps[app.id] = candidate
        self._world.state.people[candidate.bot_user_id] = candidate.bot_user()
        self._invite(candidate, ask.get("channels", DEFAULT_CHANNELS))
        self._world.changed(state=True)
        return web.json_response({"ok": True, **candidate.credentials(self._world.state.team_id)})

    def _existing(self, manifest: Json) -> InstalledApp | None:
        name = manifest["display_information"]["name"]
        return next((a for a in self._world.state.apps.values() if a.name == name), None)

    def _invite(self, app: InstalledApp, channel_ids: list[str]) -> None:
        for channel_id in channel_ids:
            channel = self._world.channel_named(channel_id)
            if channel is None:
                raise ControlError(404, "channel_not_found", f"there is no channel {channel_id!r}")
            if app.bot_user_id not in channel.members:
                channel.members.append(app.bot_user_id)

    async def _verify(self, app: InstalledApp) -> None:
        """In HTTP mode the events address must answer the challenge."""
        if app.uses_socket_mode or not app.events_url:
            return
        challenge = identifiers.signing_secret()
        payload = {"token": app.verification_token, "challenge": challenge, "type": "url_verification"}
        ack = await self._stand_in.deliveries.post_once(app, Parcel("events_api", payload, app.events_url))
        if not ack.ok or challenge not in ack.payload.values():
            detail = f"{app.events_url} did not answer the challenge: {ack.reason or ack.payload}"
            raise ControlError(400, "url_verification_failed", detail)


def _checked(manifest: object) -> Json:
    """Raises: ControlError listing everything that is wrong with it."""
    if not isinstance(manifest, dict):
        raise ControlError(400, "invalid_manifest", "the manifest must be a JSON object")
    found = manifests.problems(manifest)
    if found:
        raise ControlError(400, "invalid_manifest", "; ".join(found))
    return manifest

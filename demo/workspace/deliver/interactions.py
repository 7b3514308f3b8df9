"""Clicks, choices, suggestions and shortcuts on their way to the app that made the surface."""

import copy
from typing import Any

from demo.workspace import Json
from demo.workspace.blocks.validate import option_problems
from demo.workspace.deliver import actions
from demo.workspace.deliver.choosing import NotOfferedError
from demo.workspace.deliver.deliveries import Ack, Deliveries, Parcel
from demo.workspace.deliver.responses import Responses
from demo.workspace.deliver.triggers import Triggers
from demo.workspace.state.apps import InstalledApp
from demo.workspace.state.channels import Channel
from demo.workspace.state.people import Person
from demo.workspace.state.views import ViewRecord
from demo.workspace.state.world import World

NOT_INTERACTIVE = Ack(ok=False, error="interactivity_not_enabled")


class Interactions:
    """What a person does to something an app made."""

    def __init__(self, world: World, deliveries: Deliveries, triggers: Triggers, responses: Responses) -> None:
        self._world, self._deliveries = world, deliveries
        self._triggers, self._responses = triggers, responses

    async def click(self, person: Person, channel: Channel, message: Json, given: Json) -> Ack:
        """Raises: NotThereError, NotOfferedError."""
        app = self._author(message)
        blocks = actions.all_blocks(message)
        block, element = actions.locate(blocks, given["action_id"], given.get("block_id"))
        action = actions.performed(self._world, block, element, given, self._action_ts())
        payload = {
            **self._frame("block_actions", app, person),
            "container": _message_container(channel, message),
            "channel": _channel_shape(channel),
            "state": {"values": actions.state_after(blocks, given.get("values") or {}, block, element, action)},
            "response_url": self._responses.mint(app, person.id, channel.id, message["ts"]),
            "actions": [action],
        }
        if not message.get("is_ephemeral"):
            payload["message"] = copy.deepcopy(message)
        return Ack(ok=True) if actions.is_silent(block) else await self._send(app, payload)

    async def act_in_view(self, person: Person, record: ViewRecord, given: Json) -> Ack:
        """An element of a view; its value is kept in the view's state.

        Raises: NotThereError, NotOfferedError.
        """
        app, blocks = self._world.state.apps[record.app_id], record.content["blocks"]
        block, element = actions.locate(blocks, given["action_id"], given.get("block_id"))
        action = actions.performed(self._world, block, element, given, self._action_ts())
        held = {**record.values, **(given.get("values") or {})}
        record.values = actions.state_after(blocks, held, block, element, action)
        payload = {
            **self._frame("block_actions", app, person, record.id),
            "container": {"type": "view", "view_id": record.id},
            "view": record.slack_shape(),
            "actions": [action],
        }
        return Ack(ok=True) if actions.is_silent(block) else await self._send(app, payload)

    async def suggest(self, person: Person, surface: Json, app: InstalledApp, given: Json) -> Json:
        """Options for an external select; `surface` is `container` with `view`, or with `message` and `channel`.

        Raises: NotThereError, NotOfferedError.
        """
        if len(str(given.get("value", ""))) < _least(surface, given):
            return {"options": []}
        payload = {
            **self._frame("block_suggestion", app, person),
            **surface,
            "action_id": given["action_id"],
            "block_id": given["block_id"],
            "value": str(given.get("value", "")),
        }
        del payload["trigger_id"]
        ack = await self._deliveries.hand_over(app, Parcel("interactive", payload, app.options_url))
        if not ack.ok:
            return {"options": [], "error": ack.error}
        return {"options": [], "error": "invalid_options"} if option_problems(ack.payload) else ack.payload

    async def shortcut(
        self, person: Person, shortcut: Json, app: InstalledApp, where: tuple[Channel, Json] | None
    ) -> Ack:
        """A global shortcut, or one on a message in a channel."""
        kind = "shortcut" if where is None else "message_action"
        payload = {
            **self._frame(kind, app, person),
            "callback_id": shortcut["callback_id"],
            "action_ts": self._action_ts(),
        }
        if where is not None:
            channel, message = where
            payload |= {
                "channel": _channel_shape(channel),
                "message_ts": message["ts"],
                "message": copy.deepcopy(message),
                "response_url": self._responses.mint(app, person.id, channel.id, message["ts"]),
            }
            del payload["api_app_id"], payload["user"]["username"]  # Slack sends neither with a message's shortcut
        return await self._send(app, payload)

    def view_surface(self, record: ViewRecord) -> Json:
        return {"container": {"type": "view", "view_id": record.id}, "view": record.slack_shape()}

    def message_surface(self, channel: Channel, message: Json) -> Json:
        container = _message_container(channel, message)
        return {"container": container, "channel": _channel_shape(channel), "message": copy.deepcopy(message)}

    def author(self, message: Json) -> InstalledApp:
        """Raises: NotThereError for a message no app wrote."""
        return self._author(message)

    async def _send(self, app: InstalledApp, payload: Json) -> Ack:
        if not app.is_interactive:
            return NOT_INTERACTIVE
        return await self._deliveries.hand_over(app, Parcel("interactive", payload, app.interactivity_url))

    def _author(self, message: Json) -> InstalledApp:
        app = self._world.state.apps.get(str(message.get("app_id")))
        if app is None:
            raise actions.NotThereError("no app wrote this message, so there is nothing to press")
        return app

    def _frame(self, kind: str, app: InstalledApp, person: Person, view_id: str | None = None) -> Json:
        return frame(self._world, kind, app, person) | {"trigger_id": self._triggers.mint(app.id, person.id, view_id)}

    def _action_ts(self) -> str:
        return f"{self._world.clock.now():.6f}"


def _least(surface: Json, given: Json) -> int:
    """How much has to be typed before the app is asked; three characters where the element does not say."""
    blocks = surface["view"]["blocks"] if "view" in surface else actions.all_blocks(surface["message"])
    _, element = actions.locate(blocks, given["action_id"], given["block_id"])
    if not element["type"].endswith("external_select"):
        raise NotOfferedError(f"a {element['type']} asks nobody for options")
    return int(element.get("min_query_length", 3))


def frame(world: World, kind: str, app: InstalledApp, person: Person) -> Json:
    """What every interactive payload begins with."""
    team = world.state.team_id
    return {
        "type": kind,
        "user": {"id": person.id, "username": person.name, "name": person.name, "team_id": person.team(team)},
        "api_app_id": app.id,
        "token": app.verification_token,
        "team": {"id": team, "domain": "takumi-local"},
        "enterprise": None,
        "is_enterprise_install": False,
    }


def _message_container(channel: Channel, message: Json) -> Json:
    container: Json = {
        "type": "message",
        "message_ts": message["ts"],
        "channel_id": channel.id,
        "is_ephemeral": bool(message.get("is_ephemeral")),
    }
    return container | ({"thread_ts": message["thread_ts"]} if "thread_ts" in message else {})


def _channel_shape(channel: Channel) -> Any:
    return {"id": channel.id, "name": "directmessage" if channel.is_im else channel.name}

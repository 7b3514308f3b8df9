"""What a request on the people's side is about: who acts, where, on what."""

import json
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from demo.workspace import Json
from demo.workspace.control.gate import ControlError
from demo.workspace.state.channels import Channel
from demo.workspace.state.people import Person
from demo.workspace.state.world import World

Act = Callable[[Json], Awaitable[Json]]
Handler = Callable[[web.Request], Awaitable[web.Response]]


async def body(request: web.Request) -> Json:
    """Raises: ControlError when it is no JSON object."""
    try:
        parsed = json.loads(await request.read() or b"{}")
    except ValueError as error:
        raise ControlError(400, "invalid_json", f"the body is not JSON: {error}") from error
    if not isinstance(parsed, dict):
        raise ControlError(400, "invalid_json", "the body must be a JSON object")
    return parsed


def needed(asked: Json, name: str) -> Any:
    """Raises: ControlError naming what is missing."""
    if asked.get(name) in (None, ""):
        raise ControlError(400, "missing_field", f"`{name}` is missing")
    return asked[name]


def person(world: World, wanted: Any) -> Person:
    """Raises: ControlError for nobody, and for a bot."""
    found = world.state.people.get(str(wanted))
    if found is None or found.is_bot:
        raise ControlError(404, "user_not_found", f"nobody here has the id {wanted!r}")
    return found


def acting(world: World, asked: Json) -> Person:
    """The person who acts; a deactivated one can do nothing.

    Raises: ControlError.
    """
    found = person(world, needed(asked, "as"))
    if found.deleted:
        raise ControlError(403, "account_inactive", f"{found.real_name} is deactivated")
    return found


def channel(world: World, wanted: Any, viewer: Person) -> Channel:
    """A channel this person can see.

    Raises: ControlError channel_not_found or not_in_channel.
    """
    found = world.channel_named(str(wanted))
    if found is None or ((found.is_im or found.is_private) and viewer.id not in found.members):
        raise ControlError(404, "channel_not_found", f"{viewer.real_name} sees no channel {wanted!r}")
    if viewer.id not in found.members:
        raise ControlError(403, "not_in_channel", f"{viewer.real_name} is not in #{found.name}")
    return found

"""An installed app on a stand-in workspace, and ways to call it as the wire sees it."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp

from demo.workspace.client import Person, Workspace
from demo.workspace.server import Running, running_workspace

Json = dict[str, Any]

SCOPES = [
    "app_mentions:read", "bookmarks:read", "bookmarks:write", "channels:history", "channels:join", "channels:manage",
    "channels:read", "channels:write.invites", "channels:write.topic", "chat:write", "commands", "files:read",
    "files:write", "groups:write", "im:history", "im:read", "im:write", "pins:read", "pins:write", "reactions:read",
    "reactions:write", "team:read", "usergroups:read", "users:read", "users:read.email",
]  # fmt: skip
EVENTS = ["app_mention", "app_home_opened", "message.channels", "reaction_added", "member_joined_channel"]


def manifest(name: str = "Takumi", **changes: Any) -> Json:
    """A manifest that asks for everything; `command`, `scopes`, `events`, `url` change it."""
    url = changes.get("url")
    at = {"request_url": url} if url else {}
    command = {"command": changes.get("command", "/takumi"), "description": "Maintenance", "usage_hint": "help"}
    return {
        "display_information": {"name": name},
        "features": {
            "bot_user": {"display_name": name.lower()},
            "app_home": {"home_tab_enabled": changes.get("home", True)},
            "slash_commands": [command | ({"url": url} if url else {})],
            "shortcuts": [
                {"name": "Launch", "type": "global", "callback_id": "launch", "description": "Start something"},
                {"name": "Adopt", "type": "message", "callback_id": "adopt", "description": "Take a message over"},
            ],
        },
        "oauth_config": {"scopes": {"bot": changes.get("scopes", SCOPES)}},
        "settings": {
            "event_subscriptions": {"bot_events": changes.get("events", EVENTS), **at},
            "interactivity": {"is_enabled": changes.get("interactive", True), **at},
            "socket_mode_enabled": url is None,
        },
    }


@dataclass
class Wire:
    """An app's side of a workspace: calls methods, and knows the people's side too."""

    running: Running
    people: Workspace
    credentials: Json
    session: aiohttp.ClientSession

    @property
    def aiko(self) -> Person:
        return self.people.person("Aiko")

    async def call(self, method: str, token: str | None = None, **arguments: Any) -> Json:
        """A call by form, structures as JSON text: what every method takes."""
        form = {n: json.dumps(v) if isinstance(v, dict | list) else str(v) for n, v in arguments.items()}
        headers = {"Authorization": f"Bearer {token or self.credentials['bot_token']}"}
        async with self.session.post(f"{self.running.api_url}{method}", data=form, headers=headers) as answer:
            return dict(await answer.json())

    async def post(self, text: str = "hello", channel: str = "C0ALERTS01", **arguments: Any) -> Json:
        answer = await self.call("chat.postMessage", channel=channel, text=text, **arguments)
        assert answer["ok"], answer
        return dict(answer["message"])

    async def error(self, method: str, **arguments: Any) -> str | None:
        return (await self.call(method, **arguments)).get("error")


def waits_for(wire: Wire, seconds: float) -> bool:
    """True when somebody on the workspace's clock waits for about so long."""
    clock = wire.running.stand_in.world.clock
    return any(seconds - 5 < deadline - clock.now() <= seconds for deadline in clock.deadlines)


async def until(ready: Callable[[], object]) -> None:
    """Raises: TimeoutError when it does not come true within ten seconds."""
    async with asyncio.timeout(10):
        while not ready():  # noqa: ASYNC110 # what it looks at says nothing when it comes true
            await asyncio.sleep(0.005)


@asynccontextmanager
async def installed(app_manifest: Json | None = None, channels: list[str] | None = None) -> AsyncIterator[Wire]:
    """A fresh workspace with one app in it; rate limits are on."""
    async with running_workspace() as running, Workspace(running.url, running.token) as people:
        credentials = await people.install(app_manifest or manifest(), channels)
        async with aiohttp.ClientSession() as session:
            yield Wire(running, people, credentials, session)

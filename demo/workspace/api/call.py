"""One call of a method: who calls, with which arguments, and how an argument is read."""

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from demo.workspace import Json
from demo.workspace.errors import SlackError
from demo.workspace.state.apps import InstalledApp
from demo.workspace.state.channels import Channel
from demo.workspace.state.people import Person
from demo.workspace.state.world import World

if TYPE_CHECKING:
    from demo.workspace.stand_in import StandIn

_TRUE = {"1", "true", "True"}


@dataclass(frozen=True)
class Call:
    """Arguments are text in forms and typed in JSON; these readers accept both."""

    stand_in: "StandIn"
    app: InstalledApp
    args: Json
    method: str

    @property
    def world(self) -> World:
        return self.stand_in.world

    @property
    def now(self) -> float:
        return self.world.clock.now()

    def has(self, name: str) -> bool:
        return self.args.get(name) not in (None, "")

    def text(self, name: str, default: str = "") -> str:
        value = self.args.get(name)
        return default if value is None else str(value)

    def flag(self, name: str) -> bool:
        return str(self.args.get(name)) in _TRUE

    def number(self, name: str, default: int, *, at_most: int, error: str = "invalid_arguments") -> int:
        """Raises: SlackError(error) for something that is no number within 1 and `at_most`."""
        if not self.has(name):
            return default
        try:
            value = int(self.args[name])
        except (TypeError, ValueError):
            value = -1
        if not 1 <= value <= at_most:
            raise SlackError(error)
        return value

    def structured(self, name: str, error: str) -> Any:
        """A JSON value, sent as such or as text.

        Raises: SlackError(error) for text that is no JSON.
        """
        value = self.args.get(name)
        if not isinstance(value, str) or value == "":
            return None if value == "" else value
        try:
            return json.loads(value)
        except ValueError as broken:
            raise SlackError(error) from broken

    def names(self, name: str) -> list[str]:
        """A list given with commas or as JSON."""
        value = self.args.get(name)
        parts = value if isinstance(value, list) else str(value or "").split(",")
        return [str(part).strip() for part in parts if str(part).strip()]

    def needs_scope(self, *alternatives: str) -> None:
        """Raises: SlackError missing_scope with what is needed and what is there."""
        if not any(scope in self.app.scopes for scope in alternatives):
            needed, provided = ",".join(alternatives), ",".join(self.app.scopes)
            raise SlackError("missing_scope", needed=needed, provided=provided)

    def channel(self, name: str = "channel") -> Channel:
        """Raises: SlackError channel_not_found, also for what this bot cannot see."""
        channel = self.world.state.channels.get(self.text(name))
        hidden = channel is not None and (channel.is_private or channel.is_im)
        if channel is None or (hidden and self.app.bot_user_id not in channel.members):
            raise SlackError("channel_not_found")
        return channel

    def is_member(self, channel: Channel) -> bool:
        return self.app.bot_user_id in channel.members

    def message(self, channel: Channel, name: str = "ts") -> Json:
        """Ephemerals are no messages here: nobody can look them up.

        Raises: SlackError message_not_found.
        """
        found = channel.messages.get(self.text(name))
        if found is None or found.get("subtype") == "tombstone":
            raise SlackError("message_not_found")
        return found

    def person(self, name: str = "user") -> Person:
        """Raises: SlackError user_not_found."""
        found = self.world.state.people.get(self.text(name))
        if found is None:
            raise SlackError("user_not_found")
        return found

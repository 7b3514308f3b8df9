"""Everything the workspace remembers, in one place, with the news of what changed."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from pydantic import BaseModel, Field

from demo.workspace import Json, identifiers
from demo.workspace.clock import Clock
from demo.workspace.state.apps import InstalledApp
from demo.workspace.state.channels import Channel, default_channels
from demo.workspace.state.files import FileBytes, StoredFile
from demo.workspace.state.people import Person, UserGroup, default_groups, default_people
from demo.workspace.state.views import ViewRecord


class ResponseAddress(BaseModel):
    """What a `response_url` points at: good for five uses within thirty minutes."""

    id: str
    app_id: str
    user: str
    channel: str
    expires_seconds: float
    uses_left: int = 5
    message_ts: str | None = None


class ScheduledMessage(BaseModel):
    """A message that waits for its time."""

    id: str
    app_id: str
    channel: str
    post_at_seconds: int
    created_seconds: int
    message: Json


class WorldState(BaseModel):
    """What survives a restart."""

    team_id: str = "T0TAKUMI01"
    team_name: str = "Takumi (local stand-in)"
    people: dict[str, Person] = Field(default_factory=dict)
    groups: dict[str, UserGroup] = Field(default_factory=dict)
    channels: dict[str, Channel] = Field(default_factory=dict)
    apps: dict[str, InstalledApp] = Field(default_factory=dict)
    views: dict[str, ViewRecord] = Field(default_factory=dict)
    stacks: dict[str, list[str]] = Field(default_factory=dict)
    homes: dict[str, str] = Field(default_factory=dict)
    files: dict[str, StoredFile] = Field(default_factory=dict)
    response_addresses: dict[str, ResponseAddress] = Field(default_factory=dict)
    scheduled: dict[str, ScheduledMessage] = Field(default_factory=dict)
    clock_offset: timedelta = timedelta()


Listener = Callable[[Json], None]


class World:
    """The state with its clock; whoever changes something says so through `changed`."""

    def __init__(self, state: WorldState | None = None, folder: Path | None = None) -> None:
        self.state = state or WorldState()
        self.clock = Clock(self.state.clock_offset)
        self.file_bytes = FileBytes(folder / "files" if folder else None)
        self.base_url = "http://127.0.0.1/"
        self.listeners: list[Listener] = []
        if not self.state.people:
            self._settle()

    def _settle(self) -> None:
        self.state.people = {p.id: p for p in default_people()}
        self.state.groups = {g.id: g for g in default_groups()}
        self.state.channels = {c.id: c for c in default_channels(int(self.clock.now()))}

    def changed(self, *, channel: str | None = None, views: bool = False, state: bool = False) -> None:
        """Tell the page, the client and the snapshot."""
        news: Json = {"type": "changed"}
        if channel is not None:
            news["channel"] = channel
        if views:
            news["views"] = True
        if state:
            news["state"] = True
        for listener in list(self.listeners):
            listener(news)

    def app_with_token(self, token: str) -> InstalledApp | None:
        return next((a for a in self.state.apps.values() if token in {a.bot_token, a.app_token}), None)

    def app_for_command(self, command: str) -> InstalledApp | None:
        """The app that answers to a command; of two that declare it, the one installed last."""
        return next((a for a in reversed(self.state.apps.values()) if a.command(command)), None)

    def channel_named(self, wanted: str) -> Channel | None:
        """A channel by id, or by name with or without `#`."""
        if wanted in self.state.channels:
            return self.state.channels[wanted]
        name = wanted.removeprefix("#")
        return next((c for c in self.state.channels.values() if c.name == name and not c.is_im), None)

    def direct_message(self, first: str, second: str) -> Channel:
        """The conversation of two, opened when they have none yet."""
        pair = {first, second}
        for channel in self.state.channels.values():
            if channel.is_im and set(channel.members) == pair:
                return channel
        now = int(self.clock.now())
        channel_id = identifiers.identifier("D")
        fresh = Channel(id=channel_id, name="", creator=first, created_seconds=now, is_im=True, members=[first, second])
        self.state.channels[channel_id] = fresh
        self.changed(state=True)
        return fresh

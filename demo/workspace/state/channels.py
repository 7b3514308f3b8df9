"""Channels and direct messages: who is in them and what was said there."""

from pydantic import BaseModel, Field

from demo.workspace import Json


class Ephemeral(BaseModel):
    """A message that one person alone sees."""

    user: str
    message: Json


class Channel(BaseModel):
    """A public or private channel, or a direct message; messages are kept by their `ts`, oldest first."""

    id: str
    name: str
    creator: str
    created_seconds: int
    topic: str = ""
    purpose: str = ""
    previous_names: list[str] = Field(default_factory=list)
    is_private: bool = False
    is_im: bool = False
    is_archived: bool = False
    is_general: bool = False
    members: list[str] = Field(default_factory=list)
    messages: dict[str, Json] = Field(default_factory=dict)
    ephemerals: list[Ephemeral] = Field(default_factory=list)
    last_ts: str = "0.000000"
    pins: list[str] = Field(default_factory=list)
    bookmarks: list[Json] = Field(default_factory=list)
    last_read: dict[str, str] = Field(default_factory=dict)

    @property
    def history_scope(self) -> str:
        """The prefix of the scopes and events that cover this kind of conversation."""
        if self.is_im:
            return "im"
        return "groups" if self.is_private else "channels"

    @property
    def message_event(self) -> str:
        """The subscription that delivers its messages."""
        return f"message.{self.history_scope}"

    def next_ts(self, now_seconds: float) -> str:
        """A message's identity: unique in its channel and growing, whatever the clock does."""
        last_micros = _micros(self.last_ts)
        micros = max(int(now_seconds * 1_000_000), last_micros + 1)
        self.last_ts = f"{micros // 1_000_000}.{micros % 1_000_000:06d}"
        return self.last_ts

    def slack_shape(self, viewer: str) -> Json:
        shape: Json = {
            "id": self.id,
            "created": self.created_seconds,
            "is_archived": self.is_archived,
            "is_im": self.is_im,
            "is_org_shared": False,
            "updated": self.created_seconds * 1000,
        }
        if self.is_im:
            other = next((member for member in self.members if member != viewer), viewer)
            return shape | {"user": other, "is_user_deleted": False, "priority": 0}
        return shape | self._named_shape(viewer)

    def _named_shape(self, viewer: str) -> Json:
        return {
            "name": self.name,
            "name_normalized": self.name,
            "is_channel": not self.is_private,
            "is_group": self.is_private,
            "is_mpim": False,
            "is_private": self.is_private,
            "is_general": self.is_general,
            "is_shared": False,
            "is_ext_shared": False,
            "is_member": viewer in self.members,
            "creator": self.creator,
            "topic": {"value": self.topic, "creator": self.creator, "last_set": self.created_seconds},
            "purpose": {"value": self.purpose, "creator": "", "last_set": 0},
            "previous_names": list(self.previous_names),
        }


def default_channels(now_seconds: int) -> list[Channel]:
    """The guest is in two of them, the deactivated person in none."""
    staff = ["U0DEV00001", "U0LEAD0001", "U0ENGL0001", "U0CTO00001", "U0SEC00001"]
    everyone = [*staff, "U0GUEST001"]

    def channel(channel_id: str, name: str, topic: str, members: list[str]) -> Channel:
        return Channel(
            id=channel_id,
            name=name,
            topic=topic,
            creator="U0CTO00001",
            created_seconds=now_seconds,
            members=list(members),
            is_general=name == "general",
        )

    return [
        channel("C0ALERTS01", "takumi-alerts", "Maintenance of the Takumi platform", everyone),
        channel("C0GENERAL1", "general", "For everybody", staff),
        channel("C0RANDOM01", "random", "Everything else", everyone),
    ]


def _micros(ts: str) -> int:
    seconds, _, fraction = ts.partition(".")
    return int(seconds) * 1_000_000 + int(fraction)

"""Moves on channels, whoever makes them: each leaves a line in the channel and tells the apps that subscribed."""

from demo.workspace import Json
from demo.workspace.deliver.events import Events
from demo.workspace.state import messages
from demo.workspace.state.channels import Channel
from demo.workspace.state.world import World


class Rooms:
    """Who is in a channel, what it is called, whether it is archived. Nothing here asks whether one may."""

    def __init__(self, world: World, events: Events) -> None:
        self._world, self._events = world, events

    def admit(self, channel: Channel, user: str, inviter: str | None = None) -> None:
        channel.members.append(user)
        self.announce(channel, "channel_join", f"<@{user}> has joined the channel", user)
        self._events.member_moved("member_joined_channel", channel, user, inviter)
        self._changed(channel)

    def dismiss(self, channel: Channel, user: str) -> None:
        """Those who go are told, too."""
        self.announce(channel, "channel_leave", f"<@{user}> has left the channel", user)
        self._events.member_moved("member_left_channel", channel, user)
        channel.members.remove(user)
        self._changed(channel)

    def rename(self, channel: Channel, name: str, user: str) -> None:
        old, channel.name = channel.name, name
        channel.previous_names.insert(0, old)
        self.announce(channel, "channel_name", f'has renamed the channel from "{old}" to "{name}"', user)
        shape = {"id": channel.id, "name": name, "created": channel.created_seconds}
        self._events.channel_changed("channel_rename", channel, channel=shape)
        self._changed(channel)

    def archive(self, channel: Channel, user: str, *, is_archived: bool) -> None:
        channel.is_archived = is_archived
        kind = "channel_archive" if is_archived else "channel_unarchive"
        self.announce(channel, kind, f"{'archived' if is_archived else 'un-archived'} the channel", user)
        self._events.channel_changed(kind, channel, channel=channel.id, user=user)
        self._changed(channel)

    def announce(self, channel: Channel, subtype: str, text: str, user: str) -> None:
        """A line of the channel's own; everybody in it is told."""
        message: Json = {
            "type": "message",
            "subtype": subtype,
            "ts": channel.next_ts(self._world.clock.now()),
            "user": user,
            "text": text,
        }
        messages.post(channel, message)
        self._events.message_posted(channel, message)

    def _changed(self, channel: Channel) -> None:
        self._world.changed(channel=channel.id, state=True)

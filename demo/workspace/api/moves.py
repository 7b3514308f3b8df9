"""conversations.*: what changes a channel that is there: its name and purpose, who is in it, whether it is archived."""

from demo.workspace import Json
from demo.workspace.api.call import Call
from demo.workspace.api.conversations import TOPIC_LIMIT, changeable, new_name
from demo.workspace.api.registry import method
from demo.workspace.errors import SlackError
from demo.workspace.state.channels import Channel

_MANAGE = "channels:manage groups:write im:write mpim:write channels:write"


@method(
    "conversations.rename", "t2", required="channel name", scopes=_MANAGE,
    raises="""channel_not_found invalid_name_maxlength invalid_name_punctuation invalid_name_specials is_archived
        method_not_supported_for_channel_type name_taken not_authorized not_in_channel""",
)  # fmt: skip
async def rename(call: Call) -> Json:
    """Only what the bot itself made, as at Slack."""
    channel = changeable(call)
    if channel.creator != call.app.bot_user_id:
        raise SlackError("not_authorized")
    call.stand_in.rooms.rename(channel, new_name(call), call.app.bot_user_id)
    return {"channel": channel.slack_shape(call.app.bot_user_id)}


@method(
    "conversations.setPurpose", "t2", required="channel purpose",
    scopes="""channels:write.topic groups:write.topic mpim:write.topic im:write.topic channels:manage groups:write
        im:write mpim:write""",
    raises="channel_not_found is_archived not_in_channel too_long method_not_supported_for_channel_type",
)  # fmt: skip
async def set_purpose(call: Call) -> Json:
    channel, purpose = changeable(call), call.text("purpose")
    if len(purpose) > TOPIC_LIMIT:
        raise SlackError("too_long")
    channel.purpose = purpose
    text = f'set the channel description: "{purpose}"'
    call.stand_in.rooms.announce(channel, "channel_purpose", text, call.app.bot_user_id)
    call.world.changed(channel=channel.id, state=True)
    return {"channel": channel.slack_shape(call.app.bot_user_id)}


@method(
    "conversations.kick", "t3", required="channel", optional="user", scopes="channels:manage groups:write",
    raises="""cant_kick_from_general cant_kick_self channel_not_found method_not_supported_for_channel_type
        not_in_channel user_not_found""",
)  # fmt: skip
async def kick(call: Call) -> Json:
    channel, person = _room(call), call.person()
    if person.id == call.app.bot_user_id:
        raise SlackError("cant_kick_self")
    if channel.is_general:
        raise SlackError("cant_kick_from_general")
    if not {person.id, call.app.bot_user_id} <= {*channel.members}:
        raise SlackError("not_in_channel")
    call.stand_in.rooms.dismiss(channel, person.id)
    return {"errors": {}}


@method(
    "conversations.leave", "t3", required="channel", scopes=_MANAGE,
    raises="cant_leave_general channel_not_found is_archived last_member method_not_supported_for_channel_type",
)  # fmt: skip
async def leave(call: Call) -> Json:
    channel, me = _room(call), call.app.bot_user_id
    if channel.is_archived:
        raise SlackError("is_archived")
    if not call.is_member(channel):
        return {"not_in_channel": True}
    if channel.is_general:
        raise SlackError("cant_leave_general")
    if channel.is_private and channel.members == [me]:
        raise SlackError("last_member")
    call.stand_in.rooms.dismiss(channel, me)
    return {}


@method(
    "conversations.unarchive", "t2", required="channel", scopes=_MANAGE,
    raises="channel_not_found method_not_supported_for_channel_type not_archived",
)  # fmt: skip
async def unarchive(call: Call) -> Json:
    channel = _room(call)
    if not channel.is_archived:
        raise SlackError("not_archived")
    call.stand_in.rooms.archive(channel, call.app.bot_user_id, is_archived=False)
    return {}


@method(
    "conversations.close", "t2", required="channel", scopes=_MANAGE,
    raises="channel_not_found method_not_supported_for_channel_type",
)  # fmt: skip
async def close(call: Call) -> Json:
    """Closes the bot's own view of a direct message; nothing of it is lost."""
    if not call.channel().is_im:
        raise SlackError("method_not_supported_for_channel_type")
    return {}


@method(
    "conversations.mark", "t3", required="channel ts", scopes=_MANAGE,
    raises="channel_not_found invalid_timestamp not_in_channel",
)  # fmt: skip
async def mark(call: Call) -> Json:
    """How far the bot has read."""
    channel = call.channel()
    if not call.is_member(channel):
        raise SlackError("not_in_channel")
    if call.text("ts") not in channel.messages:
        raise SlackError("invalid_timestamp")
    channel.last_read[call.app.bot_user_id] = call.text("ts")
    return {}


def _room(call: Call) -> Channel:
    """A channel, no direct message. Raises: SlackError channel_not_found or method_not_supported_for_channel_type."""
    channel = call.channel()
    if channel.is_im:
        raise SlackError("method_not_supported_for_channel_type")
    return channel

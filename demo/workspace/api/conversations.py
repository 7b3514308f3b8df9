"""conversations.*: which channels there are, who is in them, and moves on them."""

import re

from demo.workspace import Json, identifiers
from demo.workspace.api.call import Call
from demo.workspace.api.paging import page
from demo.workspace.api.registry import method
from demo.workspace.errors import SlackError
from demo.workspace.state.channels import Channel

NAME_LIMIT = 80
TOPIC_LIMIT = 250
INVITE_LIMIT = 100
_NAME = re.compile(r"[^\sA-Z.,!?:;'\"()\[\]{}<>@#$%^&*+=/\\|~`]+")
_READ = "channels:read groups:read im:read mpim:read"
_TYPES = {"public_channel": "channels", "private_channel": "groups", "im": "im", "mpim": "mpim"}
_LIMIT_MAX = 1000


@method(
    "conversations.list", "t2", optional="cursor exclude_archived limit team_id types", scopes=_READ,
    raises="invalid_cursor invalid_limit invalid_types", takes_json=False,
)  # fmt: skip
async def list_(call: Call) -> Json:
    """Public channels and those the bot is in, of the types asked for."""
    found = [c for c in _of_types(call) if not (c.is_archived and call.flag("exclude_archived"))]
    shown, next_cursor = page(call, found, _LIMIT_MAX, error="invalid_limit")
    channels = [_counted(c, call.app.bot_user_id) for c in shown]
    return {"channels": channels, "response_metadata": {"next_cursor": next_cursor}}


@method(
    "users.conversations", "t3", optional="cursor exclude_archived limit team_id types user exclude_muted",
    scopes=_READ, raises="invalid_cursor invalid_limit invalid_types", takes_json=False,
)  # fmt: skip
async def of_user(call: Call) -> Json:
    """The conversations a person (or the bot) is in."""
    user = call.text("user", call.app.bot_user_id)
    found = [c for c in _of_types(call) if user in c.members]
    shown, next_cursor = page(call, found, _LIMIT_MAX, error="invalid_limit")
    channels = [c.slack_shape(call.app.bot_user_id) for c in shown]
    for shape in channels:
        shape.pop("is_member", None)
    return {"channels": channels, "response_metadata": {"next_cursor": next_cursor}}


@method(
    "conversations.info", "t3", required="channel", optional="include_locale include_num_members", scopes=_READ,
    raises="channel_not_found", takes_json=False,
)  # fmt: skip
async def info(call: Call) -> Json:
    channel = _visible(call)
    me = call.app.bot_user_id
    return {"channel": _counted(channel, me) if call.flag("include_num_members") else channel.slack_shape(me)}


@method(
    "conversations.members", "t4", required="channel", optional="cursor limit", scopes=_READ,
    raises="channel_not_found invalid_cursor invalid_limit", takes_json=False,
)  # fmt: skip
async def members(call: Call) -> Json:
    shown, next_cursor = page(call, list(_visible(call).members), _LIMIT_MAX, error="invalid_limit")
    return {"members": shown, "response_metadata": {"next_cursor": next_cursor}}


@method(
    "conversations.join", "t3", required="channel", scopes="channels:join",
    raises="channel_not_found is_archived method_not_supported_for_channel_type",
)  # fmt: skip
async def join(call: Call) -> Json:
    channel = _public(call)
    shape: Json = {"channel": channel.slack_shape(call.app.bot_user_id)}
    if call.is_member(channel):
        return shape | {"warning": "already_in_channel", "response_metadata": {"warnings": ["already_in_channel"]}}
    call.stand_in.rooms.admit(channel, call.app.bot_user_id)
    return {"channel": channel.slack_shape(call.app.bot_user_id)}


@method(
    "conversations.open", "t3", optional="channel prevent_creation return_im users",
    scopes="im:write mpim:write channels:manage groups:write",
    raises="channel_not_found user_not_found user_disabled users_list_not_supplied too_many_users",
)  # fmt: skip
async def open_(call: Call) -> Json:
    """A direct message with one person; groups of several are not part of this workspace."""
    call.needs_scope("im:write")
    if call.has("channel"):
        return {"channel": {"id": call.channel().id}, "no_op": True, "already_open": True}
    wanted = call.names("users")
    if not wanted:
        raise SlackError("users_list_not_supplied")
    if len(wanted) > 1:
        raise SlackError("too_many_users")
    person = call.world.state.people.get(wanted[0])
    if person is None:
        raise SlackError("user_not_found")
    if person.deleted:
        raise SlackError("user_disabled")
    channel = call.world.direct_message(person.id, call.app.bot_user_id)
    full = call.flag("return_im")
    return {"channel": channel.slack_shape(call.app.bot_user_id) if full else {"id": channel.id}}


@method(
    "conversations.invite", "t3", required="channel users", optional="force",
    scopes="channels:write.invites groups:write.invites channels:manage groups:write mpim:write im:write",
    raises="""already_in_channel cant_invite cant_invite_self channel_not_found is_archived no_user not_in_channel
        user_not_found method_not_supported_for_channel_type""",
)  # fmt: skip
async def invite(call: Call) -> Json:
    """All or nobody; the first reason not to is the answer."""
    channel = changeable(call)
    users = call.names("users")
    if not users:
        raise SlackError("no_user")
    for user in users[: INVITE_LIMIT + 1]:
        _check_invited(call, channel, user)
    for user in users[:INVITE_LIMIT]:
        call.stand_in.rooms.admit(channel, user, call.app.bot_user_id)
    return {"channel": channel.slack_shape(call.app.bot_user_id)}


@method(
    "conversations.setTopic", "t2", required="channel topic",
    scopes="""channels:write.topic groups:write.topic mpim:write.topic im:write.topic channels:manage groups:write
        im:write mpim:write""",
    raises="channel_not_found is_archived not_in_channel too_long method_not_supported_for_channel_type",
)  # fmt: skip
async def set_topic(call: Call) -> Json:
    """Changing it says so in the channel, as at Slack."""
    channel = changeable(call)
    topic = call.text("topic")
    if len(topic) > TOPIC_LIMIT:
        raise SlackError("too_long")
    channel.topic = topic
    text = f'set the channel topic: "{topic}"'
    call.stand_in.rooms.announce(channel, "channel_topic", text, call.app.bot_user_id)
    call.world.changed(channel=channel.id, state=True)
    return {"channel": channel.slack_shape(call.app.bot_user_id)}


@method(
    "conversations.create", "t2", required="name", optional="is_private team_id",
    scopes="channels:manage groups:write im:write mpim:write channels:write",
    raises="invalid_name_maxlength invalid_name_punctuation invalid_name_specials name_taken",
)  # fmt: skip
async def create(call: Call) -> Json:
    """The bot is its first member."""
    name = new_name(call)
    is_private = call.flag("is_private")
    call.needs_scope("groups:write" if is_private else "channels:manage")
    bot = call.app.bot_user_id
    channel = Channel(
        id=identifiers.identifier("C"),
        name=name,
        creator=bot,
        created_seconds=int(call.now),
        is_private=is_private,
        members=[bot],
    )
    call.world.state.channels[channel.id] = channel
    call.world.changed(state=True)
    return {"channel": channel.slack_shape(bot)}


@method(
    "conversations.archive", "t2", required="channel",
    scopes="channels:manage groups:write im:write mpim:write channels:write",
    raises="""already_archived cant_archive_general channel_not_found not_in_channel
        method_not_supported_for_channel_type""",
)  # fmt: skip
async def archive(call: Call) -> Json:
    channel = call.channel()
    if channel.is_im:
        raise SlackError("method_not_supported_for_channel_type")
    if channel.is_archived:
        raise SlackError("already_archived")
    if channel.is_general:
        raise SlackError("cant_archive_general")
    if not call.is_member(channel):
        raise SlackError("not_in_channel")
    call.stand_in.rooms.archive(channel, call.app.bot_user_id, is_archived=True)
    return {}


def _counted(channel: Channel, viewer: str) -> Json:
    return channel.slack_shape(viewer) | {"num_members": len(channel.members)}


def _of_types(call: Call) -> list[Channel]:
    """Raises: SlackError invalid_types, or missing_scope for a type the app may not read."""
    wanted = call.names("types") or ["public_channel"]
    if not set(wanted) <= _TYPES.keys():
        raise SlackError("invalid_types")
    prefixes = {_TYPES[kind] for kind in wanted}
    for prefix in sorted(prefixes):
        call.needs_scope(f"{prefix}:read")
    hidden = {"groups", "im"}
    return [
        c
        for c in call.world.state.channels.values()
        if c.history_scope in prefixes and (c.history_scope not in hidden or call.is_member(c))
    ]


def _visible(call: Call) -> Channel:
    channel = call.channel()
    call.needs_scope(f"{channel.history_scope}:read")
    return channel


def _public(call: Call) -> Channel:
    channel = call.channel()
    if channel.is_im or channel.is_private:
        raise SlackError("method_not_supported_for_channel_type")
    if channel.is_archived:
        raise SlackError("is_archived")
    return channel


def changeable(call: Call) -> Channel:
    """A channel that the bot may change. Raises: SlackError saying why not."""
    channel = call.channel()
    if channel.is_im:
        raise SlackError("method_not_supported_for_channel_type")
    if channel.is_archived:
        raise SlackError("is_archived")
    if not call.is_member(channel):
        raise SlackError("not_in_channel")
    return channel


def _check_invited(call: Call, channel: Channel, user: str) -> None:
    person = call.world.state.people.get(user)
    if person is None:
        raise SlackError("user_not_found")
    if user == call.app.bot_user_id:
        raise SlackError("cant_invite_self")
    if person.deleted:
        raise SlackError("cant_invite")
    if user in channel.members:
        raise SlackError("already_in_channel")


def new_name(call: Call) -> str:
    """Raises: SlackError saying what is wrong with the name."""
    name = call.text("name")
    if len(name) > NAME_LIMIT:
        raise SlackError("invalid_name_maxlength")
    if not re.search(r"\w", name):
        raise SlackError("invalid_name_punctuation")
    if not _NAME.fullmatch(name):
        raise SlackError("invalid_name_specials")
    if call.world.channel_named(name) is not None:
        raise SlackError("name_taken")
    return name

"""reactions.* and pins.*: marks that people and bots leave on messages."""

import copy
import re

from demo.workspace import Json
from demo.workspace.api.call import Call
from demo.workspace.api.paging import page
from demo.workspace.api.registry import method
from demo.workspace.errors import SlackError
from demo.workspace.state.channels import Channel

PIN_LIMIT = 100
LIST_MAX = 1000
REACTION_KINDS_LIMIT = 23
_EMOJI = re.compile(r"[a-z0-9_+'-]+(::skin-tone-[2-6])?")


@method(
    "reactions.add", "t3", required="channel name timestamp", scopes="reactions:write",
    raises="already_reacted bad_timestamp channel_not_found invalid_name is_archived message_not_found too_many_emoji",
)  # fmt: skip
async def add_reaction(call: Call) -> Json:
    channel, message = _marked(call)
    if channel.is_archived:
        raise SlackError("is_archived")
    reactions = message.setdefault("reactions", [])
    entry = next((r for r in reactions if r["name"] == _emoji(call)), None)
    if entry is None:
        if len(reactions) >= REACTION_KINDS_LIMIT:
            raise SlackError("too_many_emoji")
        entry = {"name": _emoji(call), "users": [], "count": 0}
        reactions.append(entry)
    if call.app.bot_user_id in entry["users"]:
        raise SlackError("already_reacted")
    entry["users"].append(call.app.bot_user_id)
    entry["count"] = len(entry["users"])
    call.stand_in.events.reaction("reaction_added", channel, message, call.app.bot_user_id, entry["name"])
    call.world.changed(channel=channel.id)
    return {}


@method(
    "reactions.remove", "t2", required="name", optional="channel timestamp file file_comment",
    scopes="reactions:write",
    raises="bad_timestamp channel_not_found invalid_name message_not_found no_item_specified no_reaction",
)  # fmt: skip
async def remove_reaction(call: Call) -> Json:
    _needs_item(call)
    channel, message = _marked(call)
    me, name = call.app.bot_user_id, _emoji(call)
    entry = next((r for r in message.get("reactions", []) if r["name"] == name and me in r["users"]), None)
    if entry is None:
        raise SlackError("no_reaction")
    entry["users"].remove(me)
    entry["count"] = len(entry["users"])
    message["reactions"] = [r for r in message["reactions"] if r["count"]]
    call.stand_in.events.reaction("reaction_removed", channel, message, me, entry["name"])
    call.world.changed(channel=channel.id)
    return {}


@method(
    "reactions.get", "t3", optional="channel timestamp full file file_comment", scopes="reactions:read",
    raises="bad_timestamp channel_not_found message_not_found no_item_specified", takes_json=False,
)  # fmt: skip
async def get_reactions(call: Call) -> Json:
    _needs_item(call)
    channel, message = _marked(call)
    return {"type": "message", "channel": channel.id, "message": copy.deepcopy(message)}


@method(
    "reactions.list", "t2", optional="count cursor full limit page team_id user", scopes="reactions:read",
    raises="user_not_found", takes_json=False,
)  # fmt: skip
async def list_reactions(call: Call) -> Json:
    """What a person (or the bot) reacted to, in the channels the bot is in, newest first."""
    user = call.person().id if call.has("user") else call.app.bot_user_id
    found = [
        {"type": "message", "channel": channel.id, "message": copy.deepcopy(message)}
        for channel in call.world.state.channels.values()
        for message in reversed(channel.messages.values())
        if call.is_member(channel) and any(user in r["users"] for r in message.get("reactions", []))
    ]
    shown, next_cursor = page(call, found, LIST_MAX, cursor_error="invalid_arguments")
    return {"items": shown, "response_metadata": {"next_cursor": next_cursor}}


@method(
    "pins.add", "t2", required="channel", optional="timestamp", scopes="pins:write",
    raises="""already_pinned bad_timestamp channel_not_found message_not_found no_item_specified not_in_channel
        too_many_pins""",
)  # fmt: skip
async def add_pin(call: Call) -> Json:
    if not call.is_member(call.channel()):
        raise SlackError("not_in_channel")
    channel, message = _pinned(call)
    if message["ts"] in channel.pins:
        raise SlackError("already_pinned")
    if len(channel.pins) >= PIN_LIMIT:
        raise SlackError("too_many_pins")
    channel.pins.append(message["ts"])
    call.world.changed(channel=channel.id)
    return {}


@method(
    "pins.remove", "t2", required="channel", optional="timestamp", scopes="pins:write",
    raises="bad_timestamp channel_not_found message_not_found no_item_specified no_pin",
)  # fmt: skip
async def remove_pin(call: Call) -> Json:
    channel, message = _pinned(call)
    if message["ts"] not in channel.pins:
        raise SlackError("no_pin")
    channel.pins.remove(message["ts"])
    call.world.changed(channel=channel.id)
    return {}


@method("pins.list", "t2", required="channel", scopes="pins:read", raises="channel_not_found", takes_json=False)
async def list_pins(call: Call) -> Json:
    channel = call.channel()
    pinned = [channel.messages[ts] for ts in channel.pins if ts in channel.messages]
    items = [{"type": "message", "channel": channel.id, "message": copy.deepcopy(m)} for m in pinned]
    return {"items": items}


def _needs_item(call: Call) -> None:
    if not (call.has("channel") and call.has("timestamp")):
        raise SlackError("no_item_specified")


def _marked(call: Call) -> tuple[Channel, Json]:
    """Raises: SlackError channel_not_found, bad_timestamp or message_not_found."""
    channel = call.channel()
    if not re.fullmatch(r"\d+\.\d{6}", call.text("timestamp")):
        raise SlackError("bad_timestamp")
    return channel, call.message(channel, "timestamp")


def _pinned(call: Call) -> tuple[Channel, Json]:
    if not call.has("timestamp"):
        raise SlackError("no_item_specified")
    return _marked(call)


def _emoji(call: Call) -> str:
    """Raises: SlackError invalid_name."""
    name = call.text("name").strip(":")
    if not _EMOJI.fullmatch(name):
        raise SlackError("invalid_name")
    return name

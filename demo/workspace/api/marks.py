"""reactions.*, pins.* and bookmarks.*: marks that people and bots leave on messages and channels."""

import copy
import re
from urllib.parse import urlsplit

from demo.workspace import Json, identifiers
from demo.workspace.api.call import Call
from demo.workspace.api.registry import method
from demo.workspace.errors import SlackError
from demo.workspace.state.channels import Channel

TITLE_LIMIT = 256
PIN_LIMIT = 100
BOOKMARK_LIMIT = 100
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
    me = call.app.bot_user_id
    entry = next((r for r in message.get("reactions", []) if r["name"] == _emoji(call) and me in r["users"]), None)
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
    "pins.add", "t2", required="channel", optional="timestamp", scopes="pins:write",
    raises="""already_pinned bad_timestamp channel_not_found message_not_found no_item_specified not_in_channel
        too_many_pins""",
)  # fmt: skip
async def add_pin(call: Call) -> Json:
    channel, message = _pinned(call)
    if not call.is_member(channel):
        raise SlackError("not_in_channel")
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


@method(
    "bookmarks.add", "t2", required="title type", optional="channel_id link emoji entity_id parent_id access_level",
    scopes="bookmarks:write",
    raises="channel_not_found invalid_bookmark_type invalid_link too_many_bookmarks permission_denied",
)  # fmt: skip
async def add_bookmark(call: Call) -> Json:
    """Links only."""
    channel = call.channel("channel_id")
    if not call.is_member(channel):
        raise SlackError("permission_denied")
    if call.text("type") != "link":
        raise SlackError("invalid_bookmark_type")
    if urlsplit(call.text("link")).scheme not in {"http", "https"}:
        raise SlackError("invalid_link")
    if len(call.text("title")) > TITLE_LIMIT:
        raise SlackError("invalid_arguments")
    if len(channel.bookmarks) >= BOOKMARK_LIMIT:
        raise SlackError("too_many_bookmarks")
    bookmark = _bookmark(call, channel)
    channel.bookmarks.append(bookmark)
    call.world.changed(channel=channel.id, state=True)
    return {"bookmark": bookmark}


@method(
    "bookmarks.list", "t3", optional="channel_id", scopes="bookmarks:read", raises="channel_not_found",
)  # fmt: skip
async def list_bookmarks(call: Call) -> Json:
    return {"bookmarks": copy.deepcopy(call.channel("channel_id").bookmarks)}


def _bookmark(call: Call, channel: Channel) -> Json:
    return {
        "id": identifiers.identifier("Bk"),
        "channel_id": channel.id,
        "title": call.text("title"),
        "link": call.text("link"),
        "emoji": call.text("emoji"),
        "type": "link",
        "date_created": int(call.now),
        "date_updated": 0,
        "rank": str(len(channel.bookmarks)),
        "last_updated_by_user_id": call.app.bot_user_id,
        "app_id": call.app.id,
    }


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

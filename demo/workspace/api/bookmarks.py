"""bookmarks.*: the links on top of a channel."""

import copy
from urllib.parse import urlsplit

from demo.workspace import Json, identifiers
from demo.workspace.api.call import Call
from demo.workspace.api.registry import method
from demo.workspace.errors import SlackError
from demo.workspace.state.channels import Channel

TITLE_LIMIT = 256
BOOKMARK_LIMIT = 100


@method(
    "bookmarks.add", "t2", required="title type", optional="channel_id link emoji entity_id parent_id access_level",
    scopes="bookmarks:write",
    raises="channel_not_found invalid_bookmark_type invalid_link too_many_bookmarks permission_denied",
)  # fmt: skip
async def add(call: Call) -> Json:
    """Links only."""
    channel = _own(call)
    if call.text("type") != "link":
        raise SlackError("invalid_bookmark_type")
    _check(call)
    if len(channel.bookmarks) >= BOOKMARK_LIMIT:
        raise SlackError("too_many_bookmarks")
    bookmark = _bookmark(call, channel)
    channel.bookmarks.append(bookmark)
    call.world.changed(channel=channel.id, state=True)
    return {"bookmark": bookmark}


@method(
    "bookmarks.edit", "t2", optional="bookmark_id channel_id emoji link title", scopes="bookmarks:write",
    raises="channel_not_found invalid_link not_found permission_denied",
)  # fmt: skip
async def edit(call: Call) -> Json:
    """What is not given stays."""
    channel = _own(call)
    bookmark = _found(call, channel)
    if call.has("link") or call.has("title"):
        _check(call, link=bookmark["link"])
    bookmark |= {name: call.text(name) for name in ("title", "link", "emoji") if call.has(name)}
    bookmark |= {"date_updated": int(call.now), "last_updated_by_user_id": call.app.bot_user_id}
    call.world.changed(channel=channel.id, state=True)
    return {"bookmark": copy.deepcopy(bookmark)}


@method(
    "bookmarks.remove", "t2", optional="bookmark_id channel_id quip_section_id", scopes="bookmarks:write",
    raises="channel_not_found not_found permission_denied",
)  # fmt: skip
async def remove(call: Call) -> Json:
    channel = _own(call)
    channel.bookmarks.remove(_found(call, channel))
    call.world.changed(channel=channel.id, state=True)
    return {}


@method(
    "bookmarks.list", "t3", optional="channel_id", scopes="bookmarks:read", raises="channel_not_found",
)  # fmt: skip
async def list_(call: Call) -> Json:
    return {"bookmarks": copy.deepcopy(call.channel("channel_id").bookmarks)}


def _own(call: Call) -> Channel:
    """Raises: SlackError channel_not_found, or permission_denied outside of the bot's channels."""
    channel = call.channel("channel_id")
    if not call.is_member(channel):
        raise SlackError("permission_denied")
    return channel


def _found(call: Call, channel: Channel) -> Json:
    """Raises: SlackError not_found."""
    for bookmark in channel.bookmarks:
        if bookmark["id"] == call.text("bookmark_id"):
            return bookmark
    raise SlackError("not_found")


def _check(call: Call, link: str = "") -> None:
    """Raises: SlackError invalid_link, or invalid_arguments for a title that is too long."""
    if urlsplit(call.text("link", link)).scheme not in {"http", "https"}:
        raise SlackError("invalid_link")
    if len(call.text("title")) > TITLE_LIMIT:
        raise SlackError("invalid_arguments")


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

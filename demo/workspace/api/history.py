"""conversations.history and conversations.replies: what was said, newest or oldest first."""

import copy
from collections.abc import Callable

from demo.workspace import Json
from demo.workspace.api.call import Call
from demo.workspace.api.paging import page
from demo.workspace.api.registry import method
from demo.workspace.errors import SlackError
from demo.workspace.state.channels import Channel
from demo.workspace.state.messages import replies, top_level

_SCOPES = "channels:history groups:history im:history mpim:history"
_WINDOW = "cursor inclusive latest limit oldest include_all_metadata"
_LIMIT_MAX = 999


@method(
    "conversations.history",
    "t3",
    required="channel",
    optional=_WINDOW,
    scopes=_SCOPES,
    raises="channel_not_found not_in_channel invalid_cursor invalid_ts_latest invalid_ts_oldest",
)
async def history(call: Call) -> Json:
    """Top-level messages, newest first; ephemerals are not in it."""
    channel = _readable(call)
    if not call.is_member(channel):
        raise SlackError("not_in_channel")
    holds = _window(call)
    found = [m for m in reversed(top_level(channel)) if holds(m)]
    shown, next_cursor = page(call, found, _LIMIT_MAX)
    return {
        "messages": [_shown(call, channel, m) for m in shown],
        "has_more": bool(next_cursor),
        "pin_count": len(channel.pins),
        "channel_actions_ts": None,
        "channel_actions_count": 0,
        "response_metadata": {"next_cursor": next_cursor},
    }


@method(
    "conversations.replies",
    "t3",
    required="channel ts",
    optional=_WINDOW,
    scopes=_SCOPES,
    raises="channel_not_found thread_not_found invalid_cursor invalid_ts_latest invalid_ts_oldest",
    takes_json=False,
)
async def replies_(call: Call) -> Json:
    """The parent, then its replies, oldest first; a message without replies is a thread of one."""
    channel = _readable(call)
    if not call.is_member(channel):
        raise SlackError("channel_not_found")
    asked = channel.messages.get(call.text("ts"))
    if asked is None:
        raise SlackError("thread_not_found")
    parent = channel.messages.get(str(asked.get("thread_ts", asked["ts"])), asked)
    holds = _window(call)
    answers = [m for m in replies(channel, parent["ts"]) if holds(m)]
    shown, next_cursor = page(call, [parent, *answers], _LIMIT_MAX, default=_LIMIT_MAX)
    return {
        "messages": [_shown(call, channel, m) for m in shown],
        "has_more": bool(next_cursor),
        "response_metadata": {"next_cursor": next_cursor},
    }


def _readable(call: Call) -> Channel:
    channel = call.channel()
    call.needs_scope(f"{channel.history_scope}:history")
    return channel


def _window(call: Call) -> Callable[[Json], bool]:
    """Raises: SlackError for a bound that is no time."""
    oldest = _moment(call, "oldest", "invalid_ts_oldest", 0.0)
    latest = _moment(call, "latest", "invalid_ts_latest", float("inf"))
    bounds = (oldest, latest) if call.flag("inclusive") else ()

    def holds(message: Json) -> bool:
        ts = float(message["ts"])
        return oldest < ts < latest or ts in bounds

    return holds


def _moment(call: Call, name: str, error: str, default: float) -> float:
    try:
        return float(call.text(name)) if call.has(name) else default
    except ValueError as broken:
        raise SlackError(error) from broken


def _shown(call: Call, channel: Channel, message: Json) -> Json:
    """Metadata only with `include_all_metadata`; a pinned message says so."""
    shown = copy.deepcopy(message)
    if "metadata" in shown and not call.flag("include_all_metadata"):
        del shown["metadata"]
    if message["ts"] in channel.pins:
        shown["pinned_to"] = [channel.id]
    return shown

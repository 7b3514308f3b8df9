"""From Slack's payloads to deliveries, each with Slack's own stable id."""

import json
import re
from collections.abc import Mapping
from typing import Any

from bot.services.rows import Delivery, DeliveryKind

_MENTION = re.compile(r"^\s*<@[A-Z0-9]+(?:\|[^>]*)?>\s*")
_SINGLE_VALUES = (
    "value",
    "selected_date",
    "selected_time",
    "selected_user",
    "selected_channel",
    "selected_conversation",
)
Body = Mapping[str, Any]


def read(body: Body) -> Delivery | None:
    """The delivery in a request's body, or None for what the bot has no use for."""
    if body.get("command"):
        return _command(body)
    kind = body.get("type")
    readers = {"block_actions": _action, "view_submission": _submission, "view_closed": _closed}
    if kind in readers:
        return readers[kind](body)
    if kind in ("shortcut", "message_action"):
        return _shortcut(body)
    if kind == "event_callback":
        return _event(body)
    return None


def _delivery(key: str, kind: DeliveryKind, **incoming: Any) -> Delivery:
    """The fields are `Incoming`'s; they are validated when the job reads them, not while Slack waits."""
    return Delivery(kind, key, {"kind": kind.value} | {name: value for name, value in incoming.items() if value})


def _command(body: Body) -> Delivery:
    return _delivery(
        body["trigger_id"],
        DeliveryKind.COMMAND,
        team=body.get("team_id", ""),
        user=body.get("user_id", ""),
        channel=body.get("channel_id", ""),
        text=body.get("text", "").strip(),
        response_url=body.get("response_url", ""),
    )


def _who(body: Body) -> dict[str, str]:
    user = body.get("user", {})
    team = body.get("team") or {}
    return {"user": user.get("id", ""), "team": user.get("team_id") or team.get("id", "")}


def _action(body: Body) -> Delivery:
    action = body["actions"][0]
    container, message = body.get("container", {}), body.get("message") or {}
    return _delivery(
        f"{body.get('trigger_id', '')}:{action.get('action_ts', '')}",
        DeliveryKind.ACTION,
        **_who(body),
        channel=(body.get("channel") or {}).get("id", "") or container.get("channel_id", ""),
        thread=message.get("thread_ts") or container.get("thread_ts") or "",
        message=message.get("ts") or container.get("message_ts") or "",
        action=action.get("action_id", "").partition("#")[0],
        value=_value_of(action),
        response_url=body.get("response_url", ""),
    )


def _submission(body: Body) -> Delivery:
    view = body["view"]
    about = about_of(view)
    return _delivery(
        f"{view['id']}:{view.get('hash', '')}",
        DeliveryKind.SUBMISSION,
        **_who(body),
        channel=about.get("channel", ""),
        thread=about.get("thread", ""),
        action=view.get("callback_id", ""),
        value=about.get("value", ""),
        values=values_of(view),
    )


def _closed(body: Body) -> Delivery:
    view = body["view"]
    return _delivery(f"{view['id']}:closed", DeliveryKind.CLOSED, **_who(body), action=view.get("callback_id", ""))


def _shortcut(body: Body) -> Delivery:
    return _delivery(
        body["trigger_id"],
        DeliveryKind.SHORTCUT,
        **_who(body),
        channel=(body.get("channel") or {}).get("id", ""),
        action=body.get("callback_id", ""),
        message=(body.get("message") or {}).get("ts", ""),
        response_url=body.get("response_url", ""),
    )


def _event(body: Body) -> Delivery | None:
    event = body.get("event", {})
    if event.get("type") == "app_home_opened" and event.get("tab") == "home":
        user, team = event.get("user", ""), body.get("team_id", "")
        return _delivery(body["event_id"], DeliveryKind.EVENT, team=team, user=user, action="home.opened")
    if event.get("type") != "app_mention" or event.get("bot_id"):
        return None
    return _delivery(
        body["event_id"],
        DeliveryKind.MENTION,
        team=event.get("team") or body.get("team_id", ""),
        user=event.get("user", ""),
        channel=event.get("channel", ""),
        thread=event.get("thread_ts") or event.get("ts", ""),
        text=_unescaped(_MENTION.sub("", event.get("text", ""))),
        message=event.get("ts", ""),
    )


def _unescaped(text: str) -> str:
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&").strip()


def about_of(view: Body) -> dict[str, str]:
    """What a modal carries about itself; empty when it is not ours."""
    try:
        about = json.loads(view.get("private_metadata") or "{}")
    except ValueError:
        return {}
    return {str(key): str(value) for key, value in about.items()} if isinstance(about, dict) else {}


def values_of(view: Body) -> dict[str, str]:
    """The filled fields of a modal by name; empty ones are left out, so that a model's default stands."""
    state = (view.get("state") or {}).get("values") or {}
    found = {block: _value_of(next(iter(actions.values()))) for block, actions in state.items() if actions}
    return {name: value for name, value in found.items() if value}


def _value_of(element: Body) -> str:
    """What was entered or picked in an element, as one text; several picks are joined by commas."""
    for key in (
        "value",
        "selected_date",
        "selected_time",
        "selected_user",
        "selected_channel",
        "selected_conversation",
    ):
        if element.get(key):
            return str(element[key])
    if element.get("selected_option"):
        return str(element["selected_option"]["value"])
    picked = element.get("selected_options") or []
    return ",".join(str(option["value"]) for option in picked)

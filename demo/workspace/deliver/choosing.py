"""What a person may give an element: only what it offers, and only what exists."""

import re
from collections.abc import Callable
from datetime import date
from typing import Any

from demo.workspace import Json
from demo.workspace.blocks.rich import RICH_TEXT
from demo.workspace.state.views import value_field
from demo.workspace.state.world import World

_TIME = re.compile(r"([01]\d|2[0-3]):[0-5]\d")
_PRESSED = frozenset({"button", "icon_button", "workflow_button"})
_FEEDBACK = ("positive_button", "negative_button")


class NotOfferedError(LookupError):
    """The person chose something the element does not offer."""


def value_given(world: World, element: Json, given: Json) -> Json:
    """The part of an action or a state that holds the value.

    Raises: NotOfferedError.
    """
    kind = element["type"]
    if kind in _PRESSED:
        return {"value": element["value"]} if "value" in element else {}
    if kind == "feedback_buttons":
        return {"value": _one_of(given.get("value"), [element[b]["value"] for b in _FEEDBACK])}
    if kind == "overflow":
        return {"selected_option": _one_of(given.get("selected_option"), element["options"])}
    field = value_field(kind)
    if field is None:
        raise NotOfferedError(f"a {kind} holds no value")
    return {field: _checked(world, element, field, given.get(field))}


def _checked(world: World, element: Json, field: str, chosen: Any) -> Any:
    if chosen in (None, ""):
        return None
    if not isinstance(chosen, list):
        return _one(world, element, field, chosen)
    most = element.get("max_selected_items", element.get("max_files"))
    if most is not None and len(chosen) > most:
        raise NotOfferedError(f"at most {most} may be chosen here")
    return [_one(world, element, field.removesuffix("s"), one) for one in chosen]


def _one(world: World, element: Json, field: str, chosen: Any) -> Any:
    """Static menus, boxes and radio buttons take only what they offer; external ones were asked just before."""
    if field == "selected_option":
        offered = _offered(element)
        return chosen if offered is None else _one_of(chosen, offered)
    if field == "file":
        return _file(world, chosen)
    is_one = _KINDS.get(field)
    if is_one is not None and not is_one(world, chosen):
        raise NotOfferedError(f"{chosen!r} is no {field.removeprefix('selected_')}")
    return chosen


def _offered(element: Json) -> list[Json] | None:
    if "option_groups" in element:
        return [option for group in element["option_groups"] for option in group["options"]]
    return element.get("options")


def _one_of(chosen: Any, offered: list[Any]) -> Any:
    value = chosen.get("value") if isinstance(chosen, dict) else chosen
    for option in offered:
        if value == (option.get("value") if isinstance(option, dict) else option):
            return option
    raise NotOfferedError(f"{value!r} is not offered here")


def _file(world: World, chosen: Any) -> Json:
    """A file that was uploaded, as the app sees it."""
    stored = world.state.files.get(str(chosen.get("id") if isinstance(chosen, dict) else chosen))
    if stored is None or not stored.is_complete:
        raise NotOfferedError(f"{chosen!r} is no uploaded file")
    return stored.slack_shape(world.base_url)


def _is_date(_: World, chosen: Any) -> bool:
    try:
        return bool(date.fromisoformat(chosen).isoformat() == chosen)
    except (TypeError, ValueError):
        return False


_KINDS: dict[str, Callable[[World, Any], bool]] = {
    "selected_user": lambda world, chosen: chosen in world.state.people,
    "selected_channel": lambda world, chosen: chosen in world.state.channels and not world.state.channels[chosen].is_im,
    "selected_conversation": lambda world, chosen: chosen in world.state.channels,
    "selected_date": _is_date,
    "selected_time": lambda _, chosen: bool(_TIME.fullmatch(str(chosen))),
    "selected_date_time": lambda _, chosen: isinstance(chosen, int) and len(str(chosen)) == len("1700000000"),
    "rich_text_value": lambda _, chosen: not list(RICH_TEXT(chosen, "")),
    "value": lambda _, chosen: isinstance(chosen, str),
}
"""What each field of a state takes, where the element itself offers nothing."""

"""One act on one element, as it stands in a `block_actions` payload."""

from typing import Any

from demo.workspace import Json
from demo.workspace.blocks.identify import elements_of
from demo.workspace.state.views import initial_values, value_field


class NotThereError(LookupError):
    """What the person acted on is not there; the message says what is."""


class NotOfferedError(LookupError):
    """The person chose something the element does not offer."""


def locate(blocks: list[Json], action_id: str, block_id: str | None) -> tuple[Json, Json]:
    """The block and the element a person acted on.

    Raises: NotThereError.
    """
    for block in blocks:
        for element in elements_of(block):
            if element.get("action_id") == action_id and block_id in (None, block["block_id"]):
                return block, element
    there = ", ".join(str(e.get("action_id")) for b in blocks for e in elements_of(b)) or "nothing"
    raise NotThereError(f"there is no element {action_id!r} here; there is: {there}")


def all_blocks(message: Json) -> list[Json]:
    """A message's blocks, those of its attachments included."""
    nested = [b for attachment in message.get("attachments") or [] for b in attachment.get("blocks") or []]
    return [*(message.get("blocks") or []), *nested]


def performed(block: Json, element: Json, given: Json, action_ts: str) -> Json:
    """The entry of `actions`: the element's own words and the value a person gave it.

    Raises: NotOfferedError.
    """
    action: Json = {
        "type": element["type"],
        "action_id": element["action_id"],
        "block_id": block["block_id"],
        "action_ts": action_ts,
    }
    for name in ("text", "style", "placeholder", "initial_option", "initial_options", "initial_date"):
        if name in element:
            action[name] = element[name]
    return action | value_given(element, given)


def value_given(element: Json, given: Json) -> Json:
    """The part of an action or a state that holds the value.

    Raises: NotOfferedError.
    """
    kind = element["type"]
    if kind in {"button", "icon_button", "workflow_button"}:
        return {"value": element["value"]} if "value" in element else {}
    if kind == "feedback_buttons":
        return {"value": _one_of(given.get("value"), [element[b]["value"] for b in _FEEDBACK])}
    if kind == "overflow":
        return {"selected_option": _one_of(given.get("selected_option"), element["options"])}
    field = value_field(kind)
    if field is None:
        raise NotOfferedError(f"a {kind} holds no value")
    return {field: _checked(element, field, given.get(field))}


def state_after(blocks: list[Json], given_state: Json, block: Json, element: Json, action: Json) -> dict[str, Json]:
    """`state.values` of a message after an act: initial values, what the page holds, and the act itself."""
    values = initial_values(blocks)
    for block_id, actions in given_state.items():
        for action_id, value in actions.items():
            if action_id in values.get(block_id, {}):
                values[block_id][action_id] = value
    field = value_field(element["type"])
    if field is not None:
        stated = {"type": element["type"], field: action.get(field)}
        values.setdefault(block["block_id"], {})[element["action_id"]] = stated
    return values


_FEEDBACK = ("positive_button", "negative_button")


def _checked(element: Json, field: str, chosen: Any) -> Any:
    """Static menus, boxes and radio buttons take only what they offer; external ones were asked just before."""
    offered = _offered(element)
    if chosen in (None, ""):
        return None
    if offered is None:
        return chosen
    if field == "selected_options":
        return [_one_of(one, offered) for one in chosen]
    return _one_of(chosen, offered)


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

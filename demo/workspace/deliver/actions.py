"""One act on one element, as it stands in a `block_actions` payload."""

from demo.workspace import Json
from demo.workspace.blocks.identify import elements_of
from demo.workspace.deliver.choosing import value_given
from demo.workspace.state.views import initial_values, value_field
from demo.workspace.state.world import World

_ECHOED = (
    "text", "style", "placeholder", "confirm", "url", "initial_option", "initial_options", "initial_user",
    "initial_conversation", "initial_channel", "initial_date", "initial_time", "min_query_length",
)  # fmt: skip
"""What Slack sends back of the element itself."""


class NotThereError(LookupError):
    """What the person acted on is not there; the message says what is."""


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


def performed(world: World, block: Json, element: Json, given: Json, action_ts: str) -> Json:
    """The entry of `actions`: the element's own words and the value a person gave it.

    Raises: NotOfferedError.
    """
    action: Json = {
        "type": element["type"],
        "action_id": element["action_id"],
        "block_id": block["block_id"],
        "action_ts": action_ts,
    }
    action |= {name: element[name] for name in _ECHOED if name in element}
    return action | value_given(world, element, given)


def is_silent(block: Json) -> bool:
    """Inputs tell the app nothing before their modal is submitted, unless they say so."""
    return block["type"] == "input" and not block.get("dispatch_action")


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

"""Reading messages and views as a person does: their text, and where their buttons are."""

from collections.abc import Iterator
from typing import Any

from demo.workspace import Json
from demo.workspace.blocks.identify import elements_of
from demo.workspace.state.views import value_field

_QUIET_KEYS = {
    "type", "block_id", "action_id", "value", "url", "image_url", "style", "emoji", "verbatim", "task_id", "status",
    "confirm", "placeholder", "callback_id", "private_metadata", "id", "hash", "response_url",
}  # fmt: skip
_SPOKEN_KEYS = {"text", "title", "label", "hint", "description", "alt_text", "name"}


def visible_text(surface: Json) -> str:
    """All that can be read in a message or view, line by line: text, blocks, attachments, file names."""
    text = surface.get("text")
    lines = [text] if isinstance(text, str) and not surface.get("blocks") else []
    for part in ("title", "blocks", "attachments", "files"):
        lines += _spoken(surface.get(part))
    if isinstance(text, str) and surface.get("blocks"):
        lines.append(text)
    return "\n".join(line for line in lines if line)


def find_element(surface: Json, what: str) -> tuple[Json, Json]:
    """The block and interactive element with this action_id, block_id, button text or label.

    Raises: LookupError naming what there is.
    """
    pairs = [(block, element) for block in _blocks(surface) for element in elements_of(block)]
    for matches in (_has_action_id, _has_block_id, _has_text):
        for block, element in pairs:
            if matches(block, element, what):
                return block, element
    there = sorted({str(element.get("action_id")) for _, element in pairs})
    raise LookupError(f"nothing here is called {what!r}; there is {', '.join(there) or 'nothing to press'}")


def wire_value(element: Json, chosen: Any) -> Json:
    """What a person chose, as the element's own part of the state: options by value or by text."""
    kind = element["type"]
    field = value_field(kind) or ("selected_option" if kind == "overflow" else "value")
    if field == "selected_option":
        return {field: _option(element, chosen)}
    if field == "selected_options":
        return {field: [_option(element, one) for one in chosen]}
    return {field: chosen}


def _option(element: Json, chosen: Any) -> Json | None:
    if chosen is None or isinstance(chosen, dict):
        return chosen
    groups = element.get("option_groups") or []
    options = [*(element.get("options") or []), *(o for group in groups for o in group["options"])]
    for option in options:
        if chosen in (option.get("value"), option["text"]["text"]):
            return dict(option)
    if not options:
        return {"text": {"type": "plain_text", "text": str(chosen)}, "value": str(chosen)}
    raise LookupError(f"{chosen!r} is not offered; there is {', '.join(str(o.get('value')) for o in options)}")


def _blocks(surface: Json) -> list[Json]:
    nested = [b for attachment in surface.get("attachments") or [] for b in attachment.get("blocks") or []]
    return [*(surface.get("blocks") or []), *nested]


def _has_action_id(_: Json, element: Json, what: str) -> bool:
    return element.get("action_id") == what


def _has_block_id(block: Json, _: Json, what: str) -> bool:
    return block.get("block_id") == what


def _has_text(block: Json, element: Json, what: str) -> bool:
    own, label = element.get("text"), block.get("label")
    texts = [t.get("text") for t in (own, label) if isinstance(t, dict)]
    return what in texts


def _spoken(value: Any) -> Iterator[str]:
    """Every string a reader sees, in the order it stands there."""
    if isinstance(value, list):
        for item in value:
            yield from _spoken(item)
    elif isinstance(value, dict):
        if value.get("type") == "user" and "user_id" in value:
            yield f"<@{value['user_id']}>"  # a mention in rich text, as mrkdwn writes it
        for key, item in value.items():
            if isinstance(item, str) and key in _SPOKEN_KEYS:
                yield item
            elif key not in _QUIET_KEYS and not isinstance(item, str):
                yield from _spoken(item)

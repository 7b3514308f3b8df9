"""The ids Slack gives to blocks and actions that came without one."""

import copy
from typing import Any

from demo.workspace import Json, identifiers
from demo.workspace.blocks import elements

_INTERACTIVE_HOLDERS = ("elements", "actions", "child_blocks")


def with_ids(blocks: list[Json]) -> list[Json]:
    """A copy in which every block has a block_id, every interactive element an action_id, every text its flags."""
    return [_with_block_id(_with_flags(copy.deepcopy(block))) for block in blocks]


def elements_of(block: Json) -> list[Json]:
    """Interactive elements of a block, those of nested cards included."""
    found = [block.get("accessory"), block.get("element")]
    for holder in _INTERACTIVE_HOLDERS:
        found += block.get(holder) or []
    direct = [e for e in found if isinstance(e, dict) and e.get("type") in _INTERACTIVE]
    nested = [n for e in found if isinstance(e, dict) and e.get("type") in _NESTING for n in elements_of(e)]
    return direct + nested


_NESTING = {"card", "section", "actions", "input", "context_actions"}
_FLAGS: dict[str, Json] = {"plain_text": {"emoji": True}, "mrkdwn": {"verbatim": False}}
_INTERACTIVE = frozenset({
    *elements.BESIDE_SECTION, *elements.INPUTS, *elements.RICH_INPUT, *elements.FEEDBACK, *elements.ICON_BUTTON,
})  # fmt: skip


def _with_block_id(block: Json) -> Json:
    if not block.get("block_id"):
        block["block_id"] = identifiers.short_id()
    for element in elements_of(block):
        if not element.get("action_id"):
            element["action_id"] = identifiers.short_id()
    return block


def _with_flags(value: Any) -> Any:
    """Slack answers plain text with `emoji` and mrkdwn with `verbatim`, whether they were sent or not."""
    if isinstance(value, list):
        return [_with_flags(item) for item in value]
    if not isinstance(value, dict):
        return value
    flags = _FLAGS.get(str(value.get("type")), {}) if "text" in value else {}
    return {**flags, **{name: _with_flags(item) for name, item in value.items()}}

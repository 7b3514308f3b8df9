"""The ids Slack gives to blocks and actions that came without one."""

import copy

from demo.workspace import Json, identifiers

_INTERACTIVE_HOLDERS = ("elements", "actions", "child_blocks")


def with_ids(blocks: list[Json]) -> list[Json]:
    """A copy in which every block has a block_id and every interactive element an action_id."""
    return [_with_block_id(copy.deepcopy(block)) for block in blocks]


def elements_of(block: Json) -> list[Json]:
    """Interactive elements of a block, those of nested cards included."""
    found = [block.get("accessory"), block.get("element")]
    for holder in _INTERACTIVE_HOLDERS:
        found += block.get(holder) or []
    direct = [e for e in found if isinstance(e, dict) and _is_interactive(e)]
    nested = [n for e in found if isinstance(e, dict) and e.get("type") in _NESTING for n in elements_of(e)]
    return direct + nested


_NESTING = {"card", "section", "actions", "input", "context_actions"}
_PASSIVE = {"mrkdwn", "plain_text", "image"}


def _is_interactive(element: Json) -> bool:
    kind = str(element.get("type", ""))
    return (kind not in _PASSIVE and kind not in _NESTING and not kind.startswith("rich_text_")) or _is_input(kind)


def _is_input(kind: str) -> bool:
    return kind == "rich_text_input"


def _with_block_id(block: Json) -> Json:
    if not block.get("block_id"):
        block["block_id"] = identifiers.short_id()
    for element in elements_of(block):
        if not element.get("action_id"):
            element["action_id"] = identifiers.short_id()
    return block

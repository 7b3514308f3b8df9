"""What is wrong with the blocks of a message, or with a view, in Slack's words."""

from collections.abc import Iterator
from typing import Any

from demo.workspace import Json
from demo.workspace.blocks import elements, kinds
from demo.workspace.blocks.identify import elements_of
from demo.workspace.blocks.rules import array, at, boolean, choice, plain_text, record, string

MESSAGE_BLOCKS = 50
VIEW_BLOCKS = 100
VIEW_TITLE_LIMIT = 24
PRIVATE_METADATA_LIMIT = 3000
TABLE_CHARACTERS = 10_000
MARKDOWN_CHARACTERS = 12_000
TABLES = 1

_MESSAGE = array(kinds.IN_MESSAGE, MESSAGE_BLOCKS)
_VIEW_COMMON = {
    "private_metadata": string(PRIVATE_METADATA_LIMIT),
    "callback_id": string(255),
    "external_id": string(255),
}
_BLOCKS = array(kinds.IN_VIEW, VIEW_BLOCKS)
_VIEWS = {
    "modal": record(
        {"type": choice("modal"), "title": plain_text(VIEW_TITLE_LIMIT), "blocks": _BLOCKS},
        {
            **_VIEW_COMMON,
            "submit": plain_text(VIEW_TITLE_LIMIT),
            "close": plain_text(VIEW_TITLE_LIMIT),
            "clear_on_close": boolean,
            "notify_on_close": boolean,
            "submit_disabled": boolean,
        },
    ),
    "home": record({"type": choice("home"), "blocks": _BLOCKS}, _VIEW_COMMON),
}


def message_problems(blocks: list[Any]) -> list[str]:
    """Empty when Slack would take the blocks."""
    found = list(_MESSAGE(blocks, "/blocks"))
    return found or [*_repeated(blocks, "/blocks"), *_tables(blocks), *_markdown(blocks)]


def view_problems(view: Any, kind: str) -> list[str]:
    """Empty when Slack would take the view; `kind` is `modal` or `home`."""
    if not isinstance(view, dict):
        return [at("must provide an object", "/view")]
    if view.get("type") != kind or kind not in _VIEWS:
        return [at(f"unsupported type: {view.get('type')}", "/view/type")]
    found = list(_VIEWS[kind](view, "/view"))
    return found or [*_repeated(view["blocks"], "/view/blocks"), *_unsubmittable(view, kind)]


def option_problems(answer: Any) -> list[str]:
    """What is wrong with an app's answer to an external select; empty when it can be shown."""
    return list(elements.OPTIONS_ANSWER(answer, ""))


def visible_characters(blocks: list[Json]) -> int:
    """All text of the blocks counted together, as the limit on a message's blocks counts it."""
    return sum(len(text) for block in blocks for text in _texts(block))


def _repeated(blocks: list[Json], where: str) -> Iterator[str]:
    """Block ids are unique in a message or view, action ids in their block."""
    seen: set[str] = set()
    for position, block in enumerate(blocks):
        block_id = block.get("block_id")
        if block_id and block_id in seen:
            yield at("`block_id` already exists for another block", f"{where}/{position}/block_id")
        seen.add(str(block_id))
        actions = [e["action_id"] for e in elements_of(block) if e.get("action_id")]
        if len(actions) != len(set(actions)):
            yield at("`action_id` already exists for another element", f"{where}/{position}")


def _tables(blocks: list[Json]) -> Iterator[str]:
    tables = [(i, b) for i, b in enumerate(blocks) if b["type"] == "table"]
    if len(tables) > TABLES:
        yield at("only one table is allowed in a message", f"/blocks/{tables[1][0]}")
    for position, table in tables:
        if sum(len(text) for text in _texts(table)) > TABLE_CHARACTERS:
            yield at(f"a table has at most {TABLE_CHARACTERS} characters", f"/blocks/{position}/rows")


def _markdown(blocks: list[Json]) -> Iterator[str]:
    written = sum(len(b["text"]) for b in blocks if b["type"] == "markdown")
    if written > MARKDOWN_CHARACTERS:
        yield at(f"all markdown blocks together have at most {MARKDOWN_CHARACTERS} characters", "/blocks")


def _unsubmittable(view: Json, kind: str) -> Iterator[str]:
    """A modal with inputs needs a way to send them."""
    if kind == "modal" and "submit" not in view and any(b["type"] == "input" for b in view["blocks"]):
        yield at("missing required field: submit", "/view")


_TEXT_KEYS = {"text", "title", "caption", "author_name", "description", "fallback"}


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, list):
        for item in value:
            yield from _texts(item)
    elif isinstance(value, dict):
        for name, item in value.items():
            if isinstance(item, str):
                if name in _TEXT_KEYS:
                    yield item
            else:
                yield from _texts(item)

"""Every kind of block, with its limits, and where it may stand."""

from collections.abc import Iterator
from typing import Any

from demo.workspace.blocks import elements
from demo.workspace.blocks.rich import RICH_TEXT, RICH_TEXT_BLOCK
from demo.workspace.blocks.rules import (
    Rule,
    any_text,
    array,
    at,
    boolean,
    both,
    choice,
    exactly_one,
    integer,
    mrkdwn,
    number,
    plain_text,
    record,
    string,
    tagged,
    typed,
    url,
)

HEADER_LIMIT = 150
FIELDS, FIELD_LIMIT = 10, 2000
CONTEXT_ELEMENTS = 10
ACTIONS_ELEMENTS = 25
CONTEXT_ACTIONS_ELEMENTS = 5
MARKDOWN_LIMIT = 12_000
TABLE_ROWS, TABLE_COLUMNS = 100, 20
PLAN_TASKS = 50
TASK_TITLE_LIMIT = 3000
ALT_TEXT_LIMIT = 2000
TITLE_LIMIT = 2000
LABEL_LIMIT = 2000
VIDEO_TITLE_LIMIT, VIDEO_AUTHOR_LIMIT = 200, 50
CARDS = 10
CARD_ACTIONS = 5

_ID: dict[str, Rule] = {"block_id": string(elements.ID_LIMIT, 1)}
_SLACK_FILE = both(record({}, {"id": string(least=1), "url": url}), exactly_one("id", "url"))
_PICTURE: dict[str, Rule] = {"image_url": url, "slack_file": _SLACK_FILE}


def _pictured(kinds: dict[str, Rule]) -> dict[str, Rule]:
    return {kind: both(rule, exactly_one("image_url", "slack_file")) for kind, rule in kinds.items()}


IMAGE_ELEMENT = _pictured(typed("image", {"alt_text": string(ALT_TEXT_LIMIT, 1)}, _PICTURE))
_PLAIN_OR_MRKDWN = {
    **typed("plain_text", {"text": string(3000, 1)}, {"emoji": boolean}),
    **typed("mrkdwn", {"text": string(3000, 1)}, {"verbatim": boolean}),
}


def _text_or_fields(value: Any, where: str) -> Iterator[str]:
    if isinstance(value, dict) and not (value.get("text") or value.get("fields")):
        yield at("must define either `text` or `fields`", where)


def _narrow(value: Any, where: str) -> Iterator[str]:
    """A table's rows have the same few columns."""
    rows = value.get("rows") if isinstance(value, dict) else None
    widths = {len(row) for row in rows if isinstance(row, list)} if isinstance(rows, list) else set()
    if len(widths) > 1:
        yield at("all rows must have the same number of columns", f"{where}/rows")


_CELL = tagged(
    {
        **typed("raw_text", {"text": string(least=1)}),
        **typed("raw_number", {"text": string(least=1), "value": number}),
        **RICH_TEXT_BLOCK,
    }
)
_ROWS = array(array(_CELL, TABLE_COLUMNS, 1), TABLE_ROWS, 1)
_COLUMN = record({}, {"align": choice("left", "center", "right"), "is_wrapped": boolean})

SECTION = {
    "section": both(
        typed(
            "section",
            {},
            {
                **_ID,
                "text": any_text(),
                "fields": array(any_text(FIELD_LIMIT), FIELDS, 1),
                "accessory": tagged(elements.BESIDE_SECTION | IMAGE_ELEMENT),
                "expand": boolean,
            },
        )["section"],
        _text_or_fields,
    )
}
HEADER = typed("header", {"text": plain_text(HEADER_LIMIT)}, _ID)
DIVIDER = typed("divider", {}, _ID)
CONTEXT = typed("context", {"elements": array(tagged(_PLAIN_OR_MRKDWN | IMAGE_ELEMENT), CONTEXT_ELEMENTS, 1)}, _ID)
ACTIONS = typed("actions", {"elements": array(elements.IN_ACTIONS, ACTIONS_ELEMENTS, 1)}, _ID)
INPUT = typed(
    "input",
    {"label": plain_text(LABEL_LIMIT), "element": elements.IN_INPUT},
    {**_ID, "dispatch_action": boolean, "hint": plain_text(LABEL_LIMIT), "optional": boolean},
)
IMAGE = _pictured(
    typed("image", {"alt_text": string(ALT_TEXT_LIMIT, 1)}, {**_ID, **_PICTURE, "title": plain_text(TITLE_LIMIT)})
)
VIDEO = typed(
    "video",
    {"alt_text": string(least=1), "title": plain_text(VIDEO_TITLE_LIMIT), "thumbnail_url": url, "video_url": url},
    {
        **_ID,
        "author_name": string(VIDEO_AUTHOR_LIMIT),
        "description": plain_text(VIDEO_TITLE_LIMIT),
        "provider_icon_url": url,
        "provider_name": string(),
        "title_url": url,
    },
)
FILE = typed("file", {"external_id": string(least=1), "source": string(least=1)}, _ID)
MARKDOWN = typed("markdown", {"text": string(MARKDOWN_LIMIT, 1)}, _ID)
TABLE = {
    "table": both(
        typed("table", {"rows": _ROWS}, {**_ID, "column_settings": array(_COLUMN, TABLE_COLUMNS)})["table"], _narrow
    )
}
DATA_TABLE = typed(
    "data_table",
    {"caption": string(least=1), "rows": _ROWS},
    {**_ID, "page_size": integer(1), "row_header_column_index": integer(0)},
)
_SOURCE = tagged(typed("url", {"url": url, "text": string(least=1)}))
TASK_CARD = typed(
    "task_card",
    {
        "task_id": string(elements.ID_LIMIT, 1),
        "title": string(TASK_TITLE_LIMIT, 1),
        "status": choice("pending", "in_progress", "complete", "error"),
    },
    {**_ID, "details": RICH_TEXT, "output": RICH_TEXT, "sources": array(_SOURCE)},
)
PLAN = typed("plan", {"title": string(TASK_TITLE_LIMIT, 1)}, {**_ID, "tasks": array(tagged(TASK_CARD), PLAN_TASKS)})
CONTEXT_ACTIONS = typed(
    "context_actions", {"elements": array(elements.IN_CONTEXT_ACTIONS, CONTEXT_ACTIONS_ELEMENTS, 1)}, _ID
)
ALERT = typed(
    "alert",
    {"text": any_text()},
    {**_ID, "level": choice("default", "info", "warning", "error", "success")},
)
CARD = typed(
    "card",
    {},
    {
        **_ID,
        "title": mrkdwn(),
        "subtitle": mrkdwn(),
        "body": mrkdwn(),
        "icon": tagged(IMAGE_ELEMENT),
        "hero_image": tagged(IMAGE_ELEMENT),
        "actions": array(tagged(elements.BUTTON), CARD_ACTIONS),
    },
)
CAROUSEL = typed("carousel", {"elements": array(tagged(CARD), CARDS, 1)}, _ID)
_INSIDE = {
    **ACTIONS, **CONTEXT, **DIVIDER, **FILE, **HEADER, **IMAGE, **INPUT, **RICH_TEXT_BLOCK, **SECTION, **TABLE, **VIDEO,
}  # fmt: skip
CONTAINER = typed(
    "container",
    {"child_blocks": array(tagged(_INSIDE), least=1)},
    {
        **_ID,
        "title": plain_text(HEADER_LIMIT),
        "rich_text_title": RICH_TEXT,
        "subtitle": any_text(),
        "icon": tagged(IMAGE_ELEMENT),
        "width": choice("narrow", "standard", "wide", "full"),
        "is_collapsible": boolean,
        "default_collapsed": boolean,
        "has_header_divider": boolean,
    },
)

EVERYWHERE: dict[str, Rule] = {
    **SECTION, **HEADER, **DIVIDER, **CONTEXT, **ACTIONS, **INPUT, **IMAGE, **VIDEO, **RICH_TEXT_BLOCK, **ALERT,
    **CONTAINER,
}  # fmt: skip
MESSAGES_ONLY: dict[str, Rule] = {
    **FILE, **MARKDOWN, **TABLE, **DATA_TABLE, **TASK_CARD, **PLAN, **CONTEXT_ACTIONS, **CARD, **CAROUSEL,
}  # fmt: skip

IN_MESSAGE = tagged(EVERYWHERE | MESSAGES_ONLY)
IN_VIEW = tagged(EVERYWHERE)

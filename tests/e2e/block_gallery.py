"""One specimen of every block and element that Block Kit knows, for the page to show."""

from typing import Any

Specimen = dict[str, Any]


def plain(text: str) -> Specimen:
    return {"type": "plain_text", "text": text}


def mrkdwn(text: str) -> Specimen:
    return {"type": "mrkdwn", "text": text}


OPTIONS = [
    {"text": plain("Takumi"), "value": "takumi", "description": plain("production")},
    {"text": plain("Staging"), "value": "staging"},
]
IMAGE = {"type": "image", "image_url": "https://127.0.0.1/none.png", "alt_text": "a picture"}
PICTURE = {"image_url": IMAGE["image_url"], "alt_text": "a picture"}


def rich(*elements: Specimen) -> Specimen:
    return {"type": "rich_text", "elements": [{"type": "rich_text_section", "elements": list(elements)}]}


BUTTON = {"type": "button", "action_id": "button", "text": plain("Press"), "style": "primary", "value": "1"}
TASK = {
    "type": "task_card",
    "task_id": "dump",
    "title": "Dump the database",
    "status": "in_progress",
    "details": rich({"type": "text", "text": "8 tables"}),
    "output": rich({"type": "text", "text": "pg_dump: done"}),
    "sources": [{"type": "url", "url": "https://example.com/log", "text": "log"}],
}

SELECTS: list[Specimen] = [
    {"type": "static_select", "options": OPTIONS},
    {"type": "external_select", "min_query_length": 0},
    {"type": "users_select"},
    {"type": "conversations_select"},
    {"type": "channels_select"},
    {"type": "multi_static_select", "options": OPTIONS},
    {"type": "multi_external_select"},
    {"type": "multi_users_select"},
    {"type": "multi_conversations_select"},
    {"type": "multi_channels_select"},
]
CHOICES: list[Specimen] = [
    {"type": "checkboxes", "options": OPTIONS, "initial_options": OPTIONS[:1]},
    {"type": "radio_buttons", "options": OPTIONS},
    {"type": "datepicker", "initial_date": "2026-11-24"},
    {"type": "timepicker", "initial_time": "02:00"},
    {"type": "datetimepicker", "initial_date_time": 1795500000},
]
FIELDS: list[Specimen] = [
    {"type": "plain_text_input", "multiline": True, "placeholder": plain("Why?")},
    {"type": "number_input", "is_decimal_allowed": False},
    {"type": "email_text_input"},
    {"type": "url_text_input"},
    {"type": "rich_text_input"},
    {"type": "file_input"},
]
PRESSED: list[Specimen] = [
    BUTTON,
    {"type": "workflow_button", "text": plain("Flow"), "workflow": {"trigger": {"url": "https://example.com"}}},
    {"type": "overflow", "options": OPTIONS},
]
QUIET: list[Specimen] = [
    {
        "type": "feedback_buttons",
        "positive_button": {"text": plain("Good"), "value": "good"},
        "negative_button": {"text": plain("Bad"), "value": "bad"},
    },
    {"type": "icon_button", "icon": "trash", "text": plain("Delete")},
]

RICH_LEAVES: list[Specimen] = [
    {"type": "text", "text": "words", "style": {"bold": True, "italic": True, "strike": True, "code": True}},
    {"type": "link", "url": "https://example.com", "text": "a link"},
    {"type": "emoji", "name": "rocket"},
    {"type": "user", "user_id": "U0LEAD0001"},
    {"type": "channel", "channel_id": "C0GENERAL1"},
    {"type": "usergroup", "usergroup_id": "S0CTO00000"},
    {"type": "team", "team_id": "T0TAKUMI01"},
    {"type": "broadcast", "range": "here"},
    {"type": "date", "timestamp": 1795500000, "format": "{date_long} {time}", "fallback": "soon"},
    {"type": "color", "value": "#c8452c"},
]
RICH_PARTS: list[Specimen] = [
    {"type": "rich_text_section", "elements": RICH_LEAVES},
    {"type": "rich_text_list", "style": "ordered", "elements": [{"type": "rich_text_section", "elements": []}]},
    {"type": "rich_text_quote", "elements": [{"type": "text", "text": "quoted"}]},
    {"type": "rich_text_preformatted", "elements": [{"type": "text", "text": "select 1"}]},
]


def named(elements: list[Specimen]) -> list[Specimen]:
    """Each element with an action id of its own."""
    return [{"action_id": element["type"], **element} for element in elements]


CARD = {"type": "card", "title": mrkdwn("*Card*"), "body": mrkdwn("body"), "hero_image": IMAGE, "actions": [BUTTON]}
TABLE_ROWS = [
    [{"type": "raw_text", "text": "Table"}, {"type": "raw_text", "text": "Rows"}],
    [rich({"type": "text", "text": "profiles"}), {"type": "raw_number", "value": 100482, "text": "100,482"}],
]

BLOCKS: list[Specimen] = [
    {"type": "header", "text": plain("Header")},
    {"type": "section", "text": mrkdwn("*Section*"), "fields": [mrkdwn("one"), plain("two")], "accessory": BUTTON},
    {"type": "divider"},
    {"type": "context", "elements": [IMAGE, mrkdwn("context")]},
    {"type": "actions", "elements": named([*PRESSED, *SELECTS, *CHOICES])},
    {"type": "context_actions", "elements": named(QUIET)},
    *({"type": "input", "label": plain(e["type"]), "element": e} for e in named([*FIELDS, *SELECTS, *CHOICES])),
    {"type": "image", **PICTURE, "title": plain("Picture")},
    {"type": "rich_text", "elements": RICH_PARTS},
    {"type": "markdown", "text": "# Title\n\n- **bold** [link](https://example.com)\n\n| a |\n|---|\n| 1 |"},
    {"type": "table", "rows": TABLE_ROWS, "column_settings": [{"is_wrapped": True}, {"align": "right"}]},
    {"type": "data_table", "caption": "Rows", "rows": TABLE_ROWS, "row_header_column_index": 0, "page_size": 1},
    {"type": "plan", "title": "Back up takumi", "tasks": [TASK]},
    TASK,
    {"type": "file", "external_id": "report", "source": "remote"},
    {"type": "alert", "level": "warning", "text": mrkdwn("Careful")},
    CARD,
    {"type": "carousel", "elements": [CARD, CARD]},
    {"type": "container", "title": plain("More"), "child_blocks": [{"type": "section", "text": mrkdwn("inside")}]},
    {"type": "video", "title": plain("Video"), "video_url": "https://example.com/v", "alt_text": "a video",
     "thumbnail_url": IMAGE["image_url"]},
]  # fmt: skip


def types_shown() -> set[str]:
    """Every `type` that a specimen has anywhere in it."""
    found: set[str] = set()
    waiting: list[Any] = [BLOCKS]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            found.add(str(value.get("type")))
            waiting.extend(value.values())
        elif isinstance(value, list):
            waiting.extend(value)
    return found

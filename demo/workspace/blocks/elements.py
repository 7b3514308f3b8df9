"""Every interactive element, with the limits of its parts."""

from demo.workspace.blocks.rich import RICH_TEXT
from demo.workspace.blocks.rules import (
    Rule,
    any_text,
    array,
    boolean,
    both,
    choice,
    exactly_one,
    integer,
    plain_text,
    record,
    string,
    tagged,
    typed,
    url,
)

ID_LIMIT = 255
BUTTON_TEXT_LIMIT = 75
BUTTON_VALUE_LIMIT = 2000
OPTION_TEXT_LIMIT = 75
OPTION_VALUE_LIMIT = 75
SELECT_OPTIONS = 100
OVERFLOW_OPTIONS = 5
BOX_OPTIONS = 10
PLACEHOLDER_LIMIT = 150
INPUT_LENGTH_LIMIT = 3000
FILE_INPUT_LIMIT = 10

ACTION_ID = string(ID_LIMIT, 1)
COLOR = choice("primary", "danger")
CONFIRM = record(
    {"text": any_text(300)},
    {"title": plain_text(100), "confirm": plain_text(30), "deny": plain_text(30), "style": COLOR},
)
_FIRM: dict[str, Rule] = {"action_id": ACTION_ID, "confirm": CONFIRM}
_OPTION_EXTRAS: dict[str, Rule] = {
    "value": string(OPTION_VALUE_LIMIT),
    "description": plain_text(OPTION_TEXT_LIMIT),
    "url": url,
}
OPTION = record({"text": plain_text(OPTION_TEXT_LIMIT)}, _OPTION_EXTRAS)
RICH_OPTION = record({"text": any_text(OPTION_TEXT_LIMIT)}, _OPTION_EXTRAS)
GROUP = record({"label": plain_text(OPTION_TEXT_LIMIT), "options": array(OPTION, SELECT_OPTIONS, 1)})
_SELECT = {**_FIRM, "placeholder": plain_text(PLACEHOLDER_LIMIT), "focus_on_load": boolean}
_MULTI = {**_SELECT, "max_selected_items": integer(1)}
_STATIC: dict[str, Rule] = {
    "options": array(OPTION, SELECT_OPTIONS, 1),
    "option_groups": array(GROUP, SELECT_OPTIONS, 1),
}
_FILTER = record(
    {},
    {
        "include": array(choice("im", "mpim", "private", "public"), least=1),
        "exclude_external_shared_channels": boolean,
        "exclude_bot_users": boolean,
    },
)
_CONVERSATION: dict[str, Rule] = {"default_to_current_conversation": boolean, "filter": _FILTER}
_URL_ENABLED: dict[str, Rule] = {"response_url_enabled": boolean}
_DISPATCH = record({}, {"trigger_actions_on": array(choice("on_enter_pressed", "on_character_entered"), least=1)})
_INPUT: dict[str, Rule] = {
    "action_id": ACTION_ID,
    "placeholder": plain_text(PLACEHOLDER_LIMIT),
    "focus_on_load": boolean,
    "dispatch_action_config": _DISPATCH,
}
_IDS = array(string(least=1))


def _with_static(kinds: dict[str, Rule]) -> dict[str, Rule]:
    """Menus of fixed options give either options or groups of them."""
    return {kind: both(rule, exactly_one("options", "option_groups")) for kind, rule in kinds.items()}


_BUTTON_FREE: dict[str, Rule] = {
    **_FIRM,
    "value": string(BUTTON_VALUE_LIMIT),
    "url": url,
    "style": COLOR,
    "accessibility_label": string(75),
}
BUTTON = typed("button", {"text": plain_text(BUTTON_TEXT_LIMIT)}, _BUTTON_FREE)
_TRIGGER = record({"url": url}, {"customizable_input_parameters": array(record({"name": string(), "value": string()}))})
WORKFLOW_BUTTON = typed(
    "workflow_button",
    {"text": plain_text(BUTTON_TEXT_LIMIT), "workflow": record({"trigger": _TRIGGER})},
    {"action_id": ACTION_ID, "style": COLOR, "accessibility_label": string(75), "confirm": CONFIRM},
)
SELECTS: dict[str, Rule] = {
    **_with_static(typed("static_select", {}, {**_SELECT, **_STATIC, "initial_option": OPTION})),
    **typed("external_select", {}, {**_SELECT, "initial_option": OPTION, "min_query_length": integer(0)}),
    **typed("users_select", {}, {**_SELECT, "initial_user": string(least=1)}),
    **typed(
        "conversations_select",
        {},
        {**_SELECT, **_CONVERSATION, **_URL_ENABLED, "initial_conversation": string(least=1)},
    ),
    **typed("channels_select", {}, {**_SELECT, **_URL_ENABLED, "initial_channel": string(least=1)}),
}
_OPTIONS_LEFT: dict[str, Rule] = {"initial_options": array(OPTION, SELECT_OPTIONS, 1)}
MULTI_SELECTS: dict[str, Rule] = {
    **_with_static(typed("multi_static_select", {}, {**_MULTI, **_STATIC, **_OPTIONS_LEFT})),
    **typed("multi_external_select", {}, {**_MULTI, **_OPTIONS_LEFT, "min_query_length": integer(0)}),
    **typed("multi_users_select", {}, {**_MULTI, "initial_users": _IDS}),
    **typed("multi_conversations_select", {}, {**_MULTI, **_CONVERSATION, "initial_conversations": _IDS}),
    **typed("multi_channels_select", {}, {**_MULTI, "initial_channels": _IDS}),
}
_BOXES: dict[str, Rule] = {"options": array(RICH_OPTION, BOX_OPTIONS, 1)}
_TIMES: dict[str, Rule] = {**_FIRM, "focus_on_load": boolean}
PICKERS: dict[str, Rule] = {
    **typed("checkboxes", _BOXES, {**_TIMES, "initial_options": array(RICH_OPTION, BOX_OPTIONS, 1)}),
    **typed("radio_buttons", _BOXES, {**_TIMES, "initial_option": RICH_OPTION}),
    **typed("datepicker", {}, {**_SELECT, "initial_date": string(10, 10)}),
    **typed("timepicker", {}, {**_SELECT, "initial_time": string(5, 5), "timezone": string()}),
    **typed("datetimepicker", {}, {**_TIMES, "initial_date_time": integer(0)}),
}
OVERFLOW = typed("overflow", {"options": array(OPTION, OVERFLOW_OPTIONS, 1)}, _FIRM)
RICH_INPUT = typed(
    "rich_text_input", {}, {**_INPUT, "initial_value": RICH_TEXT, "max_lines": integer(1), "min_lines": integer(1)}
)
_LENGTHS: dict[str, Rule] = {
    "multiline": boolean,
    "initial_value": string(INPUT_LENGTH_LIMIT),
    "min_length": integer(0, INPUT_LENGTH_LIMIT),
    "max_length": integer(1, INPUT_LENGTH_LIMIT),
}
INPUTS: dict[str, Rule] = {
    **typed("plain_text_input", {}, {**_INPUT, **_LENGTHS}),
    **typed("email_text_input", {}, {**_INPUT, "initial_value": string(INPUT_LENGTH_LIMIT)}),
    **typed("url_text_input", {}, {**_INPUT, "initial_value": string(INPUT_LENGTH_LIMIT)}),
    **typed(
        "number_input",
        {"is_decimal_allowed": boolean},
        {**_INPUT, "initial_value": string(), "min_value": string(), "max_value": string()},
    ),
    **typed(
        "file_input",
        {},
        {"action_id": ACTION_ID, "filetypes": array(string(least=1)), "max_files": integer(1, FILE_INPUT_LIMIT)},
    ),
}
_FEEDBACK = record(
    {"text": plain_text(BUTTON_TEXT_LIMIT), "value": string(BUTTON_VALUE_LIMIT)},
    {"accessibility_label": string(75)},
)
FEEDBACK = typed(
    "feedback_buttons", {"positive_button": _FEEDBACK, "negative_button": _FEEDBACK}, {"action_id": ACTION_ID}
)
ICON_BUTTON = typed(
    "icon_button",
    {"icon": string(least=1), "text": plain_text(BUTTON_TEXT_LIMIT)},
    {
        **_FIRM,
        "value": string(BUTTON_VALUE_LIMIT),
        "accessibility_label": string(75),
        "visible_to_user_ids": _IDS,
    },
)

OPTIONS_ANSWER = both(
    record({}, {"options": array(OPTION, SELECT_OPTIONS), "option_groups": array(GROUP, SELECT_OPTIONS)}),
    exactly_one("options", "option_groups"),
)
IN_ACTIONS = tagged(BUTTON | WORKFLOW_BUTTON | SELECTS | MULTI_SELECTS | PICKERS | OVERFLOW | RICH_INPUT)
IN_INPUT = tagged(SELECTS | MULTI_SELECTS | PICKERS | INPUTS | RICH_INPUT)
BESIDE_SECTION = BUTTON | WORKFLOW_BUTTON | SELECTS | MULTI_SELECTS | PICKERS | OVERFLOW
IN_CONTEXT_ACTIONS = tagged(FEEDBACK | ICON_BUTTON)

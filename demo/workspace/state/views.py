"""Modals and Home tabs: their shape on the wire and the values typed into them."""

import secrets

from pydantic import BaseModel, Field

from demo.workspace import Json

STACK_LIMIT = 3

_FIELDS: Json = {
    "title": None,
    "submit": None,
    "close": None,
    "blocks": [],
    "private_metadata": "",
    "callback_id": "",
    "external_id": "",
    "clear_on_close": False,
    "notify_on_close": False,
    "submit_disabled": False,
}
"""What a view carries, with what Slack assumes where it is left out."""


class ViewRecord(BaseModel):
    """One view as a person sees it; `content` is what the app sent, with ids filled in."""

    id: str
    app_id: str
    bot_id: str
    team_id: str
    user: str
    kind: str
    content: Json
    hash: str = ""
    root_view_id: str
    previous_view_id: str | None = None
    values: dict[str, Json] = Field(default_factory=dict)

    def replace(self, content: Json, now_seconds: float) -> None:
        """New content, new hash; typed values survive for the same block and action."""
        kept = self.values
        self.content = content
        self.hash = f"{int(now_seconds)}.{secrets.token_urlsafe(6)}"
        self.values = initial_values(content["blocks"])
        for block_id, actions in kept.items():
            for action_id, value in actions.items():
                if action_id in self.values.get(block_id, {}):
                    self.values[block_id][action_id] = value

    def slack_shape(self) -> Json:
        content = {name: self.content.get(name, default) for name, default in _FIELDS.items()}
        return {
            "id": self.id,
            "team_id": self.team_id,
            "type": self.kind,
            **content,
            "state": {"values": self.values},
            "hash": self.hash,
            "root_view_id": self.root_view_id,
            "previous_view_id": self.previous_view_id,
            "app_id": self.app_id,
            "app_installed_team_id": self.team_id,
            "bot_id": self.bot_id,
        }


def initial_values(blocks: list[Json]) -> dict[str, Json]:
    """The state of a view nobody has touched: every stateful element, with its initial value."""
    values: dict[str, Json] = {}
    for block in blocks:
        for element in stateful_elements(block):
            values.setdefault(block["block_id"], {})[element["action_id"]] = initial_value(element)
    return values


def stateful_elements(block: Json) -> list[Json]:
    """The elements of a block that hold a value of their own (buttons and menus of actions hold none)."""
    candidates = [block.get("element"), block.get("accessory"), *(block.get("elements") or [])]
    return [e for e in candidates if isinstance(e, dict) and e.get("type") in _STATE_FIELDS]


def initial_value(element: Json) -> Json:
    field, initial, empty = _STATE_FIELDS[element["type"]]
    return {"type": element["type"], field: element.get(initial, empty)}


_STATE_FIELDS: dict[str, tuple[str, str, object]] = {
    "plain_text_input": ("value", "initial_value", None),
    "number_input": ("value", "initial_value", None),
    "email_text_input": ("value", "initial_value", None),
    "url_text_input": ("value", "initial_value", None),
    "rich_text_input": ("rich_text_value", "initial_value", None),
    "static_select": ("selected_option", "initial_option", None),
    "external_select": ("selected_option", "initial_option", None),
    "users_select": ("selected_user", "initial_user", None),
    "conversations_select": ("selected_conversation", "initial_conversation", None),
    "channels_select": ("selected_channel", "initial_channel", None),
    "multi_static_select": ("selected_options", "initial_options", []),
    "multi_external_select": ("selected_options", "initial_options", []),
    "multi_users_select": ("selected_users", "initial_users", []),
    "multi_conversations_select": ("selected_conversations", "initial_conversations", []),
    "multi_channels_select": ("selected_channels", "initial_channels", []),
    "checkboxes": ("selected_options", "initial_options", []),
    "radio_buttons": ("selected_option", "initial_option", None),
    "datepicker": ("selected_date", "initial_date", None),
    "timepicker": ("selected_time", "initial_time", None),
    "datetimepicker": ("selected_date_time", "initial_date_time", None),
    "file_input": ("files", "initial_files", []),
}
"""Each stateful element: where its value stands, where its initial value comes from, what empty is."""


def value_field(element_type: str) -> str | None:
    """The key under which this element's value travels in `state` and in actions."""
    found = _STATE_FIELDS.get(element_type)
    return found[0] if found else None

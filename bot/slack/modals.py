"""Modals made from forms."""

import json
from typing import Any

from bot.domain.documents import Document, FieldKind, Form, FormField
from bot.services.forms import Opening
from bot.slack.render import Block, cut, plain_text, render

MAX_OPTIONS = 100
MAX_OPTION = 75
MAX_TITLE = 24
MAX_INITIAL = 3000


def view_of(form: Form, external_id: str) -> Block:
    """The modal; each field is an input block whose id is the parameter's name, so that errors find it."""
    blocks: list[Block] = [_input(field) for field in form.fields]
    if form.note:
        blocks.insert(0, {"type": "section", "text": plain_text(cut(form.note, 3000))})
    return {
        "type": "modal",
        "callback_id": form.callback,
        "external_id": external_id,
        "title": plain_text(cut(form.title, MAX_TITLE)),
        "submit": plain_text(cut(form.submit, MAX_TITLE)),
        "close": plain_text("Cancel"),
        "private_metadata": json.dumps(dict(form.about)),
        "blocks": blocks,
    }


def message_view(title: str, text: str, external_id: str) -> Block:
    """A modal that only says something."""
    return {
        "type": "modal",
        "external_id": external_id,
        "title": plain_text(cut(title, MAX_TITLE)),
        "close": plain_text("Close"),
        "blocks": [{"type": "section", "text": plain_text(cut(text, 3000))}],
    }


def opening_view(opening: Opening, external_id: str) -> Block:
    """What a modal shows at once: its form, or "loading" until the job fills it."""
    if opening.form is not None:
        return view_of(opening.form, external_id)
    return message_view(opening.title, "Loading\u2026", external_id)


def home_view(document: Document) -> Block:
    """A Home tab; tables and plans may stand in messages alone."""
    return {"type": "home", "blocks": render(document, plain=True).blocks}


def document_view(document: Document, external_id: str) -> Block:
    """A modal that shows a document, such as why there is no form; tables and plans may stand in messages alone."""
    return message_view("Takumi", "", external_id) | {"blocks": render(document, plain=True).blocks}


def _input(field: FormField) -> Block:
    block: Block = {
        "type": "input",
        "block_id": field.name,
        "label": plain_text(cut(field.label, 150)),
        "optional": field.optional,
        "element": _element(field),
    }
    if field.hint:
        block["hint"] = plain_text(cut(field.hint, 150))
    return block


def _element(field: FormField) -> Block:
    # A value is what comes back, so that none may be cut: one that is too long is typed instead of chosen.
    options = [_option(value, label) for value, label in field.choices if 0 < len(value) <= MAX_OPTION][:MAX_OPTIONS]
    if field.kind is FieldKind.CHOICE and options:
        return _select(field, options)
    if field.kind is FieldKind.NUMBER:
        element: Block = {"type": "number_input", "is_decimal_allowed": False}
    else:
        element = {"type": "plain_text_input"}
    element["action_id"] = "value"
    if field.initial:
        element["initial_value"] = field.initial[:MAX_INITIAL]
    return element


def _select(field: FormField, options: list[Block]) -> Block:
    element: dict[str, Any] = {"type": "static_select", "action_id": "value", "options": options}
    initial = [option for option in options if option["value"] == field.initial]
    if initial:
        element["initial_option"] = initial[0]
    return element


def _option(value: str, label: str) -> Block:
    return {"text": plain_text(cut(label, MAX_OPTION)), "value": value}

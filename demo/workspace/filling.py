"""The rules a form enforces by itself, before any app hears of it."""

import re
from collections.abc import Iterator
from decimal import Decimal, InvalidOperation
from typing import Any
from urllib.parse import urlsplit

from demo.workspace import Json
from demo.workspace.state.views import stateful_elements, value_field

REQUIRED = "Please complete this required field."
TEXT_INPUT_LIMIT = 3000
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")


def form_errors(blocks: list[Json], values: dict[str, Json]) -> dict[str, str]:
    """One sentence for each input block that is not filled in properly."""
    errors: dict[str, str] = {}
    for block in blocks:
        if block["type"] != "input":
            continue
        for element in stateful_elements(block):
            stated = values.get(block["block_id"], {}).get(element["action_id"], {})
            value = stated.get(value_field(element["type"]))
            problem = _problem(block, element, value)
            if problem:
                errors[block["block_id"]] = problem
    return errors


def _problem(block: Json, element: Json, value: Any) -> str | None:
    if value in (None, "", []):
        return None if block.get("optional") else REQUIRED
    return next(_complaints(element, value), None)


def _complaints(element: Json, value: Any) -> Iterator[str]:
    kind = element["type"]
    if kind == "plain_text_input":
        yield from _length(element, str(value))
    if kind == "number_input":
        yield from _number(element, str(value))
    if kind == "email_text_input" and not _EMAIL.fullmatch(str(value)):
        yield "Please enter a valid email address."
    if kind == "url_text_input" and not urlsplit(str(value)).netloc:
        yield "Please enter a valid URL."
    most = element.get("max_selected_items")
    if most is not None and isinstance(value, list) and len(value) > most:
        yield f"Please choose at most {most}."


def _length(element: Json, value: str) -> Iterator[str]:
    least, most = element.get("min_length", 0), element.get("max_length", TEXT_INPUT_LIMIT)
    if len(value) < least:
        yield f"Please enter at least {least} characters."
    if len(value) > most:
        yield f"Please enter at most {most} characters."


def _number(element: Json, value: str) -> Iterator[str]:
    try:
        number = Decimal(value)
    except InvalidOperation:
        yield "Please enter a number."
        return
    if not element.get("is_decimal_allowed") and number != number.to_integral_value():
        yield "Please enter a whole number."
    if "min_value" in element and number < Decimal(element["min_value"]):
        yield f"Please enter {element['min_value']} or more."
    if "max_value" in element and number > Decimal(element["max_value"]):
        yield f"Please enter {element['max_value']} or less."

"""Cursors: opaque to the caller, a position for us."""

import base64
import binascii
from typing import TypeVar

from demo.workspace.api.call import Call
from demo.workspace.errors import SlackError

T = TypeVar("T")
DEFAULT_LIMIT = 100


def page(
    call: Call,
    items: list[T],
    most: int,
    *,
    default: int = DEFAULT_LIMIT,
    error: str = "invalid_arguments",
    cursor_error: str = "invalid_cursor",
) -> tuple[list[T], str]:
    """The items of this page and the cursor of the next one, empty at the end.

    Raises: SlackError `cursor_error`, or `error` for a limit out of range.
    """
    start, limit = _position(call, cursor_error), call.number("limit", default, at_most=most, error=error)
    more = start + limit < len(items)
    return items[start : start + limit], _cursor(start + limit) if more else ""


def _cursor(position: int) -> str:
    return base64.b64encode(f"next:{position}".encode()).decode()


def _position(call: Call, error: str) -> int:
    if not call.has("cursor"):
        return 0
    try:
        word, _, position = base64.b64decode(call.text("cursor"), validate=True).decode().partition(":")
        found = int(position) if word == "next" else -1
    except (binascii.Error, ValueError) as broken:
        raise SlackError(error) from broken
    if found < 0:
        raise SlackError(error)
    return found

"""Cleaning every text of a document or form before it is drawn, so that what a mark adds still fits."""

from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass, replace
from enum import Enum
from typing import Any, TypeVar

from bot.domain.documents import Attachment, Chart

T = TypeVar("T")


def cleaned(value: T, clean: Callable[[str], str]) -> T:
    """The same value with every text in it cleaned; files keep their words, and are redacted when they are sent."""
    return _cleaned(value, clean)  # type: ignore[no-any-return] # what comes in goes out


def _cleaned(value: Any, clean: Callable[[str], str]) -> Any:
    if isinstance(value, Enum | Attachment | Chart):
        return value
    if isinstance(value, str):
        return clean(value)
    if is_dataclass(value) and not isinstance(value, type):
        return replace(value, **{field.name: _cleaned(getattr(value, field.name), clean) for field in fields(value)})
    if isinstance(value, Mapping):
        return {clean(str(key)): _cleaned(item, clean) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(_cleaned(item, clean) for item in value)
    return value

"""The words people type: `<family> <verb> value key=value --flag value`."""

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any, TypeVar

from pydantic import ValidationError

from bot.domain.errors import RequestError
from bot.domain.params import Params

P = TypeVar("P", bound=Params)


@dataclass(frozen=True)
class Words:
    """A request taken apart; a flag without a value is `"true"`."""

    positional: tuple[str, ...] = ()
    named: Mapping[str, str] = field(default_factory=dict)


def split(text: str) -> tuple[str, ...]:
    """The words of a line; quotes keep words together. Raises: RequestError for a quote that is never closed."""
    try:
        return tuple(shlex.split(text.translate(_TYPOGRAPHY)))
    except ValueError as error:
        raise RequestError(
            f"I cannot read that: {error}.", hint="Close every quotation mark, or leave them out."
        ) from error


# Phones and Slack's composer turn straight quotes and double hyphens into these.
_TYPOGRAPHY = str.maketrans({"\u201c": '"', "\u201d": '"', "\u2018": "'", "\u2019": "'", "\u2014": "--", "\u2013": "-"})


def take_apart(words: Sequence[str], sentences: Sequence[str] = ()) -> Words:
    """Positional words and named ones; a word of `sentences` names all that follows it.

    Raises: RequestError when a name is given twice.
    """
    positional: list[str] = []
    named: dict[str, str] = {}
    rest = list(words)
    while rest:
        word = rest.pop(0)
        if word.lower() in sentences and rest:
            _put(named, word, " ".join(rest))
            break
        if word.startswith("--") and len(word) > 2:  # noqa: PLR2004 - the two hyphens themselves
            name, equals, value = word[2:].partition("=")
            _put(named, name, value if equals else _flag_value(rest))
        elif "=" in word and word.partition("=")[0].replace("-", "_").isidentifier():
            name, _, value = word.partition("=")
            _put(named, name, value)
        else:
            positional.append(word)
    return Words(tuple(positional), named)


def _flag_value(rest: list[str]) -> str:
    return rest.pop(0) if rest and not rest[0].startswith("--") else "true"


def _put(named: dict[str, str], name: str, value: str) -> None:
    key = name.replace("-", "_").lower()
    if key in named:
        raise RequestError(f"{name} is given twice.", hint="Give it once.")
    named[key] = value


def fill(model: type[P], words: Words, positional: Sequence[str] = ()) -> P:
    """The words as parameters: `positional` names the fields that bare words fill, in order.

    Raises: RequestError naming every field that is wrong, unknown or missing.
    """
    if len(words.positional) > len(positional):
        extra = words.positional[len(positional)]
        raise RequestError(f"I do not know what {extra!r} means here.", hint=usage(model, positional))
    values: dict[str, str] = dict(zip(positional, words.positional, strict=False))
    for name, value in words.named.items():
        if name in values:
            raise RequestError(f"{name} is given twice.", hint=usage(model, positional))
        values[name] = value
    return validated(model, values, hint=usage(model, positional))


def validated(model: type[P], values: Mapping[str, Any], hint: str = "") -> P:
    """The parameters. Raises: RequestError with one sentence a field, and the nearest name for an unknown one."""
    try:
        return model.model_validate(dict(values))
    except ValidationError as error:
        fields = {_field_of(item["loc"]): _sentence(model, item) for item in error.errors()}
        raise RequestError(" ".join(fields.values()), hint=hint, fields=fields) from None


def _field_of(location: tuple[int | str, ...]) -> str:
    return str(location[0]) if location else "request"


def _sentence(model: type[Params], item: Any) -> str:
    name = _field_of(item["loc"])
    if item["type"] == "extra_forbidden":
        near = nearest(name, list(model.model_fields))
        return f"There is no {name!r} here" + (f"; did you mean {near!r}?" if near else ".")
    if item["type"] == "missing":
        return f"{name} is missing."
    return f"{name}: {item['msg'].removeprefix('Value error, ')}."


def nearest(word: str, known: Sequence[str]) -> str:
    """The known word that a misspelt one most likely means, or an empty string."""
    matches = get_close_matches(word.lower(), known, n=1, cutoff=0.6)
    return matches[0] if matches else ""


# Bare, it begins a sentence that lasts to the end of the line: `... because the launch is today`.
SENTENCE = "because"


def usage(model: type[Params], positional: Sequence[str] = ()) -> str:
    """How the parameters are typed: `<backup> [--database ...]`."""
    parts = []
    for name, info in model.model_fields.items():
        word = f"<{name}>" if name in positional else f"--{name.replace('_', '-')} <{name}>"
        if info.annotation is bool:
            word = f"--{name.replace('_', '-')}"
        elif name == SENTENCE:
            word = f"{SENTENCE} <why>"
        parts.append(word if info.is_required() else f"[{word}]")
    return " ".join(parts)

"""The rules block schemas are written in: each takes a value and where it stands, and yields what is wrong."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

Rule = Callable[[Any, str], Iterator[str]]

URL_LIMIT = 3000
TEXT_LIMIT = 3000


def at(problem: str, where: str) -> str:
    """A problem in Slack's words, with the place it was found in."""
    return f"{problem} [json-pointer:{where}]"


def string(most: int | None = None, least: int = 0) -> Rule:
    def check(value: Any, where: str) -> Iterator[str]:
        if not isinstance(value, str):
            yield at("must be a string", where)
        elif most is not None and len(value) > most:
            yield at(f"must be less than {most + 1} characters", where)
        elif len(value) < least:
            yield at(f"must be more than {least - 1} characters", where)

    return check


def boolean(value: Any, where: str) -> Iterator[str]:
    if not isinstance(value, bool):
        yield at("must be a boolean", where)


def integer(least: int | None = None, most: int | None = None) -> Rule:
    def check(value: Any, where: str) -> Iterator[str]:
        if not isinstance(value, int) or isinstance(value, bool):
            yield at("must be an integer", where)
        elif least is not None and value < least:
            yield at(f"must be at least {least}", where)
        elif most is not None and value > most:
            yield at(f"must be at most {most}", where)

    return check


def number(value: Any, where: str) -> Iterator[str]:
    if isinstance(value, bool) or not isinstance(value, int | float):
        yield at("must be a number", where)


def choice(*allowed: object) -> Rule:
    def check(value: Any, where: str) -> Iterator[str]:
        if value not in allowed:
            yield at("must be a valid enum value", where)

    return check


def url(value: Any, where: str) -> Iterator[str]:
    """An absolute http(s) address; a button may also open mail."""
    yield from string(URL_LIMIT, 1)(value, where)
    if isinstance(value, str) and urlsplit(value).scheme not in {"http", "https", "mailto", "slack"}:
        yield at("invalid url", where)


def array(rule: Rule, most: int | None = None, least: int = 0) -> Rule:
    def check(value: Any, where: str) -> Iterator[str]:
        if not isinstance(value, list):
            yield at("must be an array", where)
            return
        if most is not None and len(value) > most:
            yield at(f"no more than {most} items allowed", where)
        if len(value) < least:
            yield at(f"no fewer than {least} items allowed", where)
        for position, item in enumerate(value):
            yield from rule(item, f"{where}/{position}")

    return check


def record(needed: Mapping[str, Rule], free: Mapping[str, Rule] | None = None) -> Rule:
    """An object with these fields and no others."""
    known = {**needed, **(free or {})}

    def check(value: Any, where: str) -> Iterator[str]:
        if not isinstance(value, dict):
            yield at("must provide an object", where)
            return
        for name in needed:
            if name not in value:
                yield at(f"missing required field: {name}", where)
        for name, item in value.items():
            if name in known:
                yield from known[name](item, f"{where}/{name}")
            else:
                yield at(f"invalid additional property: {name}", where)

    return check


def tagged(kinds: Mapping[str, Rule]) -> Rule:
    """An object whose `type` says which rule it obeys."""

    def check(value: Any, where: str) -> Iterator[str]:
        kind = value.get("type") if isinstance(value, dict) else None
        if not isinstance(value, dict):
            yield at("must provide an object", where)
        elif not isinstance(kind, str) or kind not in kinds:
            yield at(f"unsupported type: {kind}", f"{where}/type")
        else:
            yield from kinds[kind](value, where)

    return check


def typed(kind: str, needed: Mapping[str, Rule], free: Mapping[str, Rule] | None = None) -> dict[str, Rule]:
    """One entry for `tagged`: a record that carries its `type`."""
    return {kind: record({"type": choice(kind), **needed}, free)}


def both(*rules: Rule) -> Rule:
    def check(value: Any, where: str) -> Iterator[str]:
        for rule in rules:
            yield from rule(value, where)

    return check


def exactly_one(*names: str) -> Rule:
    """Of these fields one must be there, and only one."""

    def check(value: Any, where: str) -> Iterator[str]:
        if isinstance(value, dict) and sum(name in value for name in names) != 1:
            yield at(f"must define exactly one of {', '.join(f'`{n}`' for n in names)}", where)

    return check


def plain_text(most: int = TEXT_LIMIT) -> Rule:
    return tagged(typed("plain_text", {"text": string(most, 1)}, {"emoji": boolean}))


def mrkdwn(most: int = TEXT_LIMIT) -> Rule:
    return tagged(typed("mrkdwn", {"text": string(most, 1)}, {"verbatim": boolean}))


def any_text(most: int = TEXT_LIMIT) -> Rule:
    plain = typed("plain_text", {"text": string(most, 1)}, {"emoji": boolean})
    return tagged(plain | typed("mrkdwn", {"text": string(most, 1)}, {"verbatim": boolean}))

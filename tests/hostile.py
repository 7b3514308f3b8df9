"""Values of any type the bot declares, with hostile text in them, and doubles of its services."""

import dataclasses
import enum
import inspect
import random
import types
import typing
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from typing import Any, Literal, TypeVar, Union, get_args, get_origin
from zoneinfo import ZoneInfo

from pydantic import AwareDatetime, BaseModel

from bot.catalog import load
from bot.domain.catalog import Catalog
from bot.domain.runbooks import Runbook

T = TypeVar("T")
_NASTY = "<!channel> <!here> & <@U1> ``` *x* _y_ ~z~ \u202e\u0000|> https://u:p@h/ "
HOSTILE = (
    "x" * 5000, "&" * 4000, "<!here>" * 700, "\U0001f4a3" * 3100, "\n" * 3500, _NASTY * 90, "a b\n" * 3_000,
    "hunter " * 800, _NASTY, "", " ", "`", "*", "9" * 80, "takumi",
)  # fmt: skip
"""What people, platforms and files may write; `hunter` is a secret, whose mark is longer than itself."""

_OURS = {"id", "run_id", "nonce", "thread", "digest", "definition", "key", "owner", "callback", "undoes", "sha256"}
"""Names of what the bot or Slack made: nobody can choose these."""
_PEOPLE = {"requester_slack", "slack_user", "user", "users", "channel", "channels", "alerts"}


@cache
def loaded() -> Catalog:
    return load()


class Maker:
    """Makes one value after the other; `texts` are hypothesis's own, `sent` is what doubles were handed."""

    def __init__(self, seed: int, texts: Sequence[str], special: Mapping[str, Callable[["Maker"], Any]]) -> None:
        self.random, self.texts, self.special = random.Random(seed), (*HOSTILE, *texts), special  # noqa: S311 # a test
        self.sent: list[Any] = []
        self.catalog = loaded()
        self.parameters: type[BaseModel] | None = None

    def one_of(self, choices: Sequence[T]) -> T:
        return self.random.choice(choices)

    def text(self) -> str:
        return self.one_of(self.texts)

    def named(self, name: str, kind: Any) -> Any:
        """A field or an argument; ids are ours, and `special` knows what no annotation says."""
        if name in self.special:
            return self.special[name](self)
        if name in _PEOPLE and kind is str:
            return self.one_of(("U0DEV00001", "C0ALERTS01"))
        return self.one_of(("R0ABCDEF12", "0123456789abcdef")) if name in _OURS and kind is str else self.make(kind)

    def make(self, kind: Any) -> Any:
        """Raises: TypeError for an annotation that nobody has taught it."""
        simple = _SIMPLE.get(kind)
        if simple is not None:
            return simple(self)
        origin = get_origin(kind)
        if origin is not None:
            return self._generic(kind, origin)
        if isinstance(kind, type):
            return self._object(kind)
        raise TypeError(f"teach tests/hostile.py to make {kind!r}")

    def call(self, function: Callable[..., Any], **given: Any) -> Any:
        """The function's answer to made arguments; a coroutine where it is one."""
        hints = hints_of(function)
        wanted = [p for p in inspect.signature(function).parameters.values() if p.kind is not p.VAR_KEYWORD]
        made = {
            p.name: given.get(p.name) or self.named(p.name, hints.get(p.name, str)) for p in wanted if p.name != "self"
        }
        positional = [made.pop(p.name) for p in wanted if p.kind is p.POSITIONAL_ONLY]
        return function(*positional, **made)

    def built(self, kind: type[T]) -> T:
        """An object of this very class, its parts made."""
        hints = hints_of(kind)
        return kind(**{f.name: self.named(f.name, hints[f.name]) for f in dataclasses.fields(kind) if f.init})  # type: ignore[arg-type] # callers give dataclasses

    def _generic(self, kind: Any, origin: Any) -> Any:
        inner = get_args(kind)
        for origins, making in _GENERIC.items():
            if origin in origins:
                return making(self, origin, inner)
        raise TypeError(f"teach tests/hostile.py to make {kind!r}")

    def _tuple(self, _: Any, inner: tuple[Any, ...]) -> Any:
        return self._many(tuple, inner) if inner[-1:] == (...,) else tuple(self.make(one) for one in inner)

    def _many(self, origin: Any, inner: tuple[Any, ...]) -> Any:
        made = [self.make(inner[0]) for _ in range(self._how_many())]
        return made if inspect.isabstract(origin) else origin(made)

    def _mapping(self, _: Any, inner: tuple[Any, ...]) -> Any:
        return {self.make(inner[0]): self.make(inner[1]) for _ in range(self._how_many())}

    def _callable(self, _: Any, inner: tuple[Any, ...]) -> Any:
        return lambda *_, **__: self.make(inner[1])

    def _how_many(self) -> int:
        return self.one_of([0, 1, 2, 30])

    def _object(self, kind: type) -> Any:
        if kind is Runbook:
            return self.runbook()
        if kind is Catalog:
            return self.catalog
        if issubclass(kind, enum.Enum):
            return self.one_of(list(kind))
        if issubclass(kind, BaseModel):
            hints = hints_of(kind)
            return kind.model_construct(**{name: self.named(name, hints[name]) for name in kind.model_fields})
        if dataclasses.is_dataclass(kind) and not _acts(kind):
            return self.built(kind)
        return Double(self, kind)

    def runbook(self) -> Runbook:
        """One of the real ones; what it reads of the platform, or makes of what it read, is hostile."""
        book = self.one_of([one.runbook for one in self.catalog.runbooks.values()])

        async def choices(_: Any) -> Any:
            return {name: self.make(tuple[tuple[str, str], ...]) for name in book.params.model_fields}

        told = {name: self.make(get_args(kind)[0]) for name, kind in hints_of(Runbook).items() if name in _TOLD}
        return dataclasses.replace(book, choices=choices, **told)


_TOLD = {"result", "then", "undone_by"}
"""The functions of a runbook that make words of what its steps recorded."""


class Double:
    """Stands for a service or port: whatever is asked of it answers with a made value of the declared type."""

    def __init__(self, maker: Maker, kind: type) -> None:
        self._maker, self._kind, self._known = maker, kind, dict[str, Any]()

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        if name not in self._known:
            self._known[name] = self._answer(name)
        return self._known[name]

    def _answer(self, name: str) -> Any:
        own = inspect.getattr_static(self._kind, name, None)
        if isinstance(own, property):
            return self._maker.make(hints_of(own.fget)["return"])
        if not inspect.isfunction(own):
            return self._maker.named(name, hints_of(self._kind)[name])
        answer = hints_of(own)["return"]

        def called(*given: Any, **named: Any) -> Any:
            self._maker.sent += [*given, *named.values()]
            return self._maker.named(name, answer)

        async def awaited(*given: Any, **named: Any) -> Any:
            return called(*given, **named)

        return awaited if inspect.iscoroutinefunction(own) else called


def hints_of(kind: Any) -> dict[str, Any]:
    return typing.get_type_hints(kind)


def _acts(kind: type) -> bool:
    """A dataclass that does things, as services do; values only are."""
    return any(inspect.iscoroutinefunction(one) for name, one in vars(kind).items() if not name.startswith("__"))


@asynccontextmanager
async def _entered(value: Any) -> Any:
    yield value


_SIMPLE: dict[Any, Callable[[Maker], Any]] = {
    int: lambda made: made.one_of((0, 1, 7, 10**6)),
    float: lambda made: made.one_of((0.0, 0.5, 1e15)),
    bool: lambda made: made.one_of((True, False)),
    bytes: lambda _: b"\xff\x00",
    datetime: lambda made: datetime(2026, 1, 1, tzinfo=UTC) + timedelta(hours=made.random.randrange(10_000)),
    time: lambda made: time(made.one_of((0, 9, 23)), 30),
    date: lambda made: date(2026, 1, made.one_of((1, 31))),
    ZoneInfo: lambda _: ZoneInfo("Asia/Tokyo"),
    timedelta: lambda made: timedelta(seconds=made.one_of((0, 1, 90, 10**7))),
    AwareDatetime: lambda made: made.make(datetime),
    type(None): lambda _: None,
    **dict.fromkeys((str, Any, object, inspect.Parameter.empty), Maker.text),
}
_GENERIC: dict[tuple[Any, ...], Callable[[Maker, Any, Any], Any]] = {
    (Union, types.UnionType): lambda made, _, inner: made.make(made.one_of(inner)),
    (Literal,): lambda made, _, inner: made.one_of(inner),
    (tuple,): Maker._tuple,
    (list, set, frozenset, Sequence, Iterable): Maker._many,
    (dict, Mapping): Maker._mapping,
    (AbstractAsyncContextManager,): lambda made, _, inner: _entered(made.make(inner[0])),
    (type,): lambda _made, _, inner: inner[0],
    (get_origin(Callable[..., Any]),): Maker._callable,
}

"""The methods this workspace knows, and what each needs: declared once, enforced for all."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from demo.workspace import Json

if TYPE_CHECKING:
    from demo.workspace.api.call import Call

Tier = Literal["t1", "t2", "t3", "t4", "t5"]
Caller = Literal["bot", "app", "anyone"]
Handler = Callable[["Call"], Awaitable[Json]]


@dataclass(frozen=True)
class Method:
    """A method of the Web API; `scopes` are alternatives, `raises` are its own errors beside the common ones."""

    name: str
    tier: Tier
    handler: Handler
    required: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()
    scopes: tuple[str, ...] = ()
    raises: frozenset[str] = frozenset()
    takes_json: bool = True
    caller: Caller = "bot"

    @property
    def arguments(self) -> frozenset[str]:
        return frozenset({*self.required, *self.optional})


METHODS: dict[str, Method] = {}


def method(
    name: str,
    tier: Tier,
    *,
    required: str = "",
    optional: str = "",
    scopes: str = "",
    raises: str = "",
    takes_json: bool = True,
    caller: Caller = "bot",
) -> Callable[[Handler], Handler]:
    """Register a handler; lists are given as words separated by spaces."""

    def register(handler: Handler) -> Handler:
        METHODS[name] = Method(
            name,
            tier,
            handler,
            tuple(required.split()),
            tuple(optional.split()),
            tuple(scopes.split()),
            frozenset(raises.split()),
            takes_json,
            caller,
        )
        return handler

    return register

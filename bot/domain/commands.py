"""What a slash command is: a family, a verb, its parameters and a short handler."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, TypeAlias

from bot.domain.documents import Reply
from bot.domain.params import NoParams, Params
from bot.domain.people import Actor, Person
from bot.domain.risk import Risk
from bot.domain.runs import Origin


class Place(StrEnum):
    """Where the commands of a family may be used; the channels of each kind are configuration."""

    ALERTS = "alerts"
    ANYWHERE = "anywhere"


@dataclass(frozen=True)
class Request:
    """One understood request: what was asked, by whom, and in which conversation."""

    id: str
    actor: Actor
    person: Person
    origin: Origin
    words: str
    params: Any
    values: Mapping[str, str] = field(default_factory=dict)


# Services is opaque here: the domain stands below the services that a handler calls.
Handler: TypeAlias = Callable[[Request, Any], Awaitable[Reply | None]]


@dataclass(frozen=True)
class Command:
    """`/takumi <family> <verb>`; `positional` names the parameters that bare words fill, in order.

    `sensitive` marks reads that leave an audit entry with their parameters.
    """

    verb: str
    summary: str
    handler: Handler
    params: type[Params] = NoParams
    positional: tuple[str, ...] = ()
    risk: Risk = Risk.READ_ONLY
    runbook: str = ""
    example: str = ""
    sensitive: bool = False


@dataclass(frozen=True)
class Family:
    """A module of `commands/`; a verb of "" answers to the family's bare name."""

    name: str
    summary: str
    commands: tuple[Command, ...]
    place: Place = Place.ALERTS

    def find(self, verb: str) -> Command | None:
        return next((command for command in self.commands if command.verb == verb), None)

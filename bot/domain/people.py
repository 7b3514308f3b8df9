"""Who asks and who approves."""

from dataclasses import dataclass
from enum import StrEnum


class Role(StrEnum):
    """What a person may stand for; filled by Slack user groups or static lists."""

    DEVELOPER = "developer"
    TEAM_LEAD = "team_lead"
    ENGINEERING_LEAD = "engineering_lead"
    CTO = "cto"
    SECURITY = "security"

    @property
    def label(self) -> str:
        return {"cto": "CTO"}.get(self.value, self.value.replace("_", " "))


class Surface(StrEnum):
    """Where a request came from."""

    SLACK = "slack"
    TERMINAL = "terminal"
    CALENDAR = "calendar"
    ENGINE = "engine"


@dataclass(frozen=True)
class Actor:
    """Who does something: a principal (one person, whatever accounts they have), or the bot itself.

    `principal` is `slack:<team>:<user>` unless configuration joins several accounts; `bot:<part>` for the bot's own.
    """

    principal: str
    surface: Surface
    slack_user: str = ""

    @property
    def is_person(self) -> bool:
        return not self.principal.startswith("bot:")


CALENDAR = Actor(principal="bot:calendar", surface=Surface.CALENDAR)
ENGINE = Actor(principal="bot:engine", surface=Surface.ENGINE)


@dataclass(frozen=True)
class Person:
    """A fresh look at somebody in Slack; `refusal` is empty for a member in good standing."""

    slack_user: str
    team: str
    name: str
    refusal: str = ""
    roles: frozenset[Role] = frozenset()

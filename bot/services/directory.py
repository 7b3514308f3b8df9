"""Who fills which role when Slack cannot be asked: the static lists alone, for people who are proven otherwise."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import structlog

from bot.domain.people import Person, Role
from bot.services.ports import ChatUnavailable

log = structlog.get_logger()


class Directory(Protocol):
    """Looks people up. Raises: ChatUnavailable."""

    async def person(self, user: str, *, fresh_roles: bool = False) -> Person: ...

    async def members(self, role: Role) -> frozenset[str]: ...


@dataclass(frozen=True)
class StaticLists:
    """The people whom configuration names one by one; a user group (S...) fills nothing here."""

    configured: Mapping[Role, Sequence[str]]

    def person(self, user: str) -> Person:
        roles = frozenset({role for role, ids in self.configured.items() if user in ids and not user.startswith("S")})
        return Person(user, "", user, roles=roles)

    def members(self, role: Role) -> frozenset[str]:
        return frozenset({user for user in self.configured.get(role, ()) if not user.startswith("S")})


@dataclass(frozen=True)
class SlackOrLists:
    """Asks Slack, and the lists only when Slack cannot be reached: whoever uses this has proven people otherwise."""

    slack: Directory
    lists: StaticLists

    async def person(self, user: str, *, fresh_roles: bool = False) -> Person:
        try:
            return await self.slack.person(user, fresh_roles=fresh_roles)
        except ChatUnavailable as error:
            log.warning("directory.static_lists_alone", error=str(error))
            return self.lists.person(user)

    async def members(self, role: Role) -> frozenset[str]:
        try:
            return await self.slack.members(role)
        except ChatUnavailable as error:
            log.warning("directory.static_lists_alone", error=str(error))
            return self.lists.members(role)

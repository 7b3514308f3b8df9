"""Who fills which role, and whether somebody is in good standing."""

import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from bot.domain.errors import OperationFailed
from bot.domain.people import Role

Call = Callable[..., Awaitable[Mapping[str, Any]]]
_FRESH_SECONDS = 15.0


def standing(user: Mapping[str, Any], team: str) -> str:
    """Why a user may not use the bot, or an empty string; from a fresh `users.info`."""
    reasons = {
        "deleted": "your account is deactivated",
        "is_bot": "you are a bot",
        "is_restricted": "you are a guest here",
        "is_ultra_restricted": "you are a guest here",
        "is_stranger": "you are from another workspace",
        "is_invited_user": "you have not accepted your invitation yet",
    }
    for flag, reason in reasons.items():
        if user.get(flag):
            return reason
    return "you are from another workspace" if user.get("team_id", team) != team else ""


@dataclass
class Membership:
    """Roles from configured Slack user groups (ids that begin with S) and static lists of users.

    User groups are read at most every fifteen seconds; `fresh` reads them now.
    """

    configured: Mapping[Role, tuple[str, ...]]
    call: Call
    _groups: dict[str, tuple[float, frozenset[str]]] = field(default_factory=dict)

    async def roles(self, user: str, *, fresh: bool = False) -> frozenset[Role]:
        return frozenset({role for role, ids in self.configured.items() if await self._is_in(user, ids, fresh)})

    async def members(self, role: Role) -> frozenset[str]:
        """Everybody who fills a role now."""
        ids = self.configured.get(role, ())
        groups = [await self._members(group, fresh=True) for group in ids if group.startswith("S")]
        return frozenset({user for user in ids if not user.startswith("S")}).union(*groups)

    async def _is_in(self, user: str, ids: tuple[str, ...], fresh: bool) -> bool:
        if user in ids:
            return True
        for group in ids:
            if group.startswith("S") and user in await self._members(group, fresh):
                return True
        return False

    async def _members(self, group: str, fresh: bool) -> frozenset[str]:
        read_at, members = self._groups.get(group, (0.0, frozenset[str]()))
        if not fresh and members and time.monotonic() - read_at < _FRESH_SECONDS:
            return members
        try:
            answer = await self.call("usergroups.users.list", usergroup=group)
        except OperationFailed as error:
            # A plan without user groups: only static lists can fill roles then.
            if error.facts.get("error") in ("plan_upgrade_required", "paid_teams_only"):
                return frozenset()
            raise
        members = frozenset(answer.get("users", []))
        self._groups[group] = (time.monotonic(), members)
        return members

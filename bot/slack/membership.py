"""Who fills which role, and whether somebody is in good standing."""

import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from bot.domain.errors import OperationFailed
from bot.domain.people import Role

Call = Callable[..., Awaitable[Mapping[str, Any]]]

# One call reads every user group, and Slack allows twenty a minute: a burst of clicks shares a reading.
KEPT_SECONDS = 15.0
FRESH_SECONDS = 2.0


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

    `fresh` reads the user groups again unless that was done within the last two seconds.
    """

    configured: Mapping[Role, tuple[str, ...]]
    call: Call
    _read_at: float = -KEPT_SECONDS
    _groups: Mapping[str, frozenset[str]] = field(default_factory=dict)

    async def roles(self, user: str, *, fresh: bool = False) -> frozenset[Role]:
        """The roles that somebody fills."""
        await self._read(FRESH_SECONDS if fresh else KEPT_SECONDS)
        return frozenset({role for role in self.configured if user in self._people(role)})

    async def members(self, role: Role) -> frozenset[str]:
        """Everybody who fills a role."""
        await self._read(FRESH_SECONDS)
        return self._people(role)

    def _people(self, role: Role) -> frozenset[str]:
        ids = self.configured.get(role, ())
        listed = frozenset({one for one in ids if not one.startswith("S")})
        return listed.union(*(self._groups.get(one, frozenset()) for one in ids))

    async def _read(self, at_most_seconds: float) -> None:
        """Raises: ChatUnavailable, OperationFailed."""
        uses_groups = any(one.startswith("S") for ids in self.configured.values() for one in ids)
        if not uses_groups or time.monotonic() - self._read_at < at_most_seconds:
            return
        began = time.monotonic()
        try:
            answer = await self.call("usergroups.list", include_users=True)
        except OperationFailed as error:
            # A plan without user groups: only static lists can fill roles then.
            if error.facts.get("error") not in ("plan_upgrade_required", "paid_teams_only"):
                raise
            answer = {}
        found = answer.get("usergroups", [])
        self._groups = {group["id"]: frozenset(group.get("users", [])) for group in found}
        self._read_at = began

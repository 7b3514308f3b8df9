"""Trigger ids: three seconds, once."""

import secrets
from dataclasses import dataclass
from datetime import timedelta

from demo.workspace.errors import SlackError
from demo.workspace.state.world import World

TRIGGER_LIFETIME = timedelta(seconds=3)
REMEMBERED = timedelta(hours=1)


@dataclass
class Trigger:
    """What a person did, exchangeable for one modal."""

    app_id: str
    user: str
    expires_seconds: float
    view_id: str | None = None
    used: bool = False


class Triggers:
    """All triggers handed out by this process; they do not survive a restart, nor need they."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._minted: dict[str, Trigger] = {}

    def mint(self, app_id: str, user: str, view_id: str | None = None) -> str:
        """`view_id` is the view the person acted in, if any."""
        now = self._world.clock.now()
        self._forget_old(now)
        trigger_id = f"{int(now * 1000)}.{secrets.randbelow(10**12):012d}.{secrets.token_hex(16)}"
        self._minted[trigger_id] = Trigger(app_id, user, now + TRIGGER_LIFETIME.total_seconds(), view_id)
        return trigger_id

    def exchange(self, app_id: str, trigger_id: str) -> Trigger:
        """Raises: SlackError invalid_trigger_id, exchanged_trigger_id or expired_trigger_id."""
        trigger = self._minted.get(trigger_id)
        if trigger is None or trigger.app_id != app_id:
            raise SlackError("invalid_trigger_id")
        if trigger.used:
            raise SlackError("exchanged_trigger_id")
        if self._world.clock.now() >= trigger.expires_seconds:
            raise SlackError("expired_trigger_id")
        trigger.used = True
        return trigger

    def _forget_old(self, now_seconds: float) -> None:
        """Long-expired triggers answer `invalid_trigger_id`; until then `expired_trigger_id` tells more."""
        cutoff = now_seconds - REMEMBERED.total_seconds()
        while self._minted and next(iter(self._minted.values())).expires_seconds < cutoff:
            del self._minted[next(iter(self._minted))]

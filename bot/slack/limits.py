"""Staying within Slack's rate limits before Slack has to say so. Source: Slack's tiers, and 1 message/s a channel."""

import asyncio
from dataclasses import dataclass, field

# Calls a minute by method; what is not listed is tier 3.
_PER_MINUTE = {
    "chat.postMessage": 300,
    "chat.getPermalink": 300,
    "chat.postEphemeral": 100,
    "users.info": 100,
    "views.open": 100,
    "views.update": 100,
    "views.publish": 100,
    "files.getUploadURLExternal": 100,
    "files.completeUploadExternal": 100,
    "auth.test": 300,
    "usergroups.users.list": 20,
    "usergroups.list": 20,
    "pins.add": 20,
    "bookmarks.add": 20,
}
_TIER_3 = 50
_CHANNEL_SPACING_SECONDS = 1.0
_BURST_OF_CHANNEL = 3.0
_BURST_OF_METHOD = 10.0


@dataclass
class _Bucket:
    """A leaky bucket in virtual time: `burst` is how many calls may come at once."""

    spacing: float
    burst: float
    free_at: float = 0.0

    def wait(self, now: float) -> float:
        self.free_at = max(self.free_at, now - self.burst * self.spacing) + self.spacing
        return max(0.0, self.free_at - now - self.spacing)


@dataclass
class RateLimiter:
    """One turn a call; concurrent callers wait in the order in which they came."""

    _buckets: dict[str, _Bucket] = field(default_factory=dict)

    async def turn(self, method: str, channel: str = "") -> None:
        """Wait until the method, and the channel for a new message, may be used again."""
        now = asyncio.get_running_loop().time()
        spacing = 60.0 / _PER_MINUTE.get(method, _TIER_3)
        waits = [self._bucket(method, spacing, _BURST_OF_METHOD).wait(now)]
        if method == "chat.postMessage" and channel:
            waits.append(self._bucket(f"#{channel}", _CHANNEL_SPACING_SECONDS, _BURST_OF_CHANNEL).wait(now))
        if (wait := max(waits)) > 0:
            await asyncio.sleep(wait)

    def _bucket(self, name: str, spacing: float, burst: float) -> _Bucket:
        return self._buckets.setdefault(name, _Bucket(spacing, burst))

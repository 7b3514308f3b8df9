"""Slack's rate tiers as token buckets on the workspace's clock."""

import math
from dataclasses import dataclass

from demo.workspace.api.registry import Method

PER_MINUTE = {"t1": 1, "t2": 20, "t3": 50, "t4": 100, "t5": 600}
POST_BURST = 5
POST_PER_SECOND = 1.0


@dataclass
class Bucket:
    """Calls still allowed, refilled continuously."""

    capacity: float
    per_second: float
    left: float
    at_seconds: float

    def take(self, now_seconds: float) -> float:
        """Seconds to wait before the call is allowed; 0 when it is allowed now."""
        self.left = min(self.capacity, self.left + (now_seconds - self.at_seconds) * self.per_second)
        self.at_seconds = now_seconds
        if self.left < 1:
            return (1 - self.left) / self.per_second
        self.left -= 1
        return 0.0


class Limits:
    """One bucket a method and app; `chat.postMessage` has one a channel."""

    def __init__(self) -> None:
        self.enabled = True
        self._buckets: dict[tuple[str, str, str], Bucket] = {}

    def retry_after_seconds(self, app_id: str, method: Method, channel: str, now_seconds: float) -> int:
        """Whole seconds for `Retry-After`; 0 lets the call through."""
        if not self.enabled:
            return 0
        is_post = method.name == "chat.postMessage"
        key = (app_id, method.name, channel if is_post else "")
        if key not in self._buckets:
            self._buckets[key] = _post_bucket(now_seconds) if is_post else _tier_bucket(method, now_seconds)
        return math.ceil(self._buckets[key].take(now_seconds))


def _post_bucket(now_seconds: float) -> Bucket:
    return Bucket(POST_BURST, POST_PER_SECOND, POST_BURST, now_seconds)


def _tier_bucket(method: Method, now_seconds: float) -> Bucket:
    per_minute = PER_MINUTE[method.tier]
    return Bucket(per_minute, per_minute / 60, per_minute, now_seconds)

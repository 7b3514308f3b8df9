"""Where the trail stands: chained, signed, anchored outside, and whether it can be relied on right now."""

from dataclasses import dataclass
from datetime import datetime, timedelta

# An anchor is put outside at least so often; the head of the oldest entry without one may be no older than the limit.
ANCHOR_EVERY = timedelta(minutes=4)
ANCHOR_LIMIT = timedelta(minutes=15)
CHAIN_LIMIT = timedelta(minutes=2)


@dataclass(frozen=True)
class Standing:
    """How far a run's entries have come: how many are not chained, and not under an anchored head."""

    unchained: int
    unanchored: int


@dataclass(frozen=True)
class TrailState:
    """The trail as its database sees it; instants are None where there is nothing of the kind.

    `unchained_since` is the time of the oldest entry without a place, `unanchored_since` that of the oldest head that
    is not outside yet. `trouble` is why the last anchor failed, empty after one that succeeded.
    """

    now: datetime
    unchained_since: datetime | None = None
    unanchored_since: datetime | None = None
    anchored_at: datetime | None = None
    sequencer: str = ""
    trouble: str = ""


def reason_closed(state: TrailState, *, anchored: bool) -> str:
    """Why nothing that changes anything may be done now; empty when it may. `anchored`: anchors are configured."""
    if state.unchained_since is not None and state.now - state.unchained_since > CHAIN_LIMIT:
        since = f"{(state.now - state.unchained_since).total_seconds() / 60:.0f} minutes"
        who = f"{state.sequencer} is at it" if state.sequencer else "no sequencer is running"
        return f"entries of the trail have not been chained for {since}: {who}"
    if anchored and state.unanchored_since is not None and state.now - state.unanchored_since > ANCHOR_LIMIT:
        since = f"{(state.now - state.unanchored_since).total_seconds() / 60:.0f} minutes"
        return f"the trail has not been anchored outside for {since}: {state.trouble or 'nobody says why'}"
    return ""

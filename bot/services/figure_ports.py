"""What the bot's own rows say about how it is doing."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Protocol


@dataclass(frozen=True)
class Backlog:
    """How many rows wait for the bot, and since when the oldest does."""

    count: int
    age: timedelta


@dataclass(frozen=True)
class RowFigures:
    """`runs` counts those that have not ended, by state; `alerts` those that fire, by severity.

    `proven_age` is by database, `recovered` the last measured recovery by component; what nobody measured is left out.
    """

    runs: Mapping[str, int] = field(default_factory=dict)
    approvals: Backlog = Backlog(0, timedelta())
    inbox: Backlog = Backlog(0, timedelta())
    messages: Backlog = Backlog(0, timedelta())
    calls: Backlog = Backlog(0, timedelta())
    alerts: Mapping[str, int] = field(default_factory=dict)
    proven_age: Mapping[str, timedelta] = field(default_factory=dict)
    recovered: Mapping[str, timedelta] = field(default_factory=dict)


class FigureStore(Protocol):
    """One look over the rows, cheap enough for every few seconds."""

    async def look(self) -> RowFigures: ...

"""A storm: so many new groups at once that they share one message, which lists them by name and severity."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.domain import markup, phrases
from bot.domain.alerts import AlertGroup
from bot.domain.documents import Button, Buttons, Document, Note, Part, Rich, Style, Table
from bot.domain.risk import Severity
from bot.services.ports import Store, Work

# With so many new groups within the time, Slack's one message a second would no longer keep up.
MOST_GROUPS = 10
WITHIN = timedelta(minutes=1)
SHOWN_NAMES = 20


async def storm_of(work: Work, told: AlertGroup) -> int:
    """The storm that a new group would be part of; 0 for none, and for what is most urgent."""
    if told.severity is Severity.P0:
        return 0
    latest, now = await work.alerts.recent(MOST_GROUPS), await work.now()
    fresh = [one for one in latest if one.opened_at and now - one.opened_at <= WITHIN]
    if len(fresh) < MOST_GROUPS:
        return 0
    return next((one.storm for one in fresh if one.storm), fresh[0].number)


@dataclass(frozen=True)
class StormPainter:
    """Paints `storm:<number>`."""

    store: Store

    async def paint(self, key: str) -> Document | None:
        number = int(key.partition(":")[2])
        async with self.store.work() as work:
            groups, now = await work.alerts.of_storm(number), await work.now()
        return storm(number, groups, now) if groups else None


def storm(number: int, groups: Sequence[AlertGroup], now: datetime) -> Document:
    """The one message of all of them, edited in place."""
    firing = [one for one in groups if one.is_firing]
    waiting = sum(one.waits(now) for one in groups)
    told = f"A storm of {phrases.count(len(groups), 'alert group')}, {len(firing):,} firing, {waiting:,} unanswered"
    sign = ":tornado:" if firing else ":white_check_mark:"
    parts: list[Part] = [Rich(f"{sign} {markup.bold(markup.literal(told))}")]
    if firing:
        counts = Counter((one.severity.value, one.title) for one in firing).most_common()
        listed = sorted(counts, key=lambda one: (one[0][0], -one[1]))
        rows = tuple((severity, name, f"{count:,}") for (severity, name), count in listed[:SHOWN_NAMES])
        parts.append(Table(("Severity", "What", "Groups"), rows, right=frozenset({2})))
        if len(listed) > SHOWN_NAMES:
            parts.append(Note(f"and {len(listed) - SHOWN_NAMES:,} more names"))
        parts.append(Note("`/takumi alerts` lists each of them."))
    if waiting:
        button = Button("Acknowledge all", "alert.acknowledge_storm", str(number), Style.PRIMARY)
        parts.append(Buttons((button,)))
    return Document(told, parts)

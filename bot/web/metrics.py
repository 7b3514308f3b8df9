"""`/metrics`: what was measured, in Prometheus' own format."""

from collections.abc import Awaitable, Callable, Iterable, Sequence

from prometheus_client import CollectorRegistry, Gauge, generate_latest

from bot.domain.errors import BotError
from bot.domain.figures import Figure

Look = Callable[[], Awaitable[Sequence[Figure]]]


async def exposition(looks: Sequence[Look] = (), figures: Iterable[Figure] = ()) -> bytes:
    """`looks` need the database; while it does not answer, `takumi_rows_seen` is 0 and theirs are left out."""
    found, seen = list(figures), 1.0
    for look in looks:
        try:
            found += await look()
        except BotError:
            seen = 0.0
    found.append(Figure("takumi_rows_seen", "Whether the bot's own database answered this scrape.", seen))
    return _text(found)


def _text(figures: Sequence[Figure]) -> bytes:
    """A registry for one answer: a label that is gone leaves no value behind."""
    registry = CollectorRegistry()
    gauges: dict[str, Gauge] = {}
    for figure in figures:
        if figure.name not in gauges:
            gauges[figure.name] = Gauge(figure.name, figure.meaning, tuple(figure.labels), registry=registry)
        gauge = gauges[figure.name]
        (gauge.labels(**figure.labels) if figure.labels else gauge).set(figure.value)
    return generate_latest(registry)

"""Figures as Prometheus reads them."""

from collections.abc import Iterable

from bot.domain.figures import Figure
from bot.web.metrics import exposition


async def exposed(figures: Iterable[Figure]) -> str:
    return (await exposition((), figures)).decode()

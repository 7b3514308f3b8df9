"""`/takumi schedule`: what happens by itself, and when."""

from bot.domain import phrases
from bot.domain.commands import Command, Family, Place, Request
from bot.domain.documents import Document, Reply, Table, Text
from bot.services.registry import Firing, Services


async def show(_request: Request, services: Services) -> Reply:
    rows = []
    async with services.store.work() as work:
        for firing in services.calendar():
            last = await work.schedules.firings(firing.schedule, 1)
            rows.append(_row(firing, phrases.instant(last[0][0]) if last else "never"))
    summary = "What happens by itself, and when."
    table = Table(("Schedule", "Task", "Cron", "Next", "Last"), tuple(rows))
    return Reply(Document(summary, [Text(summary), table]))


def _row(firing: Firing, last: str) -> tuple[str, ...]:
    due = phrases.instant(firing.next_at) if firing.next_at else firing.note
    return (firing.schedule, firing.task, firing.cron, due, last)


FAMILY = Family(
    "schedule",
    "What happens by itself.",
    (Command("", "List the guide's schedule with next and last firings.", show, example="schedule"),),
    Place.ANYWHERE,
)

"""`/takumi approvals`: what waits for somebody's yes."""

from collections.abc import Sequence

from bot.domain import phrases
from bot.domain.approvals import Decision
from bot.domain.commands import Command, Family, Place, Request
from bot.domain.documents import Document, Reply, Table, Text
from bot.domain.runs import Run
from bot.services.approvals import may_decide, named, need_of, open_seats
from bot.services.registry import Services


async def show(request: Request, services: Services) -> Reply:
    waiting = await services.approvals.waiting()
    if not waiting:
        return Reply(Document("Nothing waits for an approval.", [Text("Nothing waits for an approval.")]))
    rows = [_row(run, decisions, request) for run, decisions in waiting]
    yours = sum(row[0] == "you" for row in rows)
    summary = f"{phrases.count(len(rows), 'request')} waiting for approval, {yours} of them for you."
    table = Table(
        ("For", "Run", "What", "Asked by", "Needs", "Until"), tuple(sorted(rows, reverse=True)), people=frozenset({3})
    )
    return Reply(Document(summary, [Text(summary), table]))


def _row(run: Run, decisions: Sequence[Decision], request: Request) -> tuple[str, ...]:
    seats = open_seats(need_of(run), decisions)
    until = phrases.instant(run.expires_at) if run.expires_at else ""
    who = "you" if may_decide(run, decisions, request.actor, request.person) else "others"
    needs = ", and ".join(named(seat) for seat in seats)
    return (who, str(run.number), f"{run.severity.value} {run.title}", run.requester_slack, needs, until)


FAMILY = Family(
    "approvals",
    "What waits for somebody's yes.",
    (Command("", "List what waits for an approval, yours first.", show, example="approvals"),),
    Place.ANYWHERE,
)

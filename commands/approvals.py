"""`/takumi approvals`: what waits for somebody's yes."""

from bot.domain import phrases
from bot.domain.commands import Command, Family, Place, Request
from bot.domain.documents import Document, Reply, Table, Text
from bot.services.registry import Services
from bot.services.seats import Case, may_decide, named, need_of, open_seats


async def show(request: Request, services: Services) -> Reply:
    waiting = await services.approvals.waiting()
    if not waiting:
        return Reply(Document("Nothing waits for an approval.", [Text("Nothing waits for an approval.")]))
    rows = [_row(case, request) for case in waiting]
    yours = sum(row[0] == "you" for row in rows)
    summary = f"{phrases.count(len(rows), 'request')} waiting for approval, {yours} of them for you."
    table = Table(
        ("For", "Run", "What", "Asked by", "Needs", "Until"), tuple(sorted(rows, reverse=True)), people=frozenset({3})
    )
    return Reply(Document(summary, [Text(summary), table]))


def _row(case: Case, request: Request) -> tuple[str, ...]:
    run = case.run
    seats = open_seats(need_of(run), case.earlier)
    until = phrases.instant(run.expires_at) if run.expires_at else ""
    who = "you" if may_decide(case, request.actor, request.person) else "others"
    needs = ", and ".join(named(seat) for seat in seats)
    return (who, str(run.number), f"{run.severity.value} {run.title}", run.requester_slack, needs, until)


FAMILY = Family(
    "approvals",
    "What waits for somebody's yes.",
    (Command("", "List what waits for an approval, yours first.", show, example="approvals"),),
    Place.ANYWHERE,
)

"""`/takumi freeze`: nothing disruptive for a while."""

from pydantic import Field

from bot.domain import phrases
from bot.domain.commands import Command, Family, Place, Request
from bot.domain.documents import Document, Reply, Table, Text
from bot.domain.moments import read_moment
from bot.domain.params import Params
from bot.domain.risk import Risk
from bot.services.registry import Services


class DeclareFreeze(Params):
    """Until when, and why."""

    until: str = Field(description="Until when: 2h, 18:00, 2026-11-30 or 2026-11-30T18:00.")
    because: str = Field(description="Why; everybody who is refused reads it.")


class LiftFreeze(Params):
    """Why it ends."""

    because: str = Field(description="Why it may end now.")


async def declare(request: Request, services: Services) -> Reply:
    wanted: DeclareFreeze = request.params
    async with services.store.work() as work:
        now = await work.now()
    until = read_moment(wanted.until, now, services.approvals.rules.timetable.hours.zone)
    said = await services.exceptions.freeze(request.actor, until, wanted.because)
    more = "Nothing disruptive or destructive is asked for or starts until then, unless glass is broken."
    return Reply(Document(said, [Text(said), Text(more)]), public=True)


async def lift(request: Request, services: Services) -> Reply:
    said = await services.exceptions.lift(request.actor, request.params.because)
    return Reply(Document(said, [Text(said)]), public=True)


async def show(_request: Request, services: Services) -> Reply:
    standing = await services.exceptions.standing()
    if not standing:
        return Reply(Document("Nothing is frozen.", [Text("Nothing is frozen.")]))
    rows = tuple((phrases.instant(one.until), one.reason, one.declared_by) for one in standing)
    summary = f"Frozen until {rows[0][0]}."
    return Reply(Document(summary, [Text(summary), Table(("Until", "Why", "By"), rows)]))


FAMILY = Family(
    "freeze",
    "Nothing disruptive for a while.",
    (
        Command("", "Show what is frozen.", show, example="freeze"),
        Command(
            "until",
            "Refuse what is disruptive or destructive until then.",
            declare,
            DeclareFreeze,
            ("until",),
            Risk.ROUTINE,
            example="freeze until 18:00 because the launch is today",
        ),
        Command(
            "lift",
            "End every freeze.",
            lift,
            LiftFreeze,
            risk=Risk.ROUTINE,
            example="freeze lift because the launch is over",
        ),
    ),
    Place.ANYWHERE,
)

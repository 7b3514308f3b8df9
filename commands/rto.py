"""`/takumi rto`: how soon each component could be back, and with how much lost."""

from datetime import timedelta

from pydantic import Field

from bot.domain import phrases
from bot.domain.commands import Command, Family, Place, Request
from bot.domain.documents import Chart, Document, Line, Note, Reply, Table, Text
from bot.domain.errors import RequestError
from bot.domain.params import Params
from bot.services.registry import Services
from bot.services.scoreboard import Met, Standing

_SIGNS = {Met.MET: "\u2705", Met.MISSED: "\U0001f534", Met.UNKNOWN: "\u26aa", Met.NONE: "\u2796"}


class ShowTrend(Params):
    """Of which component."""

    component: str = Field("Database", description="A component of the table.")


async def show(_request: Request, services: Services) -> Reply:
    standings = await services.scoreboard.standings()
    missed = [one for one in standings if one.met is Met.MISSED]
    summary = (
        "Every measured objective could be met now."
        if not missed
        else (f"Could not be met now: {', '.join(one.objective.component for one in missed)}.")
    )
    header = ("Component", "State", "RTO", "Last recovery", "RPO", "Would be lost now", "How and when")
    table = Table(header, tuple(_row(one) for one in standings))
    problems = [Text(f"{one.objective.component}: {told}") for one in standings for told in one.problems]
    return Reply(
        Document(summary, [Text(summary), table, *problems, Note(f"Trend: {services.places.command} rto trend")])
    )


async def trend(request: Request, services: Services) -> Reply:
    wanted = request.params.component.lower()
    standings = {one.objective.component.lower(): one for one in await services.scoreboard.standings()}
    if wanted not in standings:
        known = ", ".join(one.objective.component for one in standings.values())
        raise RequestError(f"There is no component {request.params.component}.", hint=f"There are: {known}.")
    standing = standings[wanted]
    if not standing.trend:
        said = f"Nobody has measured a recovery of {standing.objective.component} yet."
        return Reply(Document(said, [Text(said)]))
    count = phrases.count(len(standing.trend), "recovery", "recoveries")
    said = f"{count} of {standing.objective.component}: the picture is in your direct messages."
    return Reply(Document(said, [Text(said)], files=(_chart(standing),)))


def _row(one: Standing) -> tuple[str, ...]:
    goal, newest = one.objective, one.trend[0] if one.trend else None
    how = f"{newest.how}, {phrases.instant(newest.at)}" if newest and newest.at else ""
    return (
        goal.component,
        f"{_SIGNS[one.met]} {one.met.value}",
        phrases.duration(goal.recovery_time) if goal.recovery_time else "N/A",
        phrases.duration(newest.took) if newest else "",
        phrases.duration(goal.recovery_point) if goal.recovery_point else goal.note or "N/A",
        _lost(one),
        "; ".join(filter(None, [how, one.loss.how if one.loss else ""])),
    )


def _lost(one: Standing) -> str:
    if one.loss is None:
        return ""
    return "everything" if one.loss.window is None else phrases.duration(one.loss.window)


def _chart(standing: Standing) -> Chart:
    minute = timedelta(minutes=1)
    points = tuple((one.at, one.took / minute) for one in reversed(standing.trend) if one.at)
    goal = standing.objective.recovery_time
    name = standing.objective.component
    return Chart(
        f"recovery-{name.lower().replace(' ', '-')}",
        f"Recovery of {name}",
        "minutes",
        (Line(name, points),),
        goal / minute if goal else None,
    )


FAMILY = Family(
    "rto",
    "How soon each component could be back, and with how much lost.",
    (
        Command("", "Each component's objective beside what was measured last.", show, example="rto"),
        Command(
            "trend",
            "How long recoveries took, as a picture.",
            trend,
            ShowTrend,
            ("component",),
            example="rto trend Database",
        ),
    ),
    Place.ANYWHERE,
)

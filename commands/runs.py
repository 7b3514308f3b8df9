"""`/takumi runs`: what was asked for and how it ended."""

from pydantic import Field

from bot.domain import phrases
from bot.domain.commands import Command, Family, Place, Request
from bot.domain.documents import Document, Reply, Table, Text
from bot.domain.params import Params
from bot.domain.runs import Run
from bot.services.registry import Services


class ListRuns(Params):
    """How many runs to list."""

    limit: int = Field(10, ge=1, le=90, description="How many, newest first.")


async def list_runs(request: Request, services: Services) -> Reply:
    found = await services.runs.recent(request.params.limit)
    if not found:
        return Reply(Document("There is no run yet.", [Text("There is no run yet.")]))
    table = Table(
        ("No", "What", "State", "Asked by", "Asked at", "Ended by"),
        tuple(_row(run) for run in found),
        people=frozenset({3}),
    )
    summary = f"{phrases.count(len(found), 'run')}, newest first."
    return Reply(Document(summary, [Text(summary), table]))


def _row(run: Run) -> tuple[str, ...]:
    ended = run.failure or (phrases.instant(run.finished_at) if run.finished_at else "-")
    asker = run.requester_slack or run.requester
    return (str(run.number), run.title, run.state.value, asker, phrases.instant(run.created_at), ended)


FAMILY = Family(
    "runs",
    "What was asked for.",
    (Command("", "List the latest runs.", list_runs, ListRuns, ("limit",), example="runs"),),
    Place.ANYWHERE,
)

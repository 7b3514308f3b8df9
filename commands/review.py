"""`/takumi review`: the look back that broken glass owes."""

from pydantic import Field

from bot.domain.commands import Command, Family, Place, Request
from bot.domain.documents import Document, Reply, Table, Text
from bot.domain.params import Params
from bot.domain.risk import Risk
from bot.services.registry import Services


class DoReview(Params):
    """Which run, and what was found."""

    run: int = Field(description="The number of the run that broke glass.")
    because: str = Field(description="What was found; it goes into the trail.")


async def show(_request: Request, services: Services) -> Reply:
    found = await services.exceptions.undone_reviews()
    if not found:
        return Reply(Document("No broken glass waits for a review.", [Text("No broken glass waits for a review.")]))
    rows = tuple((str(run.number), run.title, run.requester_slack, run.glass) for run in found)
    table = Table(("Run", "What", "By", "Why"), rows, people=frozenset({2}))
    return Reply(Document("Broken glass that nobody has reviewed.", [table]))


async def done(request: Request, services: Services) -> Reply:
    run = await services.runs.find(request.params.run)
    said = await services.exceptions.review(request.actor, run, request.params.because)
    return Reply(Document(said, [Text(said)]))


FAMILY = Family(
    "review",
    "Broken glass is looked back at.",
    (
        Command("", "List what has to be reviewed.", show, example="review"),
        Command(
            "done",
            "Say what the review of a run found.",
            done,
            DoReview,
            ("run",),
            Risk.ROUTINE,
            example="review done 12 because it was the only way",
        ),
    ),
    Place.ANYWHERE,
)

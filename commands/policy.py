"""`/takumi policy`: whose yes is needed, and what happens while nobody answers."""

from pydantic import Field

from bot.domain.commands import Command, Family, Place, Request
from bot.domain.documents import Document, Reply, Text
from bot.domain.params import Params
from bot.services import policy_documents
from bot.services.registry import Services


class ExplainRunbook(Params):
    """Which runbook."""

    runbook: str = Field(description="The name of a runbook, such as backup-database.")


async def show(_request: Request, services: Services) -> Reply:
    parts = policy_documents.everything(services.approvals.rules)
    return Reply(Document("Whose yes is needed, and what happens while nobody answers.", parts))


async def explain(request: Request, services: Services) -> Reply:
    book = services.runs.runbook(request.params.runbook)
    incidents = await services.exceptions.open_incidents()
    parts = policy_documents.explained(book, services.approvals.rules, incidents[0] if incidents else None)
    return Reply(Document(f"What {book.name} needs.", [Text(book.summary), *parts]))


FAMILY = Family(
    "policy",
    "Whose yes is needed.",
    (
        Command("", "Show approvals, escalation, windows and broken glass.", show, example="policy"),
        Command(
            "explain",
            "Say what one runbook needs now, and who is called when.",
            explain,
            ExplainRunbook,
            ("runbook",),
            example="policy explain restore-database",
        ),
    ),
    Place.ANYWHERE,
)

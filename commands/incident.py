"""`/takumi incident`: what is wrong now, and how urgent that makes requests."""

from pydantic import Field

from bot.domain import phrases
from bot.domain.commands import Command, Family, Request
from bot.domain.documents import Document, Reply, Table, Text
from bot.domain.params import Params
from bot.domain.risk import Risk, Severity
from bot.services.registry import Services


class DeclareIncident(Params):
    """How bad it is, and what it is."""

    severity: Severity = Field(description="P0, P1, P2 or P3.")
    because: str = Field(description="What is wrong.")


class ResolveIncident(Params):
    """Which one, and how it ended."""

    number: int = Field(description="The incident's number.")
    because: str = Field(description="How it ended.")


async def declare(request: Request, services: Services) -> Reply:
    wanted: DeclareIncident = request.params
    said = await services.exceptions.declare(request.actor, wanted.severity, wanted.because)
    more = f"Requests are {wanted.severity.value} until it is resolved."
    return Reply(Document(said, [Text(said), Text(more)]), public=True)


async def resolve(request: Request, services: Services) -> Reply:
    wanted: ResolveIncident = request.params
    said = await services.exceptions.resolve(request.actor, wanted.number, wanted.because)
    return Reply(Document(said, [Text(said)]), public=True)


async def show(_request: Request, services: Services) -> Reply:
    found = await services.exceptions.open_incidents()
    if not found:
        return Reply(Document("No incident is open.", [Text("No incident is open.")]))
    rows = tuple(
        (str(one.number), one.severity.value, one.title, phrases.instant(one.declared_at) if one.declared_at else "")
        for one in found
    )
    summary = f"{phrases.count(len(found), 'incident')} open, the most urgent first."
    return Reply(Document(summary, [Text(summary), Table(("No", "Severity", "What", "Since"), rows)]))


FAMILY = Family(
    "incident",
    "What is wrong now.",
    (
        Command("", "List the open incidents.", show, example="incident"),
        Command(
            "declare",
            "Open an incident: requests are as urgent as it is.",
            declare,
            DeclareIncident,
            ("severity",),
            Risk.ROUTINE,
            example="incident declare P1 because the API answers 503",
        ),
        Command(
            "resolve",
            "Close an incident.",
            resolve,
            ResolveIncident,
            ("number",),
            Risk.ROUTINE,
            example="incident resolve 3 because the API is back",
        ),
    ),
)

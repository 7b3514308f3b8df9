"""`/takumi contacts`: whom the guide names, and whom the bot itself calls."""

from bot.domain import phrases
from bot.domain.commands import Command, Family, Place, Request
from bot.domain.documents import Document, Heading, Note, Reply, Table, Text
from bot.policy.contacts import CONTACTS
from bot.policy.severities import MATRIX
from bot.services.registry import Services

UNCALLED = "As the guide prints them, placeholders included. The bot mails and calls none of them."


async def show(_request: Request, services: Services) -> Reply:
    """Source: Maintenance Guide, Contact Information; Escalation Matrix."""
    contacts = Table(("Team", "Address"), tuple((one.team, one.address) for one in CONTACTS))
    called = Table(("Severity", "Answer within", "Then called, in Slack"), _called())
    slash = services.places.command
    note = Note(f"{slash} policy: who is called after them. {slash} incident declare: make it an incident.")
    parts = (Text(UNCALLED), contacts, Heading("While nobody answers"), called, note)
    return Reply(Document("Whom the guide names, and whom the bot calls.", parts))


def _called() -> tuple[tuple[str, ...], ...]:
    return tuple(
        (f"{row.severity.value} ({row.label})", phrases.duration(row.time), row.escalation.label)
        for row in MATRIX.values()
    )


FAMILY = Family(
    "contacts",
    "Whom to turn to.",
    (Command("", "Show the guide's contacts, and whom the bot calls.", show, example="contacts"),),
    Place.ANYWHERE,
)

"""`/takumi restore`: put a backup in the place of a database."""

from bot.domain.commands import Command, Family, Request
from bot.domain.risk import Risk
from bot.services.registry import Services
from bot.services.runs import asked_by


async def restore(request: Request, services: Services) -> None:
    """The approval card is the answer."""
    await services.runs.request("restore-database", request.params, asked_by(request))


RESTORE = Command(
    "",
    "Replace a database by a backup, after approval; a modal asks for what is not typed.",
    restore,
    positional=("backup", "database"),
    risk=Risk.DESTRUCTIVE,
    runbook="restore-database",
    example="restore latest takumi_staging",
)
FAMILY = Family("restore", "Put a backup in the place of a database.", (RESTORE,))

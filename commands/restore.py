"""`/takumi restore`: put a backup in the place of a database, or bring back what it held at a moment."""

from pydantic import Field

from bot.domain.commands import Command, Family, Request
from bot.domain.grammar import validated
from bot.domain.params import Params
from bot.domain.risk import Risk
from bot.services.registry import Services
from bot.services.runs import asked_by


class Restore(Params):
    """A backup, or a moment; which database."""

    backup: str = Field("", description="Which backup, as `/takumi backup list` shows it; `latest` is the newest.")
    database: str = Field("", description="Database to replace; staging when left out.")
    to_time: str = Field("", description='Instead of a backup: a moment, such as "2026-11-23 14:05 UTC".')


async def restore(request: Request, services: Services) -> None:
    """The approval card is the answer; a moment is recovered first, which needs no approval, since it replaces nothing.

    With a moment, a single bare word is the database.
    """
    asked: Restore = request.params
    values = {"backup": asked.backup, "database": asked.database}
    if asked.to_time:
        values = {"to_time": asked.to_time, "database": asked.database or asked.backup}
    runbook = services.runs.runbook("restore-to-time" if asked.to_time else "restore-database")
    params = validated(runbook.params, {name: value for name, value in values.items() if value})
    await services.runs.request(runbook.name, params, asked_by(request))


RESTORE = Command(
    "",
    "Replace a database by a backup, after approval, or recover it to a moment; a modal asks for what is not typed.",
    restore,
    Restore,
    positional=("backup", "database"),
    risk=Risk.DESTRUCTIVE,
    runbook="restore-database",
    example="restore latest takumi_staging",
)
FAMILY = Family("restore", "Put a backup in the place of a database.", (RESTORE,))

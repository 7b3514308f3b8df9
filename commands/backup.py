"""`/takumi backup`: make one, list them."""

from collections.abc import Sequence

from pydantic import Field

from bot.domain import phrases
from bot.domain.backups import Backup
from bot.domain.commands import Command, Family, Request
from bot.domain.documents import Button, Buttons, Document, Note, Part, Reply, Table, Text
from bot.domain.params import Params
from bot.domain.risk import Risk
from bot.services.registry import Services
from bot.services.runs import asked_by


class ListBackups(Params):
    """Which backups to list."""

    database: str = Field("", description="Only those of this database.")
    limit: int = Field(10, ge=1, le=90, description="How many, newest first.")


async def now(request: Request, services: Services) -> Reply | None:
    """The run's own thread is the answer."""
    await services.runs.request("backup-database", request.params, asked_by(request))
    return None


async def list_backups(request: Request, services: Services) -> Reply:
    found = await services.backups.recent(request.params.limit, request.params.database)
    if not found:
        hint = f"`{services.places.command} backup now` makes one."
        return Reply(Document("There is no backup yet.", [Text("There is no backup yet."), Text(hint)]))
    header = ("Taken", "File", "Database", "Size", "Rows", "Verdict", "S3", "Expires")
    table = Table(header, tuple(_row(backup) for backup in found), right=frozenset({3, 4}))
    summary = phrases.count(len(found), "backup")
    parts: list[Part] = [Text(f"{summary}, newest first."), table, Buttons(_restores(found)), Note(_WORDS)]
    return Reply(Document(f"{summary}, newest first.", parts))


def _restores(found: Sequence[Backup]) -> tuple[Button, ...]:
    """A button for each of the newest: it opens the restore's modal with that backup chosen."""
    return tuple(
        Button(f"Restore {backup.file}", "runbook.open", f"restore-database|backup={backup.file}")
        for backup in found[:5]
    )


_WORDS = "Proven: restored into a scratch database and compared, row for row, with what was dumped."


def _row(backup: Backup) -> tuple[str, ...]:
    return (
        phrases.instant(backup.taken_at),
        backup.file,
        backup.database,
        phrases.size(backup.size_bytes),
        "-" if backup.rows is None else f"{backup.rows:,}",
        backup.verdict.value,
        "yes" if backup.object_key else "no",
        phrases.instant(backup.expires_at)[:10],
    )


FAMILY = Family(
    "backup",
    "Make and list database backups.",
    (
        Command(
            "now",
            "Back a database up, prove the copy by restoring it, and upload it.",
            now,
            positional=("database",),
            risk=Risk.ROUTINE,
            runbook="backup-database",
            example="backup now",
        ),
        Command("list", "List the backups that the bot made.", list_backups, ListBackups, example="backup list"),
    ),
)

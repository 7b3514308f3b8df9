"""`/takumi backup`: make one, look at them, prove them, be rid of them."""

from pydantic import Field

from bot.domain.commands import Command, Family, Request
from bot.domain.documents import Reply
from bot.domain.params import Params
from bot.domain.risk import Risk
from bot.services.backup_documents import card, listing
from bot.services.registry import Services
from bot.services.runs import asked_by


class ListBackups(Params):
    """Which backups to list."""

    database: str = Field("", description="Only those of this database.")
    limit: int = Field(10, ge=1, le=90, description="How many, newest first.")


class ShowBackup(Params):
    """Which backup to show."""

    backup: str = Field(description="Its file name, as `/takumi backup list` shows it; `latest` is the newest proven.")


async def now(request: Request, services: Services) -> Reply | None:
    """The run's own thread is the answer."""
    await services.runs.request("backup-database", request.params, asked_by(request))
    return None


async def list_backups(request: Request, services: Services) -> Reply:
    found = await services.backups.listed(request.params.limit, request.params.database)
    return Reply(listing(found, services.places.command))


async def show(request: Request, services: Services) -> Reply:
    return Reply(card(await services.backups.shown(request.params.backup)))


async def verify(request: Request, services: Services) -> None:
    """The run's own thread is the answer."""
    await services.runs.request("verify-backup", request.params, asked_by(request))


async def prove(request: Request, services: Services) -> None:
    """The run's own thread is the answer."""
    await services.runs.request("prove-backup", request.params, asked_by(request))


async def delete(request: Request, services: Services) -> None:
    """The approval card is the answer."""
    await services.runs.request("delete-backup", request.params, asked_by(request))


async def cluster(request: Request, services: Services) -> None:
    """The run's own thread is the answer."""
    await services.runs.request("backup-cluster", request.params, asked_by(request))


FAMILY = Family(
    "backup",
    "Make, look at, prove and delete database backups.",
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
        Command(
            "list",
            "List the backups: the bot's own and the files of other scripts, the broken ones with what is wrong.",
            list_backups,
            ListBackups,
            example="backup list",
        ),
        Command(
            "show",
            "Show a backup with its manifest and four verdicts: backup, verification, offsite copy, retention.",
            show,
            ShowBackup,
            ("backup",),
            example="backup show takumi_db_20261124_020000.sql.gz",
        ),
        Command(
            "verify",
            "Read a backup to its end, and compare its copy in S3 by hash.",
            verify,
            positional=("backup",),
            risk=Risk.ROUTINE,
            runbook="verify-backup",
            example="backup verify latest",
        ),
        Command(
            "prove",
            "Restore a backup into a scratch database, compare it, check it, and drop it.",
            prove,
            positional=("backup",),
            risk=Risk.ROUTINE,
            runbook="prove-backup",
            example="backup prove latest --now",
        ),
        Command(
            "delete",
            "Delete a backup, after approval; it can be brought back for three days.",
            delete,
            positional=("backup",),
            risk=Risk.DESTRUCTIVE,
            runbook="delete-backup",
            example="backup delete takumi_db_20261124_020000.sql.gz",
        ),
        Command(
            "cluster",
            "Back the whole cluster up with pgBackRest, and prove it by a recovery; `/takumi archive` lists these.",
            cluster,
            positional=("type",),
            risk=Risk.ROUTINE,
            runbook="backup-cluster",
            example="backup cluster full",
        ),
    ),
)

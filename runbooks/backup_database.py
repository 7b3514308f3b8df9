"""Back a database up, prove the copy, upload it: the routine that everything else relies on."""

from datetime import timedelta
from typing import Any, Literal

from bot import operations as do
from bot.runbook import AliasChoices, Facts, Field, Params, Plan, Risk, Role, Runbook, RunInfo, ShownFact, Step

KEEP = AliasChoices("keep", "keep_days")


class BackupDatabase(Params):
    """What to back up, and where to keep it."""

    database: str = Field("", description="Which database; the configured one (DB_NAME) when left out.")
    keep: int | None = Field(None, ge=1, le=3650, validation_alias=KEEP, description="Days to keep it.")
    dir: str = Field("", description="The name of another folder (TAKUMI_BOT_BACKUP_DIRS).")
    to: Literal["configured", "local", "s3"] = Field(
        "configured", description="`local` keeps it on this machine alone, `s3` uploads it as well."
    )
    format: Literal["configured", "plain", "fast"] = Field(
        "configured", description="`plain` is SQL in gzip, as the guide's; `fast` an archive in zstd."
    )


class BackupFacts(Facts):
    """The database and the places as they are."""

    database: do.DatabaseFacts
    places: do.PlaceFacts


async def look_up(params: BackupDatabase, tools: Any) -> BackupFacts:
    database = await do.look_up_database_to_back_up(tools, params.database)
    wishes = do.Wishes(params.to, params.keep, params.format, params.dir)
    return BackupFacts(database=database, places=await do.look_up_places(tools, database, wishes))


def plan(_params: BackupDatabase, facts: BackupFacts, _run: RunInfo) -> Plan:
    database, folder = facts.database, facts.places.folder
    limit = timedelta(minutes=30, seconds=database.size_bytes / 2e6)
    places = facts.places
    dump = do.DumpDatabase(database, folder, limit, places.form, places.offsite, places.hashed)
    compare = do.CompareBackup(database, folder, timeout=limit)
    publish = do.PublishBackup(folder, facts.places.keep)
    return Plan(
        summary=f"Back up {database.name} ({database.environment.value})",
        steps=(
            Step("dump", "Dump and count", dump, undo=do.RemoveUnfinished(folder)),
            Step("compare", "Restore and compare", compare),
            *do.upload_steps(folder, facts.places.offsite, limit),
            Step("publish", "Publish", publish, verify=do.CheckPublished(folder), undo=do.RetractBackup(folder)),
        ),
        claims=(database.claim(exclusive=False),),
        environment=database.environment.value,
        bound={"system_identifier": database.system_identifier, "database": database.name, "oid": database.oid},
        shown=(
            ShownFact("Size in bytes", database.size_bytes, tolerance=1.0),
            ShownFact("Rows (estimate)", database.rows_estimate, tolerance=1.0),
        ),
    )


RUNBOOK = Runbook(
    name="backup-database",
    title="Back a database up",
    summary="Dump a database, prove the dump by restoring and comparing it, upload and publish it.",
    risk=Risk.ROUTINE,
    owner=Role.DEVELOPER,
    source="Maintenance Guide, Manual Database Backup",
    params=BackupDatabase,
    facts=BackupFacts,
    look_up=look_up,
    plan=plan,
    result=do.told_backup,
)

"""Bring back what a database held at a moment: recovered beside, taken out, compared with now; swapped in elsewhere."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from bot import operations as do
from bot.runbook import Claim, Facts, Field, Params, Plan, Risk, Role, Runbook, RunInfo, ShownFact, Step


class RestoreToTime(Params):
    """To which moment, and what."""

    to_time: str = Field(description='Date, time and zone: "2026-11-23 14:05 UTC". Up to then everything is there.')
    database: str = Field("takumi_staging", description="Database to bring back as it was then.")


class RecoveryFacts(Facts):
    """The moment, the backup that leads to it, and the database as it is now."""

    found: do.RecoveryLookUp


async def look_up(params: RestoreToTime, tools: Any) -> RecoveryFacts:
    return RecoveryFacts(found=await do.look_up_recovery(tools, params.to_time, params.database))


def pin(params: RestoreToTime, facts: RecoveryFacts) -> RestoreToTime:
    return params.model_copy(update={"to_time": facts.found.at.isoformat()})


def plan(_params: RestoreToTime, facts: RecoveryFacts, run: RunInfo) -> Plan:
    found = facts.found
    database, folder, backups = found.database, found.folder, found.places.folder
    limit = timedelta(hours=1, seconds=found.backup.size_bytes / 2e6)
    point = do.Point(found.at, found.backup.label)
    recover = do.RecoverCluster(database, found.stanza, folder, point, found.backup.size_bytes, timeout=limit)
    remove = do.RemoveRecovered(folder)
    take_out = do.TakeOut(database, backups, point, timeout=limit)
    publish = do.PublishBackup(backups, found.places.keep + (run.at - found.at))
    return Plan(
        summary=f"Recover {database.name} as of {found.told_at} ({database.environment.value})",
        steps=(
            Step("recover", "Recover the cluster beside", recover, undo=remove),
            Step("dump", "Take the database out", take_out, undo=do.RemoveUnfinished(backups)),
            Step("compare_now", "Compare with now", do.CompareWithNow(database, backups, timeout=limit)),
            Step("publish", "Publish", publish, verify=do.CheckPublished(backups), undo=do.RetractBackup(backups)),
            Step("remove", "Remove the copy", remove),
        ),
        claims=(database.claim(exclusive=False), Claim(f"pgbackrest:{found.stanza}")),
        environment=database.environment.value,
        bound={"system_identifier": database.system_identifier, "database": database.name, "to_time": found.told_at},
        shown=(ShownFact("Archive reaches", str(found.window)), ShownFact("Begins from", found.told_backup)),
    )


def then(params: Mapping[str, Any], outcomes: Mapping[str, Mapping[str, Any]]) -> tuple[str, str, Mapping[str, str]]:
    file = outcomes["publish"]["backup"]["file"]
    return f"Bring it in: {file}", "restore-database", {"backup": file, "database": params["database"]}


RUNBOOK = Runbook(
    name="restore-to-time",
    title="Recover to a point in time",
    summary="Recover the cluster beside, up to a moment, take one database out, and say what going back would lose.",
    risk=Risk.ROUTINE,
    owner=Role.DEVELOPER,
    source="Maintenance Guide, Data Corruption",
    params=RestoreToTime,
    facts=RecoveryFacts,
    look_up=look_up,
    plan=plan,
    pin=pin,
    result=do.told_recovery,
    then=then,
)

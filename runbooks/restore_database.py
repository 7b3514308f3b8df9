"""Replace a database by a backup: restored beside it, compared, and only then swapped in; undoable for three days."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from bot import operations as do
from bot.runbook import Facts, Field, Params, Plan, Risk, Role, Runbook, RunInfo, Step


class RestoreDatabase(Params):
    """Which backup replaces which database."""

    backup: str = Field(description="Which backup, as `/takumi backup list` shows it; `latest` is the newest.")
    database: str = Field("takumi_staging", description="Database to replace.")


class RestoreFacts(Facts):
    """The backup, read from end to end, and the database that it would replace."""

    found: do.RestoreLookUp


async def look_up(params: RestoreDatabase, tools: Any) -> RestoreFacts:
    return RestoreFacts(found=await do.look_up_restore(tools, params.backup, params.database))


def pin(params: RestoreDatabase, facts: RestoreFacts) -> RestoreDatabase:
    return params.model_copy(update={"backup": facts.found.backup.file})


def plan(_params: RestoreDatabase, facts: RestoreFacts, run: RunInfo) -> Plan:
    target, backup = facts.found.target, facts.found.backup
    copy, aside = do.restored_name(target.name, run.id), do.aside_name(target.name, "before", run.id)
    limit = timedelta(minutes=30, seconds=backup.raw_bytes / 2e6)
    load = do.LoadBackup(target, backup, copy, timeout=limit)
    compare = do.CompareRestored(target, backup, copy, timeout=limit)
    properties, check = do.CopyProperties(target, copy), do.CheckProperties(target, copy)
    return Plan(
        summary=f"Restore {backup.file} into {target.name} ({target.environment.value})",
        steps=(
            *do.fetch_steps(backup, target.server_major, limit),
            Step("load", "Restore beside the target", load, undo=do.DropRestored(target, copy)),
            Step("compare", "Compare with the manifest", compare),
            Step("properties", "Carry the properties over", properties, verify=check),
            *do.swap_steps(target, do.SwapDatabases(target, copy, None, aside)),
        ),
        claims=(target.claim(exclusive=True),),
        environment=target.environment.value,
        bound={**do.bound_to(target), **do.bound_backup(backup)},
        shown=(*do.shown_of_backup(facts.found, run.at), *do.shown_of(target)),
        warnings=(*do.warnings_of_backup(backup), *do.warnings_of(target)),
        recovers=f"Database {target.name}",
    )


def undone_by(run: str, params: Mapping[str, Any]) -> tuple[str, Mapping[str, str]]:
    return "undo-restore", {"run": run, "database": params["database"]}


RUNBOOK = Runbook(
    name="restore-database",
    title="Restore a database",
    summary="Restore a backup beside a database, compare it with its manifest, and swap it in.",
    risk=Risk.DESTRUCTIVE,
    owner=Role.ENGINEERING_LEAD,
    source="Maintenance Guide, Database Restore",
    params=RestoreDatabase,
    facts=RestoreFacts,
    look_up=look_up,
    plan=plan,
    pin=pin,
    choices=do.restore_choices,
    undone_by=undone_by,
    result=do.told_restore,
)

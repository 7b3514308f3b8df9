"""Bring a deleted backup back into the folder, while it is kept."""

from typing import Any

from bot import operations as do
from bot.runbook import Facts, Field, Params, Plan, Risk, Role, Runbook, RunInfo, Step


class BringBackBackup(Params):
    """What which run deleted."""

    run: str = Field(description="Id of the run that deleted it.")
    backup: str = Field(description="The backup's file name.")


class AsideFacts(Facts):
    """The folder into which it goes back, and whose it is."""

    found: do.AsideLookUp


async def look_up(params: BringBackBackup, tools: Any) -> AsideFacts:
    return AsideFacts(found=await do.look_up_aside(tools, params.run, params.backup))


def plan(params: BringBackBackup, facts: AsideFacts, _run: RunInfo) -> Plan:
    found = facts.found
    return Plan(
        summary=f"Bring {params.backup} back",
        steps=(Step("back", "Bring it back", do.BringBack(found.folder, params.run, params.backup)),),
        claims=(do.backup_claim(params.backup, exclusive=True),),
        environment=found.environment.value,
        bound={"file": params.backup, "deleted_by": params.run},
    )


RUNBOOK = Runbook(
    name="bring-back-backup",
    title="Bring a backup back",
    summary="Put a backup that was deleted back into the folder, while it is kept.",
    risk=Risk.ROUTINE,
    owner=Role.DEVELOPER,
    source="Maintenance Guide, Manual Database Backup",
    params=BringBackBackup,
    facts=AsideFacts,
    look_up=look_up,
    plan=plan,
)

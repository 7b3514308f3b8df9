"""Delete a backup by hand: moved aside for three days, never the newest proven one, nor one that something needs."""

from collections.abc import Mapping
from typing import Any

from bot import operations as do
from bot.runbook import Facts, Field, Params, Plan, Risk, Role, Runbook, RunInfo, ShownFact, Step


class DeleteBackup(Params):
    """Which backup."""

    backup: str = Field(description="Which backup, as `/takumi backup list` shows it.")


class DeleteFacts(Facts):
    """The backup, and what it is worth."""

    found: do.DeleteLookUp


async def look_up(params: DeleteBackup, tools: Any) -> DeleteFacts:
    return DeleteFacts(found=await do.look_up_delete(tools, params.backup))


def pin(params: DeleteBackup, facts: DeleteFacts) -> DeleteBackup:
    return params.model_copy(update={"backup": facts.found.file})


def plan(_params: DeleteBackup, facts: DeleteFacts, run: RunInfo) -> Plan:
    found = facts.found
    aside = do.MoveAside(found.folder, found.file, found.sha256, found.expires_at, found.keep)
    return Plan(
        summary=f"Delete {found.file}",
        steps=(Step("aside", "Move it aside", aside, undo=do.BringBack(found.folder, run.id, found.file)),),
        claims=(do.backup_claim(found.file, exclusive=True),),
        environment=found.environment.value,
        bound={"target": found.file, "folder": str(found.folder), "sha256": found.sha256},
        shown=(
            ShownFact("Database", found.database),
            ShownFact("Taken", do.told_instant(found.taken_at)),
            ShownFact("Verdict", found.verdict),
            ShownFact("Would expire", do.told_instant(found.expires_at)),
            ShownFact("Copy in S3", found.offsite),
        ),
        warnings=("After three days it is gone for good, here and in S3.",),
    )


def undone_by(run: str, params: Mapping[str, Any]) -> tuple[str, Mapping[str, str]]:
    return "bring-back-backup", {"run": run, "backup": params["backup"]}


RUNBOOK = Runbook(
    name="delete-backup",
    title="Delete a backup",
    summary="Take a backup out of the folder; it can be brought back for three days.",
    risk=Risk.DESTRUCTIVE,
    owner=Role.TEAM_LEAD,
    source="Maintenance Guide, Manual Database Backup",
    params=DeleteBackup,
    facts=DeleteFacts,
    look_up=look_up,
    plan=plan,
    pin=pin,
    choices=do.backup_choices,
    undone_by=undone_by,
)

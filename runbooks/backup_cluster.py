"""Back a whole cluster up with pgBackRest, and prove the backup by recovering it, before it counts."""

from datetime import timedelta
from typing import Any, Literal

from bot import operations as do
from bot.runbook import Claim, Facts, Field, Params, Plan, Risk, Role, Runbook, RunInfo, ShownFact, Step


class BackupCluster(Params):
    """What kind of backup."""

    type: Literal["full", "diff", "incr"] = Field(
        "incr", description="full, or what changed since the last full (diff) or since the last of any kind (incr)."
    )


class ClusterFacts(Facts):
    """The cluster as it is."""

    found: do.ClusterLookUp


async def look_up(_params: BackupCluster, tools: Any) -> ClusterFacts:
    return ClusterFacts(found=await do.look_up_cluster_backup(tools))


def plan(params: BackupCluster, facts: ClusterFacts, _run: RunInfo) -> Plan:
    found = facts.found
    database, stanza, size_bytes = found.databases[0], found.stanza, found.size_bytes
    limit = timedelta(hours=1, seconds=size_bytes / 2e6)
    recover = do.RecoverCluster(database, stanza, found.folder, do.Point(), size_bytes, timeout=limit)
    remove = do.RemoveRecovered(found.folder)
    return Plan(
        summary=f"Back up the cluster at {database.address} ({params.type}, {database.environment.value})",
        steps=(
            Step("backup", "Back the cluster up", do.BackUpCluster(database, stanza, params.type, timeout=limit)),
            Step("verify", "Verify the repository", do.VerifyRepository(stanza, timeout=limit)),
            Step("witness", "Count what it holds", do.Witness(found.databases, stanza, timeout=limit)),
            Step("recover", "Recover it beside", recover, undo=remove),
            Step("compare", "Compare", do.CompareRecovered(found.databases, found.folder, timeout=limit)),
            Step("note", "Note the proof", do.NoteProof()),
            Step("remove", "Remove the copy", remove),
        ),
        claims=(*(one.claim(exclusive=False) for one in found.databases), Claim(f"pgbackrest:{stanza}")),
        environment=database.environment.value,
        bound={"system_identifier": database.system_identifier, "stanza": stanza},
        shown=(ShownFact("Size in bytes", size_bytes, tolerance=1.0),),
    )


RUNBOOK = Runbook(
    name="backup-cluster",
    title="Back a cluster up",
    summary="Make a physical backup with pgBackRest, and prove it: recovered beside, compared, its time measured.",
    risk=Risk.ROUTINE,
    owner=Role.DEVELOPER,
    source="Maintenance Guide, Recovery Time Objectives (RTO)",
    params=BackupCluster,
    facts=ClusterFacts,
    look_up=look_up,
    plan=plan,
    result=do.told_cluster_backup,
)

"""Prove a backup that exists: restored on the proving server, compared, checked, dropped, its time measured."""

from datetime import timedelta
from typing import Any

from bot import operations as do
from bot.runbook import Facts, Field, Params, Plan, Risk, Role, Runbook, RunInfo, ShownFact, Step


class ProveBackup(Params):
    """Which backup, and when."""

    backup: str = Field("", description="Which backup; the newest that nobody has proven when left out.")
    now: bool = Field(default=False, description="Also outside of the hours for proofs.")


class ProofFacts(Facts):
    """The backup, and the server on which it is restored."""

    found: do.ProofLookUp


async def look_up(params: ProveBackup, tools: Any) -> ProofFacts:
    return ProofFacts(found=await do.look_up_proof(tools, params.backup, outside=params.now))


def pin(params: ProveBackup, facts: ProofFacts) -> ProveBackup:
    return params.model_copy(update={"backup": facts.found.file})


def plan(_params: ProveBackup, facts: ProofFacts, _run: RunInfo) -> Plan:
    found, place = facts.found, facts.found.place
    limit = timedelta(minutes=30, seconds=found.needed_bytes / (place.bytes_per_second or 2e6))
    read = do.ReadBackup(found.folder, found.file, found.sha256, limit, place.server.server_major)
    return Plan(
        summary=f"Prove {found.file}",
        steps=(
            Step("read", "Read it to its end", read),
            Step("prove", "Restore, compare, check, drop", do.ProveBackup(place, found.file, limit)),
            Step("latest", "Lead latest.sql.gz to the newest proven one", do.PointLatest()),
        ),
        claims=(
            do.PROOF_CLAIM,
            do.backup_claim(found.file, exclusive=False),
            place.server.claim(exclusive=False),
        ),
        environment=place.server.environment.value,
        bound={"file": found.file, "sha256": found.sha256, "system_identifier": place.server.system_identifier},
        shown=(
            ShownFact("Server", f"{place.server.address}: {place.capabilities}"),
            ShownFact("Free space", do.told_room(found)),
        ),
    )


RUNBOOK = Runbook(
    name="prove-backup",
    title="Prove a backup",
    summary="Restore a backup into a database of its own, compare it with its manifest, check it, and drop it.",
    risk=Risk.ROUTINE,
    owner=Role.DEVELOPER,
    source="Maintenance Guide, Backup Verification",
    params=ProveBackup,
    facts=ProofFacts,
    look_up=look_up,
    plan=plan,
    pin=pin,
    result=do.told_proof,
)

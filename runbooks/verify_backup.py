"""Check a backup without restoring it: its file to the end, its copy in S3 by hash."""

from datetime import timedelta
from typing import Any

from bot import operations as do
from bot.runbook import Facts, Field, Params, Plan, Risk, Role, Runbook, RunInfo, Step


class VerifyBackup(Params):
    """Which backup."""

    backup: str = Field(description="Which backup, as `/takumi backup list` shows it; `latest` is the newest proven.")


class VerifyFacts(Facts):
    """What is known of it."""

    found: do.VerifyLookUp


async def look_up(params: VerifyBackup, tools: Any) -> VerifyFacts:
    return VerifyFacts(found=await do.look_up_verify(tools, params.backup))


def pin(params: VerifyBackup, facts: VerifyFacts) -> VerifyBackup:
    return params.model_copy(update={"backup": facts.found.file})


def plan(_params: VerifyBackup, facts: VerifyFacts, _run: RunInfo) -> Plan:
    found = facts.found
    limit = timedelta(minutes=10, seconds=found.size_bytes / 2e6)
    read = do.ReadBackup(found.folder, found.file, found.sha256, limit)
    offsite = do.CompareOffsite(found.folder, found.file, found.bucket, found.object_key, limit)
    return Plan(
        summary=f"Verify {found.file}",
        steps=(
            Step("read", "Read it to its end", read),
            *([Step("offsite", "Compare the copy in S3", offsite)] if found.object_key else []),
        ),
        claims=(do.backup_claim(found.file, exclusive=False),),
        environment=found.environment.value,
        bound={"file": found.file, "sha256": found.sha256},
    )


RUNBOOK = Runbook(
    name="verify-backup",
    title="Verify a backup",
    summary="Read a backup to its end, compare it with its checksum and manifest, and its copy in S3 by hash.",
    risk=Risk.ROUTINE,
    owner=Role.DEVELOPER,
    source="Maintenance Guide, Backup Verification",
    params=VerifyBackup,
    facts=VerifyFacts,
    look_up=look_up,
    plan=plan,
    pin=pin,
    choices=do.backup_choices,
    result=do.told_verify,
)

"""Delete the backups whose time is up, here and in S3; what must stay stays, whatever its date.

Differs: the guide's script deletes by the age of a file, whatever it is worth; the newest proven backup never goes.
"""

from typing import Any

from bot import operations as do
from bot.runbook import Facts, NoParams, Plan, Risk, Role, Runbook, RunInfo, ShownFact, Step


class ExpiryFacts(Facts):
    """What goes, and what stays although its time is up."""

    found: do.ExpiryLookUp


async def look_up(_params: NoParams, tools: Any) -> ExpiryFacts:
    await do.must_own_retention(tools)
    return ExpiryFacts(found=await do.look_up_expired(tools))


def plan(_params: NoParams, facts: ExpiryFacts, _run: RunInfo) -> Plan:
    found = facts.found
    return Plan(
        summary=f"Delete {len(found.going)} expired backups",
        steps=tuple(
            Step(f"delete-{number}", f"Delete {one.file}", do.DeleteExpired(one.folder, one))
            for number, one in enumerate(found.going, 1)
        ),
        claims=tuple(do.backup_claim(one.file, exclusive=True) for one in found.going),
        environment=found.environment.value,
        bound={"files": [one.file for one in found.going]},
        shown=tuple(ShownFact(f"Stays: {one.file}", one.why) for one in found.spared),
    )


RUNBOOK = Runbook(
    name="expire-backups",
    title="Delete expired backups",
    summary="Delete backups whose retention is over, never the newest proven one nor one that something refers to.",
    risk=Risk.ROUTINE,
    owner=Role.TEAM_LEAD,
    source="Maintenance Guide, Manual Database Backup",
    params=NoParams,
    facts=ExpiryFacts,
    look_up=look_up,
    plan=plan,
    result=do.told_expiry,
)

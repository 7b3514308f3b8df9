"""Drop the databases that a swap replaced and whose time is up, so that the disk does not fill with them."""

from typing import Any

from bot import operations as do
from bot.runbook import Facts, Field, Params, Plan, Risk, Role, Runbook, RunInfo, Step


class DropKeptCopies(Params):
    """On which cluster."""

    database: str = Field("", description="Any database of the cluster; the configured one (DB_NAME) when left out.")


class KeptFacts(Facts):
    """A database of the cluster, and the expired copies there."""

    database: do.DatabaseFacts
    expired: tuple[do.KeptCopy, ...]


async def look_up(params: DropKeptCopies, tools: Any) -> KeptFacts:
    database, expired = await do.look_up_expired_copies(tools, params.database)
    return KeptFacts(database=database, expired=expired)


def plan(_params: DropKeptCopies, facts: KeptFacts, _run: RunInfo) -> Plan:
    database = facts.database
    return Plan(
        summary=f"Drop {len(facts.expired)} expired copies on {database.address}",
        steps=tuple(
            Step(f"drop-{copy.oid}", f"Drop {copy.name}", do.DropKeptCopy(database, copy)) for copy in facts.expired
        ),
        claims=tuple(database.model_copy(update={"name": one.name}).claim(exclusive=True) for one in facts.expired),
        environment=database.environment.value,
        bound={"system_identifier": database.system_identifier, "copies": [copy.oid for copy in facts.expired]},
    )


RUNBOOK = Runbook(
    name="drop-kept-copies",
    title="Drop expired copies",
    summary="Drop the databases that restores replaced more than three days ago.",
    risk=Risk.ROUTINE,
    owner=Role.TEAM_LEAD,
    source="Maintenance Guide, Database Restore",
    params=DropKeptCopies,
    facts=KeptFacts,
    look_up=look_up,
    plan=plan,
)

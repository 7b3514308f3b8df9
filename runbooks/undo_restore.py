"""Swap the former database back: destructive itself, since what was written since the swap goes with it."""

from typing import Any

from bot import operations as do
from bot.runbook import Facts, Field, Params, Plan, Risk, Role, Runbook, RunInfo, ShownFact


class UndoRestore(Params):
    """Which restore is undone."""

    run: str = Field(description="Id of the run that swapped the database.")
    database: str = Field(description="Database that it replaced.")


class UndoFacts(Facts):
    """The former database, and the one that took its place."""

    found: do.UndoLookUp


async def look_up(params: UndoRestore, tools: Any) -> UndoFacts:
    return UndoFacts(found=await do.look_up_undo(tools, params.run, params.database))


def plan(_params: UndoRestore, facts: UndoFacts, run: RunInfo) -> Plan:
    target, kept, since = facts.found.target, facts.found.copy_kept, facts.found.written_since
    swap = do.SwapDatabases(target, kept.name, kept.oid, do.aside_name(target.name, "undone", run.id))
    return Plan(
        summary=f"Swap the former {target.name} back ({target.environment.value})",
        steps=do.swap_steps(target, swap),
        claims=(target.claim(exclusive=True),),
        environment=target.environment.value,
        bound={**do.bound_to(target), "former": kept.name, "former_oid": kept.oid, "swapped_by": kept.note.run},
        shown=(
            ShownFact("Swapped at", kept.note.kept_at.isoformat()),
            ShownFact("Rows written since the swap", "unknown" if since is None else since, tolerance=0.5),
            *do.shown_of(target),
        ),
        warnings=("Whatever was written since the swap is lost to the platform.", *do.warnings_of(target)),
    )


RUNBOOK = Runbook(
    name="undo-restore",
    title="Undo a restore",
    summary="Swap the database that a restore replaced back into its place, while it is kept.",
    risk=Risk.DESTRUCTIVE,
    owner=Role.ENGINEERING_LEAD,
    source="Maintenance Guide, Database Restore",
    params=UndoRestore,
    facts=UndoFacts,
    look_up=look_up,
    plan=plan,
    result=do.told_swap,
)

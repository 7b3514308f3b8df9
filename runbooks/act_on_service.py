"""Start, stop, restart, reload or recreate a service on its machine, through the machine's executor."""

from typing import Any, Literal

from bot import operations as do
from bot.runbook import Facts, Field, Params, Plan, Risk, Role, Runbook, RunInfo, ShownFact, Step


class ActOnService(Params):
    """Which service, where, and what to do."""

    target: str = Field(description="The machine, by its name in TAKUMI_BOT_TARGETS.")
    service: str = Field(description="The service, as the target lists it.")
    verb: Literal["start", "stop", "restart", "reload", "recreate"] = Field(
        "restart", description="`recreate` reads a compose service's environment anew; `restart` does not."
    )


class ServiceFacts(Facts):
    """The service as it was found, and what would be run."""

    found: do.ServiceLookUp


async def look_up(params: ActOnService, tools: Any) -> ServiceFacts:
    return ServiceFacts(found=await do.look_up_service(tools, params.target, params.service, do.Verb(params.verb)))


def plan(params: ActOnService, facts: ServiceFacts, _run: RunInfo) -> Plan:
    found = facts.found
    return Plan(
        summary=f"{params.verb.capitalize()} {found.service} on {found.target} ({found.environment.value})",
        steps=(
            Step("act", params.verb.capitalize(), do.ActOnService(found)),
            Step("look", "Look at it", do.CheckService(found)),
        ),
        claims=(found.claim(),),
        environment=found.environment.value,
        bound={"command": found.command, "place": found.place, "executor": found.executor},
        shown=(ShownFact("Now", found.told),),
    )


RUNBOOK = Runbook(
    name="act-on-service",
    title="Act on a service",
    summary="Start, stop, restart, reload or recreate a service through its machine's executor, and look at it.",
    risk=Risk.DISRUPTIVE,
    owner=Role.ENGINEERING_LEAD,
    source="Maintenance Guide, Complete System Failure",
    params=ActOnService,
    facts=ServiceFacts,
    look_up=look_up,
    plan=plan,
)

"""What a runbook is: a look at the world, then a pure function to a plan."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeAlias

from pydantic import BaseModel

from bot.domain.params import Params
from bot.domain.people import Role
from bot.domain.plans import Plan
from bot.domain.risk import Risk, Severity


@dataclass(frozen=True)
class RunInfo:
    """What a plan may know of its run; `at` is the instant of the request (UTC)."""

    id: str
    at: datetime


class Facts(BaseModel):
    """What a look-up found, as JSON can hold it; a runbook declares its own subclass."""

    model_config = {"frozen": True, "extra": "forbid"}


LookUp: TypeAlias = Callable[[Any, Any], Awaitable[Facts]]
Planner: TypeAlias = Callable[[Any, Any, RunInfo], Plan]


@dataclass(frozen=True)
class Runbook:
    """One module of `runbooks/`.

    `look_up(params, tools)` reads the platform and changes nothing; `plan(params, facts, run)` is pure.
    `facts` is the model that `look_up` returns: it is stored with the run, and the plan is made again from it, so that
    a worker in another process executes what was digested. `source` names the guide's section.
    `pin(params, facts)` replaces words such as "latest" by what they meant when the facts were looked up, so that a
    later look at the same request sees the same thing. `choices(tools)` gives the options of modal selects: (value,
    label) by parameter. `undone_by(run, params)` names the runbook that undoes a run which succeeded, and its
    parameters. `then(params, outcomes)` names what people most likely ask for next: a button's label, a runbook and the
    fields of its modal. `result(outcomes)` turns the steps' data into labels and values for the closing message.
    `severity` says how urgent its requests are when no incident is open; `breakable` whether broken glass may ever
    spare it an approval.
    """

    name: str
    title: str
    summary: str
    risk: Risk
    owner: Role
    source: str
    params: type[Params]
    facts: type[Facts]
    look_up: LookUp
    plan: Planner
    pin: Callable[[Any, Any], Params] | None = None
    choices: Callable[[Any], Awaitable[Mapping[str, tuple[tuple[str, str], ...]]]] | None = None
    undone_by: Callable[[str, Mapping[str, Any]], tuple[str, Mapping[str, str]]] | None = None
    then: Callable[[Mapping[str, Any], Mapping[str, Mapping[str, Any]]], tuple[str, str, Mapping[str, str]]] | None = (
        None
    )
    result: Callable[[Mapping[str, Mapping[str, Any]]], tuple[tuple[str, str], ...]] | None = None
    severity: Severity = Severity.P1
    breakable: bool = True

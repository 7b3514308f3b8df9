"""The words a runbook is written in."""

from pydantic import AliasChoices, Field

from bot.domain.errors import Misconfigured, OperationFailed, Refused, RequestError
from bot.domain.operations import Observation, Operation, Outcome, Seen, StepContext
from bot.domain.params import NoParams, Params
from bot.domain.people import Role
from bot.domain.plans import Claim, Plan, ShownFact, Step
from bot.domain.risk import Risk
from bot.domain.runbooks import Facts, Runbook, RunInfo

__all__ = [
    "AliasChoices",
    "Claim",
    "Facts",
    "Field",
    "Misconfigured",
    "NoParams",
    "Observation",
    "Operation",
    "OperationFailed",
    "Outcome",
    "Params",
    "Plan",
    "Refused",
    "RequestError",
    "Risk",
    "Role",
    "RunInfo",
    "Runbook",
    "Seen",
    "ShownFact",
    "Step",
    "StepContext",
]

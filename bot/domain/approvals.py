"""An approver's decision on a request, and the rules that no decision may break."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from bot.domain.people import Role
from bot.domain.runs import Run, RunState


class Verdict(StrEnum):
    """What an approver said."""

    APPROVED = "approved"
    DENIED = "denied"


@dataclass(frozen=True)
class Decision:
    """One principal's word on the plan with this digest; `at` is set by the store."""

    run: str
    digest: str
    approver: str
    slack_user: str
    role: Role
    verdict: Verdict
    reason: str = ""
    at: datetime | None = None


class DecisionRule(StrEnum):
    """Why a decision is refused; the value is the sentence for the person."""

    UNKNOWN_RUN = "There is no such run."
    NOT_WAITING = "This request no longer waits for a decision."
    STALE_DIGEST = "The plan has changed since you saw it: look at the card again."
    SELF_APPROVAL = "You asked for this yourself: somebody else has to decide."
    ALREADY_DENIED = "This request was denied; one denial ends it."
    DECIDED_BEFORE = "You have decided on this request before."
    ROLE_FILLED = "This role has approved already: somebody in the other role has to decide."


def broken_rule(decision: Decision, run: Run | None, earlier: Sequence[Decision]) -> DecisionRule | None:
    """The first rule that the decision breaks; the database holds the same rules as constraints."""
    if run is None:
        return DecisionRule.UNKNOWN_RUN
    if run.state is not RunState.REQUESTED:
        return DecisionRule.NOT_WAITING
    if run.digest != decision.digest:
        return DecisionRule.STALE_DIGEST
    if any(one.verdict is Verdict.DENIED for one in earlier):
        return DecisionRule.ALREADY_DENIED
    if run.requester == decision.approver:
        return DecisionRule.SELF_APPROVAL
    return _taken(decision, earlier)


def _taken(decision: Decision, earlier: Sequence[Decision]) -> DecisionRule | None:
    if any(one.approver == decision.approver for one in earlier):
        return DecisionRule.DECIDED_BEFORE
    if decision.verdict is Verdict.APPROVED and any(one.role is decision.role for one in earlier):
        return DecisionRule.ROLE_FILLED
    return None

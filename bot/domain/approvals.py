"""An approver's decision on a request, and the rules that no decision may break."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from bot.domain.people import Role
from bot.domain.risk import Risk
from bot.domain.runs import Run, RunState
from bot.domain.targets import Environment


class Verdict(StrEnum):
    """What an approver said."""

    APPROVED = "approved"
    DENIED = "denied"


@dataclass(frozen=True)
class Decision:
    """One principal's word on the plan with this digest; `at` is set by the store.

    `proof` says how they were proven beyond their Slack session: `code`, `wallet 0x...`, or empty.
    """

    run: str
    digest: str
    approver: str
    slack_user: str
    role: Role
    verdict: Verdict
    reason: str = ""
    proof: str = ""
    at: datetime | None = None


class DecisionRule(StrEnum):
    """Why a decision is refused; the value is the sentence for the person."""

    UNKNOWN_RUN = "There is no such run."
    NOT_WAITING = "This request no longer waits for a decision."
    EXPIRED = "This request has expired."
    UNPROVEN = "This needs a proof that it is you: a code from your device, or your wallet's signature."
    STALE_DIGEST = "The plan has changed since you saw it: look at the card again."
    SELF_APPROVAL = "You asked for this yourself: somebody else has to decide."
    ALREADY_DENIED = "This request was denied; one denial ends it."
    DECIDED_BEFORE = "You have decided on this request before."
    ROLE_FILLED = "This role has approved already: somebody in the other role has to decide."


def needs_proof(run: Run) -> bool:
    """The highest risk: a stolen Slack session must not be able to approve it."""
    return run.risk is Risk.DESTRUCTIVE and run.ruled_as == Environment.PRODUCTION


def broken_rule(decision: Decision, run: Run | None, earlier: Sequence[Decision], now: datetime) -> DecisionRule | None:
    """The first rule that the decision breaks; the database holds the same rules as constraints."""
    if run is None:
        return DecisionRule.UNKNOWN_RUN
    return _closed(decision, run, now) or _forbidden(decision, run, earlier)


def _closed(decision: Decision, run: Run, now: datetime) -> DecisionRule | None:
    """What nobody could decide on any more, or not like this."""
    if run.state is not RunState.REQUESTED:
        return DecisionRule.NOT_WAITING
    if run.expires_at is not None and run.expires_at <= now:
        return DecisionRule.EXPIRED
    return DecisionRule.STALE_DIGEST if run.digest != decision.digest else None


def _forbidden(decision: Decision, run: Run, earlier: Sequence[Decision]) -> DecisionRule | None:
    """What this person may not say after what was said."""
    if any(one.verdict is Verdict.DENIED for one in earlier):
        return DecisionRule.ALREADY_DENIED
    if run.requester == decision.approver:
        return DecisionRule.SELF_APPROVAL
    if decision.verdict is Verdict.APPROVED and needs_proof(run) and not decision.proof:
        return _taken(decision, earlier) or DecisionRule.UNPROVEN
    return _taken(decision, earlier)


def _taken(decision: Decision, earlier: Sequence[Decision]) -> DecisionRule | None:
    if any(one.approver == decision.approver for one in earlier):
        return DecisionRule.DECIDED_BEFORE
    if decision.verdict is Verdict.APPROVED and any(one.role is decision.role for one in earlier):
        return DecisionRule.ROLE_FILLED
    return None

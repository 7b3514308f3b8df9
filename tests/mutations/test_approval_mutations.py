"""Each rule of approvals is broken on purpose, and the test that is named for it fails: else it would prove nothing."""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from bot.domain.approvals import DecisionRule, broken_rule
from bot.domain.errors import BotError
from bot.domain.factors import Factor
from bot.domain.people import Actor, Surface
from bot.domain.risk import Risk, Severity
from bot.domain.runs import Run
from bot.domain.targets import Environment
from bot.operations.tools import wallets
from bot.policy.approvals import ApprovalNeed, needed
from bot.services import approvals, asking, calls, circumstances, freshness, seats
from bot.services.approvals import Approvals
from bot.services.enrolment import Enrolment
from bot.services.exceptions import Exceptions
from bot.services.execution import Execution
from bot.services.people import People
from bot.services.proofs import Proofs
from bot.stores.memory import approvals as memory_approvals
from bot.stores.memory.calls import MemoryCalls
from bot.stores.memory.factors import MemoryFactors
from tests.approval_sequences import Failure, play_many
from tests.unit import test_approvals, test_escalation, test_policy_approvals, test_proofs

Patch = pytest.MonkeyPatch
Break = Callable[[Patch], None]
Broken = Callable[..., Awaitable[Any]]


def rule(*ignored: DecisionRule) -> Break:
    """Neither the service nor the store knows these rules any more."""

    def forgetful(decision: Any, run: Any, earlier: Any, now: datetime) -> DecisionRule | None:
        found = broken_rule(decision, run, earlier, now)
        return None if found in ignored else found

    def patch(monkeypatch: Patch) -> None:
        monkeypatch.setattr(seats, "broken_rule", forgetful)
        monkeypatch.setattr(memory_approvals, "broken_rule", forgetful)

    return patch


def put(owner: Any, name: str, value: Any) -> Break:
    return lambda monkeypatch: monkeypatch.setattr(owner, name, value)


def always(answer: object) -> Any:
    async def answered(*_: Any, **__: Any) -> Any:
        return answer

    return answered


def glass_takes_all(risk: Any, environment: Any, severity: Any, *, glass: bool = False) -> ApprovalNeed:
    return ApprovalNeed(()) if glass else needed(risk, environment, severity)


def everything_usable(_self: Factor, _now: datetime, _wait: timedelta) -> bool:
    return True


@dataclass(frozen=True)
class Mutation:
    """A rule, what breaks it, and the test that notices."""

    name: str
    breaking: Break
    test: Broken
    arguments: Sequence[Any] = ()


MUTATIONS = [
    Mutation(
        "a requester approves",
        rule(DecisionRule.SELF_APPROVAL),
        test_approvals.test_the_requesters_own_click_is_refused_with_the_reason_and_what_to_do,
    ),
    Mutation(
        "a person approves twice",
        rule(DecisionRule.DECIDED_BEFORE),
        test_approvals.test_production_needs_two_people_in_two_roles,
    ),
    Mutation(
        "a decided request is decided again",
        rule(DecisionRule.NOT_WAITING),
        test_approvals.test_a_second_click_changes_nothing,
    ),
    Mutation(
        "accounts of one person are two people",
        put(People, "actor", lambda _self, user, team: Actor(f"slack:{team}:{user}", Surface.SLACK, user)),
        test_approvals.test_two_accounts_of_one_person_are_one_principal,
    ),
    Mutation(
        "the plan is not looked at again at the decision",
        put(Approvals, "_must_be_fresh", always(None)),
        test_approvals.test_a_bound_fact_that_changed_before_the_decision_voids_the_request_and_is_named,
    ),
    Mutation(
        "the plan is not looked at again before the start",
        put(Approvals, "_not_fresh", always("")),
        test_approvals.test_a_bound_fact_that_changed_after_the_approval_voids_it_before_anything_happens,
    ),
    Mutation(
        "shown facts may drift",
        put(freshness, "drifts", lambda *_: ()),
        test_approvals.test_a_shown_fact_beyond_its_tolerance_is_asked_again_on_a_card_that_shows_it,
    ),
    Mutation(
        "an approver may lose the role",
        put(Approvals, "_approver_gone", always("")),
        test_approvals.test_an_approver_who_lost_the_role_before_the_start_voids_it,
    ),
    Mutation(
        "an approval is good for ever",
        put(approvals, "START_WITHIN", timedelta(days=9)),
        test_approvals.test_what_is_approved_and_not_started_in_time_is_void,
    ),
    Mutation(
        "a request waits for ever",
        put(Execution, "_expire", always(None)),
        test_approvals.test_silence_ends_a_request_and_never_approves_it,
    ),
    Mutation(
        "guests decide",
        put(approvals, "must_be_welcome", lambda _: None),
        test_approvals.test_a_fresh_look_at_the_clicker_decides,
        ("you are a guest here",),
    ),
    Mutation(
        "nobody looks who could approve",
        put(Approvals, "must_be_approvable", always(None)),
        test_approvals.test_two_seats_that_one_person_alone_could_fill_are_refused_at_once,
    ),
    Mutation(
        "a call is made twice",
        put(MemoryCalls, "make", always(answer=True)),
        test_escalation.test_silence_is_asked_reminded_and_called_up_to_the_cto_and_ends_it,
    ),
    Mutation(
        "who is called is not told directly",
        put(calls, "Event", SimpleNamespace(CALLED="", PAGED="")),
        test_escalation.test_whoever_is_called_gets_a_direct_message_and_whoever_is_reminded_does_not,
    ),
    Mutation(
        "a freeze stops nothing that is asked for",
        put(circumstances, "frozen", always("")),
        test_escalation.test_a_freeze_refuses_what_is_asked_for_and_what_was_approved_and_ends,
    ),
    Mutation(
        "a freeze stops nothing that was approved",
        put(approvals, "frozen", always("")),
        test_escalation.test_a_freeze_refuses_what_is_asked_for_and_what_was_approved_and_ends,
    ),
    Mutation(
        "anybody freezes",
        put(Exceptions, "_must_fill", always(None)),
        test_escalation.test_only_a_lead_or_security_freezes,
    ),
    Mutation(
        "the target need not be typed",
        put(asking, "target_of", lambda _: ""),
        test_escalation.test_a_destructive_request_for_production_names_its_target,
        ("",),
    ),
    Mutation(
        "glass takes every approval away",
        put(test_policy_approvals, "needed", glass_takes_all),
        test_policy_approvals.test_broken_glass_takes_one_approval_away_and_never_the_last,
        (Risk.DESTRUCTIVE, Environment.PRODUCTION, Severity.P1),
    ),
    Mutation(
        "glass breaks without an incident",
        put(circumstances, "_must_be_breakable", lambda *_: None),
        test_escalation.test_glass_is_not_broken_without_all_that_it_needs,
        (test_escalation.GLASS, None, "open P0 or P1"),
    ),
    Mutation(
        "an incident eases what its runbook asks for",
        put(Run, "seats_severity", property(lambda run: run.severity)),
        test_approvals.test_an_incident_that_is_less_urgent_than_the_runbook_eases_nothing,
    ),
    Mutation(
        "rules that are practised hold nowhere",
        put(Run, "ruled_as", property(lambda run: run.environment)),
        test_approvals.test_productions_rules_hold_everywhere_where_they_are_practised,
        ("staging",),
    ),
    Mutation(
        "who fills two roles takes any seat",
        put(seats, "_wisest", lambda free, *_: min(free)),
        test_approvals.test_who_fills_two_roles_sits_where_the_others_can_fill_what_is_left,
    ),
    Mutation(
        "a session is enough for the highest risk",
        put(Approvals, "_proven", always("code")),
        test_proofs.test_a_stolen_session_cannot_approve_the_highest_risk,
    ),
    Mutation(
        "a code is good twice",
        put(MemoryFactors, "use_step", always(answer=True)),
        test_proofs.test_a_code_is_good_once_even_for_another_request,
    ),
    Mutation(
        "tries are not counted",
        put(MemoryFactors, "attempt", always(answer=True)),
        test_proofs.test_five_tries_in_a_quarter_of_an_hour_and_the_right_code_is_refused_too,
    ),
    Mutation(
        "a nonce need not have been asked for",
        put(MemoryFactors, "use_challenge", always(answer=True)),
        test_proofs.test_a_nonce_that_nobody_asked_for_is_refused,
    ),
    Mutation(
        "a signature has two forms",
        put(wallets, "_HALF_ORDER", 2**256),
        test_proofs.test_the_other_half_of_a_signature_is_refused,
    ),
    Mutation(
        "any wallet signs",
        put(Proofs, "by_wallet", always("wallet")),
        test_proofs.test_another_wallets_signature_is_refused,
    ),
    Mutation(
        "a factor is good at once",
        put(Factor, "usable", everything_usable),
        test_proofs.test_a_first_factor_needs_two_others_and_a_day,
    ),
    Mutation(
        "an enrolment shows nothing",
        put(Enrolment, "_must_have", always(None)),
        test_proofs.test_an_enrolment_shows_that_the_device_is_there,
    ),
]


def named() -> Iterable[Any]:
    return [pytest.param(one, id=one.name) for one in MUTATIONS]


@pytest.mark.parametrize("mutation", named())
async def test_the_named_test_notices(mutation: Mutation, monkeypatch: pytest.MonkeyPatch) -> None:
    await run(mutation)
    mutation.breaking(monkeypatch)
    with pytest.raises((AssertionError, pytest.fail.Exception, LookupError, BotError)):
        await run(mutation)


async def run(mutation: Mutation) -> None:
    going = mutation.test(*mutation.arguments)
    if going is not None:
        await going


SEED, MOST = 7, 200
NOTICED_BY_THE_MACHINE = [
    ("a requester approves", rule(DecisionRule.SELF_APPROVAL)),
    ("an empty seat is no obstacle", put(approvals, "open_seats", lambda *_: ())),
    ("nobody looks again before the start", put(Approvals, "reason_not_to_start", always(""))),
]


@pytest.mark.parametrize("breaking", [pytest.param(one, id=name) for name, one in NOTICED_BY_THE_MACHINE])
def test_the_machine_notices(breaking: Break, monkeypatch: pytest.MonkeyPatch) -> None:
    play_many(SEED, range(MOST))
    breaking(monkeypatch)
    with pytest.raises(Failure):
        play_many(SEED, range(MOST))

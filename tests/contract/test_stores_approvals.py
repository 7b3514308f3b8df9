"""No decision breaks a rule, and a refusal leaves the transaction usable: both stores."""

import asyncio
from dataclasses import replace

import pytest

from bot.domain.approvals import Decision, DecisionRule, Verdict
from bot.domain.errors import Refused
from bot.domain.people import Role
from bot.domain.runs import Run, RunState
from tests.builders import a_decision, a_run, an_entry
from tests.stores import StoreUnderTest


async def requested(under_test: StoreUnderTest) -> Run:
    async with under_test.store.work() as work:
        return await work.runs.add(a_run(state=RunState.REQUESTED))


async def decided(under_test: StoreUnderTest, decision: Decision) -> Decision:
    async with under_test.store.work() as work:
        return await work.approvals.add(decision)


async def test_decisions_come_back_in_order_with_their_time(under_test: StoreUnderTest):
    run = await requested(under_test)
    first = await decided(under_test, a_decision(run))
    second = await decided(under_test, a_decision(run, approver="slack:T1:U3", role=Role.CTO, reason="go"))
    async with under_test.store.work() as work:
        assert list(await work.approvals.of_run(run.id)) == [first, second]
        assert list(await work.approvals.of_run("nothing")) == []
    assert first.at is not None
    assert (second.reason, second.role) == ("go", Role.CTO)


OTHER = {"approver": "slack:T1:U3", "role": Role.CTO}
BROKEN = [
    ([], {"approver": "slack:T1:U1"}, DecisionRule.SELF_APPROVAL),
    ([], {"approver": "slack:T1:U1", "verdict": Verdict.DENIED}, DecisionRule.SELF_APPROVAL),
    ([], {"digest": "e" * 64}, DecisionRule.STALE_DIGEST),
    ([], {"run": "nothing"}, DecisionRule.UNKNOWN_RUN),
    ([{}], {"role": Role.CTO}, DecisionRule.DECIDED_BEFORE),
    ([{}], {"verdict": Verdict.DENIED}, DecisionRule.DECIDED_BEFORE),
    ([{}], OTHER | {"role": Role.TEAM_LEAD}, DecisionRule.ROLE_FILLED),
    ([{"verdict": Verdict.DENIED}], OTHER, DecisionRule.ALREADY_DENIED),
    ([{"verdict": Verdict.DENIED}], OTHER | {"verdict": Verdict.DENIED}, DecisionRule.ALREADY_DENIED),
]


@pytest.mark.parametrize(("earlier", "changes", "rule"), BROKEN)
async def test_a_decision_against_the_rules_is_refused_and_can_be_audited(
    under_test: StoreUnderTest, earlier, changes, rule: DecisionRule
):
    run = await requested(under_test)
    for values in earlier:
        await decided(under_test, a_decision(run, **values))
    async with under_test.store.work() as work:
        with pytest.raises(Refused) as refusal:
            await work.approvals.add(replace(a_decision(run), **changes))
        await work.audit.record(an_entry(run=run.id))
        assert len(await work.approvals.of_run(run.id)) == len(earlier)
    assert str(refusal.value) == rule.value


async def test_a_denial_is_not_kept_out_because_its_role_has_approved(under_test: StoreUnderTest):
    run = await requested(under_test)
    await decided(under_test, a_decision(run))
    denial = a_decision(run, approver="slack:T1:U3", verdict=Verdict.DENIED, reason="not tonight")
    assert (await decided(under_test, denial)).verdict is Verdict.DENIED


@pytest.mark.parametrize("state", [RunState.APPROVED, RunState.EXPIRED, RunState.CANCELLED, RunState.REFUSED])
async def test_a_run_that_no_longer_waits_takes_no_decision(under_test: StoreUnderTest, state: RunState):
    run = await requested(under_test)
    async with under_test.store.work() as work:
        await work.runs.move(run.id, RunState.REQUESTED, state)
    with pytest.raises(Refused, match="no longer waits"):
        await decided(under_test, a_decision(run))


async def test_of_many_in_one_role_at_once_one_is_recorded(under_test: StoreUnderTest):
    run = await requested(under_test)
    decisions = [a_decision(run, approver=f"slack:T1:U{number}") for number in range(10, 16)]
    answers = await asyncio.gather(*(decided(under_test, one) for one in decisions), return_exceptions=True)
    assert len([answer for answer in answers if isinstance(answer, Decision)]) == 1
    assert all(isinstance(answer, Decision | Refused) for answer in answers)


async def test_a_decision_and_an_expiry_at_once_do_not_pass_each_other(under_test: StoreUnderTest):
    """When the expiry wins, the decision is refused; when the decision wins, it stands before the expiry."""
    run = await requested(under_test)

    async def expire() -> bool:
        async with under_test.store.work() as work:
            return await work.runs.move(run.id, RunState.REQUESTED, RunState.EXPIRED)

    expired, decision = await asyncio.gather(expire(), decided(under_test, a_decision(run)), return_exceptions=True)
    assert expired is True
    assert isinstance(decision, Decision | Refused)

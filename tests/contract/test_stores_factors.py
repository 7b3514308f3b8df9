"""Every proof is good once, every try counts, nobody speaks for themselves: both stores."""

import asyncio
from datetime import timedelta

import pytest

from bot.domain.approvals import DecisionRule
from bot.domain.errors import Refused
from bot.domain.factors import Factor, FactorKind
from bot.domain.risk import Risk
from bot.domain.runs import RunState
from tests.builders import a_decision, a_run
from tests.stores import StoreUnderTest

QUARTER = timedelta(minutes=15)


async def test_a_step_is_used_once_by_whoever_is_first(under_test: StoreUnderTest):
    async def use(principal: str) -> bool:
        async with under_test.store.work() as work:
            return await work.factors.use_step(principal, 7)

    used = await asyncio.gather(*(use("a") for _ in range(4)))
    assert sorted(used) == [False, False, False, True]
    assert await use("b")


async def test_tries_at_once_are_counted_one_by_one(under_test: StoreUnderTest):
    async def attempt(principal: str) -> bool:
        async with under_test.store.work() as work:
            return await work.factors.attempt(principal, 3, QUARTER)

    assert sum(await asyncio.gather(*(attempt("a") for _ in range(8)))) == 3
    assert await attempt("b")
    async with under_test.store.work() as work:
        assert await work.factors.attempt("a", 3, timedelta(0))


async def test_a_challenge_is_used_once_in_the_role_it_was_made_for(under_test: StoreUnderTest):
    async with under_test.store.work() as work:
        run = await work.runs.add(a_run(state=RunState.REQUESTED))
        await work.factors.challenge(run.id, "a", "n", "cto")
        assert await work.factors.challenged(run.id, "n") == ("a", "cto")
        assert await work.factors.challenged(run.id, "other") is None
        assert not await work.factors.use_challenge(run.id, "a", "n", "team_lead")
        assert not await work.factors.use_challenge(run.id, "b", "n", "cto")
        assert await work.factors.use_challenge(run.id, "a", "n", "cto")
        assert not await work.factors.use_challenge(run.id, "a", "n", "cto")


async def test_a_factor_is_shown_once_vouched_for_by_others_and_retired(under_test: StoreUnderTest):
    async with under_test.store.work() as work:
        await work.factors.add(Factor("f", "a", FactorKind.WALLET, "0x1", "nonce"))
        assert await work.factors.show("f", by_old=False)
        assert not await work.factors.show("f", by_old=True)
        assert not await work.factors.vouch("f", "a")
        assert await work.factors.vouch("f", "b")
        assert not await work.factors.vouch("f", "b")
        (found,) = await work.factors.of("a")
        assert (found.vouchers, found.by_old, found.kind, found.challenge) == ({"b"}, False, FactorKind.WALLET, "nonce")
        assert found == await work.factors.get("f")
        await work.factors.retire("f")
        assert list(await work.factors.of("a")) == []


async def test_the_highest_risk_takes_no_unproven_approval(under_test: StoreUnderTest):
    async with under_test.store.work() as work:
        run = await work.runs.add(a_run(state=RunState.REQUESTED, risk=Risk.DESTRUCTIVE, environment="production"))
        with pytest.raises(Refused) as refusal:
            await work.approvals.add(a_decision(run))
        assert refusal.value.args[0] is DecisionRule.UNPROVEN
        assert (await work.approvals.add(a_decision(run, proof="code"))).proof == "code"
        (kept,) = await work.approvals.of_run(run.id)
        assert kept.proof == "code"


async def test_the_highest_risk_is_proven_wherever_productions_rules_hold(under_test: StoreUnderTest):
    async with under_test.store.work() as work:
        run = await work.runs.add(a_run(state=RunState.REQUESTED, risk=Risk.DESTRUCTIVE, as_production=True))
        with pytest.raises(Refused) as refusal:
            await work.approvals.add(a_decision(run))
        assert refusal.value.args[0] is DecisionRule.UNPROVEN
        await work.approvals.add(a_decision(run, proof="code"))


async def test_a_decision_after_the_expiry_is_refused(under_test: StoreUnderTest):
    async with under_test.store.work() as work:
        now = await work.now()
        run = await work.runs.add(a_run(state=RunState.REQUESTED, expires_at=now - timedelta(seconds=1)))
        with pytest.raises(Refused) as refusal:
            await work.approvals.add(a_decision(run))
        assert refusal.value.args[0] is DecisionRule.EXPIRED

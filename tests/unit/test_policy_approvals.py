"""Whose yes an action needs: every cell of risk, environment and severity."""

from itertools import product

import pytest

from bot.domain.people import Role
from bot.domain.risk import Risk, Severity
from bot.domain.targets import Environment
from bot.policy.approvals import needed
from bot.policy.severities import MATRIX

EVERYWHERE = list(product(Environment, Severity))
LEADS = {Role.TEAM_LEAD, Role.ENGINEERING_LEAD, Role.CTO}


@pytest.mark.parametrize(("environment", "severity"), EVERYWHERE)
@pytest.mark.parametrize("risk", [Risk.READ_ONLY, Risk.ROUTINE])
def test_reading_and_routine_need_no_approval(risk, environment, severity):
    assert needed(risk, environment, severity).count == 0


@pytest.mark.parametrize(("environment", "severity"), EVERYWHERE)
def test_a_disruptive_action_needs_one_lead(environment, severity):
    assert needed(Risk.DISRUPTIVE, environment, severity).seats == (frozenset(LEADS),)


@pytest.mark.parametrize("severity", Severity)
@pytest.mark.parametrize("environment", [Environment.STAGING, Environment.DEMO])
def test_destruction_outside_production_needs_the_engineering_lead(environment, severity):
    assert needed(Risk.DESTRUCTIVE, environment, severity).seats == (frozenset({Role.ENGINEERING_LEAD}),)


@pytest.mark.parametrize("severity", Severity)
def test_destruction_in_production_needs_the_matrix_role_and_another_lead(severity):
    first, second = needed(Risk.DESTRUCTIVE, Environment.PRODUCTION, severity).seats
    assert first == {MATRIX[severity].escalation}
    assert second == LEADS - first


@pytest.mark.parametrize("severity", Severity)
def test_no_role_can_fill_both_seats(severity):
    first, second = needed(Risk.DESTRUCTIVE, Environment.PRODUCTION, severity).seats
    assert not first & second


@pytest.mark.parametrize(("risk", "environment", "severity"), list(product(Risk, Environment, Severity)))
def test_every_seat_can_be_filled(risk, environment, severity):
    assert all(needed(risk, environment, severity).seats)


@pytest.mark.parametrize(("risk", "environment", "severity"), list(product(Risk, Environment, Severity)))
def test_broken_glass_takes_one_approval_away_and_never_the_last(risk, environment, severity):
    whole, broken = needed(risk, environment, severity), needed(risk, environment, severity, glass=True)
    assert broken.count == (1 if whole.count else 0)
    assert broken.roles == whole.roles

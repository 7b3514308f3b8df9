"""Severities of alerts, and the column names that a platform may have."""

import pytest

from bot.domain.commands import Place
from bot.domain.risk import Severity
from bot.policy.alert_routes import MOST_URGENT, SEEN_ALERTS, severity_of
from bot.policy.columns import COLUMNS, column_of
from bot.policy.places import CHANNEL_NAMES


@pytest.mark.parametrize("alert", SEEN_ALERTS)
def test_a_critical_alert_is_one_of_the_two_urgent_severities(alert):
    assert severity_of(alert, "critical") is (Severity.P0 if alert in MOST_URGENT else Severity.P1)


@pytest.mark.parametrize(
    ("label", "severity"), [("warning", Severity.P2), ("info", Severity.P3), (" Info ", Severity.P3)]
)
def test_a_lesser_label_decides_whatever_the_name(label, severity):
    assert severity_of("APIDown", label) is severity


def test_a_label_nobody_knows_is_never_quiet():
    assert severity_of("HighErrorRate", "sever") is Severity.P1
    assert severity_of("APIDown", "") is Severity.P0


def test_the_most_urgent_alerts_are_alerts_that_exist():
    assert set(SEEN_ALERTS) >= MOST_URGENT


def test_the_guides_columns_lead_to_the_real_ones():
    real = {f"{one.table}.{one.guide}": one.real for one in COLUMNS}
    assert real == {
        "profiles.owner": "wallet_address",
        "skills.claimer": "profile_id",
        "skills.status": "is_verified",
        "endorsements.endorser": "endorser_address",
    }
    assert column_of("skills", "status").condition == "is_verified"


def test_every_place_has_its_channels():
    assert CHANNEL_NAMES == {Place.ALERTS: ("#takumi-alerts",), Place.ANYWHERE: ()}

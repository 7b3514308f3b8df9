"""Alert rules and dashboard: what they ask for is what the bot tells, and the rules fire when they should."""

import json
import re
import shutil
import subprocess
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from bot.domain.alerts import AlertGroup, Source
from bot.domain.errors import Unavailable
from bot.domain.figures import Figure
from bot.domain.recoveries import Recovery
from bot.domain.risk import Severity
from bot.engine.watchdog import Watchdog
from bot.services.figures import row_figures
from bot.slack.socket import Hearing
from bot.stores.memory.store import MemoryStore
from bot.web.metrics import exposition
from tests.builders import a_backup, a_run

DEPLOY = Path(__file__).parents[2] / "deploy"
RULES = DEPLOY / "prometheus" / "takumi-bot.rules.yml"
NAME = re.compile(r"\btakumi_[a-z_]+\b")
# Told by other modules than those that are built here; their own tests look at the values.
ELSEWHERE = (
    Figure("takumi_trail_open", "x", 1),
    Figure("takumi_trail_unchained_seconds", "x", 0),
    Figure("takumi_trail_unanchored_seconds", "x", 0),
    Figure("takumi_slack_calls", "x", 1, {"method": "auth.test", "outcome": "ok"}),
)


async def filled() -> MemoryStore:
    store = MemoryStore()
    async with store.work() as work:
        await work.runs.add(a_run())
        await work.backups.add(a_backup())
        await work.recoveries.add(Recovery("Database", timedelta(seconds=3), "a proof"))
        await work.alerts.open(AlertGroup(Source.BOT, "a", Severity.P0, "A"), timedelta())
    return store


async def told() -> str:
    store = await filled()
    figures = (*ELSEWHERE, *Watchdog().figures(), *Hearing().figures())
    return (await exposition((lambda: row_figures(store),), figures)).decode()


def asked_by_rules() -> set[str]:
    groups = yaml.safe_load(RULES.read_text(encoding="utf-8"))["groups"]
    return {name for group in groups for rule in group["rules"] for name in NAME.findall(rule["expr"])}


def panels() -> list[dict[str, Any]]:
    dashboard = json.loads((DEPLOY / "grafana" / "takumi-bot.json").read_text(encoding="utf-8"))
    return list(dashboard["panels"])


def asked_by_dashboard() -> set[str]:
    return {name for panel in panels() for target in panel["targets"] for name in NAME.findall(target["expr"])}


async def test_rules_and_dashboard_ask_for_figures_that_are_told() -> None:
    names = {family.name for family in text_string_to_metric_families(await told())}
    assert asked_by_rules() - names == set()
    assert asked_by_dashboard() - names == set()


async def test_every_figure_of_the_rows_is_on_the_dashboard() -> None:
    store = await filled()
    assert {figure.name for figure in await row_figures(store)} - asked_by_dashboard() == set()


def test_every_panel_has_a_title_and_a_place_of_its_own() -> None:
    places = [(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in panels()]
    assert len(set(places)) == len(places)
    assert all(panel["title"] and panel["targets"] for panel in panels())


async def test_a_database_that_is_away_is_a_figure_and_not_an_error() -> None:
    async def away() -> list[Figure]:
        raise Unavailable("The database did not answer.")

    text = (await exposition((away,), ELSEWHERE)).decode()
    assert "takumi_rows_seen 0.0" in text
    assert "takumi_trail_open 1.0" in text


def promtool() -> str:
    found = shutil.which("promtool")
    if found is None:
        pytest.skip("promtool is not installed: the rules were not run")
    return found


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([promtool(), *arguments], capture_output=True, text=True, check=False, cwd=RULES.parent)


def test_promtool_takes_the_rules() -> None:
    checked = run("check", "rules", RULES.name)
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_each_alert_is_quiet_while_all_is_well_and_fires_when_it_is_not() -> None:
    checked = run("test", "rules", "takumi-bot.rules.test.yml")
    assert checked.returncode == 0, checked.stdout + checked.stderr
    groups = yaml.safe_load(RULES.read_text(encoding="utf-8"))["groups"]
    alerts = {rule["alert"] for group in groups for rule in group["rules"]}
    (test,) = yaml.safe_load((RULES.parent / "takumi-bot.rules.test.yml").read_text(encoding="utf-8"))["tests"]
    for when, fires in ((lambda one: not one["exp_alerts"], False), (lambda one: bool(one["exp_alerts"]), True)):
        assert {one["alertname"] for one in test["alert_rule_test"] if when(one)} == alerts, fires

"""deploy/alertmanager.yml: Alertmanager takes it, and it waits, groups and speaks as the guide's does."""

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.e2e.monitoring import guides_file
from tests.guide import guide_text

FILE = Path(__file__).parents[2] / "deploy" / "alertmanager.yml"


def ours() -> dict[str, Any]:
    read: dict[str, Any] = yaml.safe_load(FILE.read_text(encoding="utf-8"))
    return read


def test_amtool_takes_it() -> None:
    amtool = shutil.which("amtool")
    if amtool is None:
        pytest.skip("amtool is not installed: deploy/alertmanager.yml was not checked (prometheus-alertmanager)")
    checked = subprocess.run([amtool, "check-config", str(FILE)], capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert "2 receivers" in checked.stdout


def test_the_guides_waits_grouping_title_and_text_are_kept() -> None:
    guides = yaml.safe_load(guides_file(guide_text()))
    assert ours()["route"] == guides["route"] | {"receiver": "takumi"}
    (guides_receiver,) = guides["receivers"]
    assert guides_receiver in ours()["receivers"]


def test_it_tells_of_ends_and_proves_who_it_is() -> None:
    (webhook,) = ours()["receivers"][0]["webhook_configs"]
    assert webhook["send_resolved"] is True
    assert webhook["http_config"]["authorization"]["type"] == "Bearer"

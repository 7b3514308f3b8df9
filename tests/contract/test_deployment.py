"""The files of deploy/: their settings exist, their shapes are what their readers take."""

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from bot.config import Settings, variable_of

PROJECT = Path(__file__).parents[2]
DEPLOY = PROJECT / "deploy"
MANIFESTS = sorted((DEPLOY / "kubernetes").glob("*.yaml"))
KUBERNETES = "1.30"
NAME = re.compile(r"\b(?:TAKUMI_BOT_[A-Z0-9_]+|DB_[A-Z]+|S3_[A-Z]+|CLOUD_BACKUP|BACKUP_DIR|SNAPSHOT_DIR)\b")
# Read by compose itself, for the image.
OF_COMPOSE = {"TAKUMI_BOT_IMAGE", "TAKUMI_BOT_BASE", "TAKUMI_BOT_POSTGRESQL_MAJORS"}
KNOWN = {variable_of(name) for name in Settings.model_fields}


def objects() -> Iterator[tuple[str, dict[str, Any]]]:
    for path in MANIFESTS:
        for document in yaml.safe_load_all(path.read_text(encoding="utf-8")):
            yield f"{path.name}: {document['kind']} {document['metadata']['name']}", document


OBJECTS = dict(objects())


def kind(wanted: str) -> dict[str, Any]:
    (found,) = [document for document in OBJECTS.values() if document["kind"] == wanted]
    return found


@pytest.mark.parametrize("name", sorted(OBJECTS))
def test_every_manifest_is_what_kubernetes_takes(name: str) -> None:
    kubernetes_validate.validate(OBJECTS[name], KUBERNETES, strict=True)


def test_a_misspelt_field_would_be_found() -> None:
    broken = yaml.safe_load(yaml.safe_dump(kind("Deployment")))
    broken["spec"]["template"]["spec"]["containers"][0]["livenessProb"] = {}
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(broken, KUBERNETES, strict=True)


@pytest.mark.parametrize("path", [path for path in sorted(DEPLOY.rglob("*")) if path.is_file()], ids=str)
def test_every_setting_that_deploy_names_exists(path: Path) -> None:
    named = set(NAME.findall(path.read_text(encoding="utf-8"))) - OF_COMPOSE
    assert named - KNOWN == set()


def test_the_example_of_the_environment_has_all_that_is_required() -> None:
    lines = (DEPLOY / "takumi-bot.env.example").read_text(encoding="utf-8").splitlines()
    given = {line.partition("=")[0] for line in lines if line and not line.startswith("#")}
    required = {variable_of(name) for name, info in Settings.model_fields.items() if info.is_required()}
    assert required <= given


def test_the_deployment_drains_probes_and_stays_unprivileged() -> None:
    pod = kind("Deployment")["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert pod["terminationGracePeriodSeconds"] > 25  # the bot's own limit for draining
    assert container["livenessProbe"]["httpGet"]["path"] == "/healthz"
    assert container["readinessProbe"]["httpGet"]["path"] == "/readyz"
    assert pod["securityContext"]["runAsNonRoot"]
    assert container["securityContext"]["readOnlyRootFilesystem"]
    assert kind("PodDisruptionBudget")["spec"]["minAvailable"] < kind("Deployment")["spec"]["replicas"]


def test_no_secret_that_works_is_in_the_repository() -> None:
    for name, document in OBJECTS.items():
        if document["kind"] == "Secret":
            secrets = {
                key: value for key, value in document["stringData"].items() if "PASSWORD" in key or "TOKEN" in key
            }
            assert all("change-me" in value for value in secrets.values()), name


def test_compose_runs_three_replicas_of_one_image_behind_nginx() -> None:
    services = yaml.safe_load((DEPLOY / "compose.yml").read_text(encoding="utf-8"))["services"]
    bots = {name: service for name, service in services.items() if name.startswith("bot-")}
    assert len(bots) == 3
    assert len({service["image"] for service in bots.values()}) == 1
    upstream = (DEPLOY / "nginx" / "takumi-bot.conf").read_text(encoding="utf-8")
    assert set(re.findall(r"server (bot-\d):8080", upstream)) == set(bots)


def test_systemd_takes_the_unit(tmp_path: Path) -> None:
    program = shutil.which("systemd-analyze")
    if program is None:
        pytest.skip("systemd-analyze is not installed: the unit was not checked")
    unit = (DEPLOY / "takumi-bot.service").read_text(encoding="utf-8")
    copy = tmp_path / "takumi-bot.service"
    # The program and the user of a real installation are not here.
    copy.write_text(
        unit.replace("/opt/takumi/bin/python", shutil.which("true") or "/bin/true").replace("=takumi\n", "=root\n")
    )
    checked = subprocess.run([program, "verify", "--man=no", str(copy)], capture_output=True, text=True, check=False)
    complaints = [line for line in checked.stderr.splitlines() if "takumi-bot.service" in line]
    assert complaints == []

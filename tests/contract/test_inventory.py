"""docs/operations.md names every grant, port, secret and volume that the code, the migrations and deploy/ ask for."""

import re
from importlib import resources
from pathlib import Path
from typing import get_args

import pytest
import yaml
from pydantic import SecretStr

from bot.config import Settings, variable_of
from bot.engine.schema import GRANTS

PROJECT = Path(__file__).parents[2]
TEXT = (PROJECT / "docs" / "operations.md").read_text(encoding="utf-8")
MANIFESTS = [
    document
    for path in sorted((PROJECT / "deploy" / "kubernetes").glob("*.yaml"))
    for document in yaml.safe_load_all(path.read_text(encoding="utf-8"))
]
COMPOSE = yaml.safe_load((PROJECT / "deploy" / "compose.yml").read_text(encoding="utf-8"))


def table(title: str) -> list[list[str]]:
    """The rows of the table under that heading, without its head."""
    (section,) = re.findall(rf"^### {title}\n(.*?)(?=^##)", TEXT, re.MULTILINE | re.DOTALL)
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in section.splitlines() if "|" in line]
    return rows[2:]


def grants(name: str) -> str:
    return (resources.files("bot.stores") / "migrations" / name).read_text(encoding="utf-8")


def privileges(text: str) -> set[str]:
    """SELECT, INSERT, ...: what is granted, whatever it is on."""
    plain = re.sub(r"--[^\n]*", "", text)
    granted = re.findall(r"GRANT\s+(.*?)\s+ON\s", plain, re.DOTALL)
    return {word for one in granted for word in re.findall(r"[A-Z]+", re.sub(r"\(.*?\)", "", one, flags=re.DOTALL))}


@pytest.mark.parametrize(
    ("role", "text"),
    [
        ("`:runtime_role`", grants("grants.sql") + GRANTS),
        ("sequencer", grants("grants_sequencer.sql")),
        ("retention", grants("grants_retention.sql")),
    ],
)
def test_every_privilege_of_a_role_is_told_and_no_other(role: str, text: str) -> None:
    told = " ".join(row[1] for row in table("Grants in its own database") if row[0] == role)
    named = set(re.findall(r"`([A-Z]+)`", told))
    assert named == privileges(text) - ({"USAGE"} if role != "`:runtime_role`" else set())


def test_only_the_queue_s_rows_may_be_deleted() -> None:
    assert "DELETE" not in privileges(grants("grants.sql"))
    assert "DELETE" in privileges(GRANTS)


def test_every_secret_has_a_row_and_every_row_is_a_secret() -> None:
    fields = Settings.model_fields.items()
    secret = {variable_of(name) for name, field in fields if _is_secret(field.annotation)}
    assert {name for row in table("Secrets") for name in re.findall(r"`(\w+)`", row[0])} == secret


def _is_secret(annotation: object) -> bool:
    return annotation is SecretStr or SecretStr in get_args(annotation)


def test_every_port_of_the_manifests_has_a_row() -> None:
    policy = next(one for one in MANIFESTS if one["kind"] == "NetworkPolicy")
    out = {str(port["port"]) for rule in policy["spec"]["egress"] for port in rule["ports"]}
    pods = next(one for one in MANIFESTS if one["kind"] == "Deployment")["spec"]["template"]["spec"]["containers"]
    into = {str(port["containerPort"]) for container in pods for port in container["ports"]}
    into |= {port.split(":")[0] for port in COMPOSE["services"]["nginx"]["ports"]}
    told = {(row[0], "out" if row[1].startswith("out") else "in") for row in table("Ports")}
    assert {(port, "out") for port in out} | {(port, "in") for port in into} <= told


def test_every_volume_of_the_manifests_has_a_row() -> None:
    deployment = next(one for one in MANIFESTS if one["kind"] == "Deployment")
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    mounted = {mount["mountPath"] for mount in container["volumeMounts"]}
    bots = COMPOSE["x-bot"]["volumes"] + [
        one for one in COMPOSE["services"]["database"]["volumes"] if "initdb" not in one
    ]
    mounted |= {one.split(":")[1] for one in bots} | set(COMPOSE["x-bot"]["tmpfs"])
    assert {path for row in table("Volumes") for path in re.findall(r"`(.+?)`", row[0])} == mounted

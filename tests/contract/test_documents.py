"""The documents say what the code says."""

import re
import tomllib
from pathlib import Path

import pytest
import typer

from bot.__main__ import app
from bot.domain.people import Role
from bot.domain.risk import Risk

PROJECT = Path(__file__).parents[2]
CONTRACTS = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]["contracts"]


def text(name: str) -> str:
    return (PROJECT / name).read_text(encoding="utf-8")


def test_the_drawn_layers_are_the_linted_ones() -> None:
    (layers,) = (contract["layers"] for contract in CONTRACTS if contract["id"] == "layers")
    drawing = text("docs/architecture.md").partition("## Layers")[2].partition("```")[2].partition("```")[0]
    drawn = [re.split(r"\s{2,}", line)[0] for line in drawing.strip().splitlines() if not line.startswith(" ")]
    assert drawn[: len(layers)] == layers


def test_every_command_of_the_command_line_is_in_the_operations_page() -> None:
    commands = typer.main.get_command(app).list_commands(None)  # type: ignore[attr-defined, arg-type]
    page = text("docs/operations.md") + text("README.md")
    missing = [name for name in commands if not re.search(rf"`(?:python -m bot|make) {name}\b", page)]
    assert missing == []


def test_the_operations_page_names_no_command_that_does_not_exist() -> None:
    commands = set(typer.main.get_command(app).list_commands(None))  # type: ignore[attr-defined, arg-type]
    pages = [text(name) for name in ("README.md", "docs/operations.md", "docs/security.md")]
    named = {name for page in pages for name in re.findall(r"python -m bot ([a-z]+)", page)}
    assert named - commands == set()


def test_every_make_target_that_is_named_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", text("Makefile"), re.MULTILINE))
    pages = ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", *map(str, decisions()))
    named = {name for page in pages for name in re.findall(r"(?:`|^ {4})make ([a-z][a-z-]*)", text(page), re.MULTILINE)}
    assert named
    assert named <= targets


def decisions() -> list[Path]:
    return sorted(path.relative_to(PROJECT) for path in (PROJECT / "docs" / "decisions").glob("*.md"))


def test_decisions_are_numbered_without_a_gap() -> None:
    assert [int(path.name[:4]) for path in decisions()] == list(range(1, len(decisions()) + 1))


@pytest.mark.parametrize("path", decisions(), ids=str)
def test_a_decision_says_its_context_decision_and_consequences(path: Path) -> None:
    page = text(str(path))
    assert page.startswith(f"# {int(path.name[:4])}. ")
    assert all(f"**{word}.**" in page for word in ("Context", "Decision", "Consequences"))


def test_the_glossary_knows_the_risks_and_roles() -> None:
    glossary = text("docs/glossary.md")
    assert [risk for risk in Risk if risk.value not in glossary] == []
    assert [role for role in Role if role.label not in glossary] == []

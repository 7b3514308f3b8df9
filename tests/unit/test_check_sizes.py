"""The check of sizes, names and documents finds what it is there to find."""

from pathlib import Path

import pytest

from tests.check_sizes import check_documents, check_machine_paths, check_sources


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A small project without any finding."""
    write(tmp_path / "README.md", "A house.\n")
    write(tmp_path / "bot" / "runs.py", '"""Runs."""\n')
    return tmp_path


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def test_a_house_in_order_has_no_findings(project: Path) -> None:
    assert [*check_sources(project), *check_documents(project)] == []


@pytest.mark.parametrize(
    ("path", "text", "said"),
    [
        ("bot/plans.py", "PLAN = 1\n", "has no docstring"),
        ("bot/utils.py", '"""Things."""\n', "say what it is for"),
        ("bot/helpers/names.py", '"""Names."""\n', "say what it is for"),
        ("bot/long.py", '"""Long."""\n' + "A = 1\n" * 299, "300 lines, at most 299"),
        ("runbooks/long.py", '"""Long."""\n' + "A = 1\n" * 80, "81 lines, at most 80"),
        ("demo/deep.py", '"""Deep."""\n\ndef act():\n' + "    a = 1\n" * 40, "act has 41 lines, at most 40"),
        ("tests/deep.py", '"""Deep."""\n\nasync def act():\n' + "    a = 1\n" * 40, "act has 41 lines, at most 40"),
    ],
)
def test_a_module_out_of_order_is_named(project: Path, path: str, text: str, said: str) -> None:
    write(project / path, text)
    (finding,) = check_sources(project)
    assert finding.startswith(path)
    assert said in finding


def test_a_test_module_may_be_long(project: Path) -> None:
    write(project / "tests" / "test_all.py", '"""All."""\n' + "A = 1\n" * 400)
    assert list(check_sources(project)) == []


@pytest.mark.parametrize("target", ["docs/missing.md", "docs/missing.md#part", "missing.png"])
def test_a_link_that_leads_nowhere_is_named(project: Path, target: str) -> None:
    write(project / "README.md", f"[there]({target})\n")
    (finding,) = check_documents(project)
    assert "leads nowhere" in finding


@pytest.mark.parametrize("target", ["https://example.com/x", "#part", "bot/runs.py", "mailto:a@example.com"])
def test_a_link_that_leads_somewhere_is_no_finding(project: Path, target: str) -> None:
    write(project / "README.md", f"[there]({target})\n")
    assert list(check_documents(project)) == []


def test_a_readme_stays_short(project: Path) -> None:
    write(project / "README.md", "line\n" * 120)
    assert list(check_documents(project)) == ["README.md: 120 lines, at most 119"]


@pytest.mark.parametrize("folder", ["work", "root"])
def test_a_path_of_one_machine_is_named(tmp_path: Path, folder: str) -> None:
    write(tmp_path / "notes.txt", f"cd /{folder}/main\n")
    assert list(check_machine_paths(tmp_path / "notes.txt", Path("notes.txt")))


def test_a_picture_is_no_text(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"\x89PNG\xff")
    assert list(check_machine_paths(tmp_path / "a.png", Path("a.png"))) == []

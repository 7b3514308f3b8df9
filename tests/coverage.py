"""Reads docs/guide-coverage.md: one row for each thing that the guide asks for."""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.guide import PROJECT

DOCUMENT = PROJECT / "docs" / "guide-coverage.md"
NOT_YET = re.compile(r"not yet: part ([B-R])")
TEST_ID = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")


@dataclass(frozen=True)
class Row:
    """`does` names a command or runbook; `proof` test ids; both say `not yet: part X` where nothing does it."""

    section: str
    what: str
    mark: str
    does: str
    risk: str
    proof: str

    @property
    def not_yet(self) -> str:
        """The letter of the part that will do it (all of it or the rest), or an empty string."""
        found = NOT_YET.search(f"{self.does} {self.proof}")
        return found[1] if found else ""

    @property
    def tests(self) -> list[tuple[str, str]]:
        return [(match[1], match[2]) for match in TEST_ID.finditer(self.proof)]


def rows() -> list[Row]:
    """Every row of the document, in its order; `mark` is the start of a block's sha256, or a key."""
    return list(_rows(DOCUMENT.read_text(encoding="utf-8")))


def _rows(text: str) -> Iterator[Row]:
    section = ""
    for line in text.splitlines():
        if line.startswith("## "):
            section = line.removeprefix("## ")
        elif line.startswith("| ") and not line.startswith("| What"):
            what, mark, does, risk, proof = (cell.strip() for cell in line.strip("|").split(" | "))
            yield Row(section, what, mark.strip("`"), does, risk, proof)


def names_of_tests(path: Path) -> set[str]:
    """The names of the tests that a module defines."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    return {node.name for node in tree.body if isinstance(node, functions) and node.name.startswith("test_")}

"""Reads the maintenance guide: its tables, lists and fenced blocks, as plain values."""

import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pytest

PROJECT = Path(__file__).parents[1]
DATA = PROJECT / "tests" / "data"
GUIDE = PROJECT.parent / "shared" / "maintenance-guide.md"


@dataclass(frozen=True)
class Block:
    """A fenced block: `number` counts from 1 in the order of the guide."""

    number: int
    heading: str
    language: str
    sha256: str


@dataclass(frozen=True)
class Line:
    """A line outside fenced blocks, with the headings above it."""

    heading: str
    text: str


def guide_text() -> str:
    """The guide itself; skips where it does not lie beside the project."""
    if not GUIDE.exists():
        pytest.skip(f"the maintenance guide is not at {GUIDE}: the restated data of tests/data is not compared with it")
    return GUIDE.read_text(encoding="utf-8")


def restated(name: str) -> Any:
    """What tests/data keeps of the guide."""
    return json.loads((DATA / name).read_text(encoding="utf-8"))


def blocks_of(text: str) -> list[Block]:
    return [found for found in _parts(text) if isinstance(found, Block)]


def tables_of(text: str) -> dict[str, Any]:
    """The guide's tables and lists, in the shape of tests/data/guide_tables.json."""
    lines = [found for found in _parts(text) if isinstance(found, Line)]
    return {
        "schedule": _table(lines, "Maintenance Schedule"),
        "objectives": _table(lines, "Recovery Time Objectives (RTO)"),
        "escalation": _table(lines, "Escalation Matrix"),
        "checklists": _checklists(lines),
        "contacts": _matches(lines, "Contact Information", r"- \*\*(.+):\*\* (.+)"),
        "links": _matches(lines, "Additional Resources", r"- \[(.+)\]\((.+)\)"),
    }


def _parts(text: str) -> Iterator[Block | Line]:
    headings: list[str] = []
    number = 0
    fence: list[str] | None = None
    language = ""
    for line in text.splitlines():
        if fence is None and line.startswith("```"):
            fence, language = [], line[3:].strip()
        elif fence is not None and line == "```":
            number += 1
            yield Block(
                number, " > ".join(headings[1:]), language, hashlib.sha256("\n".join(fence).encode()).hexdigest()
            )
            fence = None
        elif fence is not None:
            fence.append(line)
        elif heading := re.match(r"(#+) (.+)", line):
            headings = [*headings[: len(heading[1]) - 1], heading[2]]
        else:
            yield Line(headings[-1] if headings else "", line)


def _table(lines: list[Line], heading: str) -> list[list[str]]:
    rows = [line.text for line in lines if line.heading == heading and line.text.startswith("|")]
    return [[cell.strip().strip("`") for cell in row.strip("|").split("|")] for row in rows[2:]]


def _matches(lines: list[Line], heading: str, pattern: str) -> list[list[str]]:
    found = [re.fullmatch(pattern, line.text) for line in lines if line.heading == heading]
    return [list(match.groups()) for match in found if match]


def _checklists(lines: list[Line]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for line in lines:
        if line.text.startswith("- [ ] "):
            found.setdefault(line.heading, []).append(line.text.removeprefix("- [ ] "))
    return found


def as_data(blocks: list[Block]) -> list[dict[str, Any]]:
    return [asdict(block) for block in blocks]

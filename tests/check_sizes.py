"""Sizes, names and documents of the house, checked without pytest: `python -m tests.check_sizes`."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

PROJECT = Path(__file__).parents[1]
LONGEST_FUNCTION = 40
LONGEST_MODULE = 299
LONGEST_RUNBOOK = 80
# The offline verifier has to be one file, with its own arithmetic for machines that have nothing but Python.
LONGEST_SINGLE_FILES = {Path("bot/verifier.py"): 530}
LONGEST_README = 119
VAGUE_NAMES = {"utils", "util", "helpers", "helper", "manager", "managers", "common", "misc"}
SOURCES = ("bot", "commands", "runbooks", "demo", "bench", "tests")
LINK = re.compile(r"(?<!\\)\[[^\]]*\]\((?!https?:|mailto:|#)([^)#\s]+)(?:#[^)]*)?\)")
# A committed file knows no machine: neither where it was written nor where packages came from.
MACHINE_PATH = re.compile(r"(?<![\w.])/(?:work|root)/\w|/home/\w+/")


def main() -> int:
    """Print every finding; the exit code is 1 when there is one."""
    findings = [*check_sources(PROJECT), *check_documents(PROJECT), *check_committed(PROJECT)]
    for finding in findings:
        sys.stderr.write(f"{finding}\n")
    return 1 if findings else 0


def check_sources(project: Path) -> Iterator[str]:
    """Findings in Python modules, one sentence each."""
    for top in SOURCES:
        for path in sorted((project / top).rglob("*.py")):
            yield from check_module(path, path.relative_to(project))


def check_module(path: Path, shown: Path) -> Iterator[str]:
    """Findings in one module; `shown` is its path below the project."""
    text = path.read_text(encoding="utf-8")
    tree = ast.parse(text)
    if not ast.get_docstring(tree):
        yield f"{shown}: a module opens with one sentence, and this one has no docstring"
    if VAGUE_NAMES & set(shown.with_suffix("").parts):
        yield f"{shown}: say what it is for; {', '.join(sorted(VAGUE_NAMES))} are no names"
    lines, most = len(text.splitlines()), longest_for(shown)
    if most and lines > most:
        yield f"{shown}: {lines} lines, at most {most}"
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield from check_function(node, shown)


def longest_for(shown: Path) -> int:
    """How many lines a module may have; 0 is any number."""
    if shown.parts[0] == "tests":
        return 0
    if shown in LONGEST_SINGLE_FILES:
        return LONGEST_SINGLE_FILES[shown]
    return LONGEST_RUNBOOK if shown.parts[0] == "runbooks" else LONGEST_MODULE


def check_function(node: ast.FunctionDef | ast.AsyncFunctionDef, shown: Path) -> Iterator[str]:
    lines = (node.end_lineno or node.lineno) - node.lineno + 1
    if lines > LONGEST_FUNCTION:
        yield f"{shown}:{node.lineno}: {node.name} has {lines} lines, at most {LONGEST_FUNCTION}"


def check_documents(project: Path) -> Iterator[str]:
    """Findings in Markdown: links that lead nowhere, and a README that grew."""
    for path in sorted([*project.glob("*.md"), *(project / "docs").rglob("*.md")]):
        yield from check_links(path, path.relative_to(project))
    readme = project / "README.md"
    lines = len(readme.read_text(encoding="utf-8").splitlines())
    if lines > LONGEST_README:
        yield f"README.md: {lines} lines, at most {LONGEST_README}"


def check_links(path: Path, shown: Path) -> Iterator[str]:
    for target in LINK.findall(path.read_text(encoding="utf-8")):
        if not (path.parent / target).exists():
            yield f"{shown}: the link to {target} leads nowhere"


def check_committed(project: Path) -> Iterator[str]:
    """Paths of one machine in committed text. Without git (a source archive) there is nothing to ask."""
    if not (project / ".git").exists():
        return
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=project, capture_output=True, check=True)  # noqa: S607 - the developer's own git
    for name in filter(None, listed.stdout.decode().split("\0")):
        yield from check_machine_paths(project / name, Path(name))


def check_machine_paths(path: Path, shown: Path) -> Iterator[str]:
    if not path.is_file():
        return
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return  # a picture
    for number, line in enumerate(text.splitlines(), 1):
        if MACHINE_PATH.search(line):
            yield f"{shown}:{number}: a path of one machine: {line.strip()[:80]}"


if __name__ == "__main__":
    sys.exit(main())

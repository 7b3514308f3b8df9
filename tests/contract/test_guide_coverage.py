"""docs/guide-coverage.md has a row for all that the guide asks for, and claims no proof that does not exist."""

from collections.abc import Iterable

import pytest

from bot.domain.risk import Risk
from tests.coverage import Row, names_of_tests, rows
from tests.guide import PROJECT, restated

ROWS = rows()
TABLES = restated("guide_tables.json")
RISKS = {risk.value for risk in Risk} | {"-"}


def of(section: str) -> list[Row]:
    return [row for row in ROWS if row.section == section]


def whats(section: str) -> list[str]:
    return [row.what for row in of(section)]


def name_of(row: Row) -> str:
    return f"{row.section}: {row.what}"


def test_every_code_block_of_the_guide_has_its_row() -> None:
    blocks = restated("guide_blocks.json")
    assert [(row.what, row.mark) for row in of("Code blocks")] == [
        (f"{block['number']}. {block['heading']}", block["sha256"][:12]) for block in blocks
    ]


def test_every_schedule_row_has_its_row() -> None:
    assert whats("Schedule") == [f"{task}, {frequency.lower()}" for task, frequency, _ in TABLES["schedule"]]


def test_every_checklist_item_has_its_row() -> None:
    expected = [f"{name}: {item}" for name, items in TABLES["checklists"].items() for item in items]
    assert whats("Checklist items") == expected


def test_every_objective_has_its_row() -> None:
    assert whats("Recovery objectives") == [f"{name}: {time} / {point}" for name, time, point in TABLES["objectives"]]


def test_every_escalation_row_has_its_row() -> None:
    expected = [f"{severity}: {time}, {role}" for severity, time, role in TABLES["escalation"]]
    assert whats("Escalation matrix") == expected


def test_every_contact_has_its_row() -> None:
    assert whats("Contacts") == [f"{team}: {address}" for team, address in TABLES["contacts"]]


def test_every_link_has_its_row() -> None:
    assert whats("Links") == [f"{title} ({target})" for title, target in TABLES["links"]]


@pytest.mark.parametrize("row", ROWS, ids=name_of)
def test_a_row_is_proven_or_says_which_part_will_do_it(row: Row) -> None:
    assert row.tests or row.not_yet
    assert row.risk in RISKS


@pytest.mark.parametrize("row", ROWS, ids=name_of)
def test_no_row_claims_a_test_that_does_not_exist(row: Row) -> None:
    missing = [f"{path}::{name}" for path, name in row.tests if name not in known(path)]
    assert not missing


def known(path: str) -> Iterable[str]:
    file = PROJECT / path
    return names_of_tests(file) if file.exists() else ()


def test_a_proven_row_names_what_does_it() -> None:
    assert [name_of(row) for row in ROWS if row.tests and not row.does.startswith("`")] == []

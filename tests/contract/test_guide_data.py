"""What tests/data restates of the guide is what the guide says."""

import pytest

from tests.guide import as_data, blocks_of, guide_text, restated, tables_of


def test_the_restated_blocks_are_the_guides() -> None:
    assert as_data(blocks_of(guide_text())) == restated("guide_blocks.json")


@pytest.mark.parametrize("table", ["schedule", "objectives", "escalation", "checklists", "contacts", "links"])
def test_the_restated_tables_are_the_guides(table: str) -> None:
    assert tables_of(guide_text())[table] == restated("guide_tables.json")[table]


def test_the_guide_has_thirty_eight_blocks_and_sixteen_items() -> None:
    assert len(restated("guide_blocks.json")) == 38
    assert sum(len(items) for items in restated("guide_tables.json")["checklists"].values()) == 16

"""Expand, then contract: what one release's migrations may do to a database that the previous one still works on."""

import re
from pathlib import Path

import pytest

from bot.domain.errors import Unavailable
from bot.stores.migrate import Migration, own_migrations
from bot.stores.postgres import PostgresStore
from tests.e2e.previous import unpack
from tests.stores import BotDatabase, rows

# What takes something away from whoever still reads or writes it; a comment is not a statement.
CONTRACTS = re.compile(
    r"\b(DROP\s+(TABLE|COLUMN|VIEW|FUNCTION|TYPE)|RENAME\s+(TO|COLUMN)|ALTER\s+COLUMN\s+\w+\s+(SET\s+DATA\s+)?TYPE"
    r"|SET\s+NOT\s+NULL|REVOKE)\b",
    re.IGNORECASE,
)


def contracting(text: str) -> list[str]:
    """The parts of a migration that the release before would miss."""
    plain = re.sub(r"--[^\n]*", "", text)
    found = [match[0] for match in CONTRACTS.finditer(plain)]
    added = re.findall(r"ADD\s+COLUMN\s+[^,;]+", plain, re.IGNORECASE)
    return found + [one for one in added if "NOT NULL" in one.upper() and "DEFAULT" not in one.upper()]


@pytest.fixture(scope="module")
def previous(server_folder: Path) -> Path:
    """The migrations of the release before this one."""
    return unpack(server_folder / "previous-migrations") / "bot" / "stores" / "migrations"


def newer(previous: Path) -> list[Migration]:
    known = {path.stem for path in previous.glob("[0-9]*.sql")}
    return [one for one in own_migrations() if one.name not in known]


def test_no_migration_since_the_previous_release_takes_away_what_it_reads(previous: Path) -> None:
    assert {one.name: found for one in newer(previous) if (found := contracting(one.text))} == {}


def test_a_migration_that_was_released_is_as_it_was(previous: Path) -> None:
    ours = {one.name: one.text for one in own_migrations()}
    released = {path.stem: path.read_text(encoding="utf-8") for path in sorted(previous.glob("[0-9]*.sql"))}
    assert {name: ours.get(name) for name in released} == released


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("ALTER TABLE runs DROP COLUMN card;", 1),
        ("ALTER TABLE runs RENAME COLUMN card TO face;", 1),
        ("ALTER TABLE runs ALTER COLUMN card SET NOT NULL;", 1),
        ("ALTER TABLE runs ALTER COLUMN card TYPE text;", 1),
        ("DROP TABLE runs;", 1),
        ("ALTER TABLE runs ADD COLUMN a int NOT NULL, ADD COLUMN b int;", 1),
        ("ALTER TABLE runs ADD COLUMN a int NOT NULL DEFAULT 0, ADD COLUMN b int; -- DROP TABLE runs", 0),
        ("CREATE TABLE more (a int NOT NULL);", 0),
    ],
)
def test_what_would_break_the_previous_release_is_noticed(text: str, found: int) -> None:
    assert len(contracting(text)) == found


async def test_a_column_that_comes_while_a_process_works_costs_it_one_more_try_and_is_no_bug(
    postgres_store: PostgresStore, migrated: BotDatabase
) -> None:
    async def look() -> None:
        async with postgres_store.work() as work:
            await work.runs.recent(1)

    for _ in range(40):  # from the sixth on, each connection has the statement prepared
        await look()
    await rows(migrated.owner_url, "ALTER TABLE runs ADD COLUMN of_the_next_release int")
    with pytest.raises(Unavailable):
        await look()
    await look()

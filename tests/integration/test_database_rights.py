"""What the role that the bot runs as may not do, and what not even the tables' owner may."""

import psycopg
import pytest

from tests.stores import BotDatabase, rows

PRODUCT_TABLES = [
    "inbox", "runs", "run_steps", "leases", "run_claims", "audit_entries", "backups", "messages", "schedule_firings",
    "approvals", "schema_migrations", "schema_scripts", "calls", "incidents", "freezes", "reviews",
]  # fmt: skip


@pytest.mark.parametrize("table", PRODUCT_TABLES)
@pytest.mark.parametrize("statement", ["DELETE FROM {}", "TRUNCATE {}", "DROP TABLE {}", "ALTER TABLE {} ADD x int"])
async def test_the_running_bot_can_neither_delete_nor_alter(migrated_once: BotDatabase, table: str, statement: str):
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        await rows(migrated_once.url, statement.format(table))


async def test_every_table_of_ours_is_among_those_tested(migrated_once: BotDatabase):
    found = await rows(migrated_once.url, "SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    assert {name for (name,) in found if not name.startswith("procrastinate_")} == set(PRODUCT_TABLES)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE runs SET digest = 'x'",
        "UPDATE runs SET requester = 'x'",
        "UPDATE runs SET params = '{}'",
        "UPDATE inbox SET payload = '{}'",
        "UPDATE run_claims SET held = false",
        "UPDATE schedule_firings SET planned = now()",
        "UPDATE approvals SET verdict = 'approved'",
        "UPDATE audit_entries SET body = '{}'",
        "INSERT INTO schema_migrations (version, name, sha256) VALUES (9, 'x', 'x')",
        "ALTER TABLE audit_entries DISABLE TRIGGER ALL",
        "CREATE TABLE mine ()",
    ],
)
async def test_the_running_bot_cannot_rewrite_what_was_asked_decided_or_recorded(
    migrated_once: BotDatabase, statement: str
):
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        await rows(migrated_once.url, statement)


@pytest.mark.parametrize("table", ["audit_entries", "approvals"])
@pytest.mark.parametrize("statement", ["UPDATE {} SET at = now()", "DELETE FROM {}", "TRUNCATE {}"])
async def test_even_the_tables_owner_meets_the_trigger(migrated_once: BotDatabase, table: str, statement: str):
    with pytest.raises(psycopg.errors.InsufficientPrivilege, match="only grows"):
        await rows(migrated_once.owner_url, statement.format(table))

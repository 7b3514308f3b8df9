"""What the role that the bot runs as may not do, and what not even the tables' owner may."""

import re

import psycopg
import pytest

from tests.stores import BotDatabase, rows

PARTITION = re.compile(r"audit_entries_\d{6}")
PRODUCT_TABLES = [
    "inbox", "runs", "run_steps", "leases", "run_claims", "audit_entries", "backups", "messages", "schedule_firings",
    "approvals", "schema_migrations", "schema_scripts", "audit_heads", "audit_anchors", "audit_keys",
    "audit_sequencing", "audit_names", "audit_retired", "calls", "incidents", "freezes", "reviews",
    "factors", "factor_vouchers", "proof_attempts", "codes_used", "challenges",
    "alert_groups", "alerts", "alert_events", "backup_findings", "recoveries", "health_turns", "health_tallies",
]  # fmt: skip


@pytest.mark.parametrize("table", PRODUCT_TABLES)
@pytest.mark.parametrize("statement", ["DELETE FROM {}", "TRUNCATE {}", "DROP TABLE {}", "ALTER TABLE {} ADD x int"])
async def test_the_running_bot_can_neither_delete_nor_alter(migrated_once: BotDatabase, table: str, statement: str):
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        await rows(migrated_once.url, statement.format(table))


async def test_every_table_of_ours_is_among_those_tested(migrated_once: BotDatabase):
    found = await rows(migrated_once.url, "SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    ours = {name for (name,) in found if not name.startswith("procrastinate_") and not PARTITION.fullmatch(name)}
    assert ours == set(PRODUCT_TABLES)


@pytest.mark.parametrize("statement", ["DELETE FROM {}", "TRUNCATE {}", "DROP TABLE {}", "SELECT FROM {}"])
async def test_partitions_cannot_be_reached_past_the_table(migrated_once: BotDatabase, statement: str):
    for url in (migrated_once.url, migrated_once.sequencer_url, migrated_once.retention_url):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            await rows(url, statement.format(await a_partition(migrated_once)))


async def a_partition(database: BotDatabase) -> str:
    found = await rows(database.owner_url, "SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    return next(name for (name,) in found if PARTITION.fullmatch(name))


@pytest.mark.parametrize("statement", ["UPDATE {} SET body = ''", "DELETE FROM {}", "TRUNCATE {}"])
async def test_even_a_partition_s_owner_meets_the_trigger(migrated_once: BotDatabase, statement: str):
    with pytest.raises(psycopg.errors.InsufficientPrivilege, match="only grows"):
        await rows(migrated_once.owner_url, statement.format(await a_partition(migrated_once)))


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO audit_entries (body, writer, number, signature, position) VALUES ('{}', '', 1, '', 1)",
        "INSERT INTO audit_entries (body, writer, number, signature, at) VALUES ('{}', '', 1, '', now())",
        "INSERT INTO audit_heads (body, signature) VALUES ('{}', '')",
        "INSERT INTO audit_anchors (last_batch, object) VALUES (1, '')",
        "UPDATE audit_entries SET position = 1",
        "UPDATE audit_sequencing SET until = now()",
        "SELECT retire_audit_partition('2026-01-01')",
        "SELECT make_audit_partition('2030-01-01')",
    ],
)
async def test_the_running_bot_has_no_say_in_the_chain(migrated_once: BotDatabase, statement: str):
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        await rows(migrated_once.url, statement)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_entries SET body = '{}'",
        "DELETE FROM audit_entries",
        "INSERT INTO audit_entries (body, writer, number, signature) VALUES ('{}', '', 1, '')",
        "UPDATE audit_heads SET body = '{}'",
        "DELETE FROM audit_heads",
        "SELECT FROM runs",
        "SELECT retire_audit_partition('2026-01-01')",
    ],
)
async def test_the_sequencer_only_chains(migrated_once: BotDatabase, statement: str):
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        await rows(migrated_once.sequencer_url, statement)


@pytest.mark.parametrize("statement", ["SELECT FROM audit_entries", "DROP TABLE audit_entries", "SELECT FROM runs"])
async def test_the_retention_s_role_only_retires(migrated_once: BotDatabase, statement: str):
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        await rows(migrated_once.retention_url, statement)


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
@pytest.mark.parametrize("statement", ["UPDATE {} SET at = now()", "DELETE FROM {}", "TRUNCATE {} CASCADE"])
async def test_even_the_tables_owner_meets_the_trigger(migrated_once: BotDatabase, table: str, statement: str):
    with pytest.raises(psycopg.errors.InsufficientPrivilege, match="only grows"):
        await rows(migrated_once.owner_url, statement.format(table))

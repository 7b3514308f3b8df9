"""Procrastinate's own tables, as text for whoever migrates the bot's database."""

from pathlib import Path

from procrastinate.schema import SchemaManager

NAME = "procrastinate"

GRANTS = """
GRANT SELECT, INSERT, UPDATE, DELETE ON procrastinate_jobs, procrastinate_events, procrastinate_workers,
    procrastinate_periodic_defers TO :runtime_role;
GRANT USAGE ON SEQUENCE procrastinate_jobs_id_seq, procrastinate_events_id_seq,
    procrastinate_periodic_defers_id_seq, procrastinate_workers_id_seq TO :runtime_role;
"""


def fresh() -> str:
    """Everything, for a database without it."""
    return SchemaManager.get_schema()


def upgrades() -> dict[str, str]:
    """Each of its migrations by name; names sort by version, and the last is the schema's version."""
    folder = Path(SchemaManager.get_migrations_path())
    return {file.stem: file.read_text(encoding="utf-8") for file in sorted(folder.glob("*.sql"))}


def version() -> str:
    return max(upgrades())

"""What a restored copy tells beyond its rows: whether its indexes hold what its tables hold, and its constraints."""

from bot.domain import phrases
from bot.domain.errors import OperationFailed
from bot.operations.capabilities import Capabilities, Capability
from bot.operations.tools.sessions import Session, quoted

NOT_ALLOWED = "42501"
MOST_TOLD = 3


async def check_soundness(session: Session, capabilities: Capabilities) -> str:
    """In words, what was checked, what was not, and why. Raises: OperationFailed for an index that lies."""
    return "; ".join([await _indexes(session, capabilities), await _constraints(session)])


async def _indexes(session: Session, capabilities: Capabilities) -> str:
    """Every B-tree's structure, and that each row of the table is in it."""
    if Capability.AMCHECK not in capabilities.has:
        return f"indexes not checked ({capabilities.role} may not create amcheck there)"
    try:
        await session.rows("CREATE EXTENSION IF NOT EXISTS amcheck SCHEMA pg_catalog")
        checked = await session.rows(_CHECK_INDEXES)
    except OperationFailed as error:
        if error.facts.get("sqlstate") != NOT_ALLOWED:
            raise
        return "indexes not checked (amcheck is not allowed there)"
    invalid = await session.value(_INVALID)
    said = f"{phrases.count(len(checked), 'B-tree index', 'B-tree indexes')} checked by amcheck against every row"
    return said + (f", {invalid} invalid" if invalid else "")


async def _constraints(session: Session) -> str:
    """Those that were never validated are tried: the copy is ours, and what breaks them was dumped like that."""
    unvalidated = await session.rows(_NOT_VALID)
    wrong = [said for schema, table, name in unvalidated if (said := await _validated(session, schema, table, name))]
    if wrong:
        more = f" and {len(wrong) - MOST_TOLD} more" if len(wrong) > MOST_TOLD else ""
        return f"constraints that the data break, as they did when dumped: {', '.join(wrong[:MOST_TOLD])}{more}"
    tried = f", {len(unvalidated)} of them NOT VALID and tried" if unvalidated else ""
    return f"all constraints hold{tried}"


async def _validated(session: Session, schema: str, table: str, name: str) -> str:
    """Empty when it holds, else its name."""
    try:
        await session.rows(f"ALTER TABLE {quoted(schema, table)} VALIDATE CONSTRAINT {quoted(name)}")
    except OperationFailed as error:
        if not str(error.facts.get("sqlstate", "")).startswith("23"):
            raise
        return f"{name} of {schema}.{table}"
    return ""


# heapallindexed: not only that the index is in order, but that no row is missing from it.
_CHECK_INDEXES = """
SELECT bt_index_check(i.indexrelid::regclass, true) FROM pg_index i
JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_am a ON a.oid = c.relam JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE a.amname = 'btree' AND c.relkind = 'i' AND c.relpersistence = 'p' AND i.indisready AND i.indisvalid
  AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_'
"""
_INVALID = "SELECT count(*) FROM pg_index WHERE NOT indisvalid"
_NOT_VALID = """
SELECT n.nspname::text, r.relname::text, c.conname::text FROM pg_constraint c
JOIN pg_class r ON r.oid = c.conrelid JOIN pg_namespace n ON n.oid = r.relnamespace
WHERE NOT c.convalidated AND c.contype IN ('c', 'f') ORDER BY 1, 2, 3
"""

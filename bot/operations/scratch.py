"""Databases that a run makes for itself: like another one, closed to everybody else, and gone afterwards."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from bot.operations.tools.access import DatabaseAccess
from bot.operations.tools.processes import outlast
from bot.operations.tools.sessions import Session, quoted
from bot.operations.tools.toolbox import StepTools


def proof_name(run: str) -> str:
    """The name of the database into which a run restores a dump to prove it."""
    return f"takumi_proof_{run}"[:63]


@asynccontextmanager
async def dropped_afterwards(tools: StepTools, access: DatabaseAccess, name: str) -> AsyncIterator[None]:
    """Whatever happens, no database of that name is left. Raises: OperationFailed."""
    try:
        yield
    finally:
        await outlast(drop_beside(tools, access, name))


async def create_beside(tools: StepTools, access: DatabaseAccess, name: str, owner: str) -> None:
    """A new, empty database with the access's own one's encoding, collation and tablespace, for its owner alone.

    Extensions that only a superuser may create are in it already: made by us where we are one, else from template1,
    where somebody put them for this purpose. One of that name that an earlier attempt left is dropped.
    Raises: OperationFailed.
    """
    async with tools.session(access) as model:
        extensions = [extension for (extension,) in await model.rows(_EXTENSIONS)]
        we_may = await model.value("SELECT rolsuper FROM pg_roles WHERE rolname = current_user")
        kind = await model.value(KIND)
    template = "template1" if extensions and not we_may else "template0"
    async with tools.session(access, access.maintenance_database) as session:
        await drop_database(session, name)
        await session.rows(f"CREATE DATABASE {quoted(name)} OWNER {quoted(owner)} TEMPLATE {template} {kind}")
        await session.rows(f"REVOKE ALL ON DATABASE {quoted(name)} FROM PUBLIC")
    if we_may:
        async with tools.session(access, name) as session:
            for extension in extensions:
                await session.rows(f"CREATE EXTENSION {quoted(extension)}")


async def drop_beside(tools: StepTools, access: DatabaseAccess, name: str) -> None:
    """Raises: OperationFailed."""
    async with tools.session(access, access.maintenance_database) as session:
        await drop_database(session, name)


async def drop_database(session: Session, name: str) -> None:
    """Drop it with every session in it; nothing happens when there is none. Raises: OperationFailed."""
    await session.rows(f"DROP DATABASE IF EXISTS {quoted(name)} WITH (FORCE)")


_EXTENSIONS = """
SELECT e.extname::text FROM pg_extension e
JOIN pg_available_extension_versions v ON (v.name, v.version) = (e.extname, e.extversion)
WHERE v.superuser AND NOT v.trusted ORDER BY e.oid
"""

# As JSON, since the columns of the locale have other names in each version.
KIND = """
SELECT format('ENCODING %L LC_COLLATE %L LC_CTYPE %L', pg_encoding_to_char(d.encoding), d.datcollate, d.datctype)
       || CASE j->>'datlocprovider'
              WHEN 'c' THEN ' LOCALE_PROVIDER libc'
              WHEN 'i' THEN format(' LOCALE_PROVIDER icu ICU_LOCALE %L', coalesce(j->>'datlocale', j->>'daticulocale'))
              WHEN 'b' THEN format(' LOCALE_PROVIDER builtin BUILTIN_LOCALE %L', j->>'datlocale')
              ELSE '' END
       || coalesce(' ICU_RULES ' || quote_literal(j->>'daticurules'), '')
       || CASE WHEN t.spcname = 'pg_default' THEN '' ELSE format(' TABLESPACE %I', t.spcname) END
FROM pg_database d JOIN pg_tablespace t ON t.oid = d.dattablespace, LATERAL (SELECT to_jsonb(d) AS j) AS as_json
WHERE d.datname = current_database()
"""

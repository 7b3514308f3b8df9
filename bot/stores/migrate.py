"""Brings the bot's database to this version's schema: plain SQL, forward only, never a changed file."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from typing import Any

import psycopg
from psycopg import sql
from psycopg_pool import AsyncConnectionPool

from bot.domain.errors import Misconfigured, Unavailable

Connection = psycopg.AsyncConnection[Any]

# Any constant will do: it keeps two migrations of one database apart.
_LOCK = 7_382_551_001

_TABLES = """
CREATE TABLE IF NOT EXISTS schema_migrations (
    version integer PRIMARY KEY, name text NOT NULL, sha256 text NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT clock_timestamp());
CREATE TABLE IF NOT EXISTS schema_scripts (
    name text PRIMARY KEY, version text NOT NULL, applied_at timestamptz NOT NULL DEFAULT clock_timestamp());
"""


@dataclass(frozen=True)
class Migration:
    """One numbered file; its checksum is that of the file, whatever the runtime role is called."""

    version: int
    name: str
    text: str

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.text.encode()).hexdigest()


@dataclass(frozen=True)
class ForeignSchema:
    """Somebody else's tables in our database, such as the queue's.

    `fresh` creates them as of `version`; `upgrades` maps each later version to what leads there. Versions compare as
    text. `grants` says what the runtime role may do, with `:runtime_role` for its name.
    """

    name: str
    version: str
    fresh: str
    upgrades: Mapping[str, str]
    grants: str


@dataclass(frozen=True)
class TrailRoles:
    """Who chains the trail and who retires its months; an empty name means that nobody may."""

    sequencer: str = ""
    retention: str = ""


def own_migrations() -> tuple[Migration, ...]:
    """The numbered files of this version, in order. Raises: Misconfigured when a number is missing."""
    folder = resources.files("bot.stores") / "migrations"
    names = sorted(item.name for item in folder.iterdir() if item.name[:4].isdigit())
    found = tuple(Migration(int(name[:4]), name.removesuffix(".sql"), _read(name)) for name in names)
    if [one.version for one in found] != list(range(1, len(found) + 1)):
        raise Misconfigured(f"The migrations have a gap: {names}.", hint="Install the bot again: a file is missing.")
    return found


async def migrate(
    url: str,
    runtime_role: str,
    foreign: Sequence[ForeignSchema] = (),
    migrations: Sequence[Migration] | None = None,
    trail: TrailRoles = TrailRoles(),
) -> list[str]:
    """Apply what is missing and grant the runtime role its rights; answers the names of what was applied.

    Raises: Misconfigured when files or roles do not fit; Unavailable when the database does not answer.
    """
    known = own_migrations() if migrations is None else migrations
    try:
        async with await psycopg.AsyncConnection.connect(url, autocommit=True, connect_timeout=10) as connection:
            # Held by the session, so that every migration below can be a transaction of its own.
            await connection.execute("SELECT pg_advisory_lock(%s)", (_LOCK,))
            done = await _migrate(connection, runtime_role, foreign, known)
            await _grant_trail(connection, trail)
            return done
    except psycopg.OperationalError as error:
        raise Unavailable("The bot's database does not answer.", hint="Is it running?", error=str(error)) from error


async def check_schema(
    pool: AsyncConnectionPool[Connection],
    foreign: Sequence[ForeignSchema] = (),
    migrations: Sequence[Migration] | None = None,
) -> None:
    """Refuse to work on any schema but ours. Raises: Misconfigured saying what to do; Unavailable."""
    known = own_migrations() if migrations is None else migrations
    try:
        async with pool.connection() as connection:
            applied, scripts = await _applied(connection), await _scripts(connection)
    except psycopg.errors.UndefinedTable as error:
        raise _behind("it has no tables of ours") from error
    except psycopg.OperationalError as error:
        raise Unavailable("The bot's database does not answer.", hint="Is it running?", error=str(error)) from error
    _compare(applied, known)
    missing = [one.name for one in known if one.version not in applied]
    missing += [one.name for one in foreign if scripts.get(one.name, "") < one.version]
    if missing:
        raise _behind(f"it lacks {', '.join(missing)}")
    for one in foreign:
        _refuse_newer(one, scripts[one.name])


async def _migrate(
    connection: Connection, runtime_role: str, foreign: Sequence[ForeignSchema], known: Sequence[Migration]
) -> list[str]:
    await _refuse_unknown_role(connection, runtime_role)
    await connection.execute(_TABLES)
    applied = await _applied(connection)
    _compare(applied, known)
    done = [await _apply(connection, one) for one in known if one.version not in applied]
    scripts = await _scripts(connection)
    for schema in foreign:
        done += await _bring(connection, schema, scripts.get(schema.name))
    async with connection.transaction():
        for grants in (_read("grants.sql"), *(schema.grants for schema in foreign)):
            await connection.execute(_with_role(connection, grants, runtime_role))
    return done


async def _apply(connection: Connection, migration: Migration) -> str:
    async with connection.transaction():
        await connection.execute(migration.text.encode())
        await connection.execute(
            "INSERT INTO schema_migrations (version, name, sha256) VALUES (%s, %s, %s)",
            (migration.version, migration.name, migration.sha256),
        )
    return migration.name


async def _bring(connection: Connection, schema: ForeignSchema, present: str | None) -> list[str]:
    """Create a foreign schema, or lead it from the version that is there to ours."""
    if present is None:
        steps = {schema.version: schema.fresh}
    else:
        _refuse_newer(schema, present)
        steps = {version: text for version, text in sorted(schema.upgrades.items()) if present < version}
    if present == schema.version:
        return []
    async with connection.transaction():
        for text in steps.values():
            await connection.execute(text.encode())
        await connection.execute(
            "INSERT INTO schema_scripts (name, version) VALUES (%s, %s) "
            "ON CONFLICT (name) DO UPDATE SET version = excluded.version, applied_at = clock_timestamp()",
            (schema.name, schema.version),
        )
    return [f"{schema.name} {schema.version}"]


async def _applied(connection: Connection) -> dict[int, tuple[str, str]]:
    """Version to (name, sha256)."""
    async with connection.cursor(row_factory=psycopg.rows.tuple_row) as cursor:
        await cursor.execute("SELECT version, name, sha256 FROM schema_migrations")
        return {version: (name, sha256) for version, name, sha256 in await cursor.fetchall()}


async def _scripts(connection: Connection) -> dict[str, str]:
    async with connection.cursor(row_factory=psycopg.rows.tuple_row) as cursor:
        await cursor.execute("SELECT name, version FROM schema_scripts")
        return dict(await cursor.fetchall())


def _compare(applied: Mapping[int, tuple[str, str]], known: Sequence[Migration]) -> None:
    """Raises: Misconfigured when the database is newer than this bot, has a gap, or had another file."""
    ours = {one.version: one for one in known}
    newer = sorted(set(applied) - set(ours))
    if newer:
        name = applied[newer[-1]][0]
        raise Misconfigured(
            f"The database is newer than this bot: it has {name}.", hint="Start the newer version of the bot."
        )
    if sorted(applied) != list(range(1, len(applied) + 1)):
        raise Misconfigured(
            f"The database has a gap in its migrations: {sorted(applied)}.", hint="Restore its schema_migrations table."
        )
    changed = [name for version, (name, sha256) in applied.items() if sha256 != ours[version].sha256]
    if changed:
        raise Misconfigured(
            f"{', '.join(changed)} is not what was applied here.",
            hint="An applied migration never changes: install the bot again, or put the change into a new file.",
        )


def _refuse_newer(schema: ForeignSchema, present: str) -> None:
    if present > schema.version:
        raise Misconfigured(
            f"The database is newer than this bot: {schema.name} is at {present}, this bot knows {schema.version}.",
            hint="Start the newer version of the bot.",
        )


def _behind(what: str) -> Misconfigured:
    return Misconfigured(f"The database is older than this bot: {what}.", hint="Run `python -m bot migrate`.")


async def _refuse_unknown_role(connection: Connection, role: str) -> None:
    cursor = await connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (role,))
    if await cursor.fetchone() is None:
        raise Misconfigured(
            f"The database has no role {role!r}, which the bot is to run as.",
            hint=f"Create it first: CREATE ROLE {role} LOGIN PASSWORD '...';",
        )


async def _grant_trail(connection: Connection, trail: TrailRoles) -> None:
    """The rights of the roles that exist for the trail alone."""
    for name, role in (("grants_sequencer.sql", trail.sequencer), ("grants_retention.sql", trail.retention)):
        if role:
            await _refuse_unknown_role(connection, role)
            await connection.execute(_with_role(connection, _read(name), role, ":role"))


def _with_role(connection: Connection, text: str, role: str, mark: str = ":runtime_role") -> bytes:
    text = text.replace(f":'{mark[1:]}'", sql.Literal(role).as_string(connection))
    return text.replace(mark, sql.Identifier(role).as_string(connection)).encode()


def _read(name: str) -> str:
    return (resources.files("bot.stores") / "migrations" / name).read_text(encoding="utf-8")

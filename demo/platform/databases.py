"""The databases and roles of the demo: the bot's own, and the platform's, on separate clusters."""

from typing import Any

from psycopg import AsyncConnection, sql

from demo.platform.postgres import Cluster

BOT_OWNER = "takumi_bot_owner"
BOT_RUNTIME = "takumi_bot"
BOT_SEQUENCER = "takumi_bot_sequencer"
BOT_RETENTION = "takumi_bot_retention"
BOT_ROLES = (BOT_OWNER, BOT_RUNTIME, BOT_SEQUENCER, BOT_RETENTION)
PLATFORM_OWNER = "takumi"
PLATFORM_MAINTENANCE = "takumi_maintenance"
PLATFORM_RESTORE = "takumi_restore"

PLATFORM_SETTINGS = {
    "wal_level": "replica",
    "shared_preload_libraries": "pg_stat_statements",
    "client_connection_check_interval": "2s",
}

Connection = AsyncConnection[Any]


async def create_bot_database(cluster: Cluster, database: str = "takumi_bot") -> None:
    """An empty database that `takumi_bot_owner` owns and migrates; the bot's other roles may connect to it, no more.

    What they may read and write is granted by the bot's migrations. Does nothing where it is there already.
    """
    async with cluster.connect() as connection:
        for role in BOT_ROLES:
            await create_role(connection, role, cluster.passwords[role])
        if not await database_exists(connection, database):
            await _create_closed_database(connection, database, BOT_OWNER)
            name = sql.Identifier(database)
            for role in BOT_ROLES[1:]:
                await connection.execute(sql.SQL("GRANT CONNECT ON DATABASE {} TO {}").format(name, _ROLE[role]))
    async with cluster.connect(database) as connection:
        # Before PostgreSQL 15 everybody may create in public.
        await connection.execute("REVOKE CREATE ON SCHEMA public FROM PUBLIC")
        await connection.execute(sql.SQL("GRANT ALL ON SCHEMA public TO {}").format(_ROLE[BOT_OWNER]))


async def create_platform_roles(cluster: Cluster) -> None:
    """The application's role `takumi`, owner of its databases, and the bot's `takumi_maintenance`.

    `takumi_restore` has no rights at all: a dump is untrusted input, and runs as nobody who could do harm.

    The least that lets the maintenance role back up, restore, swap and look:
    - member of `takumi`: reads and locks its tables for a dump, creates databases *for* it, and renames, alters and
      drops those that it owns (ALTER DATABASE wants the owner); so pg_read_all_data is not needed;
    - CREATEDB: creating a database, and renaming one, both want it besides ownership;
    - pg_signal_backend: a swap ends sessions of roles other than `takumi` too (never a superuser's);
    - pg_read_all_stats: without it the queries and sessions of others are "<insufficient privilege>".
    It is no superuser, replicates nothing, and cannot create roles or read the server's files.
    """
    async with cluster.connect() as connection:
        await create_role(connection, PLATFORM_OWNER, cluster.passwords[PLATFORM_OWNER])
        await create_role(connection, PLATFORM_MAINTENANCE, cluster.passwords[PLATFORM_MAINTENANCE])
        await create_role(connection, PLATFORM_RESTORE, cluster.passwords[PLATFORM_RESTORE])
        await connection.execute("ALTER ROLE takumi_maintenance CREATEDB")
        await connection.execute("GRANT takumi, pg_signal_backend, pg_read_all_stats TO takumi_maintenance")
        await connection.execute("GRANT takumi_restore TO takumi_maintenance")
    for database in ("postgres", "template1"):
        async with cluster.connect(database) as connection:
            # In template1, so that a dump with CREATE EXTENSION IF NOT EXISTS can be restored by a role that is no
            # superuser; without the comment, because only the extension's owner may restore one.
            await connection.execute("CREATE EXTENSION IF NOT EXISTS pg_stat_statements")
            await connection.execute("COMMENT ON EXTENSION pg_stat_statements IS NULL")


async def create_role(connection: Connection, name: str, password: str) -> None:
    """A role that may log in, with this password; an existing one gets the password."""
    cursor = await connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (name,))
    verb = "ALTER" if await cursor.fetchone() else "CREATE"
    statement = sql.SQL("{} ROLE {} LOGIN PASSWORD {}")
    await connection.execute(statement.format(sql.SQL(verb), sql.Identifier(name), sql.Literal(password)))


async def database_exists(connection: Connection, name: str) -> bool:
    """Whether the cluster has a database of this name."""
    cursor = await connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (name,))
    return await cursor.fetchone() is not None


async def create_platform_database(connection: Connection, name: str) -> None:
    """An empty database owned by `takumi`, from template1, that nobody else may use."""
    await _create_closed_database(connection, name, PLATFORM_OWNER)


async def _create_closed_database(connection: Connection, name: str, owner: str) -> None:
    identifier = sql.Identifier(name)
    await connection.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(identifier, sql.Identifier(owner)))
    await connection.execute(sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(identifier))


_ROLE = {name: sql.Identifier(name) for name in BOT_ROLES}

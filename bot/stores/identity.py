"""Which database is the bot's own, so that no action can take it for a target."""

from bot.stores.connections import Pool, told_as_unavailable


async def identity(pool: Pool) -> tuple[str, str]:
    """(system identifier of the cluster, name of the database). Raises: Unavailable."""
    with told_as_unavailable():
        async with pool.connection() as connection:
            cursor = await connection.execute(
                "SELECT system_identifier::text AS cluster, current_database() AS name FROM pg_control_system()"
            )
            row = await cursor.fetchone()
    if row is None:
        raise RuntimeError("pg_control_system() answered no row")
    return row["cluster"], row["name"]

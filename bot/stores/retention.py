"""Dropping old months of the trail, as the one role that may."""

import psycopg

from bot.domain.errors import Refused, Unavailable


async def retire(url: str, month: str) -> int:
    """Drop the partition of a month (`2025-01`); answers the last position in it. Raises: Refused, Unavailable."""
    try:
        async with await psycopg.AsyncConnection.connect(url, autocommit=True, connect_timeout=10) as connection:
            cursor = await connection.execute("SELECT retire_audit_partition((%s || '-01')::date)", (month,))
            row = await cursor.fetchone()
    except psycopg.OperationalError as error:
        raise Unavailable("The bot's database does not answer.", hint="Is it running?", error=str(error)) from error
    except psycopg.Error as error:
        said = error.diag.message_primary or str(error)
        raise Refused(
            f"Nothing was retired: {said}.", hint="Only anchored months older than ninety days go."
        ) from error
    return int(row[0]) if row else 0

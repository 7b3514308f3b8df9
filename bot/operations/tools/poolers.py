"""PgBouncer's admin console: holding clients back while the database behind it is swapped."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import psycopg

from bot.operations.tools.access import PoolerAccess
from bot.operations.tools.sessions import CONNECT_SECONDS, platform_errors

Console = psycopg.AsyncConnection[Any]


async def pause(access: PoolerAccess, within_seconds: float) -> bool:
    """Hold new transactions back; False when running ones had not ended in time (clients are held back even so).

    Raises: OperationFailed.
    """
    async with _console(access) as console:
        try:
            async with asyncio.timeout(within_seconds):
                await console.execute(f"PAUSE {_name(access)}".encode())
        except TimeoutError:
            return False
        except psycopg.errors.DatabaseError as error:
            if "already" not in str(error):  # paused or suspended before: what we want
                raise
    return True


async def resume(access: PoolerAccess) -> None:
    """Let clients go on; nothing happens when they are not held back. Raises: OperationFailed."""
    async with _console(access) as console:
        try:
            await console.execute(f"RESUME {_name(access)}".encode())
        except psycopg.errors.DatabaseError as error:
            if "not paused" not in str(error):
                raise


async def is_paused(access: PoolerAccess) -> bool:
    """Raises: OperationFailed."""
    async with _console(access) as console:
        cursor = await console.execute(b"SHOW DATABASES")
        names = [column.name for column in cursor.description or ()]
        rows = [dict(zip(names, row, strict=True)) for row in await cursor.fetchall()]
    return any(row["name"] == access.database and str(row["paused"]) == "1" for row in rows)


@asynccontextmanager
async def _console(access: PoolerAccess) -> AsyncIterator[Console]:
    """It speaks the simple protocol alone, and knows no transactions."""
    with platform_errors(f"PgBouncer at {access.host}:{access.port}"):
        console = await psycopg.AsyncConnection.connect(
            host=access.host,
            port=access.port,
            dbname="pgbouncer",
            user=access.login.user,
            password=access.login.password.get_secret_value(),
            connect_timeout=CONNECT_SECONDS,
            autocommit=True,
            prepare_threshold=None,
        )
        try:
            yield console
        finally:
            await console.close()


def _name(access: PoolerAccess) -> str:
    return '"' + access.database.replace('"', '""') + '"'

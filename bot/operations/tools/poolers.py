"""PgBouncer's admin console: holding clients back while the database behind it is swapped.

libpq is used directly, in a thread: a PAUSE that must not be waited for any longer is left by closing the connection,
while psycopg would first ask PgBouncer to cancel it, and wait for that in vain while clients wait for us.
"""

import asyncio
import select
import time
from typing import Any

from psycopg import pq
from psycopg.conninfo import make_conninfo

from bot.domain.errors import OperationFailed
from bot.operations.tools.access import PoolerAccess
from bot.operations.tools.sessions import CONNECT_SECONDS

ANSWER_SECONDS = 10.0
Rows = list[dict[str, str]]


async def pause(access: PoolerAccess, within_seconds: float) -> bool:
    """Hold new transactions back; False when running ones had not ended in time (clients are held back even so).

    Raises: OperationFailed.
    """
    said = await asyncio.to_thread(_ask, access, f"PAUSE {_name(access)}", within_seconds, but="already")
    return said is not None


async def resume(access: PoolerAccess) -> None:
    """Let clients go on; nothing happens when they are not held back. Raises: OperationFailed."""
    await asyncio.to_thread(_ask, access, f"RESUME {_name(access)}", ANSWER_SECONDS, but="not paused")


async def is_paused(access: PoolerAccess) -> bool:
    """Raises: OperationFailed."""
    rows = await asyncio.to_thread(_ask, access, "SHOW DATABASES", ANSWER_SECONDS)
    return any(row["name"] == access.database and row["paused"] == "1" for row in rows or [])


def _ask(access: PoolerAccess, statement: str, within_seconds: float, but: str = "") -> Rows | None:
    """The rows of the answer; None when it did not come in time. An error that says `but` is as good as success."""
    connection = pq.PGconn.connect(_conninfo(access).encode())
    try:
        if connection.status != pq.ConnStatus.OK:
            raise _failure(access, f"does not answer: {connection.error_message.decode(errors='replace').strip()}")
        connection.send_query(statement.encode())
        if not _answered(connection, within_seconds):
            return None
        return _rows(access, connection.get_result(), but)
    finally:
        connection.finish()


def _answered(connection: pq.abc.PGconn, within_seconds: float) -> bool:
    until = time.monotonic() + within_seconds
    while connection.is_busy():
        readable, _, _ = select.select([connection.socket], [], [], max(0.0, until - time.monotonic()))
        if not readable:
            return False
        connection.consume_input()
    return True


def _rows(access: PoolerAccess, result: Any, but: str) -> Rows:
    if result is None or result.status not in (pq.ExecStatus.COMMAND_OK, pq.ExecStatus.TUPLES_OK):
        said = result.error_message.decode(errors="replace").strip() if result else "nothing"
        if but and but in said:
            return []
        raise _failure(access, f"refused: {said}")
    names = [(result.fname(column) or b"").decode() for column in range(result.nfields)]
    return [
        {name: (result.get_value(row, column) or b"").decode() for column, name in enumerate(names)}
        for row in range(result.ntuples)
    ]


def _failure(access: PoolerAccess, what: str) -> OperationFailed:
    return OperationFailed(f"PgBouncer at {access.host}:{access.port} {what}", hint="Look at its log, then ask again.")


def _conninfo(access: PoolerAccess) -> str:
    return make_conninfo(
        "",
        host=access.host,
        port=access.port,
        dbname="pgbouncer",
        user=access.login.user,
        password=access.login.password.get_secret_value(),
        connect_timeout=CONNECT_SECONDS,
    )


def _name(access: PoolerAccess) -> str:
    return '"' + access.database.replace('"', '""') + '"'

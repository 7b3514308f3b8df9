"""Connections to the bot's own database: how long we wait, and what a failure means."""

import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager, suppress
from datetime import timedelta
from functools import partial
from typing import Any

import psycopg
from psycopg.pq import TransactionStatus
from psycopg.rows import DictRow, dict_row
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from bot.domain.errors import Unavailable, Unrecorded
from bot.services.rows import Wake

Connection = psycopg.AsyncConnection[DictRow]
Pool = AsyncConnectionPool[Connection]
Deferrer = Callable[[Any, Sequence[Wake]], Awaitable[None]]
# Sends what is still to be written, and the commit, which it is given.
Ending = Callable[[Connection, Callable[[], Awaitable[object]]], Awaitable[None]]

PATIENCE = timedelta(seconds=2)

# A peer that vanished is noticed within about 10 s, instead of after the kernel's two hours.
_CONNECTION = {
    "connect_timeout": 2,
    "keepalives": 1,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 2,
    "tcp_user_timeout": 10_000,
}
# A transaction of ours is short: one that is not has hung, and must not keep its locks.
_SETTINGS = "-c statement_timeout=15s -c lock_timeout=10s -c idle_in_transaction_session_timeout=60s -c timezone=UTC"


def make_pool(url: str, *, max_size: int = 10, name: str = "takumi-bot") -> Pool:
    """A closed pool with our time limits; `await pool.open()`. Rows are dictionaries."""
    kwargs: dict[str, Any] = _CONNECTION | {"application_name": name, "options": _SETTINGS, "row_factory": dict_row}
    return AsyncConnectionPool(
        url,
        connection_class=Connection,
        kwargs=kwargs,
        min_size=1,
        max_size=max_size,
        open=False,
        timeout=PATIENCE.total_seconds(),
        reconnect_timeout=5,
        name=name,
    )


def unavailable(error: Exception) -> Unavailable:
    """What to say when the database did not answer, or not in time."""
    return Unavailable(
        "The bot's own database did not answer: I could not confirm it.",
        hint="Look in `/takumi runs` before you ask again.",
        error=str(error) or type(error).__name__,
        sqlstate=getattr(error, "sqlstate", None) or "",
    )


_REVALIDATES = "RevalidateCachedQuery"

# What keeps a database that answers from being written, by the class it tells: in words, and what mends it.
_UNWRITABLE: dict[type[psycopg.Error], tuple[str, str]] = {
    psycopg.errors.ReadOnlySqlTransaction: (
        "only lets itself be read",
        "Is it a replica, or has somebody set default_transaction_read_only?",
    ),
    psycopg.errors.DiskFull: ("has no room left on its disk", "Make room on the disk of the bot's own database."),
    psycopg.errors.InsufficientPrivilege: (
        "does not let the bot's role write",
        "Run `python -m bot migrate`: it grants again what was taken away.",
    ),
}


def unwritable(error: Exception) -> Unrecorded | None:
    """What to say when the database answered and certainly kept nothing; None for any other error."""
    told = next((told for kind, told in _UNWRITABLE.items() if isinstance(error, kind)), None)
    if told is None:
        return None
    return Unrecorded(
        f"The bot's own database {told[0]}: nothing was done, and nothing can be recorded.",
        hint=told[1],
        error=str(error),
        sqlstate=getattr(error, "sqlstate", None) or "",
    )


@contextmanager
def told_as_unavailable() -> Iterator[None]:
    """Turn lost connections and time-outs into Unavailable, a database that takes nothing into Unrecorded.

    Other errors of the database are bugs.
    """
    try:
        yield
    except (psycopg.Error, PoolTimeout) as error:
        if (told := unwritable(error)) is not None:
            raise told from error
        if _is_migrated(error) or isinstance(error, (psycopg.OperationalError, psycopg.InterfaceError, PoolTimeout)):
            raise unavailable(error) from error
        raise


def _is_migrated(error: BaseException) -> bool:
    """A newer release gave a table another column while this process is at work.

    What was prepared before would answer other columns now: it is refused, and rolled back. The next try is right.
    """
    # By the server's function: its message comes in the server's language.
    return isinstance(error, psycopg.errors.FeatureNotSupported) and error.diag.source_function == _REVALIDATES


@asynccontextmanager
async def transaction(pool: Pool, ending: Ending | None = None) -> AsyncIterator[Connection]:
    """A connection in a transaction: committed when the block ends, by `ending`; rolled back when it raises."""
    connection, begun = await _begin(pool)
    commit = partial(begun.__aexit__, None, None, None)
    try:
        yield connection
        _refuse_silent_rollback(connection)
    except BaseException as error:
        await begun.__aexit__(type(error), error, error.__traceback__)
        if _is_migrated(error):
            await pool.drain()  # else every connection would be refused once
        raise
    else:
        await _end(connection, ending, commit)
    finally:
        await pool.putconn(connection)


async def _end(connection: Connection, ending: Ending | None, commit: Callable[[], Awaitable[object]]) -> None:
    try:
        await (ending(connection, commit) if ending else commit())
    except psycopg.Error:
        with suppress(psycopg.Error):  # what ended the connection has ended the transaction
            await connection.rollback()
        raise


async def _begin(pool: Pool) -> tuple[Connection, AbstractAsyncContextManager[object]]:
    """A connection on which BEGIN worked: those that died in the pool are discarded, at no price for the living."""
    deadline = time.monotonic() + PATIENCE.total_seconds()
    while True:
        connection = await pool.getconn(max(deadline - time.monotonic(), 0.001))
        begun = connection.transaction()
        try:
            await begun.__aenter__()
        except psycopg.OperationalError:
            await pool.putconn(connection)
            if time.monotonic() > deadline:
                raise
        except BaseException:
            await pool.putconn(connection)
            raise
        else:
            return connection, begun


def _refuse_silent_rollback(connection: Connection) -> None:
    """COMMIT after an error answers ROLLBACK without complaint, and a lost connection is left in silence."""
    if connection.closed:
        raise psycopg.OperationalError("the connection was lost inside the transaction")
    if connection.info.transaction_status is TransactionStatus.INERROR:
        raise RuntimeError("an error of the database was swallowed inside a unit of work: nothing would be kept")


def role_of(url: str) -> str:
    """The role that a connection string logs in as."""
    return str(psycopg.conninfo.conninfo_to_dict(url).get("user", ""))

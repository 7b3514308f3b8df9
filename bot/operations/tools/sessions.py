"""Sessions on the platform's PostgreSQL: named after their step, checked for living clients, with errors for people."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import psycopg

from bot.domain.errors import OperationFailed
from bot.operations.tools.access import DatabaseAccess, Login
from bot.operations.tools.processes import outlast

CONNECT_SECONDS = 5
# Classes of errors after which the session is gone: the server stops, or somebody ended it.
CONNECTION_LOST = ("57P", "08")
NO_ANSWER = ""
# A session whose client has died ends within two seconds, and none of them is ended for being slow or idle.
SETTINGS = (
    "-c client_connection_check_interval=2000 -c statement_timeout=0"
    " -c idle_in_transaction_session_timeout=0 -c idle_session_timeout=0"
)

Row = tuple[Any, ...]


class Session:
    """One connection in autocommit; whatever PostgreSQL refuses is an OperationFailed with its own words."""

    def __init__(self, connection: psycopg.AsyncConnection[Row], place: str) -> None:
        self._connection = connection
        self._place = place

    @property
    def pid(self) -> int:
        """The server's process that serves this session."""
        return self._connection.info.backend_pid

    def verifier(self, user: str, password: str) -> str:
        """What the server keeps of a password, so that the password itself is in no statement and no log."""
        encrypted = self._connection.pgconn.encrypt_password(password.encode(), user.encode(), b"scram-sha-256")
        return encrypted.decode()

    async def rows(self, statement: str, parameters: Sequence[Any] | None = None) -> list[Row]:
        """The answer's rows; none for a statement that answers nothing. Raises: OperationFailed."""
        with platform_errors(self._place):
            # psycopg's stubs want a literal; names in ours are quoted by `quoted`, values are parameters.
            cursor = await self._connection.execute(statement.encode(), parameters)
            return await cursor.fetchall() if cursor.description else []

    async def value(self, statement: str, parameters: Sequence[Any] | None = None) -> Any:
        """The first column of the first row, None without one. Raises: OperationFailed."""
        rows = await self.rows(statement, parameters)
        return rows[0][0] if rows else None


def quoted(*names: str) -> str:
    """An identifier, or a qualified one, that SQL cannot read as anything else."""
    return ".".join('"' + name.replace('"', '""') + '"' for name in names)


def literal(value: str | None) -> str:
    """A value for statements that take no parameters, in any setting of standard_conforming_strings."""
    if value is None:
        return "NULL"
    escaped = value.replace("'", "''")
    return "E'" + escaped.replace("\\", "\\\\") + "'" if "\\" in value else f"'{escaped}'"


@asynccontextmanager
async def session(
    access: DatabaseAccess, name: str, database: str, login: Login | None = None
) -> AsyncIterator[Session]:
    """A session with that `application_name`. Raises: OperationFailed when the server does not let us in."""
    login = login or access.login
    place = f"PostgreSQL at {access.address}"
    with platform_errors(place):
        connection = await _connected(_parameters(access, name, database, login))
    try:
        yield Session(connection, place)
    finally:
        await connection.close()


async def _connected(parameters: dict[str, Any]) -> psycopg.AsyncConnection[Row]:
    """A login that is cancelled half way would stay on the server for a minute: it is waited for, and closed."""
    connecting = asyncio.ensure_future(psycopg.AsyncConnection.connect(**parameters))
    try:
        await outlast(asyncio.wait([connecting]))
    except asyncio.CancelledError:
        if connecting.exception() is None:
            await connecting.result().close()
        raise
    return connecting.result()


def _parameters(access: DatabaseAccess, name: str, database: str, login: Login) -> dict[str, Any]:
    return {
        "host": access.host,
        "port": access.port,
        "dbname": database,
        "user": login.user,
        "password": login.password.get_secret_value(),
        "application_name": name,
        "connect_timeout": CONNECT_SECONDS,
        "options": SETTINGS,
        "autocommit": True,
        "prepare_threshold": None,
        "keepalives": 1,
        "keepalives_idle": 10,
        "keepalives_interval": 5,
        "keepalives_count": 3,
    }


@contextmanager
def platform_errors(place: str) -> Iterator[None]:
    """Turn psycopg's errors into OperationFailed; its `facts` hold PostgreSQL's `sqlstate`.

    It is empty when the answer is missing: then a statement may or may not have taken effect.
    """
    try:
        yield
    except psycopg.Error as error:
        raise _failure(error, place) from error


def _failure(error: psycopg.Error, place: str) -> OperationFailed:
    said = (error.diag.message_primary or str(error)).strip().replace("\n", " ")
    if error.sqlstate is None or error.sqlstate.startswith(CONNECTION_LOST):
        hint = "Look whether it runs and can be reached (`/takumi health`), then ask again."
        return OperationFailed(f"{place} does not answer: {said}", hint=hint, sqlstate=NO_ANSWER)
    hint = error.diag.message_hint or ""
    detail = f" ({error.diag.message_detail})" if error.diag.message_detail else ""
    return OperationFailed(f"{place} refused: {said}{detail}", hint=hint, sqlstate=error.sqlstate)

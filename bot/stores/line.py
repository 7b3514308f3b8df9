"""One statement, prepared once, on a connection that is kept for it: what stands before every acknowledgement.

psycopg's own `execute` costs several times the statement: it registers the socket anew for every wait. `psycopg.pq` is
its public layer beneath.
"""

import asyncio
from collections.abc import Sequence

import psycopg
from psycopg import pq

from bot.stores.connections import Connection

_NAME = b"line"
_DONE = (pq.ExecStatus.TUPLES_OK, pq.ExecStatus.COMMAND_OK)


class Line:
    """Runs one statement at a time, each its own transaction; `close` before the connection is given back.

    A wait that is cancelled leaves the statement's end unknown: the line is then of no more use.
    """

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self._open = True
        self._link = connection.pgconn
        self._loop = asyncio.get_running_loop()
        self._answered: asyncio.Future[None] | None = None
        self._socket = self._link.socket
        self._link.nonblocking = 1
        self._loop.add_reader(self._socket, self._read)

    @property
    def usable(self) -> bool:
        return self._open and not self.connection.closed

    async def prepare(self, statement: str) -> None:
        """Raises: psycopg.Error."""
        self._link.send_prepare(_NAME, statement.encode())
        await self._result()

    async def execute(self, *values: str) -> Sequence[str]:
        """The first column of the answer. Raises: psycopg.Error."""
        self._link.send_query_prepared(_NAME, [value.encode() for value in values])
        result = await self._result()
        return [(result.get_value(row, 0) or b"").decode() for row in range(result.ntuples)]

    def close(self) -> None:
        """Let go of the socket; the connection stays open."""
        if self._open:
            self._open = False
            self._loop.remove_reader(self._socket)

    async def _result(self) -> pq.abc.PGresult:
        try:
            await self._sent()
            while self._link.is_busy():
                self._answered = self._loop.create_future()
                await self._answered
        except BaseException:
            self.close()
            raise
        last = None
        while (result := self._link.get_result()) is not None:
            last = result
        if self.connection.closed:
            self.close()  # at once: the socket's number may be given to another
        if last is None or last.status not in _DONE:
            raise _error(last)
        return last

    async def _sent(self) -> None:
        """Until all of a long statement is with the kernel."""
        while self._link.flush():
            writable = self._loop.create_future()
            self._loop.add_writer(self._socket, writable.set_result, None)
            try:
                await writable
            finally:
                self._loop.remove_writer(self._socket)

    def _read(self) -> None:
        try:
            self._link.consume_input()
        except psycopg.Error as error:
            self.close()
            if self._answered is not None and not self._answered.done():
                self._answered.set_exception(error)
            return
        if self._answered is not None and not self._answered.done() and not self._link.is_busy():
            self._answered.set_result(None)


def _error(result: pq.abc.PGresult | None) -> psycopg.Error:
    if result is None:
        return psycopg.OperationalError("the server ended the connection without an answer")
    code = (result.error_field(pq.DiagnosticField.SQLSTATE) or b"").decode()
    message = result.error_message.decode(errors="replace").strip()
    try:
        return psycopg.errors.lookup(code)(message)
    except KeyError:
        # Without a code it is the client that speaks: the connection is gone.
        return psycopg.DatabaseError(message) if code else psycopg.OperationalError(message)

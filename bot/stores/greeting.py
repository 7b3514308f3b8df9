"""A first connection to a database of the bot's own, told in the server's words when it does not come about."""

from dataclasses import dataclass
from datetime import datetime

import psycopg

from bot.domain.errors import Misconfigured

CONNECT_SECONDS = 5


@dataclass(frozen=True)
class Greeting:
    """`direct` is whether the server's process is the one that the connection names: behind a pooler it is not."""

    direct: bool
    version: str
    clock: datetime


async def greet(url: str) -> Greeting:
    """Raises: Misconfigured; its fact `answered` says whether a server was there and said no."""
    try:
        async with await psycopg.AsyncConnection.connect(
            url, connect_timeout=CONNECT_SECONDS, autocommit=True, prepare_threshold=None
        ) as connection:
            cursor = await connection.execute(
                "SELECT pg_backend_pid(), current_setting('server_version'), clock_timestamp()"
            )
            pid, version, clock = await cursor.fetchone() or (0, "", None)
            return Greeting(pid == connection.info.backend_pid, version, clock)
    except psycopg.Error as error:
        said = str(error).strip().replace("\n", " ")
        raise Misconfigured(said, answered="FATAL:" in said) from error

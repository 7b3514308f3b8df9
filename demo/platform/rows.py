"""The platform's databases filled from a seed: the same seed and size make the same rows, everywhere and always."""

from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg import AsyncClientCursor, sql

from demo.errors import CannotStartError
from demo.platform.databases import PLATFORM_OWNER, Connection, create_platform_database, database_exists
from demo.platform.postgres import Cluster

_FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class Size:
    """How many rows; `few` of each table that is small on the platform too."""

    profiles: int
    skills: int
    endorsements: int
    few: int

    def scaled(self, scale: float) -> "Size":
        """This size times `scale`; never below what the checks and foreign keys need."""
        return Size(
            *(max(20, int(count * scale)) for count in (self.profiles, self.skills, self.endorsements, self.few))
        )


PRODUCTION = Size(profiles=100_000, skills=300_000, endorsements=500_000, few=3_000)
STAGING = PRODUCTION.scaled(0.05)
SEED = 20261124


async def create_filled_database(cluster: Cluster, name: str, size: Size, seed: int = SEED) -> None:
    """A database of the platform's schema, owned by `takumi`, with its rows; nothing happens where it exists.

    It is filled under another name and renamed when complete: one that a crash left half full is made again.

    Raises: CannotStartError when the server refuses, as with a full disk.
    """
    try:
        await _create_filled_database(cluster, name, size, seed)
    except psycopg.Error as error:
        raise CannotStartError(f"The database {name} cannot be filled: {error}") from error


async def _create_filled_database(cluster: Cluster, name: str, size: Size, seed: int) -> None:
    unfinished = sql.Identifier(f"{name}_unfinished")
    async with cluster.connect() as connection:
        if await database_exists(connection, name):
            return
        await connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(unfinished))
        await create_platform_database(connection, f"{name}_unfinished")
        async with cluster.connect(f"{name}_unfinished", PLATFORM_OWNER) as filling:
            await fill(filling, size, seed)
        await connection.execute(sql.SQL("ALTER DATABASE {} RENAME TO {}").format(unfinished, sql.Identifier(name)))


async def fill(connection: Connection, size: Size, seed: int = SEED) -> None:
    """Create the tables in an empty database, their rows, then keys and indexes, in one transaction."""
    numbers = {"seed": seed, "profiles": size.profiles, "skills": size.skills, "endorsements": size.endorsements}
    async with connection.transaction():
        await connection.execute("SET LOCAL synchronous_commit = off")
        await connection.execute("SET LOCAL maintenance_work_mem = '128MB'")
        await connection.execute(_read("schema"))
        # Parameters are written into the text, since several statements are sent at once.
        await AsyncClientCursor(connection).execute(_read("rows"), numbers | {"few": size.few})
        await connection.execute(_read("indexes"))
    await connection.execute("ANALYZE")


def _read(name: str) -> str:
    return (_FOLDER / f"{name}.sql").read_text(encoding="utf-8")

"""Keeping clients out while a database is swapped: the pooler holds them back, the database takes none."""

import asyncio
from dataclasses import dataclass
from datetime import timedelta

from bot.domain.errors import OperationFailed
from bot.domain.operations import Outcome
from bot.operations.looking import DatabaseFacts
from bot.operations.tools.access import PoolerAccess
from bot.operations.tools.poolers import is_paused, pause, resume
from bot.operations.tools.sessions import NO_ANSWER, Session, quoted
from bot.operations.tools.toolbox import StepTools

PAUSE_SECONDS = 10.0
OPEN_WITHIN_SECONDS = 600.0


@dataclass(frozen=True)
class PausePooler:
    """Makes the database's PgBouncer hold its clients back, which then wait and get no error."""

    database: DatabaseFacts
    pooler: str
    timeout: timedelta = timedelta(minutes=1)
    safe_to_repeat: bool = True

    def describe(self) -> str:
        return f"Pause {self.database.name} in PgBouncer at {self.pooler}: its clients wait, running transactions end"

    async def run(self, tools: StepTools) -> Outcome:
        """Raises: OperationFailed."""
        pooler = _pooler(tools, self.database)
        ended = await pause(pooler, PAUSE_SECONDS)
        if not await is_paused(pooler):
            raise OperationFailed(f"PgBouncer at {self.pooler} did not pause.", hint="Look at its admin console.")
        return Outcome("clients wait" if ended else "clients wait; transactions that still run are cut by the swap")


@dataclass(frozen=True)
class ResumePooler:
    """Lets the clients of the database's PgBouncer go on; nothing happens when they are not held back."""

    database: DatabaseFacts
    pooler: str
    timeout: timedelta = timedelta(minutes=1)
    safe_to_repeat: bool = True

    def describe(self) -> str:
        return f"Resume {self.database.name} in PgBouncer at {self.pooler}"

    async def run(self, tools: StepTools) -> Outcome:
        """Raises: OperationFailed."""
        pooler = _pooler(tools, self.database)
        await resume(pooler)
        if await is_paused(pooler):
            raise OperationFailed(
                f"PgBouncer at {self.pooler} still holds clients back.", hint="Run RESUME on its admin console."
            )
        return Outcome("clients go on")


def _pooler(tools: StepTools, database: DatabaseFacts) -> PoolerAccess:
    pooler = tools.database(database.name).pooler
    if pooler is None:
        raise OperationFailed(f"There is no PgBouncer configured for {database.name} any more.", hint="Ask again.")
    return pooler


@dataclass(frozen=True)
class CloseDatabase:
    """Makes the database take no new session, from superusers neither. The outcome's data say when (`closed_at`)."""

    database: DatabaseFacts
    timeout: timedelta = timedelta(minutes=1)
    safe_to_repeat: bool = True

    def describe(self) -> str:
        return f"ALTER DATABASE {self.database.name} ALLOW_CONNECTIONS false: from here on nobody gets in"

    async def run(self, tools: StepTools) -> Outcome:
        """Raises: OperationFailed."""
        access = tools.database(self.database.name)
        async with tools.fence(access), tools.session(access, access.maintenance_database) as session:
            if await name_of(session, self.database.oid) != self.database.name:
                raise OperationFailed(
                    f"{self.database.name} is no longer the database that this run was planned for.", hint="Ask again."
                )
            closed_at = await session.value("SELECT clock_timestamp()")
            await session.rows(f"ALTER DATABASE {quoted(self.database.name)} ALLOW_CONNECTIONS false")
        return Outcome(f"{self.database.name} takes no new sessions", {"closed_at": closed_at.isoformat()})


@dataclass(frozen=True)
class OpenDatabase:
    """Puts closing back, and waits for a server that is away: nothing may stay closed.

    After a swap there is nothing to open: the one that took the place is open.
    """

    database: DatabaseFacts
    timeout: timedelta = timedelta(minutes=15)
    safe_to_repeat: bool = True

    def describe(self) -> str:
        return f"ALTER DATABASE {self.database.name} ALLOW_CONNECTIONS true"

    async def run(self, tools: StepTools) -> Outcome:
        """Raises: OperationFailed, also when the swap has happened: then the run was not put back."""
        until = asyncio.get_running_loop().time() + OPEN_WITHIN_SECONDS
        while True:
            try:
                return await self._open(tools)
            except OperationFailed as error:
                if error.facts.get("sqlstate") != NO_ANSWER or asyncio.get_running_loop().time() > until:
                    raise
            await asyncio.sleep(1)

    async def _open(self, tools: StepTools) -> Outcome:
        await open_database(tools, self.database.name, self.database.oid)
        return Outcome(f"{self.database.name} takes sessions again")


async def open_database(tools: StepTools, wanted: str, oid: int) -> None:
    """Let sessions in again, unless another database has that name by now. Raises: OperationFailed."""
    access = tools.database(wanted)
    async with tools.fence(access), tools.session(access, access.maintenance_database) as session:
        name = await name_of(session, oid)
        if name != wanted:
            raise OperationFailed(
                f"the swap has happened, and stays: the former {wanted} is kept as {name}.",
                hint="`/takumi undo` swaps it back, under an approval of its own.",
            )
        await session.rows(f"ALTER DATABASE {quoted(name)} ALLOW_CONNECTIONS true")


async def name_of(session: Session, oid: int) -> str | None:
    """The present name of the database with that oid. Raises: OperationFailed."""
    name: str | None = await session.value("SELECT datname::text FROM pg_database WHERE oid = %s", (oid,))
    return name

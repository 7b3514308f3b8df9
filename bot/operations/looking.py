"""Look-ups of a database: what a plan and the people who read it need to know. Nothing here changes anything."""

from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict

from bot.domain.errors import OperationFailed, Refused
from bot.domain.plans import Claim
from bot.domain.targets import Environment
from bot.operations.tools.access import DatabaseAccess, OwnDatabase
from bot.operations.tools.sessions import Session
from bot.operations.tools.toolbox import StepTools

OLDEST_MAJOR, NEWEST_MAJOR = 14, 18


class DatabaseFacts(BaseModel):
    """A database as it was found. `rows_estimate` is the planner's; `owner` is the role that owns the database."""

    model_config = ConfigDict(frozen=True)

    name: str
    environment: Environment
    address: str
    system_identifier: str
    oid: int
    owner: str
    server_version: str
    size_bytes: int
    tables: int
    rows_estimate: int
    sessions: int

    @property
    def server_major(self) -> int:
        return int(self.server_version.split(".")[0])

    def claim(self, *, exclusive: bool) -> Claim:
        """The hold on this database that a run needs."""
        return Claim(f"{self.system_identifier}/{self.name}", exclusive=exclusive)


@dataclass(frozen=True)
class Identity:
    """What tells a database from every other one, even of the same name and address."""

    system_identifier: str
    oid: int


async def look_up_database(tools: StepTools, name: str = "") -> DatabaseFacts:
    """Look at a configured database; an empty name means the default one.

    Raises: RequestError for an unknown name; Refused for the bot's own; OperationFailed when it cannot be looked at.
    """
    return await look_at_database(tools, tools.database(name))


async def look_at_database(tools: StepTools, access: DatabaseAccess) -> DatabaseFacts:
    """Raises: Refused for the bot's own, and for a version it does not know; OperationFailed."""
    async with tools.session(access) as session:
        (row,) = await session.rows(_FACTS)
    facts = DatabaseFacts(environment=access.environment, address=access.address, **dict(zip(_NAMES, row, strict=True)))
    refuse_own(tools.platform.own, facts.system_identifier, facts.name)
    if not OLDEST_MAJOR <= facts.server_major <= NEWEST_MAJOR:
        raise Refused(
            f"{facts.name} runs on PostgreSQL {facts.server_version}; the bot knows {OLDEST_MAJOR} to {NEWEST_MAJOR}.",
            hint="Nothing was done. A newer bot may know it.",
        )
    return facts


def refuse_own(own: OwnDatabase | None, system_identifier: str, database: str) -> None:
    """Raises: Refused when that is the database in which the bot lives."""
    if own and (own.system_identifier, own.database) == (system_identifier, database):
        raise Refused(
            f"{database} is the bot's own database: it is never a target.",
            hint="Back it up and restore it by hand, as docs/operations.md says.",
        )


async def must_be(session: Session, access: DatabaseAccess, expected: Identity) -> None:
    """Raises: OperationFailed when the database at that address is not the one that was looked at for the plan."""
    found = Identity(*(await session.rows(_IDENTITY))[0])
    if found != expected:
        raise OperationFailed(
            f"{access.name} at {access.address} is no longer the database that this run was planned for.",
            hint="It was replaced, or the address leads to another server. Look, then ask again.",
        )


_NAMES = (
    "name",
    "system_identifier",
    "oid",
    "owner",
    "server_version",
    "size_bytes",
    "tables",
    "rows_estimate",
    "sessions",
)
_FACTS = """
WITH user_tables AS (
    SELECT c.reltuples FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind = 'r' AND c.relpersistence <> 't' AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_'
)
SELECT d.datname::text,
       (SELECT system_identifier::text FROM pg_control_system()),
       d.oid::bigint,
       pg_get_userbyid(d.datdba)::text,
       split_part(current_setting('server_version'), ' ', 1),
       pg_database_size(d.oid),
       (SELECT count(*) FROM user_tables),
       (SELECT coalesce(sum(greatest(reltuples, 0)), 0)::bigint FROM user_tables),
       (SELECT count(*) FROM pg_stat_activity a WHERE a.datid = d.oid AND a.pid <> pg_backend_pid())
FROM pg_database d WHERE d.datname = current_database()
"""
_IDENTITY = """
SELECT (SELECT system_identifier::text FROM pg_control_system()), oid::bigint
FROM pg_database WHERE datname = current_database()
"""

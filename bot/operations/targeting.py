"""The database that a restore would replace: what is in it now, what would be lost, and what forbids a swap."""

import shutil
from pathlib import Path
from typing import Any

from pydantic import AwareDatetime

from bot.domain.errors import Misconfigured, OperationFailed, Refused
from bot.operations.contents import relations
from bot.operations.files import in_thread
from bot.operations.looking import DatabaseFacts, look_up_database
from bot.operations.restorers import must_have_restorer
from bot.operations.snapshots import Written, rows_written
from bot.operations.tools.sessions import Session, quoted
from bot.operations.tools.toolbox import StepTools

COUNT_WITHIN = "10s"
QUERY_CANCELED = "57014"


class TargetFacts(DatabaseFacts):
    """A database that may be swapped for another. `rows_now` is an estimate when counting took too long.

    `free_bytes` is the free space of the server's disk, None when it cannot be seen from here. `replicas_seen` stream
    from its cluster; `publications` come back only as the backup has them.
    """

    rows_now: int
    rows_are_exact: bool
    rows_written: int
    stats_reset: AwareDatetime | None
    is_main: bool
    replicas_seen: int
    replicas_known: int
    pooler: str
    publications: tuple[str, ...]
    free_bytes: int | None

    @property
    def written(self) -> Written:
        return Written(self.rows_written, self.stats_reset)


async def look_up_target(tools: StepTools, name: str) -> TargetFacts:
    """Raises: RequestError, Refused when it must not or cannot be swapped, OperationFailed."""
    database = await look_up_database(tools, name)
    access = tools.database(name)
    async with tools.session(access, access.maintenance_database) as session:
        await must_have_restorer(session, access)
        await _must_be_swappable(session, database)
        (replicas, data_folder), *_ = await session.rows(_AROUND)
    async with tools.session(access) as session:
        rows, exact = await _rows_now(session, database)
        written = await rows_written(session)
        publications = [name for (name,) in await session.rows("SELECT pubname::text FROM pg_publication ORDER BY 1")]
    return TargetFacts(
        **database.model_dump(),
        rows_now=rows,
        rows_are_exact=exact,
        rows_written=written.rows,
        stats_reset=written.reset,
        is_main=database.name == tools.platform.default_database,
        replicas_seen=replicas,
        replicas_known=len(access.replicas),
        pooler=f"{access.pooler.host}:{access.pooler.port}" if access.pooler else "",
        publications=tuple(publications),
        free_bytes=await free_bytes_of(access.host, data_folder),
    )


async def _rows_now(session: Session, database: DatabaseFacts) -> tuple[int, bool]:
    """The rows of every table, and whether they were counted or only estimated."""
    tables = [one for one in await relations(session) if one.can_be_locked]
    counts = [f"(SELECT count(*) FROM ONLY {quoted(one.schema, one.name)})" for one in tables]  # noqa: S608 - quoted
    await session.rows(f"SET statement_timeout = '{COUNT_WITHIN}'")
    try:
        return int(await session.value(f"SELECT {' + '.join(counts) or '0'}")), True
    except OperationFailed as error:
        if error.facts["sqlstate"] != QUERY_CANCELED:
            raise
        return database.rows_estimate, False
    finally:
        await session.rows("SET statement_timeout = 0")


async def _must_be_swappable(session: Session, database: DatabaseFacts) -> None:
    """Raises: Refused, naming everything that binds the database or is not allowed to us."""
    row: dict[str, Any] = await session.value(_BINDING, (database.oid, database.name))
    reasons = [
        *(f"the logical replication slot {name} would go with the old copy" for name in row["slots"]),
        *(f"the subscription {name} would go on writing into the old copy" for name in row["subscriptions"]),
        *(f"the prepared transaction {name} is open in it" for name in row["prepared"]),
        *(["it is a template"] if row["is_template"] else []),
        *(["its server is a replica"] if row["is_replica"] else []),
        *([] if row["may_own"] else [f"the bot's role is not a member of its owner {database.owner}"]),
        *([] if row["may_create"] else ["the bot's role lacks CREATEDB"]),
    ]
    if reasons:
        raise Refused(
            f"{database.name} cannot be swapped: {'; '.join(reasons)}.",
            hint="Drop or finish what binds it, or give the role what it lacks; then ask again. Nothing was done.",
        )


async def free_bytes_of(host: str, data_folder: str | None) -> int | None:
    """The free space of a server's disk, only where the server is on this machine and tells us where its data are."""
    if data_folder is None or host not in ("127.0.0.1", "::1", "localhost"):
        return None
    try:
        return (await in_thread(shutil.disk_usage, Path(data_folder))).free
    except OperationFailed:
        return None


def must_have_room_beside(target: TargetFacts, needed_bytes: int) -> None:
    """Raises: Misconfigured when the copy and the WAL of writing it cannot fit beside the target."""
    if target.free_bytes is not None and target.free_bytes < 2 * needed_bytes:
        raise Misconfigured(
            f"The server's disk has {target.free_bytes >> 20} MB free; a restored copy beside {target.name} and its WAL"
            f" may need {2 * needed_bytes >> 20} MB.",
            hint="Free some space there, then ask again. Nothing was done.",
        )


_AROUND = """
SELECT (SELECT count(*) FROM pg_stat_replication),
       (SELECT setting FROM pg_settings WHERE name = 'data_directory')
"""
_BINDING = """
SELECT json_build_object(
    'slots', (SELECT coalesce(json_agg(slot_name ORDER BY slot_name), '[]') FROM pg_replication_slots
              WHERE slot_type = 'logical' AND datoid = d.oid),
    'subscriptions', (SELECT coalesce(json_agg(subname ORDER BY subname), '[]') FROM pg_subscription
                      WHERE subdbid = d.oid),
    'prepared', (SELECT coalesce(json_agg(gid ORDER BY gid), '[]') FROM pg_prepared_xacts WHERE database = d.datname),
    'is_template', d.datistemplate,
    'is_replica', pg_is_in_recovery(),
    'may_own', pg_has_role(current_user, d.datdba, 'MEMBER'),
    'may_create', (SELECT rolcreatedb OR rolsuper FROM pg_roles WHERE rolname = current_user))
FROM pg_database d WHERE d.oid = %s AND d.datname = %s
"""

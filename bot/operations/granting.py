"""What the maintenance role needs on the platform's PostgreSQL, a runbook at a time: looked up, with what grants it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bot.operations.tools.access import DatabaseAccess
from bot.operations.tools.sessions import quoted
from bot.operations.tools.toolbox import StepTools

EVERYTHING = ("backup-database", "restore-database", "prove-backup", "drop-kept-copies", "undo-restore")


@dataclass(frozen=True)
class Grant:
    """`look` answers one boolean in the database itself; `mend` is what an administrator runs there.

    `{role}`, `{owner}`, `{database}` and `{restorer}` in `mend` become quoted identifiers.
    """

    name: str
    why: str
    runbooks: tuple[str, ...]
    look: str
    mend: str


OWNER = "(SELECT datdba FROM pg_database WHERE datname = current_database())"
# The least that lets the role back up, restore, swap and look; no superuser, no replication, no files, no roles.
GRANTS: tuple[Grant, ...] = (
    Grant(
        "membership of the database's owner",
        "reads and locks its tables for a dump, and renames, alters and drops databases of that owner",
        EVERYTHING,
        f"SELECT pg_has_role(current_user, {OWNER}, 'USAGE')",
        "GRANT {owner} TO {role};",
    ),
    Grant(
        "CREATEDB",
        "a backup is proven in a database of its own, and a restore fills one beside the old",
        EVERYTHING,
        "SELECT rolcreatedb OR rolsuper FROM pg_roles WHERE rolname = current_user",
        "ALTER ROLE {role} CREATEDB;",
    ),
    Grant(
        "pg_signal_backend",
        "a swap ends the old sessions of other roles, and idle ones are ended on request",
        ("restore-database", "undo-restore", "terminate-idle"),
        "SELECT pg_has_role(current_user, 'pg_signal_backend', 'USAGE')",
        "GRANT pg_signal_backend TO {role};",
    ),
    Grant(
        "pg_read_all_stats",
        "without it the sessions and queries of others are hidden",
        ("restore-database", "terminate-idle"),
        "SELECT pg_has_role(current_user, 'pg_read_all_stats', 'USAGE')",
        "GRANT pg_read_all_stats TO {role};",
    ),
    Grant(
        "pg_maintain, or membership of every table's owner",
        "VACUUM, ANALYZE, REINDEX and REFRESH want it (pg_maintain is there from PostgreSQL 17 on)",
        ("vacuum-database", "reindex-database", "update-statistics"),
        """SELECT coalesce((SELECT pg_has_role(current_user, oid, 'USAGE') FROM pg_roles WHERE rolname = 'pg_maintain'),
                  false)
           OR NOT EXISTS (SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
                          WHERE c.relkind IN ('r', 'm') AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
                          AND NOT pg_has_role(current_user, c.relowner, 'USAGE'))""",
        "GRANT pg_maintain TO {role}; -- before 17: the role of each owner of a table",
    ),
)
RESTORER = Grant(
    "membership of the role that restored files run as",
    "a dump is untrusted input, and runs as nobody who could do harm",
    ("restore-database",),
    "SELECT coalesce((SELECT pg_has_role(current_user, oid, 'MEMBER') FROM pg_roles WHERE rolname = %s), false)",
    "GRANT {restorer} TO {role};",
)


@dataclass(frozen=True)
class Lacking:
    """A grant that is missing in a database, and the SQL that gives it."""

    grant: Grant
    runbooks: tuple[str, ...]
    sql: str


async def lacking(tools: StepTools, access: DatabaseAccess, runbooks: Sequence[str]) -> list[Lacking]:
    """What the role lacks for these runbooks in this database. Raises: OperationFailed when it cannot even look."""
    wanted = [*GRANTS, *([RESTORER] if access.restorer else [])]
    found: list[Lacking] = []
    async with tools.session(access) as session:
        names = _names(await session.value(f"SELECT pg_get_userbyid({OWNER})"), access)
        for grant in wanted:
            needing = tuple(name for name in grant.runbooks if name in runbooks)
            parameters = (access.restorer.user,) if grant is RESTORER and access.restorer else None
            if needing and not await session.value(grant.look, parameters):
                found.append(Lacking(grant, needing, grant.mend.format_map(names)))
    return found


def _names(owner: str, access: DatabaseAccess) -> Mapping[str, str]:
    restorer = access.restorer.user if access.restorer else ""
    found = {"role": access.login.user, "owner": owner, "database": access.name, "restorer": restorer}
    return {name: quoted(value) for name, value in found.items()}

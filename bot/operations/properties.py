"""What belongs to a database and is in no dump of it: owner, privileges, limit, comment, and settings."""

import re
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from pydantic import BaseModel, ConfigDict

from bot.domain.errors import OperationFailed
from bot.domain.operations import Outcome
from bot.operations.looking import DatabaseFacts
from bot.operations.tools.sessions import Session, literal, quoted
from bot.operations.tools.toolbox import StepTools

# Lists of quoted names: the server keeps them as one text, and wants them back one by one.
LISTS = (
    "local_preload_libraries",
    "search_path",
    "session_preload_libraries",
    "shared_preload_libraries",
    "temp_tablespaces",
    "unix_socket_directories",
)
LIST_ITEM = re.compile(r'\s*(?:"((?:[^"]|"")*)"|([^,"\s]+))\s*(?:,|$)')


class Grant(BaseModel):
    """A privilege on a database; an empty grantee is everybody."""

    model_config = ConfigDict(frozen=True)

    grantee: str
    privilege: str
    grantable: bool


class RoleSetting(BaseModel):
    """`ALTER ROLE ... IN DATABASE ... SET`; an empty role is `ALTER DATABASE ... SET`."""

    model_config = ConfigDict(frozen=True)

    role: str
    name: str
    value: str


class Properties(BaseModel):
    """In one order, so that two of them compare."""

    model_config = ConfigDict(frozen=True)

    owner: str
    connection_limit: int
    comment: str | None
    grants: tuple[Grant, ...]
    settings: tuple[RoleSetting, ...]


async def properties_of(session: Session, name: str) -> Properties:
    """Raises: OperationFailed when there is no such database."""
    found: dict[str, Any] | None = await session.value(_PROPERTIES, (name,))
    if found is None:
        raise OperationFailed(f"There is no database {name} any more.", hint="Look at the server, then ask again.")
    return Properties.model_validate(found)


async def copy_properties(session: Session, wanted: Properties, name: str) -> None:
    """Give them to the database of that name. Raises: OperationFailed when the role may not."""
    for statement in _own_statements(wanted, name):
        await session.rows(statement)
    for setting in wanted.settings:
        await _set(session, quoted(name), setting)


def property_statements(wanted: Properties, name: str) -> tuple[str, ...]:
    """What gives them to the database of that name, for a role that may do everything."""
    return (*_own_statements(wanted, name), *(_setting(quoted(name), setting) for setting in wanted.settings))


def _own_statements(wanted: Properties, name: str) -> tuple[str, ...]:
    database = quoted(name)
    return (
        f"ALTER DATABASE {database} OWNER TO {quoted(wanted.owner)}",
        f"ALTER DATABASE {database} CONNECTION LIMIT {wanted.connection_limit}",
        f"COMMENT ON DATABASE {database} IS {literal(wanted.comment)}",
        f"REVOKE ALL ON DATABASE {database} FROM PUBLIC, {quoted(wanted.owner)}",
        *(_grant(database, grant) for grant in wanted.grants),
    )


def _grant(database: str, grant: Grant) -> str:
    to = quoted(grant.grantee) if grant.grantee else "PUBLIC"
    option = " WITH GRANT OPTION" if grant.grantable else ""
    return f"GRANT {grant.privilege} ON DATABASE {database} TO {to}{option}"


async def _set(session: Session, database: str, setting: RoleSetting) -> None:
    if not setting.role:
        await session.rows(_setting(database, setting))
        return
    # A role may change its own settings, and a member of it may become it.
    await session.rows(f"SET ROLE {quoted(setting.role)}")
    try:
        await session.rows(_setting(database, setting))
    finally:
        await session.rows("RESET ROLE")


def _setting(database: str, setting: RoleSetting) -> str:
    value = f"{_setting_name(setting.name)} TO {setting_value(setting.name, setting.value)}"
    whose = f"ROLE {quoted(setting.role)} IN DATABASE {database}" if setting.role else f"DATABASE {database}"
    return f"ALTER {whose} SET {value}"


def setting_value(name: str, value: str) -> str:
    """The value as it is written after SET."""
    if name.lower() not in LISTS:
        return literal(value)
    items = [(quoted_name or "").replace('""', '"') or plain for quoted_name, plain in LIST_ITEM.findall(value)]
    return ", ".join(literal(item) for item in items) or "''"


def _setting_name(name: str) -> str:
    return ".".join(quoted(part) for part in name.split("."))


@dataclass(frozen=True)
class CopyProperties:
    """Gives the restored database what the target has and no dump holds."""

    database: DatabaseFacts
    copy: str
    timeout: timedelta = timedelta(minutes=5)
    safe_to_repeat: bool = True

    def describe(self) -> str:
        return (
            f"Give {self.copy} the owner, privileges, connection limit, comment and settings of {self.database.name}"
            " (ALTER DATABASE and ALTER ROLE IN DATABASE)"
        )

    async def run(self, tools: StepTools) -> Outcome:
        """Raises: OperationFailed."""
        access = tools.database(self.database.name)
        async with tools.fence(access), tools.session(access, access.maintenance_database) as session:
            wanted = await properties_of(session, self.database.name)
            await copy_properties(session, wanted, self.copy)
        grants, settings = len(wanted.grants), len(wanted.settings)
        return Outcome(f"owner {wanted.owner}, {grants} privileges and {settings} settings carried over")


@dataclass(frozen=True)
class CheckProperties:
    """Compares the properties of the two databases as the catalogs show them."""

    database: DatabaseFacts
    copy: str
    timeout: timedelta = timedelta(minutes=1)
    safe_to_repeat: bool = True

    def describe(self) -> str:
        return f"Read the properties of {self.copy} and {self.database.name} from the catalogs: they must be equal"

    async def run(self, tools: StepTools) -> Outcome:
        """Raises: OperationFailed, naming what differs."""
        access = tools.database(self.database.name)
        async with tools.session(access, access.maintenance_database) as session:
            wanted = dict(await properties_of(session, self.database.name))
            found = dict(await properties_of(session, self.copy))
        differing = sorted(name for name in wanted if wanted[name] != found[name])
        if differing:
            raise OperationFailed(
                f"{self.copy} did not get the {', '.join(differing)} of {self.database.name}.",
                hint="The target was not touched. Give the bot's role what it lacks, then ask again.",
            )
        return Outcome("the properties are equal")


_PROPERTIES = """
SELECT json_build_object(
    'owner', pg_get_userbyid(d.datdba),
    'connection_limit', d.datconnlimit,
    'comment', shobj_description(d.oid, 'pg_database'),
    'grants', (SELECT coalesce(json_agg(json_build_object('grantee', CASE a.grantee WHEN 0 THEN ''
                   ELSE pg_get_userbyid(a.grantee) END, 'privilege', a.privilege_type, 'grantable', a.is_grantable)
                   ORDER BY a.grantee, a.privilege_type), '[]')
               FROM aclexplode(coalesce(d.datacl, acldefault('d', d.datdba))) AS a),
    'settings', (SELECT coalesce(json_agg(json_build_object('role', CASE s.setrole WHEN 0 THEN ''
                   ELSE pg_get_userbyid(s.setrole) END, 'name', split_part(c, '=', 1),
                   'value', substr(c, strpos(c, '=') + 1)) ORDER BY s.setrole, place), '[]')
                 FROM pg_db_role_setting s, unnest(s.setconfig) WITH ORDINALITY AS one (c, place)
                 WHERE s.setdatabase = d.oid))
FROM pg_database d WHERE d.datname = %s
"""

"""What the bot's role may do on a server, found by looking: a managed PostgreSQL has no superuser and no files.

An action whose capability is missing is refused before anybody is asked to approve it, and the refusal names it.
"""

from enum import StrEnum

from pydantic import BaseModel, ConfigDict

from bot.domain.errors import Refused
from bot.operations.tools.access import DatabaseAccess
from bot.operations.tools.sessions import Session
from bot.operations.tools.toolbox import StepTools


class Capability(StrEnum):
    """In PostgreSQL's own words where it has some."""

    SUPERUSER = "superuser"
    CREATEDB = "CREATEDB"
    CREATEROLE = "CREATEROLE"
    READ_FILES = "pg_read_server_files"
    READ_SETTINGS = "pg_read_all_settings"
    SIGNAL = "pg_signal_backend"
    AMCHECK = "amcheck"


HELP = {
    Capability.CREATEDB: "Let an administrator run: ALTER ROLE {role} CREATEDB.",
    Capability.SIGNAL: "Let an administrator run: GRANT pg_signal_backend TO {role}.",
}


class Capabilities(BaseModel):
    """`managed_by` names the cloud whose roles were found; empty for a server of one's own."""

    model_config = ConfigDict(frozen=True)

    address: str
    role: str
    managed_by: str
    has: frozenset[Capability]

    def __str__(self) -> str:
        whose = f"managed ({self.managed_by})" if self.managed_by else "a server of our own"
        lacks = ", ".join(one.value for one in Capability if one not in self.has)
        return f"{whose}; {self.role} lacks {lacks}" if lacks else f"{whose}; {self.role} lacks nothing"


async def look_up_capabilities(session: Session, address: str) -> Capabilities:
    """Raises: OperationFailed."""
    (role, managed_by, *found), *_ = await session.rows(_LOOK)
    has = frozenset(one for one, yes in zip(Capability, found, strict=True) if yes)
    return Capabilities(address=address, role=role, managed_by=managed_by, has=has)


def must_have(capabilities: Capabilities, capability: Capability, why: str) -> None:
    """Raises: Refused, naming what is missing, on which server, and why it is needed."""
    if capability in capabilities.has:
        return
    place = f"{capabilities.address} ({capabilities.managed_by})" if capabilities.managed_by else capabilities.address
    hint = HELP.get(capability, "Ask the server's administrator for it.").format(role=capabilities.role)
    raise Refused(f"{capabilities.role} lacks {capability.value} on {place}: {why}.", hint=hint)


async def must_be_provable(tools: StepTools, access: DatabaseAccess) -> None:
    """Raises: Refused where a backup could be made and never be proven; OperationFailed."""
    async with tools.session(access, access.maintenance_database) as session:
        found = await look_up_capabilities(session, access.address)
    must_have(found, Capability.CREATEDB, "a backup is proven in a database of its own")


_LOOK = """
SELECT current_user::text,
       (SELECT coalesce(min(CASE rolname WHEN 'rds_superuser' THEN 'Amazon RDS'
                                         WHEN 'cloudsqlsuperuser' THEN 'Google Cloud SQL'
                                         WHEN 'azure_pg_admin' THEN 'Azure Database'
                                         WHEN 'alloydbsuperuser' THEN 'Google AlloyDB' END), '') FROM pg_roles),
       r.rolsuper,
       r.rolcreatedb OR r.rolsuper,
       r.rolcreaterole OR r.rolsuper,
       pg_has_role(current_user, 'pg_read_server_files', 'MEMBER'),
       pg_has_role(current_user, 'pg_read_all_settings', 'MEMBER'),
       pg_has_role(current_user, 'pg_signal_backend', 'MEMBER'),
       EXISTS (SELECT FROM pg_extension WHERE extname = 'amcheck')
       OR (r.rolsuper AND EXISTS (SELECT FROM pg_available_extensions WHERE name = 'amcheck'))
FROM pg_roles r WHERE r.rolname = current_user
"""

"""The role that restored files run as: it owns the database that it fills, and may do nothing anywhere else."""

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from pydantic import SecretStr

from bot.domain.errors import Refused
from bot.operations.tools.access import DatabaseAccess, Login
from bot.operations.tools.fences import LOCK_CLASS, wait_for_lock
from bot.operations.tools.processes import outlast
from bot.operations.tools.sessions import Session, quoted
from bot.operations.tools.toolbox import StepTools

LOCK_KEY = 0x52455354


@dataclass(frozen=True)
class Restorer:
    """Whom psql logs in as; `confined` is whether that role has no rights but on what it makes."""

    login: Login
    confined: bool


@asynccontextmanager
async def restorer(tools: StepTools, access: DatabaseAccess, *, untrusted: bool) -> AsyncIterator[Restorer]:
    """The role for one restore; one restore at a time has it on a cluster, since it owns what it is filling.

    Raises: Refused when an untrusted file would run with the maintenance role's rights; OperationFailed.
    """
    async with tools.session(access, access.maintenance_database) as session:
        if access.restorer is None and not await is_superuser(session):
            if untrusted:
                raise no_restorer(access)
            yield Restorer(access.login, confined=False)
            return
        await tools.context.say("waiting for the role that restores, which one run at a time has")
        await wait_for_lock(session, LOCK_CLASS, LOCK_KEY)
        if access.restorer is not None:
            yield Restorer(access.restorer, confined=True)
            return
        login = await _make_role(session, tools.context.run)
        try:
            yield Restorer(login, confined=True)
        finally:
            await outlast(session.rows(f"DROP ROLE IF EXISTS {quoted(login.user)}"))


async def must_have_restorer(session: Session, access: DatabaseAccess) -> None:
    """Raises: Refused when there is no role that an untrusted file could run as."""
    if access.restorer is None and not await is_superuser(session):
        raise no_restorer(access)


async def is_superuser(session: Session) -> bool:
    return bool(await session.value("SELECT rolsuper FROM pg_roles WHERE rolname = current_user"))


def no_restorer(access: DatabaseAccess) -> Refused:
    """A file from a disk may hold any SQL; it never runs with rights on other databases."""
    return Refused(
        f"There is no role without rights on {access.address} that a backup could be restored as.",
        hint=(
            "Let an administrator run: CREATE ROLE takumi_restore LOGIN PASSWORD '...';"
            f" GRANT takumi_restore TO {quoted(access.login.user)}; then set TAKUMI_BOT_RESTORE_USER and _PASSWORD."
        ),
    )


async def _make_role(session: Session, run: str) -> Login:
    login = Login(f"takumi_restore_{run}"[:63], SecretStr(secrets.token_urlsafe(24)))
    verifier = session.verifier(login.user, login.password.get_secret_value())
    await session.rows(f"DROP ROLE IF EXISTS {quoted(login.user)}")
    await session.rows(f"CREATE ROLE {quoted(login.user)} LOGIN PASSWORD '{verifier}'")
    return login

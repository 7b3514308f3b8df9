"""Whether production shares a server with the bot's own database: what it keeps must survive what it acts on."""

from collections.abc import Iterable
from dataclasses import dataclass

from bot.domain.errors import Misconfigured, OperationFailed
from bot.domain.targets import Environment
from bot.operations.tools.access import DatabaseAccess, Platform
from bot.operations.tools.toolbox import Toolbox


@dataclass(frozen=True)
class Apartness:
    """Addresses of production on the bot's own server, and those that could not be looked at, with why."""

    shared: tuple[str, ...]
    unseen: tuple[str, ...]


async def look_at_apartness(toolbox: Toolbox) -> Apartness:
    """By the servers' system identifiers: names and addresses may differ and lead to the same one."""
    own = toolbox.platform.own
    assert own is not None  # noqa: S101 - `bot.app` always gives it
    shared, unseen = [], []
    for access in _production(toolbox.platform):
        try:
            async with toolbox.for_look_up().session(access, access.maintenance_database) as session:
                identifier = await session.value("SELECT system_identifier::text FROM pg_control_system()")
        except OperationFailed as error:
            unseen.append(f"{access.address} ({error})")
            continue
        if identifier == own.system_identifier:
            shared.append(access.address)
    return Apartness(tuple(shared), tuple(unseen))


def _production(platform: Platform) -> Iterable[DatabaseAccess]:
    """One access to each server that has a database of production, whatever else lies beside it."""
    found = [access for access in platform.databases if access.environment is Environment.PRODUCTION]
    return {access.address: access for access in found}.values()


async def must_be_apart(toolbox: Toolbox) -> Apartness:
    """Raises: Misconfigured; what does not answer is no reason not to start, and each action looks again."""
    found = await look_at_apartness(toolbox)
    if found.shared:
        raise Misconfigured(
            f"The bot's own database is on the same server as production's {', '.join(found.shared)}.",
            hint="Give the bot a PostgreSQL of its own: what it keeps must survive what it acts on.",
        )
    return found

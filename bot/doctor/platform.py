"""The platform as the bot's roles find it: grants, S3, machines, the archive, and how everything is."""

from collections.abc import Iterator, Sequence
from functools import partial
from uuid import uuid4

from bot.doctor.findings import Finding, Wrong, look
from bot.doctor.machine import Look, server
from bot.doctor.scripts import psql_at
from bot.domain import phrases
from bot.domain.catalog import Catalog
from bot.domain.errors import OperationFailed
from bot.domain.targets import ExecutorKind, Target
from bot.operations.archiving import PointInTime
from bot.operations.granting import lacking
from bot.operations.health import PlatformHealth
from bot.operations.tools.access import DatabaseAccess
from bot.operations.tools.objects import ObjectStore
from bot.operations.tools.toolbox import Toolbox
from bot.services.ports import HealthState

TRIED = "takumi-doctor"


def looks(toolbox: Toolbox, catalog: Catalog) -> Iterator[tuple[str, Look]]:
    """Every look at the platform; each stands alone."""
    platform = toolbox.platform
    for access in platform.clusters.values():
        yield f"server {access.address}", partial(server, toolbox, access)
    for access in platform.databases:
        yield f"grants on {access.name}", partial(_grants, toolbox, access, tuple(catalog.runbooks))
    if platform.backups.bucket:
        yield "S3 rights", partial(_objects, ObjectStore(platform.backups))
    for target in platform.targets:
        yield f"target {target.name}", partial(_target, toolbox, target)
    if platform.repository:
        yield "pgBackRest", PointInTime(toolbox).check


async def health(toolbox: Toolbox) -> list[Finding]:
    """What `/takumi health` shows, as findings."""
    seen = await PlatformHealth(toolbox).look()
    return [Finding(one.component, one.state is HealthState.OK, one.detail, one.advice) for one in seen]


async def _grants(toolbox: Toolbox, access: DatabaseAccess, runbooks: Sequence[str]) -> str:
    """Raises: Wrong, naming each grant, why it is needed, by which runbooks, and the SQL of it."""
    commands = (f"python -m bot grants platform | {psql_at(access.host, access.port)}",)
    hint = "Let an administrator of that server run it."
    try:
        found = await lacking(toolbox.for_look_up(), access, runbooks)
    except OperationFailed as error:
        raise Wrong(f"It cannot be looked at: {error}", hint=hint, commands=commands) from error
    if found:
        told = "; ".join(f"{one.grant.name} for {', '.join(one.runbooks)} ({one.grant.why})" for one in found)
        sql = " ".join(one.sql for one in found)
        raise Wrong(f"{access.login.user} lacks {told}.", hint=f"{hint} In short: {sql}", commands=commands)
    return f"{access.login.user} has what {phrases.count(len(runbooks), 'runbook')} need"


async def _objects(store: ObjectStore) -> str:
    """By trying: an object is put, found, read and removed again."""
    key, text = f"{TRIED}/{uuid4().hex}", "made by `python -m bot doctor`, which removes it again"
    await store.point(key, text)
    try:
        if await store.find(key) is None or (await store.read(key))[0].decode() != text:
            raise Wrong(f"Bucket {store.bucket} does not give back what was put.", hint="Look at the bucket.")
    finally:
        lock = await store.purge(key)
    left = f"; {key} stays until {phrases.instant(lock.until)}: the bucket locks everything" if lock else ""
    return f"bucket {store.bucket}: put, found, read, removed{left}"


async def _target(toolbox: Toolbox, target: Target) -> str:
    """Reaches it by looking at each of its services. Raises: Wrong, OperationFailed."""
    if target.executor is ExecutorKind.NONE:
        raise Wrong(f"{target.name} has no executor: nothing can be done there.", hint="Give it one, or drop it.")
    executor = toolbox.for_look_up().executor(target)
    states = [f"{service} {(await executor.look(service)).told}" for service in target.services]
    return f"{target.place} ({target.executor.value}): {', '.join(states) or 'no services'}"


__all__ = ["health", "look", "looks"]

"""What is looked up before a cluster is backed up or recovered, and what is refused then."""

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

from pydantic import AwareDatetime, BaseModel, ConfigDict

from bot.domain import phrases
from bot.domain.archive import ClusterBackup, Window, backup_before, must_be_within
from bot.domain.errors import Misconfigured, OperationFailed
from bot.domain.moments import read_instant
from bot.operations.archiving import (
    look_at_archive,
    look_up_cluster,
    must_archive,
    repository_of,
    server_programs,
    told_kind,
)
from bot.operations.backing_up import PlaceFacts, Wishes, look_up_places
from bot.operations.files import in_thread, must_have_room
from bot.operations.looking import DatabaseFacts, look_up_database
from bot.operations.recovering import ROOM
from bot.operations.tools.pgbackrest import PgBackRest
from bot.operations.tools.postmasters import must_fit_socket
from bot.operations.tools.toolbox import StepTools

LONGEST_RUN = "f" * 20
PROOF_ROOM = 1.5


class RecoveryLookUp(BaseModel):
    """A moment, the backup that recovery begins from, and the database that it is about, as that is now."""

    model_config = ConfigDict(frozen=True)

    at: AwareDatetime
    window: Window
    backup: ClusterBackup
    database: DatabaseFacts
    stanza: str
    folder: Path
    places: PlaceFacts

    @property
    def told_at(self) -> str:
        return phrases.instant(self.at)

    @property
    def told_backup(self) -> str:
        return f"{self.backup.label} ({'proven' if self.backup.proven else 'nobody has proven it'})"


class ClusterLookUp(BaseModel):
    """A cluster that is backed up; `databases` are the configured ones in it, the default one first."""

    model_config = ConfigDict(frozen=True)

    stanza: str
    folder: Path
    size_bytes: int
    databases: tuple[DatabaseFacts, ...]


async def look_up_recovery(tools: StepTools, to_time: str, name: str) -> RecoveryLookUp:
    """Raises: RequestError for a moment out of reach, Refused where nothing can be recovered, OperationFailed."""
    at = read_instant(to_time)
    repository = repository_of(tools)
    database = await look_up_database(tools, name)
    facts = await look_at_archive(tools, name)
    must_archive(facts, repository)
    must_be_within(facts.window, at, facts.looked_at)
    backup = backup_before(facts.backups, at)
    assert backup is not None  # noqa: S101 - the window begins with one
    assert facts.window is not None  # noqa: S101 - as above
    await _must_be_able_to_recover(tools, database.server_major, int(backup.size_bytes * ROOM))
    return RecoveryLookUp(
        at=at,
        window=facts.window,
        backup=backup,
        database=database,
        stanza=repository.stanza,
        folder=repository.folder,
        places=await look_up_places(tools, database, Wishes(to="local")),
    )


async def look_up_cluster_backup(tools: StepTools) -> ClusterLookUp:
    """Raises: Refused, Misconfigured, OperationFailed."""
    repository = repository_of(tools)
    default = tools.database("")
    await look_up_cluster(tools, "")
    names = [one.name for one in tools.platform.databases if one.address == default.address and one != default]
    databases = [await look_up_database(tools, name) for name in ("", *names)]
    async with tools.session(default, default.maintenance_database) as session:
        size_bytes = int(await session.value("SELECT sum(pg_database_size(oid))::bigint FROM pg_database"))
    await _must_be_able_to_recover(tools, databases[0].server_major, int(size_bytes * PROOF_ROOM))
    return ClusterLookUp(
        stanza=repository.stanza, folder=repository.folder, size_bytes=size_bytes, databases=tuple(databases)
    )


async def _must_be_able_to_recover(tools: StepTools, major: int, needed_bytes: int) -> None:
    """Raises: OperationFailed, Misconfigured."""
    repository = repository_of(tools)
    await server_programs(tools, major)
    must_fit_socket(repository.folder / LONGEST_RUN)
    try:
        await in_thread(PgBackRest(repository).prepare)
        await in_thread(must_have_room, repository.folder, needed_bytes)
    except OperationFailed as error:
        raise Misconfigured(str(error), hint=error.hint or "Look at TAKUMI_BOT_RECOVERY_DIR.") from error


def told_cluster_backup(outcomes: Mapping[str, Mapping[str, Any]]) -> tuple[tuple[str, str], ...]:
    """The closing message's lines."""
    backup, compared, recovered = outcomes["backup"], outcomes["compare"], outcomes["recover"]
    indexes = "" if compared["amcheck"] else "; indexes were not checked (no amcheck)"
    return (
        ("Backup", f"{backup['label']} ({told_kind(backup['kind'])})"),
        ("Size", f"{phrases.size(backup['size_bytes'])}, {phrases.size(backup['repository_bytes'])} in the repository"),
        ("Took", phrases.duration(timedelta(seconds=backup["seconds"]))),
        ("Recovered in", phrases.duration(timedelta(seconds=recovered["seconds"]))),
        ("Compared", f"{phrases.count(compared['rows'], 'row')}, row for row{indexes}"),
    )

"""What a restore and its undo look up, refuse and say: the parts that their plans share."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from pydantic import BaseModel, ConfigDict

from bot.domain import phrases
from bot.domain.errors import Refused
from bot.domain.plans import ShownFact, Step
from bot.domain.runs import CLOSE_STEP, PAUSE_STEP, RESUME_STEP
from bot.domain.targets import Environment
from bot.operations.choosing import BackupFile, backup_names, look_up_backup_file
from bot.operations.closing import CloseDatabase, OpenDatabase, PausePooler, ResumePooler
from bot.operations.fetching import look_up_copy
from bot.operations.keeping import KeptCopy, look_up_kept_copy
from bot.operations.snapshots import Written, written_between
from bot.operations.swapping import KEEP, EndReplicaSessions, SwapDatabases
from bot.operations.targeting import TargetFacts, look_up_target, must_have_room_beside
from bot.operations.tools.toolbox import StepTools
from bot.policy.objectives import objective_of

MOST_CHOICES = 90
UNKNOWN = "unknown"


class RestoreLookUp(BaseModel):
    """A backup and the database that it would replace; `written_since` is None where nobody counted."""

    model_config = ConfigDict(frozen=True)

    target: TargetFacts
    backup: BackupFile
    written_since: int | None


class UndoLookUp(BaseModel):
    """A kept database and the one that took its place; `written_since` the swap, None where nobody counted."""

    model_config = ConfigDict(frozen=True)

    target: TargetFacts
    copy_kept: KeptCopy
    written_since: int | None


async def look_up_restore(tools: StepTools, backup: str, database: str) -> RestoreLookUp:
    """Raises: RequestError, Refused, Misconfigured, OperationFailed."""
    target = await look_up_target(tools, database)
    found = await _look_up_backup(tools, backup, target.server_major)
    _must_be_comparable(found, target)
    must_have_room_beside(target, max(found.source_size_bytes, found.raw_bytes * 3 // 2))
    before = Written(found.rows_written, found.stats_reset) if found.rows_written is not None else None
    same = (found.source, found.source_system) == (target.name, target.system_identifier)
    since = written_between(before, target.written) if before and same else None
    return RestoreLookUp(target=target, backup=found, written_since=since)


async def _look_up_backup(tools: StepTools, wanted: str, server_major: int) -> BackupFile:
    """The file in the folder; one that is in S3 alone is looked at there."""
    if wanted not in await backup_names(tools):
        row = await tools.known.of_file(wanted)
        if row is not None and row.object_key:
            return await look_up_copy(tools, row, server_major)
    return await look_up_backup_file(tools, wanted, server_major)


def _must_be_comparable(backup: BackupFile, target: TargetFacts) -> None:
    if not backup.has_manifest and (target.is_main or target.environment is Environment.PRODUCTION):
        raise Refused(
            f"{backup.file} has no manifest: there is nothing to compare a restore with, so it cannot replace"
            f" {target.name}.",
            hint="Restore it into a staging database, look at it there, and back that up.",
        )


async def look_up_undo(tools: StepTools, run: str, database: str) -> UndoLookUp:
    """Raises: RequestError, Refused, OperationFailed."""
    target = await look_up_target(tools, database)
    copy = await look_up_kept_copy(tools, tools.database(database), run, target.oid)
    then = copy.note.rows_written
    since = written_between(Written(then, copy.note.stats_reset), target.written) if then is not None else None
    return UndoLookUp(target=target, copy_kept=copy, written_since=since)


async def restore_choices(tools: StepTools) -> Mapping[str, tuple[tuple[str, str], ...]]:
    """The options of the selects: backups newest first, databases with their environment. Raises: OperationFailed."""
    names = await backup_names(tools)
    away = [row.file for row in await tools.known.there() if row.object_key and row.file not in names]
    backups = (*((name, name) for name in names), *((name, f"{name} (in S3)") for name in away))[:MOST_CHOICES]
    databases = tuple((one.name, f"{one.name} ({one.environment.value})") for one in tools.platform.databases)
    return {"backup": backups, "database": databases}


def swap_steps(target: TargetFacts, swap: SwapDatabases) -> tuple[Step, ...]:
    """Keep clients out, swap, let them in; the pooler and the replicas only where there are any."""
    pause, resume = PausePooler(target, target.pooler), ResumePooler(target, target.pooler)
    pooled = bool(target.pooler)
    return (
        *([Step(PAUSE_STEP, "Hold clients back", pause, undo=resume)] if pooled else []),
        Step(CLOSE_STEP, "Close the database", CloseDatabase(target), undo=OpenDatabase(target)),
        Step("swap", "Swap", swap),
        *([Step(RESUME_STEP, "Let clients go on", resume)] if pooled else []),
        *(
            [Step("replicas", "End old sessions on replicas", EndReplicaSessions(target, target.replicas_known))]
            if target.replicas_known
            else []
        ),
    )


def bound_to(target: TargetFacts) -> dict[str, Any]:
    """What of a target an approval is bound to."""
    return {
        "address": target.address,
        "database": target.name,
        "oid": target.oid,
        "system_identifier": target.system_identifier,
        "environment": target.environment.value,
    }


def bound_backup(backup: BackupFile) -> dict[str, Any]:
    """What of a backup an approval is bound to."""
    return {"file": str(backup.files.dump), "sha256": backup.sha256, "manifest_sha256": backup.manifest_sha256}


def shown_of_backup(found: RestoreLookUp, at: datetime) -> tuple[ShownFact, ...]:
    """The backup's age is the one at the request, so that it stays what the approver reads."""
    backup, since = found.backup, found.written_since
    return (
        ShownFact("Backup taken", _age(backup, at)),
        ShownFact("Rows in the backup", UNKNOWN if backup.rows is None else backup.rows),
        ShownFact("Rows written since the backup", UNKNOWN if since is None else since, tolerance=0.5),
    )


def warnings_of_backup(backup: BackupFile) -> tuple[str, ...]:
    return () if backup.has_manifest else ("This backup has no manifest: there is nothing to compare with.",)


def _age(backup: BackupFile, at: datetime) -> str:
    point = objective_of("Database").recovery_point
    age = max(at - backup.taken_at, timedelta())
    verdict = "" if point is None or age <= point else f", older than the RPO of {phrases.duration(point)}"
    return f"{phrases.instant(backup.taken_at)}, {phrases.duration(age)} before the request{verdict}"


def shown_of(target: TargetFacts) -> tuple[ShownFact, ...]:
    """What changes all the time; beyond the tolerances an approval is asked again."""
    exact = "" if target.rows_are_exact else " (estimate)"
    return (
        ShownFact(f"Rows now{exact}", target.rows_now, tolerance=0.1),
        ShownFact("Sessions that will be cut", target.sessions, tolerance=9.0),
    )


def warnings_of(target: TargetFacts) -> tuple[str, ...]:
    """What a swap means for what hangs on the database."""
    said = [f"The former database stays on the disk for {phrases.duration(KEEP)} ({phrases.size(target.size_bytes)})."]
    unknown = target.replicas_seen - target.replicas_known
    if unknown > 0:
        where = phrases.count(unknown, "replica")
        said.append(f"Sessions on {where} unknown to the bot read the former database until they reconnect.")
    if target.publications:
        names = ", ".join(target.publications)
        said.append(f"Publications ({names}) come back as the new copy has them; subscribers must be refreshed.")
    if target.free_bytes is None:
        said.append("The free space of the server's disk cannot be seen from here.")
    return tuple(said)


def told_swap(outcomes: Mapping[str, Mapping[str, Any]]) -> tuple[tuple[str, str], ...]:
    """The lines that every swap's closing message has."""
    swap = outcomes["swap"]
    return (
        ("Nobody got in for", f"{swap['downtime_ms']:,} ms"),
        ("Former database", f"{swap['kept']}, closed"),
        ("Kept until", phrases.instant(datetime.fromisoformat(swap["expires_at"]))),
    )


def told_restore(outcomes: Mapping[str, Mapping[str, Any]]) -> tuple[tuple[str, str], ...]:
    """The closing message of a restore: its measured time against the objective."""
    began, ended = outcomes["load"]["began_at"], outcomes["swap"]["swapped_at"]
    took = datetime.fromisoformat(ended) - datetime.fromisoformat(began)
    limit = objective_of("Database").recovery_time
    against = f" of the {phrases.duration(limit)} that the RTO allows" if limit else ""
    compared = (
        "row for row with its manifest" if outcomes["compare"]["compared"] else "with nothing: it has no manifest"
    )
    return (("Took", f"{phrases.duration(took)}{against}"), ("Compared", compared), *told_swap(outcomes))

"""A cluster as it was at another moment, recovered beside the one that runs, and what one database held then."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from bot.domain import phrases
from bot.domain.backups import Manifest, differences
from bot.domain.operations import Outcome
from bot.operations.archiving import repository_of, server_programs
from bot.operations.comparing import contents_of, read_manifest
from bot.operations.dumping import DumpDatabase
from bot.operations.files import (
    BackupFiles,
    checksum_line,
    in_thread,
    must_have_room,
    reserve_name,
    sha256_of,
    unfinished_folder,
    write_durably,
)
from bot.operations.looking import DatabaseFacts, look_up_database
from bot.operations.tools.pgbackrest import PgBackRest
from bot.operations.tools.postmasters import RecoveredCluster
from bot.operations.tools.processes import outlast
from bot.operations.tools.toolbox import StepTools

RECOVERED = "recovered"
SHOWN_DIFFERENCES = 10
_RUN = re.compile(r"[0-9a-f]{20}")
# The copy and the WAL that is fetched for it.
ROOM = 1.2


@dataclass(frozen=True)
class Point:
    """To where a copy is recovered: a moment, or (where `at` is None) the place in the WAL that a witness noted.

    `label` is the backup to begin from; empty for the one that the run has made.
    """

    at: datetime | None = None
    label: str = ""

    def __str__(self) -> str:
        return phrases.instant(self.at) if self.at else "the moment at which its contents were counted"

    def arguments(self, earlier: Mapping[str, Mapping[str, Any]]) -> tuple[str, ...]:
        """What pgBackRest is told. Everything committed up to that moment is there, and nothing later."""
        if self.at is not None:
            moment = self.at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f+00")
            return ("--type=time", f"--target={moment}", "--target-action=promote")
        return ("--type=lsn", f"--target={earlier['witness']['lsn']}", "--target-exclusive", "--target-action=promote")


async def recovered_cluster(tools: StepTools, major: int, run: str = "") -> RecoveredCluster:
    """The run's copy, whether it is there or not. Raises: OperationFailed without the server's programs; Refused."""
    repository = repository_of(tools)
    programs = await server_programs(tools, major)
    folder = repository.folder / (run or tools.context.run)
    return RecoveredCluster(folder, programs.folder, repository.account, repository.user, repository.environment)


def inside(tools: StepTools, cluster: RecoveredCluster, database: DatabaseFacts) -> StepTools:
    """The same tools, but for that database of the copy."""
    access = cluster.access(database.name, database.environment)
    return replace(tools, platform=replace(tools.platform, databases=(access,), default_database=access.name))


@dataclass(frozen=True)
class RecoverCluster:
    """Restores a backup of the cluster into a folder of its own, and replays WAL up to a point.

    The outcome's data: `seconds` until it took statements, of them `restore_seconds`; `began_at`; `last_commit_at`.
    """

    database: DatabaseFacts
    repository: str
    folder: Path
    point: Point
    size_bytes: int
    timeout: timedelta
    safe_to_repeat: bool = True

    def describe(self) -> str:
        backup = f"backup {self.point.label}" if self.point.label else "that backup"
        return (
            f"Restore {backup} of the cluster (system {self.database.system_identifier}) from the repository of"
            f" {self.repository} into a folder of the run's own in {self.folder}, replay WAL up to {self.point}, and"
            " start it there as a server that listens on no address, archives nothing, subscribes to nothing and loads"
            " no library; stop it again"
        )

    async def run(self, tools: StepTools) -> Outcome:
        """Raises: OperationFailed, and leaves nothing then."""
        cluster = await recovered_cluster(tools, self.database.server_major)
        stanza = PgBackRest(repository_of(tools))
        await in_thread(self.folder.mkdir, parents=True, exist_ok=True)
        await in_thread(must_have_room, self.folder, int(self.size_bytes * ROOM))
        tools.context.must_hold()
        if self.point.at is not None:
            await self._archive_what_is_written(tools, stanza)
        await in_thread(cluster.begin)
        try:
            return await self._recover(tools, stanza, cluster)
        except BaseException:
            if tools.context.is_held():  # else what is there may be the next attempt's
                await outlast(in_thread(cluster.remove))
            raise

    async def _archive_what_is_written(self, tools: StepTools, stanza: PgBackRest) -> None:
        """A recovery to a moment ends at the first transaction after it: there has to be one, in the archive.

        So the cluster is given one, without any effect.
        """
        access = tools.database(self.database.name)
        await tools.context.say("waiting until the WAL up to now is archived")
        async with tools.session(access, access.maintenance_database) as session:
            await session.rows("SELECT pg_current_xact_id()")
        await stanza.check()

    async def _recover(self, tools: StepTools, stanza: PgBackRest, cluster: RecoveredCluster) -> Outcome:
        began = datetime.now(UTC)
        earlier = tools.context.earlier
        label = self.point.label or str(earlier["backup"]["label"])
        await tools.context.say(f"restoring {label} ({phrases.size(self.size_bytes)})")
        await stanza.restore(label, cluster.data, cluster.tablespaces, self.point.arguments(earlier))
        restored = datetime.now(UTC)
        await tools.context.say(f"replaying WAL up to {self.point}")
        async with cluster.running():
            ready = datetime.now(UTC)
            there = inside(tools, cluster, self.database)
            async with there.session(there.database(""), "template1") as session:
                last = await session.value("SELECT pg_last_xact_replay_timestamp()")
        data = {
            "seconds": round((ready - began).total_seconds(), 3),
            "restore_seconds": round((restored - began).total_seconds(), 3),
            "began_at": began.isoformat(),
            "last_commit_at": last.astimezone(UTC).isoformat() if last else "",
        }
        latest = f"; the last transaction in it is of {phrases.instant(last)}" if last else ""
        return Outcome(f"{label} recovered up to {self.point} in {phrases.duration(ready - began)}{latest}", data)


@dataclass(frozen=True)
class RemoveRecovered:
    """Removes the run's copy of the cluster, and ends a server that still runs in it."""

    folder: Path
    timeout: timedelta = timedelta(minutes=10)
    safe_to_repeat: bool = True

    def describe(self) -> str:
        return f"Remove the run's copy of the cluster from {self.folder}"

    async def run(self, tools: StepTools) -> Outcome:
        """Raises: OperationFailed."""
        gone = await in_thread(remove_copy, self.folder, tools.context.run)
        return Outcome("The copy is gone." if gone else "There was no copy of this run.")


def remove_copy(folder: Path, run: str) -> bool:
    """Whether there was one. Raises: OSError."""
    return RecoveredCluster(folder / run, Path(), "", "", {}).remove()


def copies_in(folder: Path) -> list[str]:
    """The runs whose copies lie there. Raises: OSError."""
    return [path.name for path in folder.glob("*") if _RUN.fullmatch(path.name)]


@dataclass(frozen=True)
class TakeOut:
    """Dumps one database of the recovered copy as a backup of that moment, unfinished; data as `DumpDatabase`'s."""

    database: DatabaseFacts
    folder: Path
    point: Point
    timeout: timedelta
    safe_to_repeat: bool = True

    def describe(self) -> str:
        return (
            f"Dump {self.database.name} out of the recovered copy, count and hash every table of it as of {self.point};"
            f" keep it unfinished in {self.folder}"
        )

    async def run(self, tools: StepTools) -> Outcome:
        """Raises: OperationFailed, also when there was no such database at that moment."""
        assert self.point.at is not None  # noqa: S101 - a dump is taken out as of a moment
        cluster = await recovered_cluster(tools, self.database.server_major)
        async with cluster.running():
            there = inside(tools, cluster, self.database)
            dump = DumpDatabase(await look_up_database(there, self.database.name), self.folder, self.timeout)
            dumped = await dump.run(there)
        dated = await in_thread(_dated, self.folder, tools.context.run, dumped.data["file"], self.point.at)
        summary = dumped.summary.replace(dumped.data["file"], dated["file"])
        return Outcome(summary, {**dumped.data, **dated, "taken_at": self.point.at.isoformat()})


def _dated(folder: Path, run: str, file: str, at: datetime) -> dict[str, str]:
    """Give the run's unfinished files the name of the moment that they are of. Raises: OSError.

    What was written to the copy since it started is no measure of what is written to the database that runs.
    """
    old = BackupFiles(unfinished_folder(folder, run), file)
    manifest = Manifest.model_validate_json(old.manifest.read_bytes())
    new = BackupFiles(old.folder, reserve_name(folder, run, at, f"{RECOVERED}_{_label(manifest.database)}"))
    for before, after in zip(old.in_order, new.in_order, strict=True):
        if before not in (old.manifest, old.checksum) and before.exists():
            before.rename(after)
    changed = {"file": new.name, "taken_at": at, "rows_written": None, "stats_reset": None}
    write_durably(new.manifest, manifest.model_copy(update=changed).model_dump_json(indent=1))
    write_durably(new.checksum, checksum_line(manifest.sha256, new.name))
    old.manifest.unlink()
    old.checksum.unlink()
    return {"file": new.name, "manifest_sha256": sha256_of(new.manifest)}


def _label(database: str) -> str:
    return "".join(letter if letter.isalnum() and letter.isascii() else "_" for letter in database.lower())[:30]


@dataclass(frozen=True)
class CompareWithNow:
    """Compares what the run took out with what the database holds now: what going back would lose.

    The outcome's data: `rows_then`, `rows_now`, `differences` (sentences).
    """

    database: DatabaseFacts
    folder: Path
    timeout: timedelta
    safe_to_repeat: bool = True

    def describe(self) -> str:
        return f"Compare every table with what {self.database.name} holds now, row for row, and say what differs"

    async def run(self, tools: StepTools) -> Outcome:
        """Raises: OperationFailed."""
        dumped = tools.context.earlier["dump"]
        files = BackupFiles(unfinished_folder(self.folder, tools.context.run), dumped["file"])
        then = await read_manifest(files, dumped["manifest_sha256"])
        now = await contents_of(tools, tools.database(self.database.name), self.database.name)
        found = [_in_time(one) for one in differences(then, now)]
        more = [f"and {len(found) - SHOWN_DIFFERENCES} more"] if len(found) > SHOWN_DIFFERENCES else []
        data = {"rows_then": then.rows, "rows_now": now.rows, "differences": [*found[:SHOWN_DIFFERENCES], *more]}
        return Outcome(f"{len(found)} differences: {then.rows:,} rows then, {now.rows:,} rows now", data)


def _in_time(difference: str) -> str:
    """The sentences are made for a copy of a dump: here, what was dumped is then, and the copy is now."""
    said = difference.replace("were dumped", "then").replace("are in the copy", "now")
    return said.replace("in the copy only", "new since").replace("is missing in the copy", "is gone since")


def told_recovery(outcomes: Mapping[str, Mapping[str, Any]]) -> tuple[tuple[str, str], ...]:
    """The closing message's lines: what was brought back, and what bringing it in would change."""
    recovered, backup, changed = outcomes["recover"], outcomes["publish"]["backup"], outcomes["compare_now"]
    last = recovered["last_commit_at"]
    return (
        ("File", f"{backup['folder']}/{backup['file']}"),
        ("As of", phrases.instant(datetime.fromisoformat(backup["taken_at"]))),
        ("Last transaction in it", phrases.instant(datetime.fromisoformat(last)) if last else "unknown"),
        ("Recovered in", phrases.duration(timedelta(seconds=recovered["seconds"]))),
        ("Rows then", f"{changed['rows_then']:,}"),
        ("Rows now", f"{changed['rows_now']:,}"),
        ("What differs now", "; ".join(changed["differences"]) or "nothing"),
        ("Nothing was replaced yet", f"`/takumi restore {backup['file']} {backup['database']}` asks for it"),
    )

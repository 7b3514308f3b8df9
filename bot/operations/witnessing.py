"""What a cluster held at one place in its WAL, and whether a copy that was recovered up to there holds the same.

Everybody writes meanwhile, so the place is one at which no transaction was in between: none that had written its commit
and was not seen yet, and none that committed since.
"""

import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from bot.domain import phrases
from bot.domain.backups import Contents, differences
from bot.domain.errors import OperationFailed
from bot.domain.operations import Outcome
from bot.operations.archiving import repository_of
from bot.operations.comparing import contents_of
from bot.operations.contents import begin_reading, read_contents
from bot.operations.looking import DatabaseFacts
from bot.operations.recovering import inside, recovered_cluster
from bot.operations.snapshots import Snapshot, held_snapshot
from bot.operations.tools.access import DatabaseAccess
from bot.operations.tools.pgbackrest import PgBackRest
from bot.operations.tools.postmasters import PORT, RecoveredCluster
from bot.operations.tools.processes import Command, run, without_rows
from bot.operations.tools.sessions import Session
from bot.operations.tools.toolbox import StepTools

ATTEMPTS = 20
SHOWN_DIFFERENCES = 5
NO_AMCHECK = "is not available"
CORRUPT = 2


@dataclass(frozen=True)
class Witness:
    """Counts and hashes the databases at one place in the WAL, and has the WAL up to there archived.

    The outcome's data: `lsn`; `databases` maps names to `snapshot` (xmin:xmax:running) and `contents`.
    """

    databases: tuple[DatabaseFacts, ...]
    repository: str
    timeout: timedelta
    safe_to_repeat: bool = True

    def describe(self) -> str:
        names = ", ".join(one.name for one in self.databases)
        return (
            f"Count and hash every table of {names} in snapshots of one moment, locked against truncation; note where"
            f" the WAL stood then, and have it archived into the repository of {self.repository}"
        )

    async def run(self, tools: StepTools) -> Outcome:
        """Raises: OperationFailed."""
        for _ in range(ATTEMPTS):
            async with AsyncExitStack() as stack:
                held = [await _held(tools, stack, one) for one in self.databases]
                lsn, quiet = await _place(tools, self.databases[0], held)
                if not quiet:
                    continue
                await PgBackRest(repository_of(tools)).check()
                counted = {one.name: await one.counted(tools) for one in held}
            rows = sum(Contents.model_validate(one["contents"]).rows for one in counted.values())
            data = {"lsn": lsn, "databases": counted, "rows": rows}
            return Outcome(f"{phrases.count(rows, 'row')} counted and hashed at {lsn}", data)
        raise OperationFailed(
            f"In {ATTEMPTS} tries there was no instant at which no transaction was just being committed.",
            hint="The backup is there, but unproven. Ask again at a quieter hour.",
        )


@dataclass(frozen=True)
class Held:
    """A database's snapshot for as long as it is held."""

    name: str
    access: DatabaseAccess
    snapshot: Snapshot
    transactions: str

    async def counted(self, tools: StepTools) -> dict[str, Any]:
        async def told(done: int, of: int) -> None:
            await tools.context.say(f"{self.name}: {done} of {of} parts counted")

        relations, exported = self.snapshot.relations, self.snapshot.id
        contents = await read_contents(lambda: tools.session(self.access), relations, exported, told)
        return {"snapshot": self.transactions, "contents": contents.model_dump(mode="json")}


async def _held(tools: StepTools, stack: AsyncExitStack, database: DatabaseFacts) -> Held:
    access = tools.database(database.name)
    snapshot = await stack.enter_async_context(held_snapshot(tools, access))
    async with tools.session(access) as session:
        await begin_reading(session, snapshot.id)
        transactions = await session.value("SELECT pg_current_snapshot()::text")
    return Held(database.name, access, snapshot, transactions)


async def _place(tools: StepTools, database: DatabaseFacts, held: Sequence[Held]) -> tuple[str, bool]:
    """Where the WAL stands, and whether nothing was committed between the snapshots and that place."""
    access = tools.database(database.name)
    async with tools.session(access) as session:
        lsn = await session.value("SELECT pg_current_wal_insert_lsn()::text")
        quiet = [not await committed_since(session, one.transactions) for one in held]
    if not all(quiet):
        await asyncio.sleep(0.05)
    return lsn, all(quiet)


async def committed_since(session: Session, snapshot: str) -> int:
    """How many transactions that the snapshot does not see are committed in the session's cluster."""
    return int(await session.value(_COMMITTED, (snapshot,) * 3))


@dataclass(frozen=True)
class CompareRecovered:
    """Compares the recovered copy with what the witness counted, and looks at the structure of tables and indexes.

    The outcome's data: `compared_at`, `compare_seconds`, `rows`, `amcheck` (whether that could be had).
    """

    databases: tuple[DatabaseFacts, ...]
    folder: Path
    timeout: timedelta
    safe_to_repeat: bool = True

    def describe(self) -> str:
        names = ", ".join(one.name for one in self.databases)
        return (
            f"Start the copy, compare every table of {names} in it, row for row, with what was counted; check every"
            " table and index of the whole cluster with amcheck, where the server has it"
        )

    async def run(self, tools: StepTools) -> Outcome:
        """Raises: OperationFailed, naming what differs."""
        began, witnessed = datetime.now(UTC), tools.context.earlier["witness"]
        cluster = await recovered_cluster(tools, self.databases[0].server_major)
        async with cluster.running():
            for database in self.databases:
                await _must_be_as_counted(inside(tools, cluster, database), witnessed["databases"][database.name])
            await tools.context.say("checking tables and indexes")
            checked = await _must_be_sound(cluster)
        took = datetime.now(UTC) - began
        amcheck = "tables and indexes are sound" if checked else "this server has no amcheck: indexes were not checked"
        rows = witnessed["rows"]
        data = {
            "compared_at": datetime.now(UTC).isoformat(),
            "compare_seconds": round(took.total_seconds(), 3),
            "rows": rows,
            "amcheck": checked,
        }
        return Outcome(f"every one of {phrases.count(rows, 'row')} is as it was counted; {amcheck}", data)


async def _must_be_as_counted(there: StepTools, witnessed: Any) -> None:
    access = there.database("")
    async with there.session(access) as session:
        late = await committed_since(session, witnessed["snapshot"])
    if late:
        raise OperationFailed(
            f"{phrases.count(late, 'transaction')} committed while it was counted, so that nothing can be compared.",
            hint="The backup is there, but unproven. Ask again.",
        )
    found = await contents_of(there, access, access.name)
    differing = differences(Contents.model_validate(witnessed["contents"]), found)
    if differing:
        raise OperationFailed(
            f"The recovered {access.name} is not what was counted: {'; '.join(differing[:SHOWN_DIFFERENCES])}.",
            hint="This backup must not be trusted. Make a full one, and look at the disks.",
        )


async def _must_be_sound(cluster: RecoveredCluster) -> bool:
    """False where the server has no amcheck. Raises: OperationFailed."""
    reach = ("--no-password", f"--host={cluster.sockets}", f"--port={PORT}", f"--username={cluster.user}")
    looks = ("--all", "--install-missing", "--heapallindexed", "--jobs=2")
    ended = await run(Command(cluster.programs / "pg_amcheck", (*reach, *looks), account=cluster.account))
    if ended.code == 0:
        return True
    if NO_AMCHECK in ended.stderr:
        return False
    said = " ".join(without_rows(f"{ended.drained} {ended.stderr}").split())[:400]
    what = "A table or an index of the copy is damaged" if ended.code == CORRUPT else "amcheck could not look"
    raise OperationFailed(f"{what}: {said}", hint="Look at the primary with pg_amcheck, too, before you trust it.")


# Committed ones among those that were running, or had not begun, when the snapshot was taken.
_COMMITTED = """
SELECT count(*) FROM (
    SELECT pg_snapshot_xip(%s::pg_snapshot) AS xid
    UNION ALL
    SELECT n::text::xid8 FROM generate_series(pg_snapshot_xmax(%s::pg_snapshot)::text::bigint,
        pg_snapshot_xmax(pg_current_snapshot())::text::bigint - 1) AS n
    WHERE n >= pg_snapshot_xmax(%s::pg_snapshot)::text::bigint
) AS later WHERE pg_xact_status(xid) = 'committed'
"""

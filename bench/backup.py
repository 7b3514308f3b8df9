"""`backup.*`, `restore.fast`, `upload`: ours beside the guide's commands, on a database of more than 1 GB.

The guide's: `pg_dump | gzip` and sha256sum, `gunzip | psql` into an empty database. Ours are the steps of the runbooks'
own plans, which lock, hash and count, screen and compare as well. boto3's own upload and ours go to an S3 that keeps
nothing. All in turn, on one cluster with PostgreSQL's defaults.
"""

import asyncio
import os
import subprocess
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from pydantic import SecretStr
from rich.console import Console
from rich.table import Table

from bench.processes import free_port, python
from bench.restore import DATABASE, feed, filled
from bench.results import Compared, Result
from bot.domain.operations import Outcome
from bot.domain.plans import Step
from bot.operations.tools.access import Platform
from bot.operations.tools.multiparts import Cut
from bot.operations.tools.objects import How, ObjectStore, client_of
from bot.operations.tools.toolbox import Toolbox
from demo.platform.databases import PLATFORM_MAINTENANCE, create_platform_database
from demo.platform.postgres import Cluster
from tests.integration.backups import SmallEngine, backup_plan, drop_database, platform, restore_plan, with_restorer

GUIDE_DUMP = "the guide's pg_dump | gzip and sha256sum"
GUIDE_RESTORE = "the guide's gunzip | psql into an empty database"
BOTO = "boto3's own upload_file to an S3 that keeps nothing"
COMPARED = (
    Compared("backup.fast", GUIDE_DUMP, "s", 0.25, "lower"),
    Compared("backup.fast.hashed", GUIDE_DUMP, "s", 0.40, "lower"),
    Compared("backup.plain", GUIDE_DUMP, "s", 0.55, "lower"),
    Compared("restore.fast", GUIDE_RESTORE, "s", 0.7, "lower"),
    Compared("restore.fast.compared", GUIDE_RESTORE, "s", 0.9, "lower"),
    Compared("upload", BOTO, "MB/s", 0.9, "higher"),
    Compared("upload.overlapped", "the same dump without an upload", "s", 1.25, "lower"),
)
SCALE = 5.0
RUNS = 3
MOST_MEMORY_BYTES = 200 << 20
Times = dict[str, list[float]]


@dataclass
class Bench:
    """One cluster and folder, and what was measured so far; both sides of a comparison by its name."""

    cluster: Cluster
    folder: Path
    reached: Platform
    peak_bytes: int = 0  # while ours was at work: the peers and the filling run in this process, too
    ours: Times = field(default_factory=lambda: defaultdict(list))
    peers: Times = field(default_factory=lambda: defaultdict(list))

    async def backups(self) -> None:
        """One round of dumps; the files of the plain and the fast one are kept for the restores."""
        guide = await timed(asyncio.to_thread(guided_dump, self.cluster, self.folder / "guide.sql.gz"))
        counted = await self.dump("fast", hashed=False)
        hashed = await self.dump("fast", hashed=True)
        plain = await self.dump("plain", hashed=True)
        for name, seconds in (("backup.fast", counted), ("backup.fast.hashed", hashed), ("backup.plain", plain)):
            self.note(name, seconds, guide)

    async def dump(self, form: str, *, hashed: bool, reached: Platform | None = None) -> float:
        """Seconds of the dump step, after which nothing is left of it."""
        places = reached or self.reached
        toolbox = Toolbox(replace(places, backups=replace(places.backups, hashed=hashed)))
        engine, (step, *_) = SmallEngine(toolbox), (await backup_plan(toolbox, format=form)).steps
        seconds = await self.watched(step.do.run(engine.tools(step.key)))
        await undone(engine, step)
        return seconds

    async def restores(self, number: int) -> None:
        engine = SmallEngine(Toolbox(self.reached))
        name = f"guided_{number}"
        guide = await timed(self.guided_restore(name))
        await drop_database(self.cluster, name)
        load, compare, *_ = (await restore_plan(engine, "latest", DATABASE)).steps
        loaded = await self.watched(step_of(engine, load))
        compared = await self.watched(step_of(engine, compare))
        await undone(engine, load)
        self.note("restore.fast", loaded, guide)
        self.note("restore.fast.compared", loaded + compared, guide)

    async def guided_restore(self, name: str) -> None:
        async with self.cluster.connect() as connection:
            await create_platform_database(connection, name)
        url = self.cluster.url(name, PLATFORM_MAINTENANCE)
        await asyncio.to_thread(feed, self.cluster.programs / "psql", url, self.folder / "guide.sql.gz")

    async def uploads(self, number: int, endpoint: str) -> None:
        file, reached = self.folder / "guide.sql.gz", at(self.reached, endpoint)
        size_mb = file.stat().st_size / 1e6
        client, store = client_of(reached.backups), ObjectStore(reached.backups)
        await store.find("connected")  # both clients, as boto3's is
        store.sending("connected", Cut(file), How({}), lambda _: None).stop()
        own = await self.watched(store.put(f"own-{number}", file, How({})))
        alone = await self.dump("fast", hashed=True)
        self.note("upload.overlapped", await self.dump("fast", hashed=True, reached=reached), alone)
        boto = await timed(asyncio.to_thread(client.upload_file, str(file), "null", f"boto-{number}"))
        self.note("upload", size_mb / own, size_mb / boto)

    async def watched(self, work: Awaitable[object]) -> float:
        """Seconds of work of ours, and the most memory that this process had meanwhile."""
        forget_peak()
        seconds = await timed(work)
        self.peak_bytes = max(self.peak_bytes, peak_bytes())
        return seconds

    def note(self, name: str, own: float, peer: float) -> None:
        self.ours[name].append(own)
        self.peers[name].append(peer)


async def run() -> Sequence[Result]:
    """The results, after a table of sizes and memory."""
    async with filled(SCALE) as (cluster, folder), null_s3() as endpoint:
        bench = Bench(cluster, folder, with_restorer(platform(cluster, DATABASE, folder), cluster))
        toolbox = Toolbox(bench.reached)
        await bench.backups()
        await SmallEngine(toolbox).execute(await backup_plan(toolbox, format="fast", to="local"))
        for number in range(RUNS):
            await bench.backups() if number else None
            await bench.restores(number)
            await bench.uploads(number, endpoint)
        await show_sizes(bench)
    return [one.result(bench.ours[one.name], bench.peers[one.name]) for one in COMPARED]


async def step_of(engine: SmallEngine, step: Step) -> Outcome:
    outcome = await step.do.run(engine.tools(step.key))
    engine.earlier[step.key] = outcome.data
    return outcome


async def undone(engine: SmallEngine, step: Step) -> None:
    if step.undo:
        await step.undo.run(engine.tools(f"{step.key}.undo"))


async def timed(work: Awaitable[Any]) -> float:
    """Seconds."""
    began = time.perf_counter()
    await work
    return time.perf_counter() - began


def guided_dump(cluster: Cluster, file: Path) -> None:
    """An error ends it, so that it cannot be quick by failing."""
    url = cluster.url(DATABASE, PLATFORM_MAINTENANCE)
    dump = [str(cluster.programs / "pg_dump"), "-d", url]
    with file.open("wb") as sink, subprocess.Popen(dump, stdout=subprocess.PIPE) as pg_dump:
        subprocess.run(["gzip"], stdin=pg_dump.stdout, stdout=sink, check=True)  # noqa: S607 - the guide's own word
    if pg_dump.returncode:
        raise RuntimeError(f"pg_dump ended with {pg_dump.returncode}")
    subprocess.run(["sha256sum", str(file)], stdout=subprocess.DEVNULL, check=True)  # noqa: S607 - the same


def at(reached: Platform, endpoint: str) -> Platform:
    key = SecretStr("null")
    places = replace(reached.backups, endpoint_url=endpoint, bucket="null", cloud=True, access_key=key, secret_key=key)
    return replace(reached, backups=places)


@asynccontextmanager
async def null_s3() -> AsyncIterator[str]:
    """Its address."""
    port = free_port()
    async with python(port, "-m", "bench.null_s3", str(port)):
        yield f"http://127.0.0.1:{port}"


def forget_peak() -> None:
    """Linux counts the peak anew from here."""
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")


def peak_bytes() -> int:
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1]) * 1024


async def show_sizes(bench: Bench) -> None:
    """What was dumped, how big its files are, and the most memory that this process had while ours was at work."""
    async with bench.cluster.connect() as connection:
        cursor = await connection.execute("SELECT pg_database_size(%s)", (DATABASE,))
        (size_bytes,) = await cursor.fetchone() or (0,)
    table = Table("what", "MB", title="backup: sizes")
    table.add_row("the database", f"{size_bytes / 1e6:,.0f}")
    for name in sorted(await asyncio.to_thread(os.listdir, bench.folder)):
        path = bench.folder / name
        if path.is_file() and not path.is_symlink() and path.suffix in (".gz", ".zst"):
            table.add_row(name, f"{path.stat().st_size / 1e6:,.0f}")
    peak = bench.peak_bytes
    within = "yes" if peak <= MOST_MEMORY_BYTES else "NO"
    table.add_row(
        f"the most memory that we had (at most {MOST_MEMORY_BYTES >> 20} MiB: {within})", f"{peak / 1e6:,.0f}"
    )
    Console().print(table)

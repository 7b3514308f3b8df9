"""`restore.plain`: our restore, which screens, compares and swaps, beside the guide's `gunzip | psql`, which does not.

Both restore the same file, the demo's `takumi` at its full size, in turn, on one cluster with PostgreSQL's defaults.
Ours runs the runbook's own plan, look-up excluded and told apart; the guide's makes an empty database and feeds it.
"""

import asyncio
import os
import shutil
import subprocess
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from statistics import median

from rich.console import Console
from rich.table import Table

from bench.ack import open_folder
from bench.results import Compared, Result
from bot.domain.plans import Plan
from bot.operations.tools.toolbox import Toolbox
from demo.accounts import embedded_programs, unprivileged_account
from demo.platform.databases import (
    PLATFORM_MAINTENANCE,
    PLATFORM_OWNER,
    PLATFORM_RESTORE,
    create_platform_database,
    create_platform_roles,
)
from demo.platform.postgres import Cluster
from demo.platform.rows import PRODUCTION, create_filled_database
from demo.ports import free_ports
from tests.integration.backups import SmallEngine, backup_plan, platform, restore_plan, with_restorer

COMPARED = Compared("restore.plain", "the guide's gunzip | psql into an empty database", "s", 1.15, "lower")
RUNS = 3
DATABASE = "takumi"


async def run() -> Sequence[Result]:
    """The result, after a table of where our time goes."""
    parts: defaultdict[str, list[float]] = defaultdict(list)
    ours: list[float] = []
    peer: list[float] = []
    async with filled() as (cluster, folder):
        toolbox = Toolbox(with_restorer(platform(cluster, DATABASE, folder), cluster))
        file = await backed_up(toolbox, folder)
        for number in range(RUNS):
            ours.append(await restored(toolbox, file.name, parts))
            peer.append(await guided(cluster, file, f"guided_{number}"))
    _show(parts)
    return [COMPARED.result(ours, peer)]


@asynccontextmanager
async def filled(scale: float = 1.0) -> AsyncIterator[tuple[Cluster, Path]]:
    """The demo's platform at its full size, and a folder for its backups."""
    folder = open_folder()
    passwords = {role: f"bench-{role}" for role in (PLATFORM_OWNER, PLATFORM_MAINTENANCE, PLATFORM_RESTORE)}
    settings = {"shared_preload_libraries": "pg_stat_statements"}
    try:
        programs = embedded_programs(folder, unprivileged_account())
        port = free_ports(1)[0]
        async with Cluster(programs, folder / "postgres", port, settings=settings, passwords=passwords) as cluster:
            await create_platform_roles(cluster)
            await create_filled_database(cluster, DATABASE, PRODUCTION.scaled(scale))
            (folder / "backups").mkdir()
            yield cluster, folder / "backups"
    finally:
        shutil.rmtree(folder)


async def backed_up(toolbox: Toolbox, folder: Path) -> Path:
    await SmallEngine(toolbox).execute(await backup_plan(toolbox, to="local"))
    return folder / next(name for name in await asyncio.to_thread(os.listdir, folder) if name.endswith(".sql.gz"))


async def restored(toolbox: Toolbox, backup: str, parts: defaultdict[str, list[float]]) -> float:
    """Seconds of the plan's steps; each step's own go into `parts`."""
    engine = SmallEngine(toolbox)
    began = time.perf_counter()
    plan = await restore_plan(engine, backup, DATABASE)
    parts["look up and hash the file (before the request)"].append(time.perf_counter() - began)
    return sum([await timed(engine, plan, index, parts) for index in range(len(plan.steps))])


async def timed(engine: SmallEngine, plan: Plan, index: int, parts: defaultdict[str, list[float]]) -> float:
    step = plan.steps[index]
    began = time.perf_counter()
    tools = engine.tools(step.key)
    outcome = await step.do.run(tools)
    if step.verify:
        await step.verify.run(tools)
    engine.earlier[step.key] = outcome.data
    seconds = time.perf_counter() - began
    parts[step.title].append(seconds)
    return seconds


async def guided(cluster: Cluster, file: Path, database: str) -> float:
    """Seconds of the guide's way; an error ends it, so that it cannot be quick by failing."""
    began = time.perf_counter()
    async with cluster.connect() as connection:
        await create_platform_database(connection, database)
    await asyncio.to_thread(feed, cluster.programs / "psql", cluster.url(database, PLATFORM_MAINTENANCE), file)
    return time.perf_counter() - began


def feed(psql: Path, url: str, file: Path) -> None:
    quiet = [str(psql), "-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", url]
    with subprocess.Popen(["gunzip", "-c", str(file)], stdout=subprocess.PIPE) as gunzip:  # noqa: S607 - the guide's own word
        subprocess.run(quiet, stdin=gunzip.stdout, stdout=subprocess.DEVNULL, check=True)
    if gunzip.returncode:
        raise RuntimeError(f"gunzip ended with {gunzip.returncode}")


def _show(parts: dict[str, list[float]]) -> None:
    table = Table("part of ours", "median s", title="restore.plain: where the time goes")
    for name, seconds in parts.items():
        table.add_row(name, f"{median(seconds):.2f}")
    Console().print(table)

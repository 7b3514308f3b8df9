"""`restore.physical`: a cluster recovered to a moment from its pgBackRest backup, beside the guide's `gunzip | psql`.

Ours runs the recovery's own step: it waits for the WAL up to now, restores a copy of the whole cluster, replays, and
ends when the copy takes statements. The guide's makes an empty database on that cluster and feeds it the dump.
"""

import asyncio
import gzip
import shutil
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

from bench.ack import open_folder
from bench.restore import guided
from bench.results import Compared, Result
from bot.domain import phrases
from demo.platform.databases import PLATFORM_MAINTENANCE
from demo.platform.rows import PRODUCTION, create_filled_database
from tests.integration.backups import SmallEngine
from tests.integration.physical import Archived, archived, time_plan

COMPARED = Compared("restore.physical", "the guide's gunzip | psql into an empty database", "s", 0.4, "lower")
RUNS = 3
DATABASE = "takumi"
SCALE = 5.0


async def run() -> Sequence[Result]:
    """The result, after the sizes of what was recovered."""
    folder = open_folder()
    try:
        async with archived(folder / "a") as platform:
            await create_filled_database(platform.cluster, DATABASE, PRODUCTION.scaled(SCALE))
            platform.database = DATABASE
            made = await platform.stanza.back_up("full")
            print(f"the cluster: {phrases.size(made.size_bytes)}, {phrases.size(made.repository_bytes)} kept")
            file = await asyncio.to_thread(dumped, platform, folder / "takumi.sql.gz")
            ours: list[float] = []
            peer: list[float] = []
            for number in range(RUNS):
                ours.append(await recovered(platform))
                peer.append(await guided(platform.cluster, file, f"guided_{number}"))
                await dropped(platform, f"guided_{number}")
    finally:
        shutil.rmtree(folder)
    return [COMPARED.result(ours, peer)]


def dumped(platform: Archived, file: Path) -> Path:
    """The guide's dump, quickly: how it was made is not what is measured."""
    pg_dump = [platform.cluster.programs / "pg_dump", "-d", platform.cluster.url(DATABASE, PLATFORM_MAINTENANCE)]
    with subprocess.Popen(pg_dump, stdout=subprocess.PIPE) as program, gzip.open(file, "wb", compresslevel=6) as packed:
        assert program.stdout is not None  # noqa: S101 - it has a pipe
        shutil.copyfileobj(program.stdout, packed, 1 << 20)
    if program.returncode:
        raise RuntimeError(f"pg_dump ended with {program.returncode}")
    return file


async def recovered(platform: Archived) -> float:
    """Seconds of the first step of a recovery to this moment; its copy is removed outside of the measure."""
    engine = SmallEngine(platform.toolbox)
    moment = await platform.now()
    await asyncio.sleep(1)
    plan = await time_plan(engine, moment.isoformat(), DATABASE)
    step, remove = plan.steps[0], plan.steps[-1]
    began = time.perf_counter()
    await step.do.run(engine.tools(step.key))
    seconds = time.perf_counter() - began
    await remove.do.run(engine.tools(remove.key))
    return seconds


async def dropped(platform: Archived, database: str) -> None:
    """So that every recovery is of the same size, and replays no feeding."""
    async with platform.cluster.connect() as connection:
        await connection.execute(f"DROP DATABASE {database}".encode())
    await platform.stanza.back_up("full")

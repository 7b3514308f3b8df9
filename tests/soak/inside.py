"""What the tormentor reads of the bot's database, to aim: never what the checker judges by."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import psycopg

from demo.platform.postgres import Cluster


@dataclass
class Inside:
    """The bot's own database, asked as its superuser; while it is away there are no answers."""

    cluster: Cluster
    database: str

    async def rows(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        """Nothing while the database does not answer."""
        try:
            async with self.cluster.connect(self.database) as connection:
                return await (await connection.execute(statement.encode(), values)).fetchall()
        except psycopg.OperationalError:
            return []

    async def worker_in(self, steps: Sequence[str], seconds: float) -> tuple[int, str, str] | None:
        """(pid, run, step) of a worker that is inside one of those steps now, waited for; None when none came by."""
        try:
            async with asyncio.timeout(seconds), self.cluster.connect(self.database) as connection:
                while True:
                    cursor = await connection.execute(_INSIDE, (list(steps),))
                    row = await cursor.fetchone()
                    if row is not None:
                        return int(row[0]), str(row[1]), str(row[2])
                    await asyncio.sleep(0.004)
        except (TimeoutError, psycopg.OperationalError):
            return None

    async def is_still_in(self, run: str, step: str) -> bool:
        found = await self.rows("SELECT 1 FROM run_steps WHERE run = %s AND key = %s AND state = 'intended'", run, step)
        return bool(found)

    async def runs_of(self, pid: int) -> Sequence[str]:
        """The runs whose lease a process of this machine holds."""
        return [str(run) for (run,) in await self.rows(_HELD, f"%:{pid}:%")]


_INSIDE = """
SELECT split_part(leases.owner, ':', 2), run_steps.run, run_steps.key FROM run_steps
JOIN runs ON runs.id = run_steps.run JOIN leases ON leases.run = run_steps.run
WHERE run_steps.key = ANY(%s) AND run_steps.state = 'intended' AND runs.state = 'running'
      AND leases.until > clock_timestamp()
ORDER BY random() LIMIT 1
"""
_HELD = """
SELECT leases.run FROM leases JOIN runs ON runs.id = leases.run
WHERE runs.state = 'running' AND leases.until > clock_timestamp() AND leases.owner LIKE %s
"""

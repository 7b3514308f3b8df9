"""Which of the configured databases keep their clients out now, and letting the clients in again."""

from collections.abc import Sequence

import structlog

from bot.domain.errors import OperationFailed
from bot.domain.operations import StepContext
from bot.domain.runs import CLOSE_STEP, PAUSE_STEP
from bot.operations.closing import open_database
from bot.operations.tools.access import DatabaseAccess
from bot.operations.tools.poolers import is_paused, resume
from bot.operations.tools.toolbox import Toolbox
from bot.services.reopening import Closed

log = structlog.get_logger()

_LOOK = """
SELECT (SELECT system_identifier::text FROM pg_control_system()), oid::bigint, datallowconn
FROM pg_database WHERE datname = %s
"""


class ClosedTargets:
    """Looks on every cluster and at every pooler."""

    def __init__(self, toolbox: Toolbox) -> None:
        self._toolbox = toolbox

    async def closed(self) -> Sequence[Closed]:
        """One that does not answer is passed over: it is looked at the next time."""
        found: list[Closed] = []
        for access in self._toolbox.platform.databases:
            try:
                found += await self._closed(access)
            except OperationFailed as error:
                log.warning("target.not_looked_at", database=access.name, why=str(error))
        return found

    async def _closed(self, access: DatabaseAccess) -> list[Closed]:
        async with self._toolbox.for_look_up().session(access, access.maintenance_database) as session:
            rows = await session.rows(_LOOK, (access.name,))
        paused = access.pooler is not None and await is_paused(access.pooler)
        return [
            Closed(step, f"{cluster}/{access.name}", access.name, oid)
            for cluster, oid, is_open in rows
            for step, is_closed in ((CLOSE_STEP, not is_open), (PAUSE_STEP, paused))
            if is_closed
        ]

    async def open(self, closed: Closed, run: str, attempt: int) -> str:
        """Raises: OperationFailed."""
        tools = self._toolbox.for_step(StepContext(run, f"{closed.step}.undo", attempt))
        if closed.step == CLOSE_STEP:
            await open_database(tools, closed.database, closed.oid)
            return f"{closed.database} takes sessions again"
        pooler = tools.database(closed.database).pooler
        if pooler is not None:
            await resume(pooler)
        return "clients go on"

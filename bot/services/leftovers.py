"""Removing what dead workers left, once their runs have ended; what belongs to any other run is left alone."""

from collections.abc import Mapping, Sequence
from typing import Protocol

import structlog

from bot.domain.audit import Entry, Verb
from bot.domain.people import ENGINE
from bot.services.ports import Store

log = structlog.get_logger()


class Leftovers(Protocol):
    """What workers that died left on the platform and on this machine's disk. All raise: OperationFailed."""

    async def find(self) -> Mapping[str, Sequence[str]]:
        """Names by run, of ended runs and of those under way."""
        ...

    async def clear(self, run: str) -> None: ...


async def collect(store: Store, leftovers: Leftovers) -> None:
    """A run unknown here may be another bot's; one that has not ended may need it. Raises: OperationFailed."""
    for run_id, names in (await leftovers.find()).items():
        async with store.work() as work:
            run = await work.runs.get(run_id)
            if run is None or not run.state.is_final:
                continue
            details = {"names": sorted(names)}
            await work.audit.record(Entry(ENGINE, Verb.LEFTOVERS_REMOVED, run.runbook, run.id, run.digest, details))
        log.info("run.leftovers_removed", run=run_id, names=sorted(names))
        await leftovers.clear(run_id)

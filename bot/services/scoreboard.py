"""Whether each component could be brought back in time, and with how much lost: measured, not promised."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

import structlog

from bot.domain import phrases, retention
from bot.domain.errors import BotError
from bot.domain.recoveries import Loss, Recovery, of_database
from bot.domain.risk import Severity
from bot.policy.objectives import DATABASE, OBJECTIVES, Objective, objective_of
from bot.services.alerts import Alerts
from bot.services.ports import Store, Work
from bot.services.recovery_ports import LossProbe

log = structlog.get_logger()

TREND = 90


class Met(StrEnum):
    """What is known of an objective now."""

    MET = "met"
    MISSED = "could not be met now"
    UNKNOWN = "not measured yet"
    NONE = "no objective"


@dataclass(frozen=True)
class Standing:
    """One row: `trend` is newest first, `loss` is None where nothing can be lost, `problems` are sentences."""

    objective: Objective
    trend: tuple[Recovery, ...]
    loss: Loss | None
    problems: tuple[str, ...]

    @property
    def met(self) -> Met:
        if self.objective.recovery_time is None and self.objective.recovery_point is None:
            return Met.NONE
        if self.problems:
            return Met.MISSED
        return Met.MET if self.trend else Met.UNKNOWN


@dataclass(frozen=True)
class Scoreboard:
    """Reads what proofs, restores and drills measured; `losses` are ways by which less would be lost."""

    store: Store
    database: str
    losses: tuple[LossProbe, ...] = ()

    async def standings(self) -> Sequence[Standing]:
        """In the order of the guide's table. Raises: Unavailable."""
        loss = await self._loss()
        async with self.store.work() as work:
            trends = {one.component: await work.recoveries.recent(self._measured(one), TREND) for one in OBJECTIVES}
        return [
            _standing(objective, tuple(trends[objective.component]), loss if objective.recovery_point else None)
            for objective in OBJECTIVES
        ]

    def _measured(self, objective: Objective) -> str:
        """The name under which the component is measured."""
        return of_database(self.database) if objective.component == DATABASE else objective.component

    async def _loss(self) -> Loss:
        """The smallest of what would be lost: by the newest proven backup, or by a way that was found to work."""
        async with self.store.work() as work:
            found = [await self._by_backup(work)]
        for probe in self.losses:
            try:
                other = await probe.look()
            except BotError as error:
                log.warning("scoreboard.no_look", error=str(error))
            else:
                found += [other] if other else []
        return min(found, key=lambda loss: timedelta.max if loss.window is None else loss.window)

    async def _by_backup(self, work: Work) -> Loss:
        newest = await newest_proven(work, self.database)
        if newest is None:
            return Loss(None, f"there is no proven backup of {self.database}")
        return Loss(await work.now() - newest, f"the newest proven backup, of {phrases.instant(newest)}")


async def newest_proven(work: Work, database: str) -> datetime | None:
    """When the newest backup was taken that was restored and compared, and is kept."""
    newest = retention.newest_proven(await work.backups.there(database), database, await work.now())
    return newest.taken_at if newest else None


def _standing(objective: Objective, trend: tuple[Recovery, ...], loss: Loss | None) -> Standing:
    problems = []
    if loss is not None and loss.window is None:
        problems.append(f"Nothing could be brought back: {loss.how}.")
    elif loss is not None and objective.recovery_point and loss.window and loss.window > objective.recovery_point:
        problems.append(f"{phrases.duration(loss.window)} would be lost: {loss.how}.")
    if trend and objective.recovery_time and trend[0].took > objective.recovery_time:
        problems.append(f"The last recovery took {phrases.duration(trend[0].took)}.")
    return Standing(objective, trend, loss, tuple(problems))


@dataclass(frozen=True)
class DeadMansSwitch:
    """Alerts when no proven backup is younger than the objective, even if nothing failed: also when nothing ran."""

    store: Store
    alerts: Alerts
    database: str

    async def look(self) -> None:
        """Raise or settle the alert. Raises: Unavailable."""
        limit = objective_of(DATABASE).recovery_point
        assert limit is not None  # noqa: S101 - the guide's table has one for the database
        async with self.store.work() as work:
            now, newest = await work.now(), await newest_proven(work, self.database)
            began = await work.recoveries.began()
        key = f"no-proven-backup:{self.database}"
        if now - (newest or began) <= limit:
            await self.alerts.settle_own(key)
            return
        since = (
            f"The newest proven backup of {self.database} was taken {phrases.instant(newest)}"
            if newest
            else (f"There is no proven backup of {self.database}")
        )
        told = f"{since}; at most {phrases.duration(limit)} may be lost."
        advice = "Ask for one with `/takumi backup now`, and look why the daily one did not come."
        await self.alerts.raise_own(key, Severity.P1, "NoProvenBackup", told, advice)

"""The scoreboard says what could not be met now; the dead man's switch alerts when nothing at all happened."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from bot.domain.backups import Backup, Verdict
from bot.domain.errors import OperationFailed
from bot.domain.recoveries import Loss, Recovery, of_database
from bot.domain.verdicts import Retention
from bot.policy.objectives import DATABASE
from bot.policy.rules import Rules
from bot.services.alerts import Alerts
from bot.services.scoreboard import DeadMansSwitch, Met, Scoreboard, Standing
from bot.stores.memory.store import MemoryStore
from tests.builders import a_backup

HOUR = timedelta(hours=1)


class Archive:
    """A way by which less would be lost."""

    def __init__(self, loss: Loss | Exception | None) -> None:
        self.loss = loss

    async def look(self) -> Loss | None:
        if isinstance(self.loss, Exception):
            raise self.loss
        return self.loss


class Board:
    """A store on a clock that tests move."""

    def __init__(self, *probes: Archive) -> None:
        self.passed = timedelta()
        self.store = MemoryStore(lambda: datetime.now(UTC) + self.passed)
        self.scoreboard = Scoreboard(self.store, "takumi", probes)
        self.switch = DeadMansSwitch(self.store, Alerts(self.store, Rules(alerts_channel="C1")), "takumi")

    async def keep(self, age: timedelta = HOUR, **changes: object) -> None:
        backup: Backup = a_backup(taken_at=datetime.now(UTC) + self.passed - age, verdict=Verdict.PROVEN)
        async with self.store.work() as work:
            await work.backups.add(replace(backup, **changes))  # type: ignore[arg-type]

    async def measure(self, took: timedelta, component: str = of_database("takumi")) -> None:
        async with self.store.work() as work:
            await work.recoveries.add(Recovery(component, took, "a proof", "run-1"))

    async def standing(self, component: str = DATABASE) -> Standing:
        return {one.objective.component: one for one in await self.scoreboard.standings()}[component]

    async def firing(self) -> list[str]:
        await self.switch.look()
        async with self.store.work() as work:
            return [group.title for group in await work.alerts.firing()]


async def test_a_fresh_proven_backup_and_a_quick_recovery_meet_the_objective():
    board = Board()
    await board.keep()
    await board.measure(timedelta(minutes=4))
    standing = await board.standing()
    assert standing.met is Met.MET
    assert standing.loss is not None
    assert HOUR <= (standing.loss.window or timedelta()) < HOUR + timedelta(minutes=1)


@pytest.mark.parametrize(
    "changes",
    [{"verdict": Verdict.UNPROVEN}, {"verdict": Verdict.BROKEN}, {"retention": Retention.ASIDE}, {"database": "other"}],
    ids=["unproven", "broken", "aside", "other database"],
)
async def test_what_is_not_a_proven_backup_that_is_kept_counts_for_nothing(changes: dict[str, object]):
    board = Board()
    await board.keep(**changes)
    standing = await board.standing()
    assert standing.met is Met.MISSED
    assert standing.loss == Loss(None, "there is no proven backup of takumi")


async def test_a_backup_of_tomorrow_counts_for_nothing():
    board = Board()
    await board.keep(-24 * HOUR)
    assert (await board.standing()).met is Met.MISSED


async def test_a_backup_older_than_the_objective_is_a_miss_and_archived_wal_saves_it():
    board = Board()
    await board.keep(25 * HOUR)
    await board.measure(timedelta(minutes=4))
    assert (await board.standing()).met is Met.MISSED
    archive = Loss(timedelta(minutes=1), "the last archived WAL")
    board.scoreboard = replace(board.scoreboard, losses=(Archive(archive),))
    standing = await board.standing()
    assert (standing.met, standing.loss) == (Met.MET, archive)


@pytest.mark.parametrize("archive", [None, OperationFailed("no answer")], ids=["none", "broken"])
async def test_a_way_that_is_not_there_leaves_the_backup(archive: Loss | Exception | None):
    board = Board(Archive(archive))
    await board.keep()
    standing = await board.standing()
    assert standing.loss is not None
    assert "newest proven backup" in standing.loss.how


async def test_a_recovery_that_took_too_long_is_a_miss():
    board = Board()
    await board.keep()
    await board.measure(timedelta(minutes=61))
    assert (await board.standing()).met is Met.MISSED
    await board.measure(timedelta(minutes=59))
    assert (await board.standing()).met is Met.MET


async def test_what_staging_took_says_nothing_about_production():
    board = Board()
    await board.keep()
    await board.measure(timedelta(seconds=1), of_database("takumi_staging"))
    assert (await board.standing()).met is Met.UNKNOWN


async def test_what_nobody_measured_is_unknown_and_never_met():
    board = Board()
    await board.keep()
    assert (await board.standing()).met is Met.UNKNOWN
    assert (await board.standing("Frontend")).met is Met.UNKNOWN
    assert (await board.standing("Smart Contracts")).met is Met.NONE


async def test_silence_for_longer_than_the_objective_alerts_although_nothing_failed():
    board = Board()
    assert await board.firing() == []
    board.passed = 24 * HOUR
    assert await board.firing() == ["NoProvenBackup"]
    assert await board.firing() == ["NoProvenBackup"]


async def test_a_proven_backup_settles_the_alert_and_an_unproven_one_does_not():
    board = Board()
    board.passed = 25 * HOUR
    await board.keep(verdict=Verdict.UNPROVEN)
    assert await board.firing() == ["NoProvenBackup"]
    await board.keep()
    assert await board.firing() == []
    board.passed += 24 * HOUR
    assert await board.firing() == ["NoProvenBackup"]

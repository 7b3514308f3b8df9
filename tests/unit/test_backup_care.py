"""What looks after backups by itself: quiet when there is nothing to do, one alert for what stays unproven."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bot.domain.backups import Verdict
from bot.domain.errors import Refused, RequestError
from bot.domain.plans import Step
from bot.domain.verdicts import Retention
from bot.policy.rules import Rules
from bot.policy.schedule import HOUSE, firing
from bot.services.alerts import Alerts
from bot.services.backup_care import BackupCare, UnprovenWatch
from bot.stores.memory.store import MemoryStore
from tests.builders import a_backup
from tests.fakes import Scripted, runbook
from tests.unit.test_execution import World

DAY = timedelta(days=1)
PROVE = replace(runbook(Step("prove", "Prove", Scripted("prove"))), name="prove-backup")
EXPIRE = replace(runbook(Step("delete", "Delete", Scripted("delete"))), name="expire-backups")


def saying(error: Exception) -> Any:
    async def look_up(*_: object) -> Any:
        raise error

    return look_up


async def asked_for(world: World) -> list[str]:
    care, planned = BackupCare(world.runs, "C1"), datetime.now(UTC)
    for _ in range(2):
        await care.prove(planned)
        await care.expire(planned)
    return sorted(run.runbook for run in await world.runs.recent(9))


async def test_a_proof_and_a_clearing_are_asked_for_once_an_instant() -> None:
    assert await asked_for(World(PROVE, EXPIRE)) == ["expire-backups", "prove-backup"]


@pytest.mark.parametrize(
    "error", [RequestError("Every backup is proven."), Refused("Backups are proven at night.")], ids=["done", "not now"]
)
async def test_where_there_is_nothing_to_prove_no_run_is_made(error: Exception) -> None:
    nothing = replace(runbook(), name="expire-backups")
    assert await asked_for(World(replace(PROVE, look_up=saying(error)), nothing)) == []


def test_both_stand_in_the_calendar_at_night() -> None:
    crons = {row.key: row.cron for row in firing() if row in HOUSE}
    assert crons["backup-proof"] == "15 2-5 * * *"
    assert crons["backup-retention"] == "0 4 * * *"


class Watched:
    """Some backups, an alert channel, and a clock that tests move."""

    def __init__(self) -> None:
        self.passed = timedelta()
        self.store = MemoryStore(lambda: datetime.now(UTC) + self.passed)
        self.watch = UnprovenWatch(self.store, Alerts(self.store, Rules(alerts_channel="C1")))

    async def keep(self, age: timedelta, **changes: Any) -> str:
        backup = a_backup(taken_at=datetime.now(UTC) - age, verdict=Verdict.UNPROVEN)
        async with self.store.work() as work:
            await work.backups.add(replace(backup, **changes))
        return backup.id

    async def prove(self, backup_id: str) -> None:
        async with self.store.work() as work:
            backup = await work.backups.get(backup_id)
            assert backup is not None
            await work.backups.save(replace(backup, verdict=Verdict.PROVEN))

    async def firing(self) -> list[str]:
        await self.watch.look()
        async with self.store.work() as work:
            groups = await work.alerts.firing()
            alerts = [alert for group in groups for alert in await work.alerts.alerts(group.number)]
        return [alert.annotations["description"] for alert in alerts]

    async def messages(self) -> int:
        """How many alerts were ever opened, as their numbers say."""
        async with self.store.work() as work:
            return max([group.number for group in await work.alerts.firing()], default=0)


async def test_unproven_for_a_day_is_one_alert_that_ends_with_the_proof() -> None:
    watched = Watched()
    backup = await watched.keep(timedelta(hours=23))
    assert await watched.firing() == []
    watched.passed = timedelta(hours=2)
    (said,) = await watched.firing()
    assert "takumi_db_20261124_020000.sql.gz" in said
    assert await watched.firing() == [said]
    assert await watched.messages() == 1
    await watched.prove(backup)
    assert await watched.firing() == []


async def test_a_second_one_edits_the_alert() -> None:
    watched = Watched()
    await watched.keep(2 * DAY)
    await watched.firing()
    await watched.keep(3 * DAY, file="takumi_db_20261123_020000.sql.gz")
    (said,) = await watched.firing()
    assert said.startswith("2 backups unproven")
    assert await watched.messages() == 1


@pytest.mark.parametrize(
    "changes",
    [{"verdict": Verdict.PROVEN}, {"verdict": Verdict.BROKEN}, {"manifest": None}, {"retention": Retention.ASIDE}],
    ids=["proven", "broken", "of somebody else", "deleted"],
)
async def test_what_needs_no_proof_is_no_alert(changes: dict[str, Any]) -> None:
    watched = Watched()
    await watched.keep(9 * DAY, **changes)
    assert await watched.firing() == []

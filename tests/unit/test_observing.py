"""What only observes looks, says and records; it does nothing, and two owners of one retention are refused."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bot.domain.documents import Document, Text
from bot.domain.errors import OperationFailed, Refused
from bot.domain.operations import PREVIEW, StepContext
from bot.domain.params import NoParams
from bot.domain.plans import Step
from bot.operations.owning import must_own_retention
from bot.operations.tools.access import BackupPlaces, Platform
from bot.operations.tools.toolbox import Toolbox
from bot.policy.schedule import firing
from bot.services.observing import Observation, ObservationPainter, observed_rows, since
from runbooks import expire_backups
from tests.fakes import Scripted, runbook
from tests.unit.test_execution import World

PLANNED = datetime(2026, 11, 24, 4, 0, tzinfo=UTC)
ROWS = {row.key: row for row in firing()}
ROW = ROWS["backup-retention"]


def expiring() -> tuple[World, Scripted]:
    deed = Scripted("delete")
    return World(replace(runbook(Step("delete", "Delete", deed)), name="expire-backups")), deed


def said(document: Document | None) -> str:
    assert document is not None
    return "\n".join(part.text for part in document.parts if isinstance(part, Text))


async def test_an_observed_firing_tells_the_plan_once_and_runs_nothing() -> None:
    world, deed = expiring()
    observation = Observation(world.runs, "C1")
    for _ in range(2):
        await observation.starter(ROW)(PLANNED)
    assert await world.runs.recent(9) == []
    assert world.tools.happened == []
    key = f"observed:backup-retention|{PLANNED.isoformat()}"
    assert [wake.key for wake in world.store.wakes] == ["observing", key]
    painter = ObservationPainter(world.store, ("backup-retention", "database-backup"))
    told = said(await painter.paint(key))
    assert "I would have done this" in told
    assert f"1. {deed.describe()}" in told
    head = said(await painter.paint_head("observing"))
    assert "backup-retention: since" in head
    assert "database-backup: not observed yet" in head


async def test_what_could_not_have_been_done_is_said_with_its_reason() -> None:
    async def look_up(*_: object) -> Any:
        raise OperationFailed("the disk is full", hint="Make room.")

    world = World(replace(runbook(), name="expire-backups", look_up=look_up))
    await Observation(world.runs, "C1").observe(ROW, PLANNED)
    told = said(await ObservationPainter(world.store, ()).paint(f"observed:backup-retention|{PLANNED.isoformat()}"))
    assert "I could not have done it. the disk is full Make room." in told


async def test_the_week_begins_with_the_first_observation() -> None:
    world, _ = expiring()
    async with world.store.work() as work:
        assert await since(work, "backup-retention") is None
    await Observation(world.runs, "C1").observe(ROW, PLANNED)
    async with world.store.work() as work:
        first = await since(work, "backup-retention")
    await Observation(world.runs, "C1").observe(ROW, PLANNED + timedelta(days=1))
    async with world.store.work() as work:
        assert await since(work, "backup-retention") == first


def test_a_name_that_the_calendar_does_not_know_is_refused() -> None:
    assert observed_rows(ROWS.values(), ["backup-retention"]) == {"backup-retention": ROW}
    with pytest.raises(ValueError, match="there is no schedule 'backup'; there are database-backup"):
        observed_rows(ROWS.values(), ["backup"])


async def test_the_bot_deletes_nothing_while_a_script_of_cron_deletes_too(tmp_path: Path) -> None:
    cron = tmp_path / "cron.d"
    cron.mkdir()
    (cron / "takumi").write_text("0 2 * * * root /opt/takumi/scripts/backup-database.sh\n", encoding="utf-8")
    places = BackupPlaces(tmp_path, timedelta(days=30))
    toolbox = Toolbox(Platform((), "takumi", places, cron_files=(cron,)))
    with pytest.raises(Refused, match=r"takumi, line 1 runs `/opt/.*one retention, two owners"):
        await expire_backups.look_up(NoParams(), toolbox.for_look_up())
    # What it would delete may be looked at: watching beside the script is what the week is for.
    await must_own_retention(toolbox.for_step(StepContext(PREVIEW, "", 0)))

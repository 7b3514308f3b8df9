"""What a step settles about a backup is recorded with its end, also when the step failed."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from bot.domain.audit import Verb
from bot.domain.backups import Verdict
from bot.domain.errors import OperationFailed
from bot.domain.operations import Outcome
from bot.domain.plans import Step
from bot.domain.runs import RunState
from bot.domain.verdicts import Aspect, Changes, FileFacts, Settled, latest
from tests.builders import AN_INSTANT, a_backup
from tests.fakes import Scripted, StepTools, failing, runbook
from tests.unit.test_execution import World

BACKUP = a_backup(verdict=Verdict.PROVEN)
FACTS = FileFacts(
    folder=Path("/var/backups"),
    file="takumi_db_20240115_020000.sql.gz",
    database="takumi",
    size_bytes=5,
    sha256="b" * 64,
    tables=2,
    taken_at=AN_INSTANT,
    expires_at=AN_INSTANT,
)


def told(settled: Settled) -> dict[str, Any]:
    return {"settled": settled.model_dump(mode="json")}


async def carried_out(world: World) -> RunState:
    async with world.store.work() as work:
        await work.backups.add(BACKUP)
    return (await world.run()).state


async def test_a_failed_step_settles_that_a_backup_is_broken() -> None:
    why = Settled(
        name=BACKUP.file,
        findings=((Aspect.VERIFICATION, "broken", "It is cut."),),
        changes=Changes(verdict=Verdict.BROKEN.value),
    )
    world = World(runbook(Step("read", "Read", Scripted("read", failing(OperationFailed("It is cut.", **told(why)))))))
    assert await carried_out(world) is RunState.FAILED
    async with world.store.work() as work:
        assert await work.backups.get(BACKUP.id) == replace(BACKUP, verdict=Verdict.BROKEN)
        found = latest(await work.backups.findings(BACKUP.id))
    assert found[Aspect.VERIFICATION].how == "It is cut."


async def test_a_failure_of_the_server_settles_nothing() -> None:
    world = World(runbook(Step("prove", "Prove", Scripted("prove", failing(OperationFailed("It does not answer."))))))
    assert await carried_out(world) is RunState.FAILED
    async with world.store.work() as work:
        assert await work.backups.get(BACKUP.id) == BACKUP
        assert await work.backups.findings(BACKUP.id) == []


async def test_a_file_that_nobody_recorded_is_recorded_with_what_was_found_and_stands_in_the_trail() -> None:
    settled = Settled(name=FACTS.file, findings=((Aspect.VERIFICATION, "intact", "read"),), file=FACTS)

    async def act(_tools: StepTools) -> Outcome:
        return Outcome("read", told(settled))

    world = World(runbook(Step("read", "Read", Scripted("read", act))))
    assert await carried_out(world) is RunState.SUCCEEDED
    async with world.store.work() as work:
        row = await work.backups.of_file(FACTS.file)
        assert row is not None
        assert (row.verdict, row.rows, row.manifest, row.sha256) == (Verdict.UNPROVEN, None, None, "b" * 64)
        assert [one.verdict for one in await work.backups.findings(row.id)] == ["intact"]
        (run,) = await work.runs.recent(1)
    assert Verb.BACKUP_RECORDED in await world.verbs(run)

"""Programs of a step: what they say is kept head and tail, and a step that is over has left none of them alive."""

import asyncio
import shutil
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

from bot.domain.operations import Outcome
from bot.domain.plans import Step
from bot.domain.runs import RunState
from bot.operations.tools.processes import KEPT_BYTES, Command, run
from tests.fakes import StepTools, runbook
from tests.unit.test_execution import AIKO, World

SH = Path(shutil.which("sh") or "/bin/sh")
# Neither the program nor its child ends when it is asked to.
STUBBORN = "trap '' TERM INT; (trap '' TERM INT; echo $$ > child; while :; do sleep 0.1; done) & echo $! > child; wait"


def script(text: str, folder: Path) -> Command:
    return Command(SH, ("-c", f'cd "{folder}"; {text}'))


def is_alive(pid: int) -> bool:
    try:
        return (Path("/proc") / str(pid) / "stat").read_text(encoding="utf-8").rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.parametrize("where", ["1", "2"])
async def test_what_a_program_says_is_kept_head_and_tail(where: str, tmp_path: Path) -> None:
    lines = f"i=0; while [ $i -lt 20000 ]; do echo line-$i >&{where}; i=$((i+1)); done"
    ended = await run(script(lines, tmp_path))
    said = str(ended.drained) if where == "1" else ended.stderr
    assert said.startswith("line-0\nline-1\n")
    assert said.endswith("line-19998\nline-19999\n")
    assert "bytes left out" in said
    assert len(said) < 2 * KEPT_BYTES + 100
    whole = sum(len(f"line-{number}\n") for number in range(20000))
    left_out = int(said.split("... ")[1].split()[0])
    assert left_out == whole - 2 * KEPT_BYTES


async def test_what_is_short_is_kept_whole(tmp_path: Path) -> None:
    ended = await run(script("echo out; echo err >&2", tmp_path))
    assert (ended.drained, ended.stderr) == ("out\n", "err\n")


@dataclass(frozen=True)
class RunsForever:
    """A step whose program has a child of its own, and neither listens."""

    folder: Path
    timeout: timedelta = timedelta(seconds=1.5)
    safe_to_repeat: bool = True

    def describe(self) -> str:
        return "run for ever"

    async def run(self, tools: StepTools) -> Outcome:
        tools.started.set()
        await run(script(STUBBORN, self.folder))
        return Outcome("never")


async def _child(folder: Path) -> int:
    async with asyncio.timeout(20):
        while not (folder / "child").exists() or not (folder / "child").read_text().strip():  # noqa: ASYNC110 - another process, a tiny file
            await asyncio.sleep(0.02)
    return int((folder / "child").read_text())


async def test_a_step_over_its_time_has_ended_with_all_its_programs_before_the_run_says_so(tmp_path: Path) -> None:
    world = World(runbook(Step("one", "One", RunsForever(tmp_path))))
    run_under_way = asyncio.create_task(world.run())
    child = await _child(tmp_path)
    assert is_alive(child)
    ended = await run_under_way
    assert ended.state is RunState.FAILED
    assert "It took longer than 0:00:01.500000, and was stopped" in ended.failure
    assert not is_alive(child)
    assert world.tools.ended == [ended.id], "its sessions were ended as well"


async def test_a_cancelled_step_has_ended_with_all_its_programs_before_the_run_says_so(tmp_path: Path) -> None:
    world = World(runbook(Step("one", "One", RunsForever(tmp_path, timedelta(minutes=5)))))
    asked = await world.ask()
    working = asyncio.create_task(world.execution.advance(asked.id))
    child = await _child(tmp_path)
    await world.runs.cancel(asked.id, AIKO)
    await working
    assert (await world.look(asked)).state is RunState.CANCELLED
    assert not is_alive(child)

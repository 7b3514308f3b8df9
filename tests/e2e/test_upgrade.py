"""From the previous release to this one with an approval that waits and a restore under way."""

import asyncio
import os
import re
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest
import pytest_asyncio

from bot.slack.manifest import manifest
from demo.children import output_of, run_to_end, wait
from demo.errors import CannotStartError
from demo.platform.databases import create_bot_database
from demo.workspace.client import Workspace, visible_text
from tests.e2e.bots import BotUnderTest
from tests.e2e.previous import PreviousBot, unpack
from tests.e2e.product import PRODUCTION_DATABASE, STAGING_DATABASE, Product, programs_of, until, with_ballast
from tests.e2e.threads import RunSeen, ask_for, facts_of

NAME, COMMAND = "Takumi before", "/takumi-before"


@pytest.fixture(scope="module")
def before(product: Product, server_folder: Path) -> PreviousBot:
    """The previous release at work."""
    bot = PreviousBot(product.parts, NAME, COMMAND)
    bot.folder = unpack(server_folder / "previous")
    asyncio.run(create_bot_database(product.parts.bot_cluster, bot.database))
    product.bots.append(bot)
    asyncio.run(bot.set_up())
    return bot


@pytest_asyncio.fixture
async def after(before: PreviousBot) -> AsyncIterator[PreviousBot]:
    """This release, not started yet."""
    bot = before.successor()
    yield bot
    await bot.stop()


async def backup_of(bot: BotUnderTest, people: Workspace, database: str) -> str:
    run = await ask_for(people.person("Aiko"), bot, f"backup now {database} --to local")
    return Path(facts_of(await run.waits_for("result"))["File"]).name


async def number_of(run: RunSeen) -> int:
    found = re.search(r"\brun (\d+)\b", visible_text(await run.head()))
    assert found
    return int(found[1])


async def stopped(bot: PreviousBot) -> int:
    """Its exit code after SIGTERM."""
    assert bot.child is not None
    bot.child.process.send_signal(signal.SIGTERM)
    return await wait(bot.child)


@asynccontextmanager
async def standing_still(run: RunSeen) -> AsyncIterator[None]:
    """Its psql is stopped in the middle of loading, until the block ends."""
    found: list[int] = []

    def is_loading() -> bool:
        found[:] = [pid for pid, name in programs_of(run.id) if name == "psql"]
        return bool(found)

    await until(is_loading, 60)
    for pid in found:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in found:
            # The former release fails at the first look at a table that has grown, and begins its step again.
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)


async def test_an_upgrade_loses_neither_a_waiting_approval_nor_a_running_restore(
    before: PreviousBot, after: PreviousBot, product: Product, people: Workspace
) -> None:
    aiko, emi = people.person("Aiko"), people.person("Emi")
    async with with_ballast(product.parts.platform_cluster):
        staging = await backup_of(before, people, STAGING_DATABASE)
        heavy = await backup_of(before, people, PRODUCTION_DATABASE)
        done = await ask_for(aiko, before, f"restore {staging} {STAGING_DATABASE}")
        await emi.click(await done.says("waits for approval"), "Approve", before.channel)
        assert "succeeded" in await done.result()
        undo = await ask_for(aiko, before, f"undo {await number_of(done)}")
        await undo.says("waits for approval")
        stale = await ask_for(aiko, before, f"restore {staging} {STAGING_DATABASE}")
        await stale.says("waits for approval")
        running = await ask_for(aiko, before, f"restore {heavy} {PRODUCTION_DATABASE}")
        await emi.click(await running.says("waits for approval"), "Approve", before.channel)
        async with standing_still(running):
            await run_to_end(after.program("migrate"))
            assert (await before.readiness())["ready"], "the former release works on the new schema"
            await after.install(manifest("socket", name=NAME, command=COMMAND))
            await after.start()
        assert "succeeded" in await running.result(), "whoever began it ended it, beside the new release"
        assert await stopped(before) == 0

    # The text of this runbook changed: whoever approves now has not read what would run.
    await emi.click(await stale.head(), "Approve", after.channel)
    told = await stale.result()
    assert "The approval is void" in told, told
    assert "was refused" in visible_text(await stale.head())
    # This one's is the same in both releases: what was read is what runs.
    await emi.click(await undo.head(), "Approve", after.channel)
    assert "succeeded" in await undo.result()
    assert "succeeded" in await (await ask_for(aiko, after, "backup now --to local")).result()


async def test_the_trail_of_both_releases_is_one(after: PreviousBot) -> None:
    said = await output_of(after.program("audit", "verify"))
    assert "The trail is intact" in said


async def test_a_process_that_is_told_to_stop_ends_the_restore_that_is_under_way_first(
    after: PreviousBot, product: Product, people: Workspace
) -> None:
    await after.start()
    async with with_ballast(product.parts.platform_cluster):
        backup = await backup_of(after, people, PRODUCTION_DATABASE)
        run = await ask_for(people.person("Aiko"), after, f"restore {backup} {PRODUCTION_DATABASE}")
        await people.person("Emi").click(await run.says("waits for approval"), "Approve", after.channel)
        async with standing_still(run):
            stopping = asyncio.create_task(stopped(after))
            await after.until_not_ready()
            told = await people.person("Aiko").command(f"{after.command} runs", after.channel)
        assert await stopping == 0
        assert after.times_logged("run.left_to_another_worker") == 0
        await after.start()  # for there is no other replica to draw what became of it
        assert "succeeded" in await run.result()
    assert not told["ok"], "a process that drains takes nothing new"
    assert after.times_logged("run.taken_over") == 0, "it was ended by the process that drained"


async def test_the_former_release_does_not_start_on_the_new_schema_and_says_why(
    before: PreviousBot, after: PreviousBot
) -> None:
    await run_to_end(after.program("migrate"))
    with pytest.raises(CannotStartError, match="newer than this bot"):
        await run_to_end(before.program("serve"))

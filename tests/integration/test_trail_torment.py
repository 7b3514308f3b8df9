"""Thirty-two writers, two bots that chain, kills and restarts of PostgreSQL: no break, no fork, nothing skipped."""

import asyncio
import signal
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from bot.stores.exporting import Exports
from bot.verifier import Verifier
from demo.children import Child, spawn, stop
from demo.module_server import module_program
from demo.platform.databases import BOT_OWNER, BOT_RUNTIME, create_bot_database
from demo.platform.postgres import Cluster
from tests.servers import free_port, programs_of, start_cluster
from tests.stores import QUEUE_SCHEMA, TRAIL_ROLES, BotDatabase, database_of, migrate, opened, rows

CHAINED = "SELECT count(*) FROM audit_entries WHERE position IS NOT NULL"
LEFT = "SELECT count(*) FROM audit_entries WHERE position IS NULL"


@pytest.fixture(scope="module")
def own_cluster(server_folder: Path) -> Iterator[Cluster]:
    """A cluster that this test alone restarts."""
    cluster = start_cluster(programs_of(18, server_folder), server_folder / "torment")
    yield cluster
    asyncio.run(cluster.stop())


@pytest_asyncio.fixture
async def database(own_cluster: Cluster) -> BotDatabase:
    await create_bot_database(own_cluster, "torment")
    await migrate(own_cluster.url("torment", BOT_OWNER), BOT_RUNTIME, [QUEUE_SCHEMA], trail=TRAIL_ROLES)
    return database_of(own_cluster, "torment")


class Processes:
    """Two bots that chain, started again whenever they end, and two processes with sixteen writers each."""

    def __init__(self, database: BotDatabase, folder: Path) -> None:
        self.database, self.folder = database, folder
        self.bots = [self._bot(index) for index in range(2)]
        self.writers = [self._writer(index) for index in range(2)]

    def _bot(self, index: int) -> Child:
        environment = {
            "TAKUMI_BOT_DATABASE_URL": self.database.url,
            "TAKUMI_BOT_SEQUENCER_DATABASE_URL": self.database.sequencer_url,
            "TAKUMI_BOT_ENVIRONMENT": "staging",
            "TAKUMI_BOT_CHANNEL": "C1",
            "TAKUMI_BOT_SLACK_MODE": "http",
            "TAKUMI_BOT_SLACK_BOT_TOKEN": "xoxb-test",
            "TAKUMI_BOT_SLACK_SIGNING_SECRET": "secret of a test",
            "TAKUMI_BOT_HTTP_PORT": str(free_port()),
        }
        arguments = ["serve", "--only", "sequencer"]
        return spawn(module_program("bot", arguments, self.folder / f"bot-{index}.log", environment))

    def _writer(self, index: int) -> Child:
        file = self.folder / f"writer-{index}.log"
        return spawn(module_program("tests.integration.trail_writer", [self.database.url, f"w{index}"], file, {}))

    def look_after(self) -> None:
        """As a supervisor does: a bot that ended is started again."""
        for index, bot in enumerate(self.bots):
            if bot.process.poll() is not None:
                self.bots[index] = self._bot(index)

    async def kill_the_sequencer(self) -> None:
        """Whoever has the lease; its owner's name holds its process id."""
        ((owner,),) = await rows(self.database.url, "SELECT owner FROM audit_sequencing")
        victim = next((bot for bot in self.bots if f":{bot.process.pid}:" in owner), self.bots[0])
        victim.process.kill()
        await asyncio.to_thread(victim.process.wait)

    async def stop_writers(self) -> list[str]:
        """What they say that they committed."""
        for writer in self.writers:
            writer.process.send_signal(signal.SIGTERM)
        codes = [await asyncio.to_thread(writer.process.wait) for writer in self.writers]
        assert codes == [0, 0], [writer.log_tail() for writer in self.writers]
        logs = [(self.folder / f"writer-{index}.log").read_text(encoding="utf-8") for index in range(2)]
        return [line for log in logs for line in log.splitlines() if line.startswith("w")]

    async def end(self) -> None:
        for child in (*self.bots, *self.writers):
            await stop(child, signal.SIGTERM)


@pytest_asyncio.fixture
async def processes(database: BotDatabase, server_folder: Path) -> AsyncIterator[Processes]:
    made = Processes(database, server_folder / "torment-logs")
    yield made
    await made.end()


async def chained_more(processes: Processes, count: int) -> None:
    """Wait until so many more entries have their place."""
    url = processes.database.url
    ((before,),) = await rows(url, CHAINED)
    async with asyncio.timeout(120):
        while (await rows(url, CHAINED))[0][0] < before + count:
            processes.look_after()
            await asyncio.sleep(0.1)


async def test_nothing_breaks_the_chain(own_cluster: Cluster, processes: Processes) -> None:
    for how in (signal.SIGQUIT, signal.SIGINT):
        await chained_more(processes, 300)
        await processes.kill_the_sequencer()
        await chained_more(processes, 300)
        await own_cluster.stop(how)
        await own_cluster.start()
    await chained_more(processes, 300)
    committed = await processes.stop_writers()
    async with asyncio.timeout(60):
        while await rows(processes.database.url, LEFT) != [(0,)]:
            processes.look_after()
            await asyncio.sleep(0.1)
    async with opened(processes.database.url) as pool:
        exports = Exports(pool)
        keys, lines = await exports.keys(), [line async for line in exports.lines()]
    report = Verifier(keys, None).check(lines)
    assert report.problems == []
    assert [note for note in report.notes if "anchors" not in note] == [], "a number is neither used nor void"
    subjects = Counter(
        subject for (subject,) in await rows(processes.database.url, "SELECT subject FROM audit_entries")
    )
    assert len(committed) > 900
    assert [subject for subject in committed if subjects[subject] != 1] == []
    heads = await rows(processes.database.url, "SELECT count(DISTINCT key) FROM audit_keys WHERE use = 'heads'")
    assert heads[0][0] > 2, "more than the first two processes have signed"

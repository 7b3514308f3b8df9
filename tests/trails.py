"""A trail for tests: recorded, chained, exported, and a place for its anchors that is a folder."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from bot.domain.errors import OperationFailed
from bot.engine.queue import Queue
from bot.services.chaining import Sequencer
from bot.stores.chain import PostgresChain
from bot.stores.exporting import Exports
from bot.stores.postgres import PostgresStore
from bot.stores.signing import Writer, passing_key
from tests.builders import an_entry
from tests.stores import DEFER_RECEIVED, BotDatabase, opened

TOKEN = "the sequencer under test"


@dataclass
class Folder:
    """Anchors as files; `away` makes it unreachable."""

    path: Path
    away: bool = False
    put_there: list[str] = field(default_factory=list)

    async def put(self, name: str, text: str) -> None:
        if self.away:
            raise OperationFailed("the place of the anchors does not answer")
        (self.path / name).write_text(text, encoding="utf-8")
        self.put_there.append(name)

    def texts(self) -> list[str]:
        return [file.read_text(encoding="utf-8") for file in sorted(self.path.iterdir())]


@dataclass
class TrailUnderTest:
    """A store whose entries can be chained by hand, batch by batch."""

    database: BotDatabase
    store: PostgresStore
    chain: PostgresChain
    exports: Exports
    sequencer: Sequencer
    place: Folder
    keys: dict[str, list[str]]

    async def record(self, count: int, **values) -> None:
        async with self.store.work() as work:
            for number in range(count):
                await work.audit.record(an_entry(subject=f"s{number}", **values))

    async def chained(self, *sizes: int) -> None:
        """Chain batches of these sizes."""
        assert await self.chain.take("test", TOKEN, timedelta(minutes=1))
        for size in sizes:
            assert await self.chain.chain(TOKEN, size) == size

    async def export(self) -> list[bytes]:
        return [line async for line in self.exports.lines()]


@asynccontextmanager
async def a_trail(database: BotDatabase, folder: Path) -> AsyncIterator[TrailUnderTest]:
    writer, head_key, place = Writer(passing_key()), passing_key(), Folder(folder)
    async with opened(database.url) as pool, opened(database.sequencer_url, max_size=4) as sequencing:
        store = PostgresStore(pool, Queue(database.url).deferrer, DEFER_RECEIVED, writer=writer)
        chain = PostgresChain(sequencing, head_key)
        await store.publish_key()
        await chain.publish_key()
        keys = {"entries": [writer.key.public], "heads": [head_key.public]}
        yield TrailUnderTest(database, store, chain, Exports(pool), Sequencer(chain, place, "test"), place, keys)

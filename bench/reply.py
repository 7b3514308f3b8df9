"""How long somebody waits for the first message that they can see, with three replicas of the bot under load.

The load is the demo's: its whole platform with all its rows, its workspace, and everybody who may ask, at once. Four
people read one thing after the other, pausing a second as who reads an answer does; a fifth has one backup after the
other made, proven and uploaded. What is measured is what they see: from a command to its answer, or to the run's card.
"""

import asyncio
import shutil
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import partial
from itertools import count, cycle, islice

from bench.ack import open_folder
from bench.load import Load
from bench.results import Compared, Result
from demo.workspace import Json
from demo.workspace.client import Person, Workspace, visible_text
from tests.e2e.bots import BotUnderTest
from tests.e2e.product import Product
from tests.e2e.threads import ask_for
from tests.soak.replicas import Replicas

COMPARED = Compared("reply.p95", "the aim, two seconds", "ms", 1.0, "lower")
AIM_MS = 2000.0
# Who waits longer than this waits in vain; a whole backup of all the rows takes about a minute.
PATIENCE = timedelta(minutes=5)
REPLICAS, ROUNDS, ASKED_EACH, PAUSE_SECONDS = 3, 3, 12, 1.0
READERS, BACKER = ("Aiko", "Emi", "Kenji", "Sora"), "Taro"
# What is asked, and a word that only its true answer holds: a refusal is quick, and proves nothing.
READS = (
    ("runs", "run"),
    ("health", "components are well"),
    ("alerts", "No alert fires"),
    ("backup list", "backup"),
    ("rto", "Database"),
    ("policy", "Whose yes"),
)


async def run() -> Sequence[Result]:
    """Three rounds; each has a p95 of its own."""
    async with product() as made, made.people() as people:
        bot = await made.add_bot()
        await bot.stop()
        replicas = Replicas(bot, REPLICAS, {})
        await replicas.start()
        try:
            rounds = await _rounds(bot, people)
        finally:
            await replicas.stop()
        if replicas.restarts:
            raise RuntimeError(f"replicas ended {replicas.restarts} times while they were measured")
    return [COMPARED.result([1000 * load.percentile(95) for load in rounds], [AIM_MS])]


@asynccontextmanager
async def product() -> AsyncIterator[Product]:
    """The demo's parts with all its rows, as durable as PostgreSQL's defaults are."""
    folder = open_folder()
    made = Product(folder / "product", scale=1.0)
    for cluster in (made.parts.platform_cluster, made.parts.bot_cluster):
        del cluster.settings["fsync"]
    try:
        await made.start()
        yield made
    finally:
        await made.stop()
        shutil.rmtree(folder)


async def _rounds(bot: BotUnderTest, people: Workspace) -> list[Load]:
    """Backups are made all the time; the readers begin together in every round."""
    rounds: list[Load] = []
    waited: list[float] = []
    backing = asyncio.create_task(_back_up(bot, people.person(BACKER), waited))
    try:
        for _ in range(ROUNDS):
            begun = time.perf_counter()
            await asyncio.gather(*(_read(bot, people.person(who), waited, n) for n, who in enumerate(READERS)))
            rounds.append(Load(tuple(sorted(waited)), time.perf_counter() - begun, 0))
            waited.clear()
            if backing.done():
                await backing
    finally:
        backing.cancel()
        await asyncio.gather(backing, return_exceptions=True)
    return rounds


async def _read(bot: BotUnderTest, person: Person, waited: list[float], first: int) -> None:
    for words, holds in islice(cycle(READS), first, first + ASKED_EACH):
        before = {message["ts"] for message in await person.ephemerals(bot.channel)}
        begun = time.perf_counter()
        await person.command(f"{bot.command} {words}", bot.channel)
        answer = await person.wait_for(partial(_is_new_answer, before), bot.channel, timeout=PATIENCE)
        waited.append(time.perf_counter() - begun)
        if holds not in visible_text(answer):
            raise RuntimeError(f"{words} was answered with: {visible_text(answer)}")
        await asyncio.sleep(PAUSE_SECONDS)


def _is_new_answer(before: set[str], message: Json) -> bool:
    return bool(message.get("is_ephemeral")) and message["ts"] not in before


async def _back_up(bot: BotUnderTest, person: Person, waited: list[float]) -> None:
    """One backup after the other; no two are asked for in the same words."""
    for kept_days in count(1):
        begun = time.perf_counter()
        made = await ask_for(person, bot, f"backup now --keep_days {kept_days}")
        waited.append(time.perf_counter() - begun)
        await made.result(PATIENCE)

"""People who keep asking: for backups, each with a mark of its own, and whatever the workspace answers is kept."""

import asyncio
import random
from dataclasses import dataclass, field

from demo.workspace import Json
from demo.workspace.client import Person, WorkspaceRefusedError, visible_text
from tests.e2e.bots import BotUnderTest

MOST_MARKS = 3650


@dataclass
class Asked:
    """One thing that somebody typed; `acked` means that the bot promised to work on it."""

    words: str
    acked: bool
    said: str = ""


@dataclass
class Driver:
    """Types commands at a pace; what it typed is known by how long a backup is to be kept, which the result tells."""

    bot: BotUnderTest
    person: Person
    seed: int
    pace_seconds: float
    asked: dict[int, Asked] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)  # noqa: S311 - told again from its seed, and no secret

    async def drive(self, stop: asyncio.Event) -> None:
        for mark in range(1, MOST_MARKS + 1):
            await self._ask(mark)
            try:
                await asyncio.wait_for(stop.wait(), self._random.uniform(0.3, 1.7) * self.pace_seconds)
            except TimeoutError:
                continue
            return

    async def _ask(self, mark: int) -> None:
        before = {message["ts"] for message in await self.person.ephemerals(self.bot.channel)}
        words = f"backup now --keep_days {mark}"
        ack = await self._type(words)
        told = [m for m in await self.person.ephemerals(self.bot.channel) if m["ts"] not in before]
        doubt = next((text for text in map(visible_text, told) if "I could not confirm" in text), "")
        promised = bool(ack.get("ok")) and not doubt
        self.asked[mark] = Asked(words, promised, doubt or str(ack.get("error") or ""))

    async def _type(self, words: str) -> Json:
        try:
            return await self.person.command(f"{self.bot.command} {words}", self.bot.channel)
        except WorkspaceRefusedError as error:
            return {"ok": False, "error": str(error)}

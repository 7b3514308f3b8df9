"""People who keep asking: for backups, each with a mark of its own, and whatever the workspace answers is kept."""

import asyncio
import random
from dataclasses import dataclass, field
from typing import Any

from aiohttp import ClientError

from demo.platform.postgres import Cluster
from demo.workspace import Json
from demo.workspace.client import Person, WorkspaceRefusedError, visible_text
from tests.e2e.bots import BotUnderTest
from tests.e2e.product import STAGING_DATABASE
from tests.e2e.threads import is_head, key_of

MOST_MARKS = 3650
TARGET = STAGING_DATABASE
# As long as somebody looks at a card that does not change before they click again.
PATIENCE_SECONDS = 45.0


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


@dataclass
class Restorer:
    """Somebody asks for restores one after the other, and somebody else approves each, as often as it takes."""

    bot: BotUnderTest
    asker: Person
    approver: Person
    cluster: Cluster
    pace_seconds: float
    asked: dict[int, Asked] = field(default_factory=dict)
    # How many clicks on a run's Approve Slack took, and how interrupted ones were answered.
    approved: dict[str, int] = field(default_factory=dict)
    answered: list[str] = field(default_factory=list)
    _patient_until: dict[str, float] = field(default_factory=dict)

    async def ask(self, stop: asyncio.Event) -> None:
        """Ask whenever no restore is under way."""
        for number in range(MOST_MARKS):
            while not stop.is_set() and await self._under_way():  # noqa: ASYNC110 - cards tell nobody
                await asyncio.sleep(1)
            if stop.is_set():
                return
            words = f"restore latest {TARGET}"
            try:
                ack = await self.asker.command(f"{self.bot.command} {words}", self.bot.channel)
            except WorkspaceRefusedError as error:
                ack = {"ok": False, "error": str(error)}
            # Whether the answer said that it could not be confirmed is not looked at: it may or may not be there.
            self.asked[number] = Asked(words, acked=False, said=str(ack))
            await asyncio.sleep(self.pace_seconds)

    async def approve(self) -> None:
        """Look at every card, for ever."""
        while True:
            try:
                for head in await self._heads():
                    await self._decide(head)
            except (WorkspaceRefusedError, LookupError, ClientError):
                pass  # the card was drawn again between the look and the click: the next look sees the new one
            await asyncio.sleep(1)

    async def _decide(self, head: Json) -> None:
        run, buttons = key_of(head).removeprefix("run:"), actions_of(head)
        if "run.approve" in buttons and self._loop_time() > self._patient_until.get(run, 0):
            self._patient_until[run] = self._loop_time() + PATIENCE_SECONDS
            ack = await self.approver.click(head, buttons["run.approve"], self.bot.channel)
            if ack.get("ok"):
                self.approved[run] = self.approved.get(run, 0) + 1
        elif "run.was_done" in buttons:
            answer = "run.was_done" if await self._was_swapped(run) else "run.run_again"
            await self.approver.click(head, buttons[answer], self.bot.channel)
            self.answered.append(f"{run}: {answer}")

    def _loop_time(self) -> float:
        return asyncio.get_running_loop().time()

    async def _was_swapped(self, run: str) -> bool:
        """Somebody who looks at the platform before they answer."""
        async with self.cluster.connect() as connection:
            found = await connection.execute(
                "SELECT 1 FROM pg_database WHERE datname = %s", (f"{TARGET}_before_{run}",)
            )
            return await found.fetchone() is not None

    async def _under_way(self) -> bool:
        return any(actions_of(head) for head in await self._heads() if "Restore" in visible_text(head))

    async def _heads(self) -> list[Json]:
        where = {"as": await self.approver.id(), "channel": self.bot.channel, "limit": "1000"}
        found = (await self.approver.workspace.get("messages", **where))["messages"]
        return [message for message in found if is_head(message, self.bot)]


def actions_of(message: Json) -> dict[str, str]:
    """The buttons of a message: what they do, and their whole action id."""
    blocks: list[Any] = message.get("blocks", [])
    elements = [element for block in blocks for element in block.get("elements", [])]
    ids = [str(element["action_id"]) for element in elements if "action_id" in element]
    return {action.partition("#")[0]: action for action in ids}

"""Runs as people see them in Slack: a head in the channel, and in its thread the steps and the result."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from demo.workspace import Json
from demo.workspace.client import Person, visible_text
from tests.e2e.bots import BotUnderTest

# Four processes of tests share the machine: a restore beside them takes its time.
PATIENCE = timedelta(seconds=90)


@dataclass(frozen=True)
class RunSeen:
    """A run's messages in the eyes of a person; `key` is what its head's metadata hold."""

    person: Person
    channel: str
    ts: str
    thread: str
    key: str

    @property
    def id(self) -> str:
        return self.key.removeprefix("run:")

    async def head(self) -> Json:
        found = await self.person.messages(self.channel, self.thread or None)
        return next(message for message in found if message["ts"] == self.ts)

    async def says(self, words: str) -> Json:
        """The head, once it says so."""
        return await self.person.wait_for(
            lambda message: message["ts"] == self.ts and words in visible_text(message),
            self.channel,
            self.thread or None,
            timeout=PATIENCE,
        )

    async def thread_messages(self) -> list[Json]:
        """Without the head."""
        found = await self.person.messages(self.channel, self.thread or self.ts)
        return [message for message in found if key_of(message).startswith(f"{self.key}:")]

    async def waits_for(self, part: str, holds: Callable[[Json], bool] = lambda _: True) -> Json:
        """The message of that part (`steps` or `result`), once it says so."""
        wanted = f"{self.key}:{part}"
        return await self.person.wait_for(
            lambda message: key_of(message) == wanted and holds(message),
            self.channel,
            self.thread or self.ts,
            timeout=PATIENCE,
        )

    async def result(self, patience: timedelta = PATIENCE) -> str:
        """How it ended, in words."""
        wanted = f"{self.key}:result"
        thread = self.thread or self.ts
        found = await self.person.wait_for(lambda m: key_of(m) == wanted, self.channel, thread, timeout=patience)
        return visible_text(found)

    async def cancel(self) -> Json:
        return await self.person.click(await self.head(), "Cancel", self.channel)


async def ask_for(
    person: Person, bot: BotUnderTest, words: str, channel: str = "", patience: timedelta = PATIENCE
) -> RunSeen:
    """Type the slash command, and find the run that it makes."""
    channel = channel or bot.channel
    before = await heads(person, bot, channel)
    ack = await person.command(f"{bot.command} {words}", channel)
    assert ack["ok"], ack
    return await new_run(person, bot, before, channel, patience)


async def new_run(
    person: Person, bot: BotUnderTest, before: set[str], channel: str = "", patience: timedelta = PATIENCE
) -> RunSeen:
    """The bot's first run in the channel whose head was not there `before`."""
    channel = channel or bot.channel
    found = await person.wait_for(
        lambda message: is_head(message, bot) and message["ts"] not in before, channel, timeout=patience
    )
    return RunSeen(person, channel, found["ts"], "", key_of(found))


async def heads(person: Person, bot: BotUnderTest, channel: str = "") -> set[str]:
    """The `ts` of every run of that bot in the channel."""
    return {message["ts"] for message in await person.messages(channel or bot.channel) if is_head(message, bot)}


def is_head(message: Json, bot: BotUnderTest) -> bool:
    return message.get("user") == bot.user and key_of(message).count(":") == 1 and key_of(message).startswith("run:")


def key_of(message: Json) -> str:
    """What the bot marked the message with; empty for everybody else's."""
    return str(message.get("metadata", {}).get("event_payload", {}).get("key", ""))


def tasks_of(message: Json) -> dict[str, str]:
    """The states of the steps by their titles, as a plan block shows them."""
    (plan,) = [block for block in message["blocks"] if block["type"] == "plan"]
    return {task["title"]: task["status"] for task in plan["tasks"]}


def facts_of(message: Json) -> dict[str, str]:
    """The fields of a result by their names."""
    fields: list[Any] = [field for block in message["blocks"] for field in block.get("fields", [])]
    pairs = (field["text"].split("\n", 1) for field in fields)
    return {name.strip("*"): value.strip("`") for name, value in pairs}


async def private_answer(person: Person, bot: BotUnderTest, words: str, channel: str = "") -> str:
    """What the person alone is told after typing the command."""
    channel = channel or bot.channel
    before = {message["ts"] for message in await person.ephemerals(channel)}
    ack = await person.command(f"{bot.command} {words}".strip(), channel)
    assert ack["ok"], ack
    told = await person.wait_for(lambda m: bool(m.get("is_ephemeral")) and m["ts"] not in before, channel)
    return visible_text(told)

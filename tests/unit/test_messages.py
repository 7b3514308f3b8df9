"""Messages as views: drawn once, found again after a crash, in order, and patient with Slack."""

from datetime import timedelta

import pytest

from bot.domain.documents import Document, Text
from bot.domain.errors import OperationFailed
from bot.services import messages as messages_module
from bot.services.messages import Messages, want
from bot.services.ports import ChatUnavailable
from bot.services.rows import Job, MessageRow
from bot.stores.memory.store import MemoryStore
from tests.fakes import FakeChat


class World:
    """A store, a Slack, and what each message should say."""

    def __init__(self) -> None:
        self.store = MemoryStore()
        self.chat = FakeChat()
        self.says = {"run:1": "asked", "run:1:steps": "0 of 2", "run:1:result": "done"}
        self.messages = Messages(self.store, self.chat, {"run": self.paint}, "worker")

    async def paint(self, key: str) -> Document | None:
        text = self.says.get(key)
        return Document(text, [Text(text)]) if text else None

    async def want(self) -> None:
        async with self.store.work() as work:
            await want(
                work,
                MessageRow("run:1", "C1"),
                MessageRow("run:1:steps", "C1", parent="run:1"),
                MessageRow("run:1:result", "C1", parent="run:1:steps"),
            )

    def texts(self) -> list[tuple[str, str]]:
        return [(thread, document.summary) for thread, document, _ in self.chat.posts.values()]

    async def draw(self, *keys: str) -> None:
        for key in keys:
            await self.messages.draw(key)


async def test_a_message_is_posted_once_and_then_updated() -> None:
    world = World()
    await world.want()
    await world.draw("run:1", "run:1")
    assert world.texts() == [("", "asked")]
    assert world.chat.updates == 0, "nothing changed, so nothing was sent"
    world.says["run:1"] = "running"
    await world.draw("run:1")
    assert world.texts() == [("", "running")]


async def test_messages_of_a_thread_wait_for_their_head_and_for_one_another() -> None:
    world = World()
    await world.want()
    await world.draw("run:1:result", "run:1:steps")
    assert world.texts() == []
    await world.draw("run:1", "run:1:result", "run:1:steps", "run:1:result")
    assert world.texts() == [("", "asked"), ("1.000000", "0 of 2"), ("1.000000", "done")]


async def test_a_head_inside_a_thread_keeps_its_replies_there() -> None:
    world = World()
    async with world.store.work() as work:
        await want(work, MessageRow("run:1", "C1", thread="9.9"), MessageRow("run:1:steps", "C1", parent="run:1"))
    await world.draw("run:1", "run:1:steps")
    assert [thread for thread, _ in world.texts()] == ["9.9", "9.9"]


async def test_a_lost_answer_makes_no_second_message() -> None:
    world = World()
    await world.want()
    world.chat.lost_answers = 1
    await world.draw("run:1")
    world.says["run:1"] = "running"
    await world.draw("run:1")
    assert world.texts() == [("", "running")]


async def test_a_message_that_slack_did_not_take_is_drawn_later_when_slack_says() -> None:
    world = World()
    await world.want()
    world.chat.trouble.append(ChatUnavailable("rate limited", timedelta(seconds=30), in_doubt=False))
    await world.draw("run:1")
    again = world.store.wakes[-1]
    assert (again.job, again.key) == (Job.DRAW_MESSAGE, "run:1")
    assert again.at is not None
    await world.draw("run:1")
    assert world.texts() == [("", "asked")]


async def test_a_message_that_slack_refuses_is_tried_again_when_its_claim_has_run_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(messages_module, "DRAWING_LEASE", timedelta(0))
    world = World()
    await world.want()
    world.chat.trouble.append(OperationFailed("Slack refused: channel_not_found", error="channel_not_found"))
    await world.draw("run:1")
    await world.draw("run:1")
    assert world.texts() == [("", "asked")]


async def test_a_message_that_cannot_be_painted_is_let_go_for_the_jobs_retry() -> None:
    world = World()
    await world.want()
    world.chat.trouble.append(KeyError("a bug"))
    with pytest.raises(KeyError):
        await world.draw("run:1")
    await world.draw("run:1")
    assert world.texts() == [("", "asked")]


async def test_a_drawer_that_comes_while_another_draws_leaves_a_wake_up() -> None:
    world = World()
    await world.want()
    async with world.store.work() as work:
        assert await work.messages.claim("run:1", "other", timedelta(minutes=1))
    before = len(world.store.wakes)
    await world.draw("run:1")
    assert world.texts() == []
    assert len(world.store.wakes) == before + 1


@pytest.mark.parametrize("key", ["run:unknown", "run:1"])
async def test_a_message_that_nobody_wants_or_knows_is_not_posted(key: str) -> None:
    world = World()
    world.says = {}
    await world.want()
    await world.draw(key)
    assert world.texts() == []

"""Messages as views: drawn once, found again after a crash, in order, and patient with Slack."""

from datetime import UTC, datetime, timedelta

import pytest

from bot.domain.documents import Document, Text
from bot.domain.errors import OperationFailed
from bot.services import messages as messages_module
from bot.services.messages import TRY_AGAIN, Messages, want
from bot.services.ports import ChatUnavailable
from bot.services.rows import Job, MessageRow, Wake
from bot.stores.memory.store import MemoryStore
from tests.fakes import FakeChat


class World:
    """A store, a Slack, and what each message should say."""

    def __init__(self) -> None:
        self.passed = timedelta()
        self.store = MemoryStore(lambda: datetime(2026, 11, 24, tzinfo=UTC) + self.passed)
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
    for _ in range(3):
        world.passed += TRY_AGAIN
        await world.draw("run:1", "run:1:result", "run:1:steps")
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
    assert again.at == datetime(2026, 11, 24, tzinfo=UTC) + timedelta(seconds=30)
    await world.draw("run:1")
    assert world.texts() == [], "not before Slack says"
    world.passed = timedelta(seconds=30)
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


async def test_a_drawer_that_comes_while_another_draws_leaves_it_to_that_one() -> None:
    world = World()
    await world.want()
    async with world.store.work() as work:
        assert await work.messages.claim("run:1", "other", timedelta(minutes=1))
    before = len(world.store.wakes)
    await world.draw("run:1")
    assert world.texts() == []
    assert len(world.store.wakes) == before


async def test_what_is_wanted_while_somebody_draws_is_drawn_by_one_more_wake_up() -> None:
    world = World()
    await world.want()
    paint, before = world.paint, len(world.store.wakes)

    async def slowly(key: str) -> Document | None:
        document = await paint(key)
        for word in ("more", "even more"):
            world.says[key], world.passed = word, world.passed + timedelta(milliseconds=1)
            async with world.store.work() as work:
                await work.messages.want(MessageRow(key, "C1"))
            await world.messages.draw(key)
        return document

    world.messages = Messages(world.store, world.chat, {"run": slowly}, "worker")
    await world.draw("run:1")
    assert world.store.wakes[before:] == [Wake(Job.DRAW_MESSAGE, "run:1")]
    world.messages = Messages(world.store, world.chat, {"run": paint}, "worker")
    await world.draw("run:1")
    assert world.texts() == [("", "even more")]


class Away(FakeChat):
    """Says 429 with a Retry-After for a while, then does not answer for ten minutes; counts how often it is asked."""

    asked = 0
    says: ChatUnavailable | None = None

    def _trouble(self) -> None:
        self.asked += 1
        if self.says is not None:
            raise self.says


async def test_ten_minutes_without_slack_are_caught_up_in_order_and_cost_one_wake_up_a_message() -> None:
    world, begin = World(), datetime(2026, 11, 24, tzinfo=UTC)
    world.chat = Away()
    world.messages = Messages(world.store, world.chat, {"run": world.paint}, "worker")
    most = 0
    for second in range(700):
        world.passed = timedelta(seconds=second)
        world.chat.says = slack_at(second)
        if second % 2 == 0 and second < 650:  # as often as progress is written
            world.says["run:1:steps"] = f"{second} of 650"
            await world.want()
        due = [wake for wake in world.store.wakes if wake.at is None or wake.at <= begin + world.passed]
        world.store.wakes = [wake for wake in world.store.wakes if wake not in due]
        most = max(most, len(world.store.wakes))
        for wake in due:
            await world.messages.draw(wake.key)
    assert world.texts() == [("", "asked"), ("1.000000", "648 of 650"), ("1.000000", "done")]
    assert world.store.wakes == [], "nothing more is to be done"
    assert most <= 3, "one wake-up a message"
    # Every 30 s of the 429, every 5 s of the outage, and every 2 s of progress once it is back; nothing else.
    assert world.chat.asked <= 60 / 30 + 540 / 5 + 50 / 2 + 10


def slack_at(second: int) -> ChatUnavailable | None:
    if second < 60:
        return ChatUnavailable("429", timedelta(seconds=30), in_doubt=False)
    return ChatUnavailable("no answer", timedelta(seconds=5), in_doubt=True) if second < 600 else None


@pytest.mark.parametrize("key", ["run:unknown", "run:1"])
async def test_a_message_that_nobody_wants_or_knows_is_not_posted(key: str) -> None:
    world = World()
    world.says = {}
    await world.want()
    await world.draw(key)
    assert world.texts() == []

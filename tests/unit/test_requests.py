"""From an inbox row to an answer: who asks, for what, may they, and where."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bot.domain.audit import Verb
from bot.domain.catalog import Catalog
from bot.domain.commands import Command, Family, Place, Request
from bot.domain.documents import Document, Reply, Text
from bot.domain.errors import OperationFailed
from bot.domain.people import Person
from bot.domain.plans import Step
from bot.domain.risk import Risk
from bot.policy.rules import Rules
from bot.services import requests as requests_module
from bot.services.alerts import Alerts
from bot.services.approvals import Approvals
from bot.services.backups import Backups
from bot.services.desk import desk
from bot.services.enrolment import Enrolment
from bot.services.exceptions import Exceptions
from bot.services.freshness import Freshness
from bot.services.interruptions import Interruptions
from bot.services.people import People
from bot.services.ports import ChatUnavailable
from bot.services.registry import Places, Services
from bot.services.requests import Requests
from bot.services.rows import AuditQuery, Delivery, DeliveryKind
from bot.services.runs import Asked, Runs
from bot.services.scoreboard import Scoreboard
from bot.services.silences import Silences
from bot.services.summoning import Summoning
from bot.services.trail import Trail
from bot.stores.memory.inbox import MemoryInbox
from bot.stores.memory.store import MemoryStore
from tests.approving import no_proofs
from tests.fakes import FakeChat, FakeTools, Scripted, catalog_of, runbook
from tests.folders import FakeFolder


async def _try(request: Request, services: Services) -> None:
    await services.runs.request("try-a-thing", request.params, Asked(request.id, request.actor, request.origin))


async def _look(_request: Request, _services: Services) -> Reply:
    return Reply(Document("all is well", [Text("all is well")]))


async def _break(_request: Request, _services: Services) -> Reply:
    raise KeyError("password=hunter2")


FAMILIES = (
    Family("thing", "Things.", (Command("try", "Try.", _try, risk=Risk.ROUTINE, runbook="try-a-thing"),)),
    Family("look", "Looks.", (Command("", "Look.", _look, sensitive=True),), Place.ANYWHERE),
    Family("break", "Breaks.", (Command("", "Break.", _break),), Place.ANYWHERE),
)


class World:
    """The bot's inside, between an inbox and a Slack that are both in memory."""

    def __init__(self) -> None:
        self.store, self.chat, self.tools = MemoryStore(), FakeChat(), FakeTools()
        books = catalog_of(runbook(Step("one", "One", Scripted("one"))))
        catalog = Catalog(FAMILIES, books.runbooks)
        people = People(self.chat, "T1")
        approvals = Approvals(self.store, self.chat, people, Freshness(self.tools, catalog))
        runs = Runs(self.store, self.tools, catalog, approvals)
        health: Any = None
        places = Places("/takumi", ("CALERTS",))
        backups, trail = Backups(self.store, FakeFolder()), Trail(self.store)
        self.services = Services(
            store=self.store,
            runs=runs,
            approvals=approvals,
            interruptions=Interruptions(self.store, self.chat),
            exceptions=Exceptions(self.store, self.chat),
            enrolment=Enrolment(self.store, self.chat, no_proofs(self.store)),
            backups=backups,
            trail=trail,
            health=health,
            catalog=catalog,
            alerts=(alerts := Alerts(self.store, Rules())),
            silences=Silences(self.store, alerts),
            summoning=Summoning(self.store, self.chat, alerts),
            scoreboard=Scoreboard(self.store, "takumi"),
            places=places,
        )
        self.requests = Requests(self.store, self.chat, people, trail, desk(self.services, self.tools), "worker")
        self.count = 0

    async def type(self, text: str, *, user: str = "UAIKO", channel: str = "CALERTS", thread: str = "") -> str:
        """Type a command (in a thread: mention the bot); the answer is what was shown."""
        await self.requests.work(await self.received(text, user=user, channel=channel, thread=thread))
        return self.shown()

    async def received(self, text: str, *, user: str = "UAIKO", channel: str = "CALERTS", thread: str = "") -> str:
        """The same, and nobody has worked on it."""
        kind = DeliveryKind.MENTION if thread else DeliveryKind.COMMAND
        self.count += 1
        payload = {"kind": kind, "user": user, "team": "T1", "channel": channel, "text": text, "thread": thread}
        payload["response_url"] = "" if thread else "https://respond"
        inbox_id, _ = await self.store.receive(Delivery(kind, f"key-{self.count}", payload))
        return inbox_id

    def shown(self) -> str:
        documents = [document for _, document in self.chat.responses]
        documents += [document for _, _, document in self.chat.whispers]
        documents += [document for _, document, _ in self.chat.posts.values()]
        return " | ".join(_text(document) for document in documents[-1:])

    async def verbs(self) -> list[Verb]:
        async with self.store.work() as work:
            return [one.entry.verb for one in await work.audit.find(AuditQuery(limit=90))]


def _text(document: Document) -> str:
    return " ".join(getattr(part, "text", "") or getattr(part, "markup", "") for part in document.parts)


async def test_a_command_is_answered_privately() -> None:
    world = World()
    assert await world.type("look") == "all is well"
    assert world.chat.posts == {}


async def test_a_mention_is_answered_in_its_thread_for_all_to_see() -> None:
    world = World()
    assert await world.type("look", thread="5.5") == "all is well"
    assert [thread for thread, _, _ in world.chat.posts.values()] == ["5.5"]


async def test_a_command_that_starts_a_run_makes_one_however_often_it_is_worked_on() -> None:
    world = World()
    await world.type("thing try")
    await world.requests.work(next(iter(wake.key for wake in world.store.wakes)))
    assert len(await world.services.runs.recent(9)) == 1


async def test_a_misspelt_command_is_told_the_nearest() -> None:
    world = World()
    assert "Did you mean /takumi look?" in await world.type("lok")
    assert "Did you mean /takumi thing try?" in await world.type("thing tyr")


async def test_unknown_parameters_are_refused_and_not_ignored() -> None:
    world = World()
    assert "no 'wrod' here; did you mean 'word'" in await world.type("thing try wrod=x")
    assert await world.services.runs.recent(9) == []


async def test_an_open_quotation_mark_is_told() -> None:
    assert "Close every quotation mark" in await World().type('thing try word="x')


async def test_outside_its_channels_a_family_answers_privately_with_the_right_one() -> None:
    world = World()
    assert "<#CALERTS>" in await world.type("thing try", channel="CRANDOM")
    assert await world.services.runs.recent(9) == []
    assert await world.type("look", channel="CRANDOM") == "all is well"


@pytest.mark.parametrize("reason", ["you are a guest here", "your account is deactivated", "you are a bot"])
async def test_who_is_not_welcome_is_refused_and_that_is_in_the_trail(reason: str) -> None:
    world = World()
    world.chat.people["UGUEST"] = Person("UGUEST", "T1", "Gus", refusal=reason)
    assert reason in await world.type("look", user="UGUEST")
    assert await world.verbs() == [Verb.COMMAND_REFUSED]


async def test_who_fills_no_role_may_look_but_change_nothing() -> None:
    world = World()
    world.chat.people["UNEW"] = Person("UNEW", "T1", "Nell")
    assert await world.type("look", user="UNEW") == "all is well"
    assert "none of the configured roles" in await world.type("thing try", user="UNEW")
    assert await world.services.runs.recent(9) == []


async def test_a_sensitive_read_is_in_the_trail() -> None:
    world = World()
    await world.type("look")
    assert await world.verbs() == [Verb.COMMAND_RECEIVED]


async def test_a_bug_shows_a_reference_and_no_secret() -> None:
    shown = await World().type("break")
    assert "reference" in shown
    assert "hunter2" not in shown


async def test_a_person_who_cannot_be_looked_up_now_is_answered_later() -> None:
    world = World()
    world.chat.trouble.append(ChatUnavailable("users.info: 503", timedelta(seconds=1), in_doubt=True))
    with pytest.raises(ChatUnavailable):
        await world.type("look")
    inbox_id = world.store.wakes[0].key
    await world.requests.work(inbox_id)
    assert world.shown() == "all is well"
    await world.requests.work(inbox_id)
    assert len(world.chat.responses) == 1, "answered once"


async def test_the_words_of_a_button_from_another_version_are_understood_as_such() -> None:
    world = World()
    payload = {"kind": "action", "user": "UAIKO", "team": "T1", "channel": "CALERTS", "action": "run.fly", "value": "1"}
    inbox_id, _ = await world.store.receive(Delivery(DeliveryKind.ACTION, "k", payload))
    await world.requests.work(inbox_id)
    assert "another version" in world.shown()


async def test_the_cancel_button_cancels_and_says_so_to_the_clicker() -> None:
    world = World()
    await world.type("thing try")
    (run,) = await world.services.runs.recent(9)
    payload = {
        "kind": "action",
        "user": "UAIKO",
        "team": "T1",
        "channel": "CALERTS",
        "action": "run.cancel",
        "value": run.id,
    }
    inbox_id, _ = await world.store.receive(Delivery(DeliveryKind.ACTION, "k", payload))
    await world.requests.work(inbox_id)
    assert "is cancelled; nothing was done" in world.shown()


async def test_an_answer_that_slack_refuses_is_not_worked_on_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    """The address of an answer expires, a channel goes: what was asked for was done all the same."""

    async def refuse(*_: object) -> None:
        raise OperationFailed("Slack refused an answer: expired_url")

    world = World()
    monkeypatch.setattr(world.chat, "respond", refuse)
    inbox_id = await world.received("thing try typo=1")
    await world.requests.work(inbox_id)
    async with world.store.work() as work:
        row = await work.inbox.get(inbox_id)
    assert row is not None
    assert row.worked


async def test_an_answer_while_slack_is_away_is_given_later() -> None:
    world = World()
    inbox_id = await world.received("look")
    world.chat.trouble = [ChatUnavailable("rate limited", timedelta(seconds=1), in_doubt=False)]
    with pytest.raises(ChatUnavailable):
        await world.requests.work(inbox_id)
    await world.requests.work(inbox_id)
    assert world.shown() == "all is well"


async def test_a_request_that_takes_long_stays_its_worker_s(monkeypatch: pytest.MonkeyPatch) -> None:
    lease = timedelta(milliseconds=30)
    monkeypatch.setattr(requests_module, "WORKING_LEASE", lease)
    world, going_on, renewals = World(), asyncio.Event(), asyncio.Queue[bool]()
    now, renew = [datetime(2026, 7, 1, tzinfo=UTC)], MemoryInbox.renew
    world.store._clock = lambda: now[0]

    async def look_for_long(_user: str) -> Person:
        await going_on.wait()
        return Person("UAIKO", "T1", "Aiko")

    async def renew_and_tell(*asked: Any) -> bool:
        renewals.put_nowait(renewed := await renew(*asked))
        return renewed

    monkeypatch.setattr(world.chat, "person", lambda user, **_: look_for_long(user))
    monkeypatch.setattr(MemoryInbox, "renew", renew_and_tell)
    inbox_id = await world.received("look")
    working = asyncio.create_task(world.requests.work(inbox_id))
    for _ in range(3):
        assert await asyncio.wait_for(renewals.get(), 30)
        now[0] += lease * 2 / 3
    async with world.store.work() as work:
        assert await work.inbox.claim(inbox_id, "another", timedelta(seconds=1)) is None
    going_on.set()
    await working

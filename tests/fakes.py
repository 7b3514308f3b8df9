"""Fakes for the unit tests of rules: a Slack that remembers, a platform that does as the test says."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from bot.domain.catalog import Catalog, Loaded
from bot.domain.documents import Document, Form
from bot.domain.operations import Observation, Outcome, StepContext
from bot.domain.params import Params
from bot.domain.people import Person, Role
from bot.domain.plans import Claim, Plan, Step
from bot.domain.risk import Risk
from bot.domain.runbooks import Facts, Runbook, RunInfo
from bot.services.ports import ChatUnavailable, Posted

MINUTE = timedelta(minutes=1)


@dataclass
class FakeChat:
    """Remembers what was said; `trouble` raises once for each error that a test puts in."""

    people: dict[str, Person] = field(default_factory=dict)
    posts: dict[tuple[str, str], tuple[str, Document, str]] = field(default_factory=dict)
    whispers: list[tuple[str, str, Document]] = field(default_factory=list)
    responses: list[tuple[str, Document]] = field(default_factory=list)
    modals: dict[str, Form | Document] = field(default_factory=dict)
    homes: dict[str, Document] = field(default_factory=dict)
    updates: int = 0
    trouble: list[Exception] = field(default_factory=list)
    lost_answers: int = 0

    async def post(self, channel: str, thread: str, document: Document, key: str) -> Posted:
        self._trouble()
        ts = f"{len(self.posts) + 1}.000000"
        self.posts[channel, ts] = (thread, document, key)
        if self.lost_answers:
            self.lost_answers -= 1
            raise ChatUnavailable("the answer was lost", timedelta(), in_doubt=True)
        return Posted(channel, ts)

    async def update(self, posted: Posted, document: Document, key: str) -> None:
        self._trouble()
        self.updates += 1
        thread, _, _ = self.posts[posted.channel, posted.ts]
        self.posts[posted.channel, posted.ts] = (thread, document, key)

    async def find(self, channel: str, thread: str, key: str) -> Posted | None:
        for (there, ts), (its_thread, _, its_key) in self.posts.items():
            if (there, its_thread, its_key) == (channel, thread, key):
                return Posted(channel, ts)
        return None

    async def whisper(self, channel: str, user: str, thread: str, document: Document) -> None:  # noqa: ARG002 - the port's
        self._trouble()
        self.whispers.append((channel, user, document))

    async def respond(self, response_url: str, user: str, document: Document) -> None:  # noqa: ARG002 - the port's
        self._trouble()
        self.responses.append((response_url, document))

    async def members(self, role: Role) -> frozenset[str]:
        return frozenset(user for user, person in self.people.items() if role in person.roles)

    async def person(self, user: str, *, fresh_roles: bool = False) -> Person:  # noqa: ARG002 - the port's
        self._trouble()
        return self.people.get(user, Person(user, "T1", user, roles=frozenset({Role.DEVELOPER})))

    async def show_home(self, user: str, document: Document) -> None:
        self._trouble()
        self.homes[user] = document

    async def link(self, posted: Posted) -> str:
        return f"http://slack.test/{posted.channel}/{posted.ts}"

    async def fill_modal(self, external_id: str, content: Form | Document) -> None:
        self.modals[external_id] = content

    def _trouble(self) -> None:
        if self.trouble:
            raise self.trouble.pop(0)


@dataclass
class FakeTools:
    """What scripted operations find as their tools: the step's context, and a list of what happened."""

    happened: list[str] = field(default_factory=list)
    ended: list[str] = field(default_factory=list)
    started: asyncio.Event = field(default_factory=asyncio.Event)

    def for_look_up(self) -> Any:
        return self

    def for_step(self, context: StepContext) -> Any:
        return StepTools(context, self.happened, self.started)

    async def end_effects(self, run_id: str) -> Sequence[str]:
        self.ended.append(run_id)
        return []


@dataclass(frozen=True)
class StepTools:
    """One step's tools."""

    context: StepContext
    happened: list[str]
    started: asyncio.Event


Act = Callable[[StepTools], Awaitable[Outcome | None]]


@dataclass(frozen=True)
class Scripted:
    """An operation that notes its name and then does what the test says."""

    name: str
    act: Act | None = None
    look: Observation | None = None
    safe_to_repeat: bool = False
    timeout: timedelta = MINUTE

    def describe(self) -> str:
        return self.name

    async def run(self, tools: StepTools) -> Outcome:
        tools.happened.append(self.name)
        tools.started.set()
        return (await self.act(tools) if self.act else None) or Outcome(f"{self.name} done")


@dataclass(frozen=True)
class Probed(Scripted):
    """The same, whose effect can be looked up."""

    async def probe(self, tools: StepTools) -> Observation:
        tools.happened.append(f"probe {self.name}")
        assert self.look is not None
        return self.look


def failing(error: Exception) -> Act:
    async def act(_tools: StepTools) -> Outcome | None:
        raise error

    return act


def forever() -> Act:
    async def act(tools: StepTools) -> Outcome | None:
        try:
            await asyncio.sleep(3600)
        except asyncio.CancelledError:
            tools.happened.append("stopped")
            raise
        return None

    return act


class Nothing(Params):
    """No parameters, but distinguishable ones."""

    word: str = ""


def runbook(*steps: Step, risk: Risk = Risk.ROUTINE, claims: tuple[Claim, ...] = (), recovers: str = "") -> Runbook:
    """A runbook whose plan has these steps."""

    async def look_up(_params: Any, _tools: Any) -> Facts:
        return Facts()

    def plan(_params: Any, _facts: Any, _run: RunInfo) -> Plan:
        return Plan("Try a thing", steps, claims, "demo", recovers=recovers)

    return Runbook(
        "try-a-thing", "Try a thing", "For tests.", risk, Role.DEVELOPER, "none", Nothing, Facts, look_up, plan
    )


def catalog_of(*books: Runbook) -> Catalog:
    return Catalog((), {book.name: Loaded(book, "source") for book in books})

"""Small worlds on a real database of the bot, whose effects are seen by the platform and judged as the soak judges."""

import asyncio
import itertools
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from bot.domain.operations import Outcome
from bot.domain.plans import Claim, Step
from bot.domain.runs import Origin, Run, RunState
from bot.services.approvals import Approvals
from bot.services.execution import Execution
from bot.services.freshness import Freshness
from bot.services.people import People
from bot.services.ports import Tools
from bot.services.runs import Asked, Runs
from bot.stores.postgres import PostgresStore
from tests.fakes import FakeChat, FakeTools, Nothing, Scripted, StepTools, catalog_of, runbook
from tests.soak.checker import Entry, Evidence
from tests.soak.platform_log import Done, Rename
from tests.stores import BotDatabase, rows
from tests.unit.test_execution import AIKO

LEASE = timedelta(seconds=0.5)


@dataclass
class Seen:
    """What the platform sees."""

    done: list[Done] = field(default_factory=list)
    _pids: Any = field(default_factory=itertools.count)

    def note(self, tools: StepTools, statement: str) -> None:
        where = tools.context
        at = datetime.now(UTC)
        self.done.append(Done(at, next(self._pids), where.run, where.step, where.attempt, statement))


class Scene:
    """Runs of one step each, which the test lets go on, and as many workers as it needs."""

    def __init__(self, store: PostgresStore, database: BotDatabase, tools: Tools | None = None) -> None:
        self.store, self.database = store, database
        self.tools: Any = tools or FakeTools()
        self.seen, self.gates, self.begun = Seen(), {"first": asyncio.Event()}, asyncio.Event()
        step = Step("load", "Load", Scripted("load", self._load, safe_to_repeat=True))
        self.use(step)

    def use(self, step: Step) -> None:
        self.catalog = catalog_of(runbook(step, claims=(Claim("1/takumi"),)))
        chat = FakeChat()
        freshness = Freshness(self.tools, self.catalog)
        self.approvals = Approvals(self.store, chat, People(chat, "T1"), freshness)
        self.runs = Runs(self.store, self.tools, self.catalog, self.approvals)

    async def _load(self, tools: StepTools) -> Outcome | None:
        """The first attempt waits for the test, every other ends at once."""
        self.seen.note(tools, "CREATE DATABASE")
        self.begun.set()
        if tools.context.attempt == 1:
            await self.gates["first"].wait()
        self.seen.note(tools, "COPY")
        return None

    def worker(self, owner: str) -> Execution:
        return Execution(self.store, self.tools, self.catalog, self.approvals, owner, LEASE)

    async def ask(self, word: str = "") -> Run:
        return await self.runs.request("try-a-thing", Nothing(word=word), Asked(f"inbox-{word}", AIKO, Origin()))

    async def state(self, run: Run) -> RunState:
        async with self.store.work() as work:
            found = await work.runs.get(run.id)
        assert found is not None
        return found.state

    async def evidence(self, renames: list[Rename] | None = None) -> Evidence:
        """What the witnesses of this world say; nothing was said in Slack, and nothing lies on a disk."""
        found = await rows(self.database.owner_url, "SELECT at, body FROM audit_entries ORDER BY id")
        return nothing_but(trail=[_entry(*row) for row in found], done=self.seen.done, renames=renames or [])


def _entry(at: datetime, body: str) -> Entry:
    parsed = json.loads(body)
    return Entry(at, parsed["verb"], parsed.get("run", ""), parsed.get("details", {}))


def nothing_but(**known: Any) -> Evidence:
    """Evidence in which everything else is empty."""
    empty: dict[str, Callable[[], Any]] = {"strays": set, "objects": set, "recorded": set}
    empty |= dict.fromkeys(("asked", "restores", "approved", "databases", "dumps"), dict)
    lists = ("threads", "private", "done", "renames", "sessions", "programs", "refused", "trail", "unworked", "waiting")
    empty |= dict.fromkeys(lists, list)
    return Evidence(**{name: make() for name, make in empty.items()} | known)

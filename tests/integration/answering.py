"""A worker that is killed right after its effect was committed: `python -m tests.integration.answering URL INBOX_ID`.

It is the bot's own desk, approvals and store; only Slack is a fake, which the kill comes from.
"""

import asyncio
import os
import signal
import sys
from types import SimpleNamespace
from typing import Any

from bot.domain.documents import Document
from bot.domain.people import Person
from bot.domain.plans import Step
from bot.domain.risk import Risk
from bot.engine.queue import Queue
from bot.services.actions import ACTIONS, SUBMISSIONS
from bot.services.approvals import Approvals
from bot.services.desk import Desk
from bot.services.freshness import Freshness
from bot.services.people import People
from bot.services.registry import Places
from bot.services.requests import Requests
from bot.services.runs import Runs
from bot.services.trail import Trail
from bot.stores.connections import make_pool
from bot.stores.postgres import PostgresStore
from tests.approving import PEOPLE
from tests.fakes import FakeChat, FakeTools, Scripted, catalog_of, runbook
from tests.stores import DEFER_RECEIVED

STEP = "one"


class KillingChat(FakeChat):
    """The kernel ends the worker before Slack has heard anything."""

    async def respond(self, response_url: str, user: str, document: Document) -> None:  # noqa: ARG002 - the port's
        os.kill(os.getpid(), signal.SIGKILL)


class Office:
    """Whoever answers requests, with a Slack of the test's choice."""

    def __init__(self, store: PostgresStore, chat: FakeChat, owner: str) -> None:
        self.store, self.chat = store, chat
        chat.people = dict[str, Person](PEOPLE)
        tools, catalog = FakeTools(), catalog_of(runbook(Step(STEP, "One", Scripted(STEP)), risk=Risk.DESTRUCTIVE))
        people = People(chat, "T1")
        approvals = Approvals(store, chat, people, Freshness(tools, catalog))
        self.runs = Runs(store, tools, catalog, approvals)
        self.requests = Requests(store, chat, people, Trail(store), _desk(self.runs, approvals, tools), owner)


def _desk(runs: Runs, approvals: Approvals, tools: Any) -> Desk:
    services: Any = SimpleNamespace(runs=runs, approvals=approvals, places=Places())
    return Desk(services, tools, ACTIONS, SUBMISSIONS)


async def main(url: str, inbox_id: str) -> None:
    queue = Queue(url)
    async with make_pool(url) as pool:
        store = PostgresStore(pool, queue.deferrer, DEFER_RECEIVED)
        await Office(store, KillingChat(), "the one that dies").requests.work(inbox_id)
    sys.exit("it lived")


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2]))

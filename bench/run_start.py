"""From the click on Approve to the first step: the engine's own part of it, against the queue that it stands on.

Ours is recorded in the inbox, decided, audited, moved by compare-and-swap, leased, and its intent is committed before
the step begins: two jobs and a dozen of statements. Slack's and the platform's answers are instant here, since they are
nobody's engine. The peer is Procrastinate alone: a job deferred and its task begun, in the same process and database.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from statistics import median
from typing import Any

from procrastinate import App, PsycopgConnector

from bench.ack import DATABASE, database
from bench.results import Compared, Result
from bot.domain.approvals import Verdict
from bot.domain.documents import Document, Reply
from bot.domain.operations import Outcome
from bot.domain.people import Actor, Person, Role, Surface
from bot.domain.plans import Claim, Step
from bot.domain.risk import Risk
from bot.domain.runs import Origin
from bot.engine.queue import Queue, deferral_sql
from bot.services.approvals import Approvals
from bot.services.execution import Execution
from bot.services.freshness import Freshness
from bot.services.incoming import Incoming
from bot.services.people import People
from bot.services.requests import Requests
from bot.services.rows import Delivery, DeliveryKind, Job
from bot.services.runs import Asked, Runs
from bot.services.trail import Trail
from bot.services.workbench import Workbench
from bot.stores.connections import make_pool
from bot.stores.migrate import ForeignSchema, migrate
from bot.stores.postgres import PostgresStore
from demo.platform.databases import BOT_OWNER, BOT_RUNTIME
from demo.platform.postgres import Cluster
from tests.fakes import FakeChat, FakeTools, Nothing, catalog_of, runbook
from tests.stores import QUEUE_SCHEMA

COMPARED = Compared("run.start", "Procrastinate alone: a job deferred, its task begun", "ms", 3.0, "lower")
ROUNDS, CLICKS, WARM_UP = 3, 30, 5
AIKO = Actor("slack:T1:UAIKO", Surface.SLACK, "UAIKO")
EMI = Person("UEMI", "T1", "Emi", roles=frozenset({Role.ENGINEERING_LEAD}))

Once = Callable[[], Awaitable[float]]


async def run() -> Sequence[Result]:
    """Both workers run all the time; only one is asked at once."""
    async with database() as cluster:
        schema: ForeignSchema = QUEUE_SCHEMA
        await migrate(cluster.url(DATABASE, BOT_OWNER), BOT_RUNTIME, [schema])
        async with ours(cluster) as our_start, peer(cluster) as peer_start:
            mine: list[float] = []
            theirs: list[float] = []
            for _ in range(ROUNDS):
                theirs.append(await typical(peer_start))
                mine.append(await typical(our_start))
    return [COMPARED.result(mine, theirs)]


async def typical(once: Once) -> float:
    """The median in milliseconds."""
    seen = [await once() for _ in range(WARM_UP + CLICKS)]
    return 1000 * median(seen[WARM_UP:])


@dataclass(frozen=True)
class Begin:
    """A step that only says that it has begun."""

    begun: Callable[[], None]
    timeout: timedelta = timedelta(minutes=1)
    safe_to_repeat: bool = True

    def describe(self) -> str:
        return "Begin"

    async def run(self, _tools: Any) -> Outcome:
        self.begun()
        return Outcome("begun")


@dataclass(frozen=True)
class ApprovalDesk:
    """Only knows what a click on Approve means."""

    approvals: Approvals

    async def answer(self, _request: str, incoming: Incoming, actor: Actor, _person: Person) -> Reply:
        return Reply(Document(await self.approvals.decide(incoming.value, actor, Verdict.APPROVED)))


@asynccontextmanager
async def ours(cluster: Cluster) -> AsyncIterator[Once]:
    """A worker of the bot; yields what clicks once, and answers the seconds until the first step began."""
    url, stop, begun = cluster.url(DATABASE, BOT_RUNTIME), asyncio.Event(), asyncio.Event()
    queue, pool = Queue(url), make_pool(url)
    await pool.open()
    store = PostgresStore(pool, queue.deferrer, deferral_sql(Job.WORK_INBOX))
    book = runbook(Step("one", "One", Begin(begun.set)), risk=Risk.DESTRUCTIVE, claims=(Claim("1/takumi"),))
    catalog, tools, chat = catalog_of(book), FakeTools(), FakeChat(people={"UEMI": EMI})
    people = People(chat, "T1")
    approvals = Approvals(store, chat, people, Freshness(tools, catalog))
    runs, number = Runs(store, tools, catalog, approvals), iter(range(10**6))
    workbench = Workbench(Execution(store, tools, catalog, approvals, "bench").advance)
    store.nearby = workbench.nearby
    handlers = _handlers(store, chat, people, approvals, workbench)

    async def once() -> float:
        word = str(next(number))
        asked = await runs.request("try-a-thing", Nothing(word=word), Asked(word, AIKO, Origin()))
        await _idle(cluster)
        begun.clear()
        payload = {"kind": "action", "user": "UEMI", "team": "T1", "channel": "C1", "action": "run.approve"}
        clicked = Delivery(DeliveryKind.ACTION, f"click-{word}", payload | {"value": asked.id, "response_url": "r"})
        started = time.perf_counter()
        await store.receive(clicked)
        await begun.wait()
        return time.perf_counter() - started

    working = asyncio.create_task(queue.run(handlers, 8, stop))
    try:
        yield once
    finally:
        await _idle(cluster)
        stop.set()
        await working
        await pool.close()


def _handlers(
    store: PostgresStore, chat: FakeChat, people: People, approvals: Approvals, workbench: Workbench
) -> Mapping[Job, Callable[[str], Awaitable[None]]]:
    desk: Any = ApprovalDesk(approvals)
    requests = Requests(store, chat, people, Trail(store), desk, "bench")

    async def nothing(_key: str) -> None:
        """Messages and calls are drawn beside the run."""

    here = {Job.WORK_INBOX: requests.work, Job.ADVANCE_RUN: workbench.wake}
    return dict.fromkeys(Job, nothing) | here


async def _idle(cluster: Cluster) -> None:
    """Until the last run has ended, and no job is at work."""
    busy = (
        "SELECT (SELECT count(*) FROM runs WHERE state IN ('approved', 'running'))"
        " + (SELECT count(*) FROM procrastinate_jobs"
        "    WHERE status = 'doing' OR (status = 'todo' AND scheduled_at IS NULL))"
    )
    async with cluster.connect(DATABASE) as connection:
        while (await (await connection.execute(busy)).fetchone() or (0,))[0]:  # noqa: ASYNC110 - rows tell nobody
            await asyncio.sleep(0.005)


@asynccontextmanager
async def peer(cluster: Cluster) -> AsyncIterator[Once]:
    """Procrastinate with its own defaults, on a queue of its own."""
    app = App(connector=PsycopgConnector(conninfo=cluster.url(DATABASE, BOT_RUNTIME)))
    begun = asyncio.Event()

    @app.task(name="peer", queue="peer")
    async def task() -> None:
        begun.set()

    async def once() -> float:
        begun.clear()
        started = time.perf_counter()
        await task.defer_async()
        await begun.wait()
        return time.perf_counter() - started

    async with app.open_async():
        working = asyncio.create_task(
            app.run_worker_async(
                queues=["peer"], concurrency=8, install_signal_handlers=False, delete_jobs="successful"
            )
        )
        try:
            yield once
        finally:
            working.cancel()
            await asyncio.gather(working, return_exceptions=True)

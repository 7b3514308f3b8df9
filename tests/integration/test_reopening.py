"""A run that could not open what it closed: the next look at the platform does, from whatever process."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest
import pytest_asyncio

from bot.domain.audit import Verb
from bot.domain.errors import OperationFailed
from bot.domain.operations import Outcome
from bot.domain.plans import Claim, Plan, Step
from bot.domain.runs import CLOSE_STEP, Origin, Run, RunState, StepState
from bot.operations import closing
from bot.operations.looking import DatabaseFacts, look_up_database
from bot.operations.reopening import ClosedTargets
from bot.operations.tools.toolbox import StepTools, Toolbox
from bot.services.approvals import Approvals
from bot.services.execution import Execution
from bot.services.freshness import Freshness
from bot.services.people import People
from bot.services.reopening import Reopening
from bot.services.rows import AuditQuery
from bot.services.runs import Asked, Runs
from bot.stores.postgres import PostgresStore
from demo.platform.databases import PLATFORM_MAINTENANCE
from demo.platform.postgres import Cluster
from tests.fakes import FakeChat, Nothing, catalog_of, runbook
from tests.integration.backups import connected, filled_database, platform
from tests.unit.test_execution import AIKO


@dataclass(frozen=True)
class LockOut:
    """Fails, and takes the bot's own way to the server away: what it did before cannot be put back."""

    cluster: Cluster
    timeout: timedelta = timedelta(minutes=1)
    safe_to_repeat: bool = False

    def describe(self) -> str:
        return "fail"

    async def run(self, _tools: StepTools) -> Outcome:
        await may_log_in(self.cluster, allowed=False)
        raise OperationFailed("the server is away")


async def may_log_in(cluster: Cluster, *, allowed: bool) -> None:
    async with cluster.connect() as superuser:
        await superuser.execute(f"ALTER ROLE {PLATFORM_MAINTENANCE} {'LOGIN' if allowed else 'NOLOGIN'}".encode())


@pytest_asyncio.fixture
async def source(cluster: Cluster) -> AsyncIterator[str]:
    async with filled_database(cluster) as name:
        yield name
        await may_log_in(cluster, allowed=True)


async def left_closed(store: PostgresStore, toolbox: Toolbox, cluster: Cluster, source: str) -> Run:
    """A real run that closed the database, failed, and could not open it again within its time."""
    facts = await look_up_database(toolbox.for_look_up(), source)
    book = replace(runbook(), plan=lambda _params, _facts, _run: closing_plan(facts, cluster))
    catalog, chat = catalog_of(book), FakeChat()
    approvals = Approvals(store, chat, People(chat, "T1"), Freshness(toolbox, catalog))
    run = await Runs(store, toolbox, catalog, approvals).request("try-a-thing", Nothing(), Asked("i", AIKO, Origin()))
    await Execution(store, toolbox, catalog, approvals, "worker").advance(run.id)
    return await look_at(store, run)


def closing_plan(facts: DatabaseFacts, cluster: Cluster) -> Plan:
    steps = (
        Step(CLOSE_STEP, "Close", closing.CloseDatabase(facts), undo=closing.OpenDatabase(facts)),
        Step("swap", "Swap", LockOut(cluster)),
    )
    claims = (Claim(facts.claim(exclusive=True).name),)
    return Plan("Close", steps, claims, "demo", {"oid": facts.oid, "database": facts.name})


async def look_at(store: PostgresStore, run: Run) -> Run:
    async with store.work() as work:
        found = await work.runs.get(run.id)
    assert found is not None
    return found


async def takes_sessions(cluster: Cluster, database: str) -> bool:
    try:
        async with connected(cluster, database):
            return True
    except psycopg.OperationalError:
        return False


async def test_a_database_that_its_run_could_not_open_for_all_its_time_is_opened_by_the_next_process(
    postgres_store: PostgresStore, cluster: Cluster, source: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(closing, "OPEN_WITHIN_SECONDS", 1.0)
    reached = platform(cluster, source, tmp_path)
    run = await left_closed(postgres_store, Toolbox(reached), cluster, source)
    assert run.state is RunState.FAILED
    assert "Could not put back" in run.failure
    assert not await takes_sessions(cluster, source)
    # Nothing of the process that failed is used from here on: only the row, and the platform itself.
    restarted = Reopening(postgres_store, ClosedTargets(Toolbox(reached)))
    await restarted.look()
    assert not await takes_sessions(cluster, source), "the server still refuses the bot: nothing can have been done"
    await may_log_in(cluster, allowed=True)
    await restarted.look()
    assert await takes_sessions(cluster, source)
    step = (await look_at(postgres_store, run)).step(CLOSE_STEP)
    assert (step.state, step.note) == (StepState.UNDONE, f"{source} takes sessions again")
    async with postgres_store.work() as work:
        verbs = [one.entry.verb for one in await work.audit.find(AuditQuery(run=run.id, limit=2))]
    assert verbs == [Verb.STEP_UNDONE, Verb.STEP_UNDO_INTENDED]


async def test_what_somebody_else_closed_or_put_in_its_place_stays_as_it_is(
    postgres_store: PostgresStore, cluster: Cluster, source: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(closing, "OPEN_WITHIN_SECONDS", 1.0)
    reached = platform(cluster, source, tmp_path)
    reopening = Reopening(postgres_store, ClosedTargets(Toolbox(reached)))
    async with cluster.connect() as superuser:
        close = f'ALTER DATABASE "{source}" ALLOW_CONNECTIONS false'.encode()
        await superuser.execute(close)
        await reopening.look()
        assert not await takes_sessions(cluster, source)
        await superuser.execute(f'ALTER DATABASE "{source}" ALLOW_CONNECTIONS true'.encode())
        await left_closed(postgres_store, Toolbox(reached), cluster, source)
        await may_log_in(cluster, allowed=True)
        await superuser.execute(f'ALTER DATABASE "{source}" RENAME TO "{source}_gone"'.encode())
        await superuser.execute(f'CREATE DATABASE "{source}" ALLOW_CONNECTIONS false'.encode())
        await reopening.look()
        found = await superuser.execute(
            "SELECT bool_or(datallowconn) FROM pg_database WHERE starts_with(datname, %s)", (source,)
        )
        assert await found.fetchone() == (False,)
        await superuser.execute(f'DROP DATABASE "{source}_gone"'.encode())

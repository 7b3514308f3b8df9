"""The bot's own services over real tools, with its store in memory: runs asked for, approved and worked on."""

from datetime import UTC, datetime
from typing import Any

from bot.catalog import load
from bot.domain.approvals import Verdict
from bot.domain.grammar import validated
from bot.domain.people import Actor
from bot.domain.runs import Origin, Run, RunState
from bot.operations.tools.toolbox import Toolbox
from bot.policy.rules import Rules
from bot.services import run_documents
from bot.services.approvals import Approvals
from bot.services.execution import Execution
from bot.services.freshness import Freshness
from bot.services.people import People
from bot.services.runs import Asked, Runs
from bot.stores.memory.store import MemoryStore
from tests.approving import AIKO, EMI, PEOPLE, no_proofs
from tests.fakes import FakeChat


class Working:
    """One worker; Aiko asks, Emi (engineering lead) approves."""

    def __init__(self, toolbox: Toolbox) -> None:
        self.store, self.catalog = MemoryStore(lambda: datetime.now(UTC)), load()
        chat = FakeChat(people=dict(PEOPLE))
        fresh, rules = Freshness(toolbox, self.catalog), Rules(alerts_channel="C1")
        self.approvals = Approvals(self.store, chat, People(chat, "T1"), fresh, rules, no_proofs(self.store))
        self.runs = Runs(self.store, toolbox, self.catalog, self.approvals)
        self.execution = Execution(self.store, toolbox, self.catalog, self.approvals, "worker")

    async def ask(self, runbook: str, **values: Any) -> Run:
        params = validated(self.runs.runbook(runbook).params, values)
        return await self.runs.request(runbook, params, self.asked(runbook))

    def asked(self, request: str, actor: Actor = AIKO) -> Asked:
        return Asked(f"{request}-{datetime.now(UTC).timestamp()}", actor, Origin("C1"))

    async def approve(self, run: Run, actor: Actor = EMI) -> None:
        await self.approvals.decide(run.id, actor, Verdict.APPROVED)

    async def worked(self, run: Run) -> Run:
        """The run as it is when a worker has had it."""
        await self.execution.advance(run.id)
        async with self.store.work() as work:
            found = await work.runs.get(run.id)
        assert found is not None
        return found

    async def succeeded(self, run: Run) -> Run:
        ended = await self.worked(run)
        assert ended.state is RunState.SUCCEEDED, (ended.failure, ended.hint)
        return ended

    def result(self, run: Run) -> str:
        """The closing message's parts, as text."""
        return repr(run_documents.result(run, self.runs.runbook(run.runbook)).parts)

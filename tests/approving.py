"""A destructive runbook, the people around it, and a clock that tests turn: what approvals are tested with."""

import base64
from datetime import UTC, datetime, timedelta
from typing import Any

from pydantic import SecretStr

from bot.domain.approvals import Verdict, needs_proof
from bot.domain.audit import Verb
from bot.domain.errors import BotError
from bot.domain.factors import Factor, FactorKind, Proof
from bot.domain.onetime import code_at, step_of
from bot.domain.people import Actor, Person, Role, Surface
from bot.domain.plans import Plan, ShownFact, Step
from bot.domain.risk import Risk
from bot.domain.runbooks import Facts, Runbook, RunInfo
from bot.domain.runs import Origin, Run
from bot.operations.tools.vault import KeyVault
from bot.operations.tools.wallets import WalletSignatures
from bot.policy.rules import Rules
from bot.services.approvals import Approvals
from bot.services.calls import Calls
from bot.services.exceptions import Exceptions
from bot.services.execution import Execution
from bot.services.freshness import Freshness
from bot.services.people import People
from bot.services.ports import Store
from bot.services.proofs import Proofs
from bot.services.rows import AuditQuery, Job
from bot.services.runs import Asked, Runs
from bot.stores.memory.store import MemoryStore
from tests.fakes import FakeChat, FakeTools, Nothing, Scripted, StepTools, catalog_of

AIKO, EMI, TARO, REI, SORA = (
    Actor(f"slack:T1:{user}", Surface.SLACK, user) for user in ("UAIKO", "UEMI", "UTARO", "UREI", "USORA")
)
PEOPLE = {
    "UAIKO": Person("UAIKO", "T1", "Aiko", roles=frozenset({Role.DEVELOPER})),
    "UTARO": Person("UTARO", "T1", "Taro", roles=frozenset({Role.TEAM_LEAD})),
    "UEMI": Person("UEMI", "T1", "Emi", roles=frozenset({Role.ENGINEERING_LEAD})),
}


SECRET = b"twenty bytes, no more"[:20]
KEY = SecretStr(base64.b64encode(b"k" * 32).decode())


def no_proofs(store: Store) -> Proofs:
    """Proofs of a deployment in which nobody has enrolled."""
    return Proofs(store, KeyVault(KEY), WalletSignatures(), "5a" * 32)


class Seen(Facts):
    """What the platform looks like now; tests change it."""

    sha256: str
    rows: int


class World:
    """A destructive runbook on a platform that tests can change under it."""

    def __init__(self, environment: str = "demo", rules: Rules | None = None, chat: FakeChat | None = None) -> None:
        self.passed = timedelta()
        self.store = self.make_store()
        self.tools, self.chat = FakeTools(), chat or FakeChat()
        self.chat.people |= PEOPLE
        self.seen: Seen | BotError = Seen(sha256="aaa", rows=1000)
        self.environment, self.enrols = environment, True
        catalog = catalog_of(self.book())
        rules = rules or Rules(alerts_channel="C1")
        people, fresh = People(self.chat, "T1"), Freshness(self.tools, catalog)
        self.proofs = no_proofs(self.store)
        self.approvals = Approvals(self.store, self.chat, people, fresh, rules, self.proofs)
        self.calls, self.exceptions = Calls(self.store, self.chat, rules), Exceptions(self.store, self.chat)
        self.runs = Runs(self.store, self.tools, catalog, self.approvals)
        self.execution = Execution(self.store, self.tools, catalog, self.approvals, "worker")

    def make_store(self) -> MemoryStore:
        return MemoryStore(lambda: datetime.now(UTC) + self.passed)

    async def effect(self, tools: StepTools) -> None:
        """What the step does to the platform; machines look closer."""

    def book(self) -> Runbook:
        async def look_up(_params: Any, _tools: Any) -> Facts:
            if isinstance(self.seen, BotError):
                raise self.seen
            return self.seen

        def plan(_params: Any, facts: Seen, _run: RunInfo) -> Plan:
            steps = (Step("swap", "Swap", Scripted("swap", act=self.effect)),)
            shown = (ShownFact("Rows now", facts.rows, tolerance=0.1),)
            return Plan("Replace", steps, (), self.environment, {"sha256": facts.sha256}, shown)

        return Runbook(
            "try-a-thing",
            "Replace",
            "For tests.",
            Risk.DESTRUCTIVE,
            Role.DEVELOPER,
            "none",
            Nothing,
            Seen,
            look_up,
            plan,
        )

    async def ask(self, request: str = "inbox-1", *, confirm: str = "Replace", glass: str = "") -> Run:
        if self.environment == "production" and self.enrols:
            self.enrols = False
            await self.enrol(AIKO, EMI, TARO, REI, SORA)
        asked = Asked(request, AIKO, Origin("C1"), confirm=confirm, glass=glass)
        return await self.runs.request("try-a-thing", Nothing(), asked)

    async def approve(self, run: Run, actor: Actor = EMI) -> str:
        """With a code, where the run asks for one; each call uses the code of another step."""
        proof = await self.code_of(actor) if needs_proof(run) else Proof()
        return await self.approvals.decide(run.id, actor, Verdict.APPROVED, proof=proof)

    async def enrol(self, *actors: Actor) -> None:
        """Everybody has a code that is good already."""
        for actor in actors:
            factor_id = f"code-of-{actor.principal}"
            sealed = self.proofs.vault.seal(SECRET, factor_id)
            async with self.store.work() as work:
                await work.factors.add(Factor(factor_id, actor.principal, FactorKind.CODE, sealed))
                await work.factors.show(factor_id, by_old=True)

    async def code_of(self, actor: Actor) -> Proof:  # noqa: ARG002 - everybody's secret is the same in these tests
        async with self.store.work() as work:
            return Proof(code=code_at(SECRET, step_of(await work.now())))

    async def look(self, run: Run) -> Run:
        async with self.store.work() as work:
            found = await work.runs.get(run.id)
        assert found is not None
        return found

    async def verbs(self, run: Run) -> list[Verb]:
        async with self.store.work() as work:
            return [one.entry.verb for one in reversed(await work.audit.find(AuditQuery(run=run.id, limit=90)))]

    async def wake(self, length: timedelta) -> None:
        """Let so much time pass, and carry every wake-up about calls and runs that is due then, twice."""
        self.passed += length
        for _ in range(2):
            for wake in tuple(self.store.wakes):
                if wake.at is not None and wake.at > datetime.now(UTC) + self.passed:
                    continue
                if wake.job is Job.MAKE_CALLS:
                    await self.calls.make(wake.key)
                elif wake.job is Job.ADVANCE_RUN:
                    await self.execution.advance(wake.key)

    async def called(self, about: str) -> list[tuple[str, tuple[str, ...]]]:
        """The calls that were made: the event, and who was written to."""
        async with self.store.work() as work:
            return [(row.event.value, row.users) for row in await work.calls.about(about) if row.made_at]

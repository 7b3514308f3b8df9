"""Whatever happens in whatever order: nothing runs without the required distinct approvals, and nothing runs twice.

`TAKUMI_SEQUENCES` says how many sequences are generated; `make approvals` runs a hundred thousand.
"""

import asyncio
import os
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import permutations
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from bot.domain.approvals import Verdict
from bot.domain.errors import BotError
from bot.domain.factors import Proof
from bot.domain.onetime import code_at, step_of
from bot.domain.people import Actor, Person, Role
from bot.domain.risk import Severity
from bot.domain.runs import Origin, Run, RunState
from bot.policy.rules import Rules
from bot.services.ports import Work
from bot.services.runs import Asked
from bot.stores.memory.store import MemoryStore
from tests.approving import AIKO, EMI, REI, SECRET, SORA, TARO, Seen, World
from tests.fakes import Nothing, StepTools

SEQUENCES = int(os.environ.get("TAKUMI_SEQUENCES", "150"))
EVERYBODY = (AIKO, EMI, TARO, REI, SORA)
ROLES = {
    "UAIKO": {Role.DEVELOPER},
    "UEMI": {Role.ENGINEERING_LEAD},
    "UTARO": {Role.TEAM_LEAD},
    "UREI": {Role.CTO, Role.ENGINEERING_LEAD},
    "USORA": {Role.SECURITY, Role.TEAM_LEAD},
}
D, T, E, C = Role.DEVELOPER, Role.TEAM_LEAD, Role.ENGINEERING_LEAD, Role.CTO
# Written down a second time on purpose: the oracle shares no line with what it judges.
BETWEEN = ["nothing", "nothing", "roles", "platform", "late", "crash"]
LATEST = st.integers(0, 3).map(lambda back: -1 - back)
GIVEN = st.sampled_from([True, True, True, False])
TWO = {
    Severity.P0: ({C}, {T, E}),
    Severity.P1: ({E}, {T, C}),
    Severity.P2: ({T}, {E, C}),
    Severity.P3: ({D}, {T, E, C}),
}


class Crash(BaseException):
    """The process ends here."""


class CrashingStore(MemoryStore):
    """Dies before a commit, when a fuse is set: as many commits from now."""

    fuse = 0

    @asynccontextmanager
    async def work(self) -> AsyncIterator[Work]:
        async with super().work() as work:
            yield work
            if self.fuse:
                self.fuse -= 1
                if not self.fuse:
                    raise Crash


class Watched(World):
    """A world whose effects are judged while they happen."""

    def __init__(self, environment: str) -> None:
        rules = Rules(glass_runbooks=frozenset({"try-a-thing"}), glass_people=frozenset({AIKO.principal}))
        self.wrong: list[str] = []
        self.done: list[str] = []
        super().__init__(environment, replace(rules, alerts_channel="C1"))
        for user, roles in ROLES.items():
            self.chat.people[user] = Person(user, "T1", user, roles=frozenset(roles))

    def make_store(self) -> MemoryStore:
        return CrashingStore(lambda: datetime.now(UTC) + self.passed)

    async def effect(self, tools: StepTools) -> None:
        run = self.store._tables.runs[tools.context.run]
        if run.id in self.done:
            self.wrong.append(f"{run.id} ran twice")
        self.done.append(run.id)
        self.wrong += self.judged(run)

    def judged(self, run: Run) -> list[str]:
        said = [one for one in self.store._tables.decisions if one.run == run.id]
        if any(one.verdict is Verdict.DENIED for one in said):
            return ["a denied run ran"]
        good = [one for one in said if one.digest == run.digest and one.approver != run.requester]
        if len({one.approver for one in good}) != len(said):
            return ["an approval was not another's, or was for another plan"]
        good = [one for one in good if one.role in self.chat.people[one.slack_user].roles]
        if run.environment == "production" and not all(one.proof for one in good):
            return ["an approval was not proven"]
        if run.facts["sha256"] != (self.seen.sha256 if isinstance(self.seen, Seen) else ""):
            return ["the facts had changed"]
        seats = TWO[run.severity] if run.environment == "production" else ({E},)
        if run.glass:
            seats = (set().union(*seats),)
        seated = any(
            all(one.role in seat for one, seat in zip(order, seats, strict=True))
            for order in permutations(good, len(seats))
        )
        return [] if seated else ["a seat was empty"]


class Machine(RuleBasedStateMachine):
    """Requests, decisions, expiries, role changes, crashes, duplicates, clock steps."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.worlds = {name: Watched(name) for name in ("production", "staging")}
        for world in self.worlds.values():
            self.do(world.enrol(*EVERYBODY))
        self.world = self.worlds["production"]
        self.asked = 0

    def teardown(self) -> None:
        self.loop.close()

    def do(self, *works: Coroutine[Any, Any, Any]) -> None:
        """At the same time; a refusal is an answer, and a crash ends what it hits."""

        async def each(work: Coroutine[Any, Any, Any]) -> None:
            with suppress(BotError, Crash):
                await work

        async def together() -> None:
            await asyncio.gather(*(each(work) for work in works))

        self.loop.run_until_complete(together())

    @property
    def runs(self) -> list[Run]:
        return list(self.world.store._tables.runs.values())

    def pick(self, number: int) -> Run | None:
        return self.runs[number % len(self.runs)] if self.runs else None

    @initialize(
        where=st.sampled_from(["production", "production", "staging"]),
        severity=st.sampled_from([None, *Severity]),
        actor=st.sampled_from([AIKO, EMI]),
    )
    def begin(self, where: str, severity: Severity | None, actor: Actor) -> None:
        """Somewhere, with a request, in whatever incident."""
        self.world = self.worlds[where]
        if severity is not None:
            self.declare(severity)
        self.ask(actor, "", again=False)

    @rule(where=st.sampled_from(["production", "staging"]))
    def look_elsewhere(self, where: str) -> None:
        self.world = self.worlds[where]

    @rule(actor=st.sampled_from([AIKO, EMI]), glass=st.sampled_from(["", "alone"]), again=st.booleans())
    def ask(self, actor: Actor, glass: str, again: bool) -> None:
        self.asked += 0 if again else 1
        request = Asked(f"inbox-{self.asked}", actor, Origin("C1"), confirm="Replace", glass=glass)
        self.world.passed += timedelta(seconds=11)
        self.do(self.world.runs.request("try-a-thing", Nothing(), request))

    @rule(
        number=st.integers(0, 9),
        actors=st.lists(st.sampled_from(EVERYBODY), min_size=1, max_size=2),
        proven=st.booleans(),
    )
    def approve(self, number: int, actors: list[Actor], proven: bool) -> None:
        run = self.pick(number)
        if run is None:
            return
        self.world.passed += timedelta(seconds=31)
        proof = Proof(code=code_at(SECRET, step_of(datetime.now(UTC) + self.world.passed))) if proven else Proof()
        decide = self.world.approvals.decide
        self.do(*(decide(run.id, actor, Verdict.APPROVED, proof=proof) for actor in actors))

    @rule(number=LATEST, actors=st.permutations([EMI, TARO, REI, SORA]))
    def everybody_approves(self, number: int, actors: list[Actor]) -> None:
        for actor in actors:
            self.approve(number, [actor], proven=True)

    @rule(
        actor=st.sampled_from([AIKO, EMI]),
        glass=st.sampled_from(["", "alone"]),
        between=st.sampled_from(BETWEEN),
        workers=st.integers(1, 3),
    )
    def an_ordinary_day(self, actor: Actor, glass: str, between: str, workers: int) -> None:
        """The way that leads to an effect, with something on it between the approval and the start."""
        self.restore_roles()
        self.ask(actor, glass, again=False)
        last = len(self.runs) - 1
        self.everybody_approves(last, [EMI, REI, TARO, SORA])
        if between == "roles":
            self.world.chat.people = {user: Person(user, "T1", user) for user in ROLES}
        elif between == "platform":
            self.world.seen = Seen(sha256="changed", rows=1000)
        elif between == "late":
            self.step_the_clock(31)
        elif between == "crash":
            self.crash_soon(3)
        self.wake(last, workers)
        self.world.store.fuse = 0
        self.world.seen = Seen(sha256="aaa", rows=1000)

    @rule(number=LATEST, actor=st.sampled_from(EVERYBODY))
    def deny(self, number: int, actor: Actor) -> None:
        run = self.pick(number)
        if run is not None:
            self.do(self.world.approvals.decide(run.id, actor, Verdict.DENIED, "no"))

    @rule(number=LATEST, actor=st.sampled_from(EVERYBODY))
    def cancel(self, number: int, actor: Actor) -> None:
        run = self.pick(number)
        if run is not None:
            self.do(self.world.runs.cancel(run.id, actor))

    @rule(number=LATEST, workers=st.integers(1, 3))
    def wake(self, number: int, workers: int) -> None:
        run = self.pick(number)
        if run is not None:
            execution = self.world.execution
            self.do(*(replace(execution, owner=f"worker-{one}").advance(run.id) for one in range(workers)))

    @rule()
    def everything_wakes(self) -> None:
        self.do(*(self.world.execution.advance(run.id) for run in self.runs))
        self.do(*(self.world.calls.make(f"run:{run.id}") for run in self.runs))

    @rule(commits=st.integers(1, 6))
    def crash_soon(self, commits: int) -> None:
        self.world.store.fuse = commits

    @rule(minutes=st.sampled_from([-10, -1, 1, 16, 31, 61, 300]))
    def step_the_clock(self, minutes: int) -> None:
        self.world.passed += timedelta(minutes=minutes)

    @rule(user=st.sampled_from(sorted(ROLES)), roles=st.sets(st.sampled_from(list(Role)), max_size=2))
    def change_roles(self, user: str, roles: set[Role]) -> None:
        self.world.chat.people[user] = Person(user, "T1", user, roles=frozenset(roles))

    @rule()
    def restore_roles(self) -> None:
        for user, roles in ROLES.items():
            self.world.chat.people[user] = Person(user, "T1", user, roles=frozenset(roles))

    @rule(user=st.sampled_from(sorted(ROLES)))
    def deactivate(self, user: str) -> None:
        self.world.chat.people[user] = Person(user, "T1", user, refusal="your account is deactivated")

    @rule(sha256=st.sampled_from(["aaa", "bbb"]), rows=st.sampled_from([1000, 1050, 2000]))
    def change_the_platform(self, sha256: str, rows: int) -> None:
        self.world.seen = Seen(sha256=sha256, rows=rows)

    @rule(severity=st.sampled_from(list(Severity)))
    def declare(self, severity: Severity) -> None:
        self.do(self.world.exceptions.declare(TARO, severity, "it is slow"))

    @rule()
    def resolve(self) -> None:
        for number in list(self.world.store._tables.incidents):
            self.do(self.world.exceptions.resolve(TARO, number, "it is quick"))

    @rule(hours=st.integers(1, 3))
    def freeze(self, hours: int) -> None:
        until = datetime.now(UTC) + self.world.passed + timedelta(hours=hours)
        self.do(self.world.exceptions.freeze(TARO, until, "the launch"))

    @invariant()
    def nothing_ran_that_may_not_have(self) -> None:
        for world in self.worlds.values():
            assert world.wrong == []
            for run in world.store._tables.runs.values():
                assert run.state is not RunState.SUCCEEDED or run.id in world.done


SETTINGS = settings(
    max_examples=SEQUENCES,
    stateful_step_count=20,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large],
)
TestApprovals = Machine.TestCase
TestApprovals.settings = SETTINGS

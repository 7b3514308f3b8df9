"""What may happen to requests, in any order: the moves of a game in which nothing may run that may not have."""

import asyncio
from collections.abc import AsyncIterator, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import combinations, permutations, product
from typing import Any

from bot.domain.approvals import Verdict
from bot.domain.errors import BotError
from bot.domain.factors import Factor, Proof
from bot.domain.onetime import code_at, step_of
from bot.domain.people import Actor, Person, Role
from bot.domain.risk import Severity
from bot.domain.runbooks import Runbook
from bot.domain.runs import Origin, Run, RunState
from bot.policy.rules import Rules
from bot.services.ports import Work
from bot.services.runs import Asked
from bot.stores.memory.store import MemoryStore
from tests.approving import AIKO, EMI, REI, SECRET, SORA, TARO, Seen, World
from tests.fakes import Nothing, StepTools

# A Tuesday at nine, whenever it is played: a sequence is the same again from its seed.
BEGINS = datetime(2026, 11, 24, 9, tzinfo=UTC)
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
TWO = {
    Severity.P0: ({C}, {T, E}),
    Severity.P1: ({E}, {T, C}),
    Severity.P2: ({T}, {E, C}),
    Severity.P3: ({D}, {T, E, C}),
}
URGENT_FIRST = ("P0", "P1", "P2", "P3")
# Where it is played: the environment, the runbook's own severity, whether production's rules hold all the same.
PLACES = {
    "production": ("production", Severity.P1, False),
    "quiet": ("production", Severity.P3, False),
    "staging": ("staging", Severity.P1, False),
    "practice": ("demo", Severity.P2, True),
}
_ENROLLED: dict[str, Factor] = {}


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

    def __init__(self, environment: str, severity: Severity, *, practises: bool) -> None:
        rules = Rules(glass_runbooks=frozenset({"try-a-thing"}), glass_people=frozenset({AIKO.principal}))
        self.wrong: list[str] = []
        self.done: list[str] = []
        self.severity, self.is_strict = severity, practises or environment == "production"
        super().__init__(environment, replace(rules, alerts_channel="C1", as_production=practises))
        self.staff()

    def make_store(self) -> MemoryStore:
        return CrashingStore(self.now)

    def now(self) -> datetime:
        return BEGINS + self.passed

    def book(self) -> Runbook:
        return replace(super().book(), severity=self.severity)

    def staff(self) -> None:
        """Everybody fills the roles of the beginning."""
        self.chat.people = {user: Person(user, "T1", user, roles=frozenset(roles)) for user, roles in ROLES.items()}

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
        if self.is_strict and not all(one.proof for one in good):
            return ["an approval was not proven"]
        if run.facts["sha256"] != (self.seen.sha256 if isinstance(self.seen, Seen) else ""):
            return ["the facts had changed"]
        seats = self.seats(run)
        seated = any(
            all(one.role in seat for one, seat in zip(order, seats, strict=True))
            for order in permutations(good, len(seats))
        )
        return [] if seated else ["a seat was empty"]

    def seats(self, run: Run) -> Sequence[set[Role]]:
        urgent = next(one for one in URGENT_FIRST if one in (run.severity, self.severity))
        seats: Sequence[set[Role]] = TWO[Severity(urgent)] if self.is_strict else ({E},)
        return (set().union(*seats),) if run.glass else seats


class Play:
    """One sequence of moves; each method named in `MOVES` is one of them."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self.worlds: dict[str, Watched] = {}
        self.asked = 0

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

    def begin(self, where: str, severity: Severity | None, actor: Actor) -> None:
        """Somewhere, with a request, in whatever incident."""
        self.look_elsewhere(where)
        if severity is not None:
            self.declare(severity)
        self.ask(actor, "", again=False)

    def look_elsewhere(self, where: str) -> None:
        if where not in self.worlds:
            environment, severity, practises = PLACES[where]
            self.worlds[where] = Watched(environment, severity, practises=practises)
            self.enrol(self.worlds[where])
        self.world = self.worlds[where]

    def enrol(self, world: Watched) -> None:
        """Everybody; their factors are the same in every world, and sealed once a process."""
        if not _ENROLLED:
            self.do(world.enrol(*EVERYBODY))
            _ENROLLED.update(world.store._tables.factors)
        world.store._tables.factors |= _ENROLLED

    def ask(self, actor: Actor, glass: str, *, again: bool) -> None:
        self.asked += 0 if again else 1
        request = Asked(f"inbox-{self.asked}", actor, Origin("C1"), confirm="Replace", glass=glass)
        self.world.passed += timedelta(seconds=11)
        self.do(self.world.runs.request("try-a-thing", Nothing(), request))

    def approve(self, number: int, actors: Sequence[Actor], *, proven: bool) -> None:
        run = self.pick(number)
        if run is None:
            return
        self.world.passed += timedelta(seconds=31)
        proof = Proof(code=code_at(SECRET, step_of(self.world.now()))) if proven else Proof()
        decide = self.world.approvals.decide
        self.do(*(decide(run.id, actor, Verdict.APPROVED, proof=proof) for actor in actors))

    def everybody_approves(self, number: int, actors: Sequence[Actor]) -> None:
        for actor in actors:
            self.approve(number, [actor], proven=True)

    def an_ordinary_day(self, actor: Actor, glass: str, between: str, workers: int) -> None:
        """The way that leads to an effect, with something on it between the approval and the start."""
        self.world.staff()
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

    def deny(self, number: int, actor: Actor) -> None:
        run = self.pick(number)
        if run is not None:
            self.do(self.world.approvals.decide(run.id, actor, Verdict.DENIED, "no"))

    def cancel(self, number: int, actor: Actor) -> None:
        run = self.pick(number)
        if run is not None:
            self.do(self.world.runs.cancel(run.id, actor))

    def wake(self, number: int, workers: int) -> None:
        run = self.pick(number)
        if run is not None:
            execution = self.world.execution
            self.do(*(replace(execution, owner=f"worker-{one}").advance(run.id) for one in range(workers)))

    def everything_wakes(self) -> None:
        self.do(*(self.world.execution.advance(run.id) for run in self.runs))
        self.do(*(self.world.calls.make(f"run:{run.id}") for run in self.runs))

    def crash_soon(self, commits: int) -> None:
        self.world.store.fuse = commits

    def step_the_clock(self, minutes: int) -> None:
        self.world.passed += timedelta(minutes=minutes)

    def change_roles(self, user: str, roles: Sequence[Role]) -> None:
        self.world.chat.people[user] = Person(user, "T1", user, roles=frozenset(roles))

    def restore_roles(self) -> None:
        self.world.staff()

    def deactivate(self, user: str) -> None:
        self.world.chat.people[user] = Person(user, "T1", user, refusal="your account is deactivated")

    def change_the_platform(self, sha256: str, rows: int) -> None:
        self.world.seen = Seen(sha256=sha256, rows=rows)

    def declare(self, severity: Severity) -> None:
        self.do(self.world.exceptions.declare(TARO, severity, "it is slow"))

    def resolve(self) -> None:
        for number in list(self.world.store._tables.incidents):
            self.do(self.world.exceptions.resolve(TARO, number, "it is quick"))

    def freeze(self, hours: int) -> None:
        until = self.world.now() + timedelta(hours=hours)
        self.do(self.world.exceptions.freeze(TARO, until, "the launch"))

    def must_be_right(self) -> None:
        """Raises: AssertionError when something ran that may not have, or twice."""
        for world in self.worlds.values():
            assert not world.wrong, "; ".join(world.wrong)
            for run in world.store._tables.runs.values():
                assert run.state is not RunState.SUCCEEDED or run.id in world.done, f"{run.id} succeeded without effect"


LATEST = (-1, -2, -3, -4)
_BOOLEANS = (False, True)
_BETWEEN = ("nothing", "nothing", "roles", "platform", "late", "crash")
_WORKERS = (1, 2, 3)
_USERS = tuple(sorted(ROLES))
_ONE_OR_TWO = tuple([(one,) for one in EVERYBODY] + list(product(EVERYBODY, EVERYBODY)))
_UP_TO_TWO_ROLES = tuple(some for size in range(3) for some in combinations(Role, size))
Choices = Mapping[str, Sequence[Any]]
BEGINNING: Choices = {
    "where": ("production", "production", "quiet", "staging", "practice"),
    "severity": (None, *Severity),
    "actor": (AIKO, EMI),
}
MOVES: Mapping[str, Choices] = {
    "look_elsewhere": {"where": tuple(PLACES)},
    "ask": {"actor": (AIKO, EMI), "glass": ("", "alone"), "again": _BOOLEANS},
    "approve": {"number": tuple(range(10)), "actors": _ONE_OR_TWO, "proven": _BOOLEANS},
    "everybody_approves": {"number": LATEST, "actors": tuple(permutations((EMI, TARO, REI, SORA)))},
    "an_ordinary_day": {"actor": (AIKO, EMI), "glass": ("", "alone"), "between": _BETWEEN, "workers": _WORKERS},
    "deny": {"number": LATEST, "actor": EVERYBODY},
    "cancel": {"number": LATEST, "actor": EVERYBODY},
    "wake": {"number": LATEST, "workers": _WORKERS},
    "everything_wakes": {},
    "crash_soon": {"commits": tuple(range(1, 7))},
    "step_the_clock": {"minutes": (-10, -1, 1, 16, 31, 61, 300)},
    "change_roles": {"user": _USERS, "roles": _UP_TO_TWO_ROLES},
    "restore_roles": {},
    "deactivate": {"user": _USERS},
    "change_the_platform": {"sha256": ("aaa", "bbb"), "rows": (1000, 1050, 2000)},
    "declare": {"severity": tuple(Severity)},
    "resolve": {},
    "freeze": {"hours": (1, 2, 3)},
}
# How often compared with the others: most moves stand in the way of an effect, and nothing is judged without one.
OFTEN = {"an_ordinary_day": 5, "restore_roles": 2}

"""The terminal, for when Slack is down: the same rules and trail, people proven first, static lists alone."""

from datetime import timedelta
from typing import Any

import pytest
from eth_account import Account
from eth_account.messages import encode_typed_data

from bot.domain.audit import Verb
from bot.domain.errors import Refused, RequestError
from bot.domain.factors import Factor, FactorKind
from bot.domain.people import ENGINE, Actor, Person, Role, Surface
from bot.domain.runs import Origin, Run, RunState
from bot.services.approvals import Approvals
from bot.services.directory import SlackOrLists, StaticLists
from bot.services.execution import Execution
from bot.services.ports import ChatUnavailable
from bot.services.rows import AuditQuery
from bot.services.runs import Asked, Runs
from bot.services.terminal import Credentials, Terminal
from tests.approving import AIKO, EMI, TARO, World
from tests.fakes import FakeChat

LISTS = StaticLists(
    {
        Role.DEVELOPER: ("UAIKO",),
        Role.ENGINEERING_LEAD: ("UEMI", "S0ENGLEAD0"),
        Role.TEAM_LEAD: ("S0TEAMLEAD",),
        Role.CTO: ("UTARO",),
    }
)
WALLET = Account.from_key("0x" + "11" * 32)


class AwayChat(FakeChat):
    """Slack does not answer."""

    async def person(self, user: str, *, fresh_roles: bool = False) -> Person:  # noqa: ARG002 - the port's
        raise ChatUnavailable("away", timedelta(), in_doubt=False)

    async def members(self, role: Role) -> frozenset[str]:  # noqa: ARG002 - the port's
        raise ChatUnavailable("away", timedelta(), in_doubt=False)


class Console:
    """A world whose Slack is away, and a terminal in it."""

    def __init__(self, environment: str = "staging") -> None:
        self.world = World(environment)
        before = self.world.approvals
        away = AwayChat()
        made = Approvals(before.store, away, before.people, before.freshness, before.rules, self.world.proofs, LISTS)
        at_terminal = Approvals(
            before.store, SlackOrLists(away, LISTS), before.people, before.freshness, before.rules, self.world.proofs
        )
        runs = Runs(self.world.store, self.world.tools, self.world.runs.catalog, at_terminal)
        self.terminal = Terminal(runs, at_terminal, self.world.proofs, "C1")
        self.worker = Execution(self.world.store, self.world.tools, runs.catalog, made, "worker")

    async def who(self, actor: Actor) -> Credentials:
        return Credentials(actor.principal, (await self.world.code_of(actor)).code)

    async def ask(self, actor: Actor = AIKO, **asked: Any) -> Run:
        request = Asked("terminal:1", ENGINE, Origin(), **asked)
        return await self.terminal.request(await self.who(actor), "try-a-thing", (), request)

    async def trail(self, principal: str) -> list[tuple[Verb, Surface]]:
        async with self.world.store.work() as work:
            found = await work.audit.find(AuditQuery(principal=principal, limit=50))
        return [(one.entry.verb, one.entry.actor.surface) for one in reversed(found)]


async def test_with_slack_away_a_run_is_asked_for_approved_and_done():
    console = Console()
    await console.world.enrol(AIKO, EMI)
    run = await console.ask()
    assert (run.state, run.requester, run.origin.channel) == (RunState.REQUESTED, AIKO.principal, "C1")
    assert "approved and starts" in await console.terminal.approve(await console.who(EMI), run.number)
    await console.worker.advance(run.id)
    assert console.world.tools.happened == ["swap"]
    assert (Verb.RUN_REQUESTED, Surface.TERMINAL) in await console.trail(AIKO.principal)
    assert (Verb.APPROVAL_GIVEN, Surface.TERMINAL) in await console.trail(EMI.principal)


async def test_the_threads_catch_up_since_their_messages_are_wanted():
    console = Console()
    await console.world.enrol(AIKO)
    run = await console.ask()
    async with console.world.store.work() as work:
        assert await work.messages.get(f"run:{run.id}") is not None


async def test_the_highest_risk_keeps_its_two_people_at_the_terminal():
    console = Console("production")
    await console.world.enrol(AIKO, EMI, TARO)
    run = await console.ask(confirm="Replace")
    assert "still needs" in await console.terminal.approve(await console.who(EMI), run.number)
    await console.worker.advance(run.id)
    assert console.world.tools.happened == []
    assert "approved and starts" in await console.terminal.approve(await console.who(TARO), run.number)


async def test_a_claim_proves_nothing():
    console = Console()
    await console.world.enrol(AIKO)
    request = Asked("terminal:1", ENGINE, Origin())
    with pytest.raises(RequestError, match="Nothing proves"):
        await console.terminal.request(Credentials(AIKO.principal), "try-a-thing", (), request)
    with pytest.raises(Refused, match="not right"):
        await console.terminal.request(Credentials(AIKO.principal, "000000"), "try-a-thing", (), request)
    with pytest.raises(RequestError, match="is no account"):
        await console.terminal.request(Credentials("root", "000000"), "try-a-thing", (), request)
    assert (Verb.COMMAND_REFUSED, Surface.TERMINAL) in await console.trail(AIKO.principal)
    assert await console.world.runs.recent(5) == []


async def test_the_requester_does_not_approve_at_the_terminal_either():
    console = Console()
    await console.world.enrol(EMI)
    console.world.chat.people["UEMI"] = Person("UEMI", "T1", "Emi", roles=frozenset(Role))
    lists = StaticLists({Role.ENGINEERING_LEAD: ("UEMI", "UAIKO")})
    terminal = console.terminal
    approvals = Approvals(
        terminal.approvals.store,
        SlackOrLists(AwayChat(), lists),
        terminal.approvals.people,
        terminal.approvals.freshness,
        proofs=console.world.proofs,
    )
    console.terminal = Terminal(
        Runs(console.world.store, console.world.tools, terminal.runs.catalog, approvals),
        approvals,
        terminal.proofs,
        "C1",
    )
    run = await console.ask(EMI)
    console.world.passed = timedelta(seconds=31)
    with pytest.raises(Refused, match="somebody else"):
        await console.terminal.approve(await console.who(EMI), run.number)


async def test_roles_of_user_groups_fill_nothing_while_slack_is_away():
    assert LISTS.person("S0TEAMLEAD").roles == frozenset()
    assert LISTS.members(Role.ENGINEERING_LEAD) == {"UEMI"}
    assert LISTS.members(Role.TEAM_LEAD) == frozenset()


async def test_slack_is_asked_as_long_as_it_answers():
    chat = FakeChat(people={"UEMI": Person("UEMI", "T1", "Emi", refusal="your account is deactivated")})
    assert (await SlackOrLists(chat, LISTS).person("UEMI")).refusal == "your account is deactivated"


async def test_a_worker_without_slack_starts_nothing_that_was_approved_by_a_session_alone():
    console = Console()
    world = console.world
    run = await world.ask()
    await world.approve(run)
    with pytest.raises(ChatUnavailable):
        await console.worker.advance(run.id)
    assert world.tools.happened == []


async def test_a_wallet_proves_somebody_for_one_act():
    console = Console()
    world = console.world
    async with world.store.work() as work:
        await work.factors.add(Factor("w", AIKO.principal, FactorKind.WALLET, WALLET.address))
        await work.factors.show("w", by_old=True)
    seen: list[Any] = []

    def sign(typed: Any) -> str:
        seen.append(typed["message"])
        return WALLET.sign_message(encode_typed_data(full_message=dict(typed))).signature.hex()

    request = Asked("terminal:1", ENGINE, Origin())
    run = await console.terminal.request(Credentials(AIKO.principal, sign=sign), "try-a-thing", (), request)
    assert run.requester == AIKO.principal
    assert "cancelled" in await console.terminal.cancel(Credentials(AIKO.principal, sign=sign), run.number)
    assert [message["act"] for message in seen] == ["run try-a-thing", f"cancel {run.number}"]
    assert seen[0]["nonce"] != seen[1]["nonce"]


async def test_a_plan_is_shown_and_stores_nothing():
    console = Console()
    assert (await console.terminal.plan("try-a-thing", ("word=x",))).summary == "Replace"
    assert await console.world.runs.recent(5) == []
    with pytest.raises(RequestError, match="what 'x' means"):
        await console.terminal.plan("try-a-thing", ("x",))


async def test_a_denial_carries_its_reason():
    console = Console()
    await console.world.enrol(AIKO, EMI)
    run = await console.ask()
    assert "denied" in await console.terminal.deny(await console.who(EMI), run.number, "not now")
    assert (await console.world.look(run)).failure == "Denied by engineering lead: not now"

"""Requests and decisions from a terminal, for when Slack is down: the same rules, with people proven first."""

import secrets
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from bot.domain.approvals import Verdict
from bot.domain.audit import Entry, Verb
from bot.domain.errors import Refused, RequestError
from bot.domain.factors import Proof, typed_act
from bot.domain.grammar import take_apart, validated
from bot.domain.people import Actor, Surface
from bot.domain.plans import Plan
from bot.domain.risk import Risk
from bot.domain.runs import Origin, Run
from bot.services.approvals import Approvals
from bot.services.people import may_ask
from bot.services.proofs import Proofs
from bot.services.runs import Asked, Runs

T = TypeVar("T")

AskSignature = Callable[[Mapping[str, Any]], str]


@dataclass(frozen=True)
class Credentials:
    """Who somebody says they are (`slack:<team>:<user>`), and what proves it: a code, or whatever signs for them."""

    account: str
    code: str = ""
    sign: AskSignature | None = None


@dataclass(frozen=True)
class Terminal:
    """Every method raises Refused (which is audited) or RequestError; nothing here asks the operating system."""

    runs: Runs
    approvals: Approvals
    proofs: Proofs
    channel: str

    async def request(self, who: Credentials, runbook: str, words: tuple[str, ...], asked: Asked) -> Run:
        """`asked` carries what is confirmed and why glass is broken; its actor is replaced by the proven one."""

        async def ask(actor: Actor) -> Run:
            book = self.runs.runbook(runbook)
            await self._may(actor, book.risk)
            params = validated(book.params, self._values(words))
            mine = Asked(asked.request, actor, Origin(self.channel), confirm=asked.confirm, glass=asked.glass)
            return await self.runs.request(runbook, params, mine)

        return await self._as(who, f"run {runbook} {' '.join(words)}".strip(), ask)

    async def plan(self, runbook: str, words: tuple[str, ...]) -> Plan:
        """What would be asked for; stores nothing, and needs nobody."""
        book = self.runs.runbook(runbook)
        return await self.runs.preview(runbook, validated(book.params, self._values(words)))

    async def approve(self, who: Credentials, number: int) -> str:
        run = await self.runs.find(number)
        actor = self._claimed(who)
        proof = Proof(code=who.code)
        if who.sign is not None:
            nonce, typed = await self._audited(actor, run.label, self.approvals.challenge(run.id, actor))
            proof = Proof(signature=who.sign(typed), nonce=nonce)
        if not proof.given:
            raise RequestError("Nothing proves who you are.", hint="Give a code, or --wallet.")
        return await self._audited(
            actor, run.label, self.approvals.decide(run.id, actor, Verdict.APPROVED, proof=proof)
        )

    async def deny(self, who: Credentials, number: int, reason: str) -> str:
        run = await self.runs.find(number)

        async def deny(actor: Actor) -> str:
            return await self.approvals.decide(run.id, actor, Verdict.DENIED, reason)

        return await self._as(who, f"deny {number}", deny)

    async def cancel(self, who: Credentials, number: int) -> str:
        run = await self.runs.find(number)

        async def cancel(actor: Actor) -> str:
            await self._may(actor, Risk.ROUTINE)
            return await self.runs.cancel(run.id, actor)

        return await self._as(who, f"cancel {number}", cancel)

    async def undo(self, who: Credentials, number: int, asked: Asked) -> Run:
        async def undo(actor: Actor) -> Run:
            await self._may(actor, Risk.ROUTINE)
            mine = Asked(asked.request, actor, Origin(self.channel), confirm=asked.confirm)
            return await self.runs.undo(number, mine)

        return await self._as(who, f"undo {number}", undo)

    async def _as(self, who: Credentials, act: str, then: Callable[[Actor], Awaitable[T]]) -> T:
        """Prove who it is, then act as them."""
        actor = self._claimed(who)

        async def proven() -> T:
            await self._prove(actor, who, act)
            return await then(actor)

        return await self._audited(actor, act, proven())

    async def _prove(self, actor: Actor, who: Credentials, act: str) -> None:
        if who.sign is not None:
            typed = typed_act(actor.principal, act, secrets.token_hex(16), self.proofs.salt)
            await self.proofs.by_wallet(actor.principal, typed, who.sign(typed))
        elif who.code:
            await self.proofs.by_code(actor.principal, who.code)
        else:
            raise RequestError("Nothing proves who you are.", hint="Give a code, or --wallet.")

    async def _audited(self, actor: Actor, about: str, work: Awaitable[T]) -> T:
        try:
            return await work
        except Refused as error:
            async with self.runs.store.work() as unit:
                details = {"why": str(error), "surface": Surface.TERMINAL.value}
                await unit.audit.record(Entry(actor, Verb.COMMAND_REFUSED, about, details=details))
            raise

    async def _may(self, actor: Actor, risk: Risk) -> None:
        may_ask(await self.approvals.chat.person(actor.slack_user, fresh_roles=True), risk)

    def _claimed(self, who: Credentials) -> Actor:
        """The principal of an account; a claim, until it is proven."""
        kind, _, rest = who.account.partition(":")
        team, _, user = rest.partition(":")
        if kind != "slack" or not team or not user:
            raise RequestError(f"{who.account!r} is no account.", hint="Give --as slack:<team id>:<user id>.")
        named = self.approvals.people.actor(user, team)
        return Actor(named.principal, Surface.TERMINAL, user)

    def _values(self, words: tuple[str, ...]) -> Mapping[str, str]:
        typed = take_apart(words)
        if typed.positional:
            raise RequestError(f"I do not know what {typed.positional[0]!r} means here.", hint="Write name=value.")
        return typed.named

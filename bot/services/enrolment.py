"""How a code or a wallet becomes somebody's proof: spoken for by the old one, or by two others and a day."""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bot.domain.audit import Entry, Verb
from bot.domain.errors import Refused, RequestError
from bot.domain.factors import Factor, FactorKind, typed_enrolment
from bot.domain.onetime import SECRET_BYTES, address_of_secret, step_of_code
from bot.domain.people import Actor, Role
from bot.policy.approvals import LEADS
from bot.services.answers import answered_once, id_of_request, keep_answer
from bot.services.people import must_be_welcome
from bot.services.ports import Chat, Store
from bot.services.proofs import Proofs

VOUCHERS = LEADS | {Role.SECURITY}
ISSUER = "Takumi"


@dataclass(frozen=True)
class Enrolment:
    """Everything raises Refused or RequestError, and is audited without its secrets."""

    store: Store
    chat: Chat
    proofs: Proofs

    async def begin_code(self, actor: Actor) -> str:
        """The address for the authenticator app, for this person alone."""
        secret, factor_id = secrets.token_bytes(SECRET_BYTES), id_of_request()
        sealed = self.proofs.vault.seal(secret, factor_id)
        factor = await self._begin(Factor(factor_id, actor.principal, FactorKind.CODE, sealed), actor)
        return address_of_secret(self.proofs.vault.open(factor.secret, factor_id), ISSUER, actor.principal)

    async def begin_wallet(self, actor: Actor, address: str) -> Mapping[str, Any]:
        """What the wallet has to sign."""
        checked, nonce = self.proofs.signatures.address(address), secrets.token_hex(16)
        wallet = Factor(id_of_request(), actor.principal, FactorKind.WALLET, checked, nonce)
        return typed_enrolment(await self._begin(wallet, actor), self.proofs.salt)

    @answered_once
    async def show(self, actor: Actor, shown: str, old_code: str) -> str:
        """The owner shows that they have it: a code that it makes, or the wallet's signature."""
        async with self.store.work() as work:
            pending = [one for one in await work.factors.of(actor.principal) if one.shown_at is None]
        if not pending:
            raise RequestError("You have begun no enrolment.", hint="`/takumi factor code` begins one.")
        factor = pending[-1]
        by_old = bool(old_code) and bool(await self.proofs.by_code(actor.principal, old_code))
        await self._must_have(factor, shown)
        async with self.store.work() as work:
            await work.factors.show(factor.id, by_old=by_old)
            details = {"kind": factor.kind.value, "by_old": by_old}
            await work.audit.record(Entry(actor, Verb.FACTOR_SHOWN, actor.principal, details=details))
            return await keep_answer(work, self._told_shown(by_old=by_old))

    def _told_shown(self, *, by_old: bool) -> str:
        if by_old:
            return "It is yours from now on, and the one before it is good no longer."
        hours = self.proofs.wait.total_seconds() / 3600
        return (
            f"Noted. Two others have to speak for you (`/takumi factor vouch @you`); it is good {hours:g} h from now."
        )

    async def _must_have(self, factor: Factor, shown: str) -> None:
        await self.proofs.count_attempt(factor.principal)
        if factor.kind is FactorKind.WALLET:
            if self.proofs.signatures.signer(typed_enrolment(factor, self.proofs.salt), shown) != factor.secret:
                raise Refused("This was not signed by that wallet.", hint="Sign the text that you were shown.")
            return
        async with self.store.work() as work:
            step = step_of_code(self.proofs.vault.open(factor.secret, factor.id), shown, await work.now())
            if step is None or not await work.factors.use_step(factor.principal, step):
                raise Refused("This code is not right.", hint="Wait for the next one, then type it at once.")

    @answered_once
    async def vouch(self, actor: Actor, principal: str) -> str:
        """Say that the newest factor of somebody is theirs."""
        person = await self.chat.person(actor.slack_user, fresh_roles=True)
        must_be_welcome(person)
        if not person.roles & VOUCHERS:
            raise Refused("Only leads, the CTO and security speak for others.", hint="Ask one of them.")
        async with self.store.work() as work:
            shown = [one for one in await work.factors.of(principal) if one.shown_at and not one.by_old]
            if not shown:
                raise RequestError(
                    "They have nothing that waits for you.", hint="They begin with `/takumi factor code`."
                )
            factor = shown[-1]
            if not await work.factors.vouch(factor.id, actor.principal):
                raise Refused("You have vouched before, or it is your own.", hint="Somebody else has to.")
            details = {"kind": factor.kind.value, "factor": factor.id}
            await work.audit.record(Entry(actor, Verb.FACTOR_VOUCHED, principal, details=details))
            return await keep_answer(work, "Noted: you say that it is theirs.")

    async def of(self, principal: str) -> Sequence[tuple[Factor, bool]]:
        """Everybody's own, each with whether it is good now."""
        good = {one.id for one in await self.proofs.usable(principal)}
        async with self.store.work() as work:
            return [(one, one.id in good) for one in await work.factors.of(principal)]

    async def _begin(self, factor: Factor, actor: Actor) -> Factor:
        """Note it, in the place of what was begun and never shown; or find what this very request has begun before."""
        async with self.store.work() as work:
            if known := await work.factors.get(factor.id):
                return known
            for one in await work.factors.of(actor.principal):
                if one.shown_at is None:
                    await work.factors.retire(one.id)
            await work.factors.add(factor)
            details = {"kind": factor.kind.value}
            await work.audit.record(Entry(actor, Verb.FACTOR_BEGUN, actor.principal, details=details))
        return factor

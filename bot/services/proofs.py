"""Checking that an approver is who they are, beyond their Slack session; every proof is good once."""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from bot.domain.errors import Refused
from bot.domain.factors import ATTEMPTS_WITHIN, MOST_ATTEMPTS, Factor, FactorKind, Proof, typed_approval
from bot.domain.onetime import step_of_code
from bot.domain.people import Actor, Role
from bot.domain.runs import Run
from bot.services.factor_ports import Signatures, Vault
from bot.services.ports import Store

ENROL = "`/takumi factor` says how to enrol; two colleagues have to speak for you."
WAIT = timedelta(hours=24)


@dataclass(frozen=True)
class Proofs:
    """`salt` is this deployment's, so that a signature for another one is none here; `wait` holds vouched factors."""

    store: Store
    vault: Vault
    signatures: Signatures
    salt: str
    wait: timedelta = WAIT

    async def check(self, actor: Actor, run: Run, role: Role, proof: Proof) -> str:
        """How it was proven. Raises: Refused."""
        if proof.code:
            return await self.by_code(actor.principal, proof.code)
        typed = typed_approval(run, actor.principal, role, proof.nonce, self.salt)
        said = await self.by_wallet(actor.principal, typed, proof.signature)
        async with self.store.work() as work:
            if not await work.factors.use_challenge(run.id, actor.principal, proof.nonce, role.value):
                raise Refused("This signature was used before, or nobody asked for it.", hint="Sign the request anew.")
        return said

    async def by_code(self, principal: str, code: str) -> str:
        """Raises: Refused for a code that is wrong, was used, or was one too many."""
        await self.count_attempt(principal)
        async with self.store.work() as work:
            now = await work.now()
        for factor in await self._of(principal, FactorKind.CODE):
            step = step_of_code(self.vault.open(factor.secret, factor.id), code, now)
            if step is not None:
                await self._use(principal, step)
                return FactorKind.CODE.value
        raise Refused("This code is not right, or no longer.", hint="Wait for the next one, then type it at once.")

    async def by_wallet(self, principal: str, typed: Mapping[str, Any], signature: str) -> str:
        """Raises: Refused for a signature that is not of this text, or of nobody's wallet who is enrolled here."""
        await self.count_attempt(principal)
        wallets = await self._of(principal, FactorKind.WALLET)
        signer = self.signatures.signer(typed, signature)
        if signer not in [factor.secret for factor in wallets]:
            raise Refused(
                "This was not signed by your wallet, or it is not this request.", hint="Sign the request anew."
            )
        return f"{FactorKind.WALLET.value} {signer}"

    async def challenge(self, actor: Actor, run: Run, role: Role) -> tuple[str, Mapping[str, Any]]:
        """A new nonce, and what the wallet has to sign with it. Raises: Refused without a wallet."""
        await self._of(actor.principal, FactorKind.WALLET)
        nonce = secrets.token_hex(16)
        async with self.store.work() as work:
            await work.factors.challenge(run.id, actor.principal, nonce, role.value)
        return nonce, typed_approval(run, actor.principal, role, nonce, self.salt)

    async def usable(self, principal: str) -> Sequence[Factor]:
        """The newest usable one of each kind: a factor ends those before it."""
        async with self.store.work() as work:
            now = await work.now()
            found = [one for one in await work.factors.of(principal) if one.usable(now, self.wait)]
        return tuple({one.kind: one for one in found}.values())

    async def count_attempt(self, principal: str) -> None:
        """In a transaction of its own, so that nothing rolls it back. Raises: Refused for one too many."""
        async with self.store.work() as work:
            if not await work.factors.attempt(principal, MOST_ATTEMPTS, ATTEMPTS_WITHIN):
                raise Refused(
                    "Too many tries.", hint=f"Wait {ATTEMPTS_WITHIN.total_seconds() / 60:.0f} minutes, then try again."
                )

    async def _of(self, principal: str, kind: FactorKind) -> Sequence[Factor]:
        found = [one for one in await self.usable(principal) if one.kind is kind]
        if not found:
            raise Refused(f"You have no {kind.value} that is good already.", hint=ENROL)
        return found

    async def _use(self, principal: str, step: int) -> None:
        async with self.store.work() as work:
            if not await work.factors.use_step(principal, step):
                raise Refused("This code was used before.", hint="Wait for the next one.")

"""What proofs need from the outside, as protocols."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, Protocol

from bot.domain.factors import Factor


class FactorStore(Protocol):
    """Factors, the tries to use them, and what was used."""

    async def add(self, factor: Factor) -> None: ...

    async def get(self, factor_id: str) -> Factor | None: ...

    async def of(self, principal: str) -> Sequence[Factor]:
        """Those that are not retired, oldest first."""
        ...

    async def show(self, factor_id: str, *, by_old: bool) -> bool:
        """Its owner showed that they have it; False when they did before."""
        ...

    async def vouch(self, factor_id: str, principal: str) -> bool:
        """False when they did before, or it is their own."""
        ...

    async def retire(self, factor_id: str) -> None: ...

    async def attempt(self, principal: str, most: int, within: timedelta) -> bool:
        """Count a try; False when there were too many. Called in a transaction of its own."""
        ...

    async def use_step(self, principal: str, step: int) -> bool:
        """False when a code of that step was used before."""
        ...

    async def challenge(self, run_id: str, approver: str, nonce: str, role: str) -> None:
        """Note what a wallet is asked to sign."""
        ...

    async def challenged(self, run_id: str, nonce: str) -> tuple[str, str] | None:
        """Whom it was made for, and in which role."""
        ...

    async def use_challenge(self, run_id: str, approver: str, nonce: str, role: str) -> bool:
        """False when nobody was asked for it, or it was used before."""
        ...


class Vault(Protocol):
    """Keeps secrets under a key outside the database. Raises: Misconfigured without a key, or with another one."""

    def seal(self, secret: bytes, context: str) -> str: ...

    def open(self, sealed: str, context: str) -> bytes: ...


class Signatures(Protocol):
    """Whose signature it is."""

    def signer(self, typed: Mapping[str, Any], signature: str) -> str:
        """The address, in checksum form. Raises: Refused for what is no signature, or a malleable one."""
        ...

    def address(self, text: str) -> str:
        """An address in checksum form. Raises: RequestError."""
        ...

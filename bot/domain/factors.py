"""What proves an approver beyond their Slack session: a code from their device, or their wallet's signature."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from bot.domain.approvals import Verdict
from bot.domain.people import Role
from bot.domain.runs import Run

VOUCHERS_NEEDED = 2
MOST_ATTEMPTS = 5
ATTEMPTS_WITHIN = timedelta(minutes=15)


class FactorKind(StrEnum):
    """How somebody proves themselves."""

    CODE = "code"
    WALLET = "wallet"


@dataclass(frozen=True)
class Factor:
    """One of a principal's; `secret` is a code's encrypted secret or a wallet's address.

    `shown_at` is when its owner showed that they have it, `vouchers` are the principals who said that it is theirs.
    """

    id: str
    principal: str
    kind: FactorKind
    secret: str
    challenge: str = ""
    made_at: datetime | None = None
    shown_at: datetime | None = None
    by_old: bool = False
    vouchers: frozenset[str] = frozenset()

    def usable(self, now: datetime, wait: timedelta) -> bool:
        """Spoken for by the factor before it, or by two others and time enough for its owner to object."""
        if self.shown_at is None:
            return False
        return self.by_old or (len(self.vouchers) >= VOUCHERS_NEEDED and now >= self.shown_at + wait)


@dataclass(frozen=True)
class Proof:
    """What somebody gives as a proof: a code, or a signature with the nonce it was made for."""

    code: str = ""
    signature: str = ""
    nonce: str = ""

    @property
    def given(self) -> bool:
        return bool(self.code or self.signature)


_DOMAIN = (("name", "string"), ("version", "string"), ("salt", "bytes32"))
_APPROVAL = (
    ("decision", "string"),
    ("environment", "string"),
    ("run", "string"),
    ("summary", "string"),
    ("planDigest", "string"),
    ("requester", "string"),
    ("approver", "string"),
    ("role", "string"),
    ("expiry", "uint256"),
    ("nonce", "string"),
)
_ACT = (("principal", "string"), ("act", "string"), ("nonce", "string"))
_ENROLMENT = (("principal", "string"), ("wallet", "address"), ("nonce", "string"))


def typed_approval(run: Run, approver: str, role: Role, nonce: str, salt: str) -> dict[str, Any]:
    """What an approver's wallet signs (EIP-712), made from the row alone; `salt` is this deployment's, in hex."""
    message = {
        "decision": Verdict.APPROVED.value,
        "environment": run.environment,
        "run": run.id,
        "summary": run.title,
        "planDigest": run.digest,
        "requester": run.requester,
        "approver": approver,
        "role": role.value,
        "expiry": int(run.expires_at.timestamp()) if run.expires_at else 0,
        "nonce": nonce,
    }
    return _typed("Approval", _APPROVAL, message, salt)


def typed_enrolment(factor: Factor, salt: str) -> dict[str, Any]:
    """What a wallet signs to show that its owner is here."""
    message = {"principal": factor.principal, "wallet": factor.secret, "nonce": factor.challenge}
    return _typed("Enrolment", _ENROLMENT, message, salt)


def typed_act(principal: str, act: str, nonce: str, salt: str) -> dict[str, Any]:
    """What a wallet signs to do one thing at a terminal."""
    return _typed("Act", _ACT, {"principal": principal, "act": act, "nonce": nonce}, salt)


def _typed(name: str, fields: tuple[tuple[str, str], ...], message: Mapping[str, Any], salt: str) -> dict[str, Any]:
    return {
        "types": {"EIP712Domain": _named(_DOMAIN), name: _named(fields)},
        "primaryType": name,
        "domain": {"name": "Takumi approvals", "version": "1", "salt": f"0x{salt}"},
        "message": dict(message),
    }


def _named(fields: tuple[tuple[str, str], ...]) -> list[dict[str, str]]:
    return [{"name": name, "type": kind} for name, kind in fields]

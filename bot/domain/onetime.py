"""Time-based one-time codes. Source: RFC 6238, with its defaults: SHA-1, six digits, thirty seconds."""

import base64
import hashlib
import hmac
import re
from datetime import datetime
from urllib.parse import quote

STEP_SECONDS = 30
DIGITS = 6
SECRET_BYTES = 20
# A clock may be one step off, in either direction.
_DRIFT = (0, -1, 1)
_CODE = re.compile(r"[0-9]{6}")


def step_of(moment: datetime) -> int:
    return int(moment.timestamp()) // STEP_SECONDS


def code_at(secret: bytes, step: int) -> str:
    digest = hmac.new(secret, step.to_bytes(8, "big"), hashlib.sha1).digest()
    offset = digest[-1] & 0x0F
    number = int.from_bytes(digest[offset : offset + 4], "big") & 0x7FFFFFFF
    return f"{number % 10**DIGITS:0{DIGITS}d}"


def step_of_code(secret: bytes, code: str, now: datetime) -> int | None:
    """The time step that the code belongs to, or None when it is not one of now."""
    typed = code.replace(" ", "")
    if not _CODE.fullmatch(typed):
        return None
    matching = [step_of(now) + drift for drift in _DRIFT if _same(code_at(secret, step_of(now) + drift), typed)]
    return matching[0] if matching else None


def _same(right: str, typed: str) -> bool:
    return hmac.compare_digest(right, typed)


def address_of_secret(secret: bytes, issuer: str, account: str) -> str:
    """The `otpauth:` address that authenticator apps read from a QR code."""
    shown = base64.b32encode(secret).decode().rstrip("=")
    return f"otpauth://totp/{quote(issuer)}:{quote(account)}?secret={shown}&issuer={quote(issuer)}"

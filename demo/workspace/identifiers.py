"""Identifiers and secrets shaped as Slack shapes them."""

import secrets
import string

_ALPHABET = string.ascii_uppercase + string.digits


def identifier(prefix: str, length: int = 10) -> str:
    """An id such as `C0K3J9X2A1`."""
    return prefix + "0" + "".join(secrets.choice(_ALPHABET) for _ in range(length - 1))


def short_id() -> str:
    """What Slack gives a block or an action that came without an id."""
    return secrets.token_urlsafe(4)[:5]


def bot_token() -> str:
    return f"xoxb-{secrets.randbelow(10**12):012d}-{secrets.randbelow(10**12):012d}-{secrets.token_hex(12)}"


def app_token(app_id: str) -> str:
    return f"xapp-1-{app_id}-{secrets.randbelow(10**12):012d}-{secrets.token_hex(32)}"


def signing_secret() -> str:
    return secrets.token_hex(16)

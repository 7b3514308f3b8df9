"""What PostgreSQL keeps of a password, made here: so that SQL for people to run holds no password."""

import base64
import hashlib
import hmac

from bot.domain.errors import RequestError

ROUNDS = 4096


def verifier(password: str, salt: bytes) -> str:
    """As `CREATE ROLE ... PASSWORD` takes it; 16 random bytes of salt.

    Raises: RequestError for what PostgreSQL would first rewrite (SASLprep), which is not done here.
    """
    if not password or not password.isascii() or not password.isprintable():
        raise RequestError(
            "A password of a PostgreSQL role is empty or has other than printable ASCII characters.",
            hint="Set it by hand (\\password ROLE in psql), or take another.",
        )
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), salt, ROUNDS)
    stored = hashlib.sha256(hmac.digest(salted, b"Client Key", "sha256")).digest()
    server = hmac.digest(salted, b"Server Key", "sha256")
    return f"SCRAM-SHA-256${ROUNDS}:{_text(salt)}${_text(stored)}:{_text(server)}"


def _text(value: bytes) -> str:
    return base64.b64encode(value).decode()

"""Ed25519 keys: who signs entries and heads, and the files that the keys are read from."""

import os
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from uuid import uuid4

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from bot.domain.errors import Misconfigured
from bot.verifier import ENTRY_SIGNED, HEAD_SIGNED, signed_text


@dataclass(frozen=True)
class Key:
    """A private key that signs, and its public half in hex."""

    private: Ed25519PrivateKey
    public: str

    def sign(self, message: bytes) -> str:
        return self.private.sign(message).hex()

    def sign_head(self, body: str) -> str:
        return self.sign(HEAD_SIGNED + body.encode())


def passing_key() -> Key:
    """A key that ends with the process: what it signed can be checked only as long as its public half is trusted."""
    return _key(Ed25519PrivateKey.generate())


def read_key(path: Path) -> Key:
    """Raises: Misconfigured when there is no such key, or others may read it."""
    make = f"Make one: python -m bot audit key {path}"
    try:
        if path.stat().st_mode & 0o077:
            raise Misconfigured(f"Others than its owner may read {path}.", hint=f"chmod 600 {path}")
        private = load_pem_private_key(path.read_bytes(), password=None)
    except (OSError, ValueError, TypeError) as error:
        raise Misconfigured(f"{path} holds no private key: {error}", hint=make) from error
    if not isinstance(private, Ed25519PrivateKey):
        raise Misconfigured(f"The key in {path} is not an Ed25519 key.", hint=make)
    return _key(private)


def make_key(path: Path) -> Key:
    """A new key in a new file that only its owner may read. Raises: Misconfigured when the file is there already."""
    private = Ed25519PrivateKey.generate()
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise Misconfigured(f"No key was made: {error}", hint="Choose a new file in a folder that exists.") from error
    with os.fdopen(descriptor, "wb") as file:
        file.write(private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return _key(private)


def _key(private: Ed25519PrivateKey) -> Key:
    return Key(private, private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw).hex())


class Writer:
    """One process as a writer of entries: its name, its running number, its key."""

    def __init__(self, key: Key) -> None:
        self.key = key
        self.name = uuid4().hex
        self._numbers = count(1)

    def take(self) -> int:
        """The next number. Whoever takes one uses it, or has it declared void."""
        return next(self._numbers)

    def sign(self, number: int, body: str) -> str:
        return self.key.sign(ENTRY_SIGNED + signed_text(self.name, number, body).encode())

"""Secrets of factors, sealed under a key that the database never sees."""

import base64
import binascii
import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from pydantic import SecretStr

from bot.domain.errors import Misconfigured

_KEY_BYTES, _NONCE_BYTES = 32, 12
_HINT = "Make one with `openssl rand -base64 32`, keep it outside the database, and set TAKUMI_BOT_FACTOR_KEY."


class KeyVault:
    """AES-GCM under one key; the context (whose secret it is) is authenticated, so that rows cannot be swapped."""

    def __init__(self, key: SecretStr | None) -> None:
        """Raises: Misconfigured for what is no key."""
        self._key = _read(key.get_secret_value()) if key is not None and key.get_secret_value() else None

    def seal(self, secret: bytes, context: str) -> str:
        nonce = os.urandom(_NONCE_BYTES)
        return base64.b64encode(nonce + self._cipher().encrypt(nonce, secret, context.encode())).decode()

    def open(self, sealed: str, context: str) -> bytes:
        raw = base64.b64decode(sealed)
        try:
            return self._cipher().decrypt(raw[:_NONCE_BYTES], raw[_NONCE_BYTES:], context.encode())
        except InvalidTag as error:
            raise Misconfigured("The factor was sealed under another key, or changed.", hint=_HINT) from error

    def _cipher(self) -> AESGCM:
        if self._key is None:
            raise Misconfigured("There is no key for the factors' secrets.", hint=_HINT)
        return AESGCM(self._key)


def _read(text: str) -> bytes:
    try:
        key = base64.b64decode(text, validate=True)
    except binascii.Error:
        key = b""
    if len(key) != _KEY_BYTES:
        raise Misconfigured("TAKUMI_BOT_FACTOR_KEY is not 32 bytes in base64.", hint=_HINT)
    return key

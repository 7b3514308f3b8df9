"""Copies sealed before they leave: AES-256-GCM in chunks, under a key of its own for each file.

A file's key comes from the named key and a random salt, so that counted nonces never meet twice; each chunk's nonce
holds its number and whether it is the last, so that none can be dropped, moved or put behind the end.
"""

import base64
import binascii
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from bot.domain.errors import Misconfigured, OperationFailed

ENDING = ".sealed"
MAGIC = b"takumi sealed 1\n"
CHUNK_BYTES = 64 << 10
TAG_BYTES = 16
SALT_BYTES = 32
KEY_BYTES = 32


@dataclass(frozen=True)
class KeyRing:
    """Named keys in files, 32 bytes in base64 each; `current` seals, all of them open. Empty: nothing is sealed."""

    current: str = ""
    files: Mapping[str, Path] | None = None

    def key(self, key_id: str) -> bytes:
        """Raises: Misconfigured when there is no such key, or its file holds none."""
        path = (self.files or {}).get(key_id)
        if path is None:
            raise Misconfigured(
                f"The key {key_id!r} is not here: what was sealed with it cannot be opened.",
                hint="Add it to TAKUMI_BOT_BACKUP_KEY_FILES: nothing was done.",
            )
        try:
            key = base64.b64decode(path.read_bytes().strip(), validate=True)
        except (OSError, binascii.Error) as error:
            raise _no_key(key_id) from error
        if len(key) != KEY_BYTES:
            raise _no_key(key_id)
        return key

    def fresh(self) -> "Seal | None":
        """A seal for a new file; None when nothing is to be sealed. Raises: Misconfigured."""
        return self.seal(self.current, os.urandom(SALT_BYTES)) if self.current else None

    def seal(self, key_id: str, salt: bytes) -> "Seal":
        """Raises: Misconfigured."""
        return Seal(self.key(key_id), key_id, salt)


def _no_key(key_id: str) -> Misconfigured:
    return Misconfigured(
        f"The file of the key {key_id!r} holds no key.", hint="Make one with `openssl rand -base64 32 > FILE`."
    )


class Seal:
    """Seals one file under one key."""

    def __init__(self, key: bytes, key_id: str, salt: bytes) -> None:
        name = key_id.encode()
        self.key_id, self.salt = key_id, salt
        self.header = MAGIC + bytes([len(name)]) + name + salt
        self._cipher = AESGCM(HKDF(SHA256(), KEY_BYTES, salt, MAGIC + name).derive(key))

    def sealed(self, first: int, data: bytes, *, last: bool) -> bytes:
        """The chunks from number `first` on, with the header before number 0; all but the file's last are full."""
        view, starts = memoryview(data), range(0, len(data), CHUNK_BYTES) or (0,)
        chunks = [self.header] if first == 0 else []
        for number, start in enumerate(starts, first):
            ends = last and start + CHUNK_BYTES >= len(data)
            chunks.append(self._cipher.encrypt(_nonce(number, ends), view[start : start + CHUNK_BYTES], self.header))
        return b"".join(chunks)

    def opened(self, number: int, chunk: bytes, *, last: bool) -> bytes:
        """Raises: InvalidTag."""
        return self._cipher.decrypt(_nonce(number, last), chunk, self.header)


def _nonce(number: int, last: bool) -> bytes:
    return number.to_bytes(11) + bytes([last])


def opened(blocks: Iterator[bytes], ring: KeyRing, name: str) -> Iterator[bytes]:
    """What was sealed, chunk by chunk; only what is whole and in its place is passed on.

    Raises: OperationFailed when it is damaged, cut, or sealed with another key of that name; Misconfigured.
    """
    reader = _Reader(blocks)
    seal = _seal_of(reader, ring, name)
    number, chunk = 0, reader.take(CHUNK_BYTES + TAG_BYTES)
    while True:
        following = reader.take(CHUNK_BYTES + TAG_BYTES)
        try:
            yield seal.opened(number, chunk, last=not following)
        except InvalidTag as error:
            why = (
                "the key of that name is another one, or its beginning was changed" if number == 0 else "it is damaged"
            )
            raise _unopened(name, f"{why} (chunk {number}, key {seal.key_id!r})") from error
        if not following:
            return
        number, chunk = number + 1, following


def _seal_of(reader: "_Reader", ring: KeyRing, name: str) -> Seal:
    if reader.take(len(MAGIC)) != MAGIC:
        raise _unopened(name, "it is not sealed as the bot seals")
    length = reader.take(1)
    key_id, salt = reader.take(length[0] if length else 0), reader.take(SALT_BYTES)
    if len(salt) != SALT_BYTES:
        raise _unopened(name, "it ends in the middle")
    return ring.seal(key_id.decode(errors="replace"), salt)


def _unopened(name: str, why: str) -> OperationFailed:
    return OperationFailed(f"{name} cannot be opened: {why}.", hint="Look at its key, or use another backup.")


class _Reader:
    """Takes so many bytes at a time from blocks of any size."""

    def __init__(self, blocks: Iterator[bytes]) -> None:
        self._blocks, self._held = blocks, bytearray()

    def take(self, count: int) -> bytes:
        """Fewer at the end."""
        while len(self._held) < count and (block := next(self._blocks, b"")):
            self._held += block
        taken = bytes(self._held[:count])
        del self._held[:count]
        return taken

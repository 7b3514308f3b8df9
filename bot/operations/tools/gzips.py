"""Compressed streams between a file and a program's pipe, hashed as they pass; all of it blocks, in a thread."""

import hashlib
import os
import zlib
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol

from isal import isal_zlib

from bot.domain.errors import OperationFailed

BLOCK_BYTES = 1 << 20
MOST_AT_ONCE_BYTES = 4 << 20
TAIL_BYTES = 64 << 10
# Of 0 to 3: as small as gzip makes the platform, for an eighth of the work (`make bench ONLY=backup`).
LEVEL = 3
GZIP = 31
Grew = Callable[[int], None]
Unpack = Callable[[BinaryIO, Callable[[bytes], None], str], Iterator[bytes]]


@dataclass
class Progress:
    """How many bytes of SQL have passed; another thread may read it at any time."""

    raw_bytes: int = 0


@dataclass(frozen=True)
class Written:
    """A compressed file as it was written; `tail` is the end of what was compressed."""

    size_bytes: int
    sha256: str
    raw_bytes: int
    tail: bytes


@dataclass(frozen=True)
class Fed:
    """A compressed file as it was read: the hash is of the very bytes that were fed on."""

    size_bytes: int
    sha256: str
    raw_bytes: int


class Screen(Protocol):
    """Looks at SQL on its way to psql, and answers what may go on. Both raise: OperationFailed."""

    def pass_on(self, block: bytes) -> bytes: ...

    def finish(self) -> bytes: ...


def unheard(_size_bytes: int) -> None:
    """For a file whose growth nobody follows."""


def compress(source: int, path: Path, progress: Progress, grew: Grew = unheard) -> Written:
    """Read the pipe to its end into a new gzip file, on all cores: each block is a member, as gzip allows.

    The file is on the disk when this returns. Raises: OSError.
    """
    return keep(_compressed(blocks_of(source)), path, progress, grew)


def keep(pieces: Iterator[tuple[bytes, bytes]], path: Path, progress: Progress, grew: Grew) -> Written:
    """Write the first of each pair into a new file; the second is what it was made of.

    `grew` hears how many bytes of the file can be read. Raises: OSError, and what `grew` raises.
    """
    whole, size, tail = hashlib.sha256(), 0, b""
    with path.open("xb") as file:
        for packed, block in pieces:
            whole.update(packed)
            file.write(packed)
            size += len(packed)
            if packed:
                file.flush()
                grew(size)
            progress.raw_bytes += len(block)
            tail = (tail + block[-TAIL_BYTES:])[-TAIL_BYTES:]
        file.flush()
        os.fsync(file.fileno())
    return Written(size, whole.hexdigest(), progress.raw_bytes, tail)


def feed(path: Path, sink: int | None, screen: Screen, progress: Progress) -> Fed:
    """Write the file's SQL into the pipe, hashing the compressed bytes as they are read; without a pipe, only look.

    Raises: OperationFailed when it is truncated, no gzip, or the screen refuses it; OSError.
    """
    return feed_unpacked(path, sink, screen, progress, _decompressed)


def feed_unpacked(path: Path, sink: int | None, screen: Screen, progress: Progress, unpack: Unpack) -> Fed:
    """The same for any compression."""
    whole = hashlib.sha256()
    with path.open("rb") as file:
        for block in unpack(file, whole.update, path.name):
            progress.raw_bytes += len(block)
            write_all(sink, screen.pass_on(block))
        write_all(sink, screen.finish())
        return Fed(file.tell(), whole.hexdigest(), progress.raw_bytes)


def _compressed(blocks: Iterator[bytes]) -> Iterator[tuple[bytes, bytes]]:
    """Each block with its gzip member, in order; only some blocks are in memory at a time."""
    workers = os.cpu_count() or 1
    waiting: deque[tuple[Future[bytes], bytes]] = deque()
    with ThreadPoolExecutor(workers, thread_name_prefix="gzip") as threads:
        for block in blocks:
            waiting.append((threads.submit(isal_zlib.compress, block, LEVEL, GZIP), block))
            if len(waiting) > 2 * workers:
                member, done = waiting.popleft()
                yield member.result(), done
        for member, done in waiting:
            yield member.result(), done


def blocks_of(source: int) -> Iterator[bytes]:
    """Whole blocks, however little a pipe holds at a time."""
    gathered = bytearray()
    while chunk := os.read(source, BLOCK_BYTES):
        gathered += chunk
        if len(gathered) >= BLOCK_BYTES:
            yield bytes(gathered)
            gathered.clear()
    if gathered:
        yield bytes(gathered)


def _decompressed(file: BinaryIO, hashed: Callable[[bytes], None], name: str) -> Iterator[bytes]:
    """The text of every member; no block grows beyond some megabytes, whatever the file unfolds to."""
    inflate, unread, begun = zlib.decompressobj(GZIP), b"", False
    try:
        while chunk := unread or read_hashed(file, hashed):
            yield inflate.decompress(chunk, MOST_AT_ONCE_BYTES)
            unread, begun = inflate.unconsumed_tail, not inflate.eof
            if inflate.eof:
                unread, inflate = inflate.unused_data, zlib.decompressobj(GZIP)
        while begun and (block := inflate.decompress(b"", MOST_AT_ONCE_BYTES)):
            yield block
    except zlib.error as error:
        raise damaged(name, f"it holds what gzip did not write ({error})") from error
    if file.tell() == 0:
        raise damaged(name, "it is empty")
    if begun and not inflate.eof:
        raise damaged(name, "it ends in the middle")


def read_hashed(file: BinaryIO, hashed: Callable[[bytes], None]) -> bytes:
    chunk = file.read(BLOCK_BYTES)
    hashed(chunk)
    return chunk


def damaged(name: str, why: str) -> OperationFailed:
    return OperationFailed(f"{name} is damaged: {why}.", hint="Use another backup: `/takumi backup list`.")


def write_all(sink: int | None, block: bytes) -> None:
    view = memoryview(block)
    while view and sink is not None:
        view = view[os.write(sink, view) :]

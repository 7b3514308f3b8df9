"""zstd streams between a file and a program's pipe, on all cores, hashed as they pass; all of it blocks, in a thread.

A file is one frame with a checksum of what it unfolds to; whatever follows the frame is damage.
"""

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

from bot.operations.tools.gzips import (
    MOST_AT_ONCE_BYTES,
    Fed,
    Grew,
    Progress,
    Screen,
    Written,
    blocks_of,
    damaged,
    feed_unpacked,
    keep,
    read_hashed,
    unheard,
)

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

# Smaller than gzip makes the platform, for a third of the work that zstd's usual level 3 takes.
LEVEL = 1
# Frames may ask for windows up to 2 GB; ours ask for a few MB.
MOST_WINDOW_LOG = 27


def compress(source: int, path: Path, progress: Progress, grew: Grew = unheard) -> Written:
    """Read the pipe to its end into a new zstd file. It is on the disk when this returns. Raises: OSError."""
    return keep(_compressed(blocks_of(source)), path, progress, grew)


def feed(path: Path, sink: int | None, screen: Screen, progress: Progress) -> Fed:
    """Write what the file unfolds to into the pipe, hashing the file's bytes; without a pipe, only look.

    Raises: OperationFailed when it is damaged, no zstd, or the screen refuses it; OSError.
    """
    return feed_unpacked(path, sink, screen, progress, _decompressed)


def _compressed(blocks: Iterator[bytes]) -> Iterator[tuple[bytes, bytes]]:
    options: dict[int, int] = {
        zstd.CompressionParameter.compression_level: LEVEL,
        zstd.CompressionParameter.nb_workers: os.cpu_count() or 1,
        zstd.CompressionParameter.checksum_flag: 1,
    }
    packer = zstd.ZstdCompressor(options=options)
    for block in blocks:
        yield packer.compress(block), block
    yield packer.flush(), b""


def _decompressed(file: BinaryIO, hashed: Callable[[bytes], None], name: str) -> Iterator[bytes]:
    """What the frame unfolds to; no block grows beyond some megabytes, whatever the file says."""
    unpacker = zstd.ZstdDecompressor(options={zstd.DecompressionParameter.window_log_max: MOST_WINDOW_LOG})
    try:
        while not unpacker.eof and (chunk := read_hashed(file, hashed)):
            yield unpacker.decompress(chunk, MOST_AT_ONCE_BYTES)
            while not unpacker.eof and not unpacker.needs_input:
                yield unpacker.decompress(b"", MOST_AT_ONCE_BYTES)
    except zstd.ZstdError as error:
        raise damaged(name, f"it holds what zstd did not write ({error})") from error
    if file.tell() == 0:
        raise damaged(name, "it is empty")
    if not unpacker.eof:
        raise damaged(name, "it ends in the middle")
    if unpacker.unused_data or read_hashed(file, hashed):
        raise damaged(name, "something follows its end")

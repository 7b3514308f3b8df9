"""Compressed streams keep every byte, and notice every damage."""

import gzip
import hashlib
import os
import threading
import zlib
from pathlib import Path

import pytest

from bot.domain.errors import OperationFailed
from bot.operations.tools.gzips import BLOCK_BYTES, Progress, compress, feed


class PassAll:
    def pass_on(self, block: bytes) -> bytes:
        return block

    def finish(self) -> bytes:
        return b""


def through_pipe(path: Path) -> bytes:
    """What `feed` writes for this file."""
    read_end, write_end = os.pipe()
    got: list[bytes] = []

    def collect() -> None:
        while chunk := os.read(read_end, 65_536):
            got.append(chunk)

    reader = threading.Thread(target=collect)
    reader.start()
    try:
        fed = feed(path, write_end, PassAll(), Progress())
    finally:
        os.close(write_end)
        reader.join()
        os.close(read_end)
    assert fed.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert fed.size_bytes == path.stat().st_size
    return b"".join(got)


def noise(size: int) -> bytes:
    """Bytes that do not compress, the same each time."""
    return hashlib.shake_256(b"noise").digest(size)


def compressed(path: Path, text: bytes) -> None:
    read_end, write_end = os.pipe()

    def pour() -> None:
        with os.fdopen(write_end, "wb") as sink:
            sink.write(text)

    writer = threading.Thread(target=pour)
    writer.start()
    written = compress(read_end, path, Progress())
    writer.join()
    os.close(read_end)
    assert written.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert (written.size_bytes, written.raw_bytes) == (path.stat().st_size, len(text))
    assert text.endswith(written.tail)


@pytest.mark.parametrize("size", [1, 1000, BLOCK_BYTES, BLOCK_BYTES + 1, 7 * BLOCK_BYTES + 13])
def test_what_was_compressed_comes_back_whole(tmp_path: Path, size: int) -> None:
    text = noise(size)
    compressed(tmp_path / "file.gz", text)
    assert gzip.decompress((tmp_path / "file.gz").read_bytes()) == text
    assert through_pipe(tmp_path / "file.gz") == text


def test_a_file_that_unfolds_hugely_is_fed_in_small_blocks(tmp_path: Path) -> None:
    text = b"\0" * (64 << 20)
    (tmp_path / "file.gz").write_bytes(gzip.compress(text))
    assert through_pipe(tmp_path / "file.gz") == text


@pytest.mark.parametrize(
    ("damage", "why"),
    [
        (lambda _: b"", "it is empty"),
        (lambda good: good[: len(good) // 2], "ends in the middle"),
        (lambda good: good[:-1], "ends in the middle"),
        (lambda good: good[:5], "ends in the middle"),
        (lambda good: good[:-8] + b"\0" * 8, "gzip did not write"),
        (lambda good: good + b"garbage", "gzip did not write"),
        (lambda _: b"SELECT 1;", "gzip did not write"),
        (lambda good: good[:40] + bytes([good[40] ^ 16]) + good[41:], "gzip did not write"),
    ],
    ids=["empty", "half", "last byte gone", "header only", "wrong checksum", "tail", "not gzip", "bit flipped"],
)
def test_a_damaged_file_is_named_so(tmp_path: Path, damage, why: str) -> None:
    good = gzip.compress(noise(5000), mtime=0)
    path = tmp_path / "file.gz"
    path.write_bytes(damage(good))
    with pytest.raises(OperationFailed, match=why):
        through_pipe(path)


def test_a_full_disk_is_an_error_of_the_system() -> None:
    class Full(type(Path())):
        def open(self, *_args, **_options):
            return open("/dev/full", "wb")  # noqa: PTH123 - stands in for a disk without room

    read_end, write_end = os.pipe()
    os.write(write_end, b"x" * 10)
    os.close(write_end)
    with pytest.raises(OSError, match="No space left"):
        compress(read_end, Full("ignored"), Progress())
    os.close(read_end)


def test_members_are_ordinary_gzip(tmp_path: Path) -> None:
    compressed(tmp_path / "file.gz", b"a" * (2 * BLOCK_BYTES))
    first = zlib.decompressobj(31)
    assert first.decompress((tmp_path / "file.gz").read_bytes()) == b"a" * BLOCK_BYTES
    assert first.eof

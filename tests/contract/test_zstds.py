"""zstd streams keep every byte, notice every damage, and unfold in steps, whatever a file says."""

import hashlib
import os
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from bot.domain.errors import OperationFailed
from bot.operations.tools.gzips import MOST_AT_ONCE_BYTES, Progress
from bot.operations.tools.zstds import compress, feed

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd


class Largest:
    """Passes everything on, and keeps the size of the largest block."""

    def __init__(self) -> None:
        self.size_bytes, self.whole = 0, hashlib.sha256()

    def pass_on(self, block: bytes) -> bytes:
        self.size_bytes = max(self.size_bytes, len(block))
        self.whole.update(block)
        return block

    def finish(self) -> bytes:
        return b""


def compressed(content: bytes, path: Path, grew: Callable[[int], None] = lambda _: None):
    read_end, write_end = os.pipe()

    def pour() -> None:
        with os.fdopen(write_end, "wb") as pipe:
            pipe.write(content)

    writer = threading.Thread(target=pour)
    writer.start()
    try:
        return compress(read_end, path, Progress(), grew)
    finally:
        writer.join()
        os.close(read_end)


@pytest.mark.parametrize(
    "content", [b"", b"x", os.urandom(5_000_000), bytes(40_000_000)], ids=["none", "one", "a", "0"]
)
def test_what_goes_in_comes_out_and_both_hashes_are_those_of_the_file(tmp_path: Path, content: bytes) -> None:
    path, heard, screen = tmp_path / "x.dump.zst", list[int](), Largest()
    written = compressed(content, path, heard.append)
    fed = feed(path, None, screen, Progress())
    assert screen.whole.hexdigest() == hashlib.sha256(content).hexdigest()
    assert written.sha256 == fed.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert (heard[-1], written.raw_bytes) == (path.stat().st_size, len(content))
    assert zstd.decompress(path.read_bytes()) == content


def test_a_bomb_unfolds_in_steps(tmp_path: Path) -> None:
    path, screen = tmp_path / "bomb", Largest()
    path.write_bytes(zstd.compress(bytes(300 << 20)))
    assert path.stat().st_size < 100_000
    assert feed(path, None, screen, Progress()).raw_bytes == 300 << 20
    assert screen.size_bytes <= MOST_AT_ONCE_BYTES


def test_a_frame_that_asks_for_too_much_memory_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "wide"
    options = {zstd.CompressionParameter.window_log: 30, zstd.CompressionParameter.enable_long_distance_matching: 1}
    packer = zstd.ZstdCompressor(options=options)
    path.write_bytes(packer.compress(os.urandom(1 << 20)) + packer.flush())
    with pytest.raises(OperationFailed, match="zstd did not write"):
        feed(path, None, Largest(), Progress())


@pytest.mark.parametrize("at", range(0, 3000, 211))
def test_no_flipped_bit_goes_unnoticed(tmp_path: Path, at: int) -> None:
    path = tmp_path / "x"
    compressed(os.urandom(2000) + bytes(2000), path)
    content = bytearray(path.read_bytes())
    content[at % len(content)] ^= 1
    path.write_bytes(content)
    with pytest.raises(OperationFailed, match=r"is damaged"):
        feed(path, None, Largest(), Progress())


@pytest.mark.parametrize("left", [0, 1, 4, 500, -4, -1])
def test_no_cut_goes_unnoticed(tmp_path: Path, left: int) -> None:
    path = tmp_path / "x"
    compressed(os.urandom(2000), path)
    path.write_bytes(path.read_bytes()[:left])
    with pytest.raises(OperationFailed, match=r"ends in the middle|is empty"):
        feed(path, None, Largest(), Progress())

"""A million entries verified by the single file alone: its memory against that for a hundredth of them."""

import asyncio
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from bench.audit import ENTRY
from bench.results import Compared, Result
from bot import verifier
from bot.domain.canonical import canonical_json
from bot.domain.redaction import NOTHING_SECRET
from bot.stores.audit import body_of
from bot.stores.chain import Top, head_of
from bot.stores.signing import Key, Writer, passing_key
from bot.verifier import FORMAT, line_of, linked, signed_text

MANY, FEW, BATCH = 1_000_000, 10_000, 2048
AT_US = 1_795_000_000_000_000


async def run() -> Sequence[Result]:
    with tempfile.TemporaryDirectory(prefix="takumi-bench-") as folder:
        few, many = [await asyncio.to_thread(_megabytes, Path(folder) / "export", count) for count in (FEW, MANY)]
    peer = f"the same with {FEW:,} entries"
    return [Compared("audit.verify.memory", peer, "MB", 1.25, "lower").result([many], [few])]


def _megabytes(file: Path, entries: int) -> float:
    write_export(file, entries)
    begun = time.perf_counter()
    resident = resident_mb(file)
    seconds = time.perf_counter() - begun
    sys.stdout.write(f"{entries:,} entries, {file.stat().st_size:,} bytes: {resident:.1f} MB, {seconds:.0f} s\n")
    file.unlink()
    return resident


# The kernel's own high-water mark of this process; what `wait4` tells of a child includes who started it.
_CHILD = """
import runpy, sys
del sys.argv[0]
try:
    runpy.run_path(sys.argv[0], run_name="__main__")
except SystemExit as ended:
    print(next(line for line in open("/proc/self/status") if line.startswith("VmHWM")).split()[1], ended.code)
"""


def resident_mb(file: Path, *options: str) -> float:
    """The most memory that checking an export took. Raises: RuntimeError when it is not intact."""
    command = [sys.executable, "-c", _CHILD, verifier.__file__, str(file), *options]
    said = subprocess.run(command, capture_output=True, check=True, text=True).stdout
    kilobytes, code = said.split()[-2:]
    if code != "0":
        raise RuntimeError(f"the export is not intact: {said}")
    return int(kilobytes) / 1024


def write_export(file: Path, entries: int) -> None:
    """An honest export of so many entries, made and written batch by batch."""
    with file.open("wb") as target:
        target.writelines(_lines(Writer(passing_key()), passing_key(), entries))


def _lines(writer: Writer, head_key: Key, entries: int) -> Iterator[bytes]:
    keys = {"entries": [writer.key.public], "heads": [head_key.public]}
    about = {"format": FORMAT, "exported_at_us": AT_US + 10**15, "keys": keys}
    yield canonical_json(about).encode() + b"\n"
    body, top, hashes = body_of(ENTRY, NOTHING_SECRET), Top(), []
    previous = top.last_hash
    for position in range(1, entries + 1):
        number = writer.take()
        signed, signature = signed_text(writer.name, number, body), writer.sign(number, body)
        line = line_of(position, position, AT_US + position, signature, signed)
        previous = linked(previous, line)
        hashes.append(previous)
        yield b"E %b %b\n" % (previous.hex().encode(), line)
        if len(hashes) == BATCH or position == entries:
            head = head_of(top, hashes)
            yield f"H {head_key.sign_head(head)} {head}\n".encode()
            top, hashes = top.after(head), []
    yield f"Z {entries} {top.batch}\n".encode()

"""Checks an exported trail by itself: `python verifier.py EXPORT [--keys FILE] [--anchors FOLDER]`.

With `--proof FILE` instead of an export it checks what `audit prove` printed of one entry.

This one file needs neither the bot nor its database: Python 3.11 alone, and `cryptography` where it is installed.

An export is text, one record a line:
- first a JSON object: `format`, `exported_at_us`, `keys` (public keys by use, in hex);
- `E <hash> <line>` for an entry. `line` has fixed widths: position (20 digits), id (20), microseconds since 1970
  (20), signature (128 hex digits), writer (32), the writer's running number (20), then the body: canonical JSON.
  The signature covers writer, number and body. The hash is SHA-256 over the hash before it (32 bytes) and the line;
- `H <signature> <head>` after each batch of entries. `head` is canonical JSON: `batch`, `first`, `last`, `last_hash`,
  `previous` (SHA-256 of the head before), `root` (of a tree over the batch's hashes, sixteen to a node), `at`;
- at last `Z <entries> <heads>`, without which the file was cut.
An anchor file holds `H` lines, each followed by `L <hashes>`: every hash of that batch.
"""

import argparse
import hashlib
import json
import re
import sys
from binascii import hexlify
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from operator import itemgetter
from pathlib import Path
from typing import Any

try:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
except ImportError:
    Ed25519PublicKey = None  # type: ignore[assignment,misc] # then the arithmetic at the end of this file checks

FORMAT = "takumi-audit-1"
NOTHING = bytes(32)
UNSIGNED = "0" * 128
NO_WRITER = "0" * 32
ENTRY_SIGNED, HEAD_SIGNED = b"takumi entry\n", b"takumi head\n"
NODE, WIDTH = b"takumi node\n", 16
MOST_LISTED, AT_ONCE = 100, 4096
# How long the transaction of a lower number may still be on its way when a higher one is exported.
IN_FLIGHT_US = 120 * 1_000_000
_FIRST, _BEFORE, _LINE = itemgetter(0), itemgetter(slice(67)), itemgetter(slice(67, -1))
_HASH, _SIGNATURE = re.compile(rb"[0-9a-f]{64}"), re.compile(rb"[0-9a-f]{128}")
_ENTRY = re.compile(rb"\d{20} \d{20} \d{20} [0-9a-f]{128} [0-9a-f]{32} \d{20} \{", re.ASCII)


def signed_text(writer: str, number: int, body: str) -> str:
    """What the writer of an entry signs, after ENTRY_SIGNED."""
    return f"{writer} {number:020d} {body}"


def line_of(position: int, entry: int, at_us: int, signature: str, signed: str) -> bytes:
    """The bytes of an entry that are hashed."""
    return f"{position:020d} {entry:020d} {at_us:020d} {signature} {signed}".encode()


def linked(previous: bytes, line: bytes) -> bytes:
    return hashlib.sha256(previous + line).digest()


def parents(hashes: Sequence[bytes]) -> list[bytes]:
    joined, size = b"".join(hashes), WIDTH * len(NOTHING)
    return [hashlib.sha256(NODE + joined[start : start + size]).digest() for start in range(0, len(joined), size)]


def root_of(hashes: Sequence[bytes]) -> bytes:
    """The root of the tree over a batch's hashes; a single hash has a node of its own above it."""
    level = parents(hashes)
    while len(level) > 1:
        level = parents(level)
    return level[0]


def proven(leaf: bytes, proof: Sequence[Sequence[str]], root: bytes) -> bool:
    """Whether the tree of this root holds the hash; a proof is the group it is in, level by level."""
    for group in proof:
        if leaf.hex() not in group:
            return False
        leaf = hashlib.sha256(NODE + b"".join(map(bytes.fromhex, group))).digest()
    return bool(proof) and leaf == root


@dataclass
class Report:
    """What was found; `notes` are not alarms."""

    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    entries: int = 0
    heads: int = 0
    retired: int = 0
    hidden: int = 0

    def found(self, problem: str) -> None:
        if len(self.problems) < MOST_LISTED:
            self.problems.append(problem)
        else:
            self.hidden += 1

    def text(self) -> str:
        verdict = "is NOT what was recorded" if self.problems else "is intact"
        return "\n".join([*self.lines(), f"The trail {verdict}: {self.entries} entries, {self.heads} signed heads."])

    def lines(self) -> list[str]:
        lines = [f"PROBLEM {one}" for one in self.problems] + [f"note    {one}" for one in self.notes]
        return lines + ([f"PROBLEM {self.hidden} more"] if self.hidden else [])


class Numbers:
    """Every writer's numbers follow one another: what was rolled back left a void."""

    def __init__(self, *, from_the_first: bool) -> None:
        self._from_the_first = from_the_first
        self._next: dict[bytes, int] = {}
        self._early: dict[bytes, dict[int, int]] = {}

    def is_double(self, line: bytes) -> bool:
        """Take note of an entry's number; whether it was there before."""
        writer, number = line[192:224], int(line[225:245])
        expected = self._next.get(writer, 1 if self._from_the_first else number)
        if number == expected and writer not in self._early:
            self._next[writer] = number + 1
            return False
        early = self._early.setdefault(writer, {})
        if number < expected or number in early:
            return self._from_the_first
        early[number] = int(line[42:62])
        while early.pop(expected, None) is not None:
            expected += 1
        self._next[writer] = expected
        if not early:
            del self._early[writer]
        return False

    def missing(self, exported_at_us: int) -> Iterator[tuple[bool, str]]:
        """(whether it is an alarm, what) for each run of numbers that later ones of its writer overtook."""
        for writer, early in self._early.items():
            expected, later = self._next.get(writer, 1), sorted(early)
            for index, number in enumerate(later):
                if number > expected:
                    gap = f"number {expected}" if number == expected + 1 else f"numbers {expected} to {number - 1}"
                    overtaken_at_us = min(early[one] for one in later[index:])
                    what = f"{gap} of writer {writer.decode()} is missing, and no void declares it"
                    yield exported_at_us - overtaken_at_us > IN_FLIGHT_US, what
                expected = number + 1


class Anchors:
    """Heads as they were put outside, in order, each with its batch's hashes. One file's text is held at a time."""

    def __init__(self, texts: Iterable[str], keys: Sequence[str], report: Report) -> None:
        self._heads = self._read(texts, keys, report)
        self._next: tuple[int, bytes, list[bytes]] | None = next(self._heads, None)

    def of(self, batch: int) -> tuple[bytes, list[bytes]] | None:
        """What was anchored of that batch; batches are asked for in order."""
        while self._next is not None and self._next[0] < batch:
            self._next = next(self._heads, None)
        return self._next[1:] if self._next is not None and self._next[0] == batch else None

    def last(self, after: int) -> bytes | None:
        """The last head that is later than that batch."""
        found = None
        while self._next is not None:
            found = self._next[1] if self._next[0] > after else found
            self._next = next(self._heads, None)
        return found

    @staticmethod
    def _read(texts: Iterable[str], keys: Sequence[str], report: Report) -> Iterator[tuple[int, bytes, list[bytes]]]:
        seen: dict[int, bytes] = {}
        for text in texts:
            lines = text.encode().splitlines()
            for record, leaves in zip(lines[::2], lines[1::2], strict=False):
                head = head_in(record)
                hashes = [bytes.fromhex(leaves[at : at + 64].decode()) for at in range(2, len(leaves), 64)]
                if head is None or not is_head_signed(keys, record) or head["root"] != root_of(hashes).hex():
                    report.found(
                        "an anchor is not what was put there: its head is not signed, or its hashes do not fit"
                    )
                elif seen.setdefault(head["batch"], record) != record:
                    report.found(f"two anchors disagree about head {head['batch']} (entry {head['first']})")
                elif head["batch"] == max(seen):
                    yield head["batch"], record, hashes


class Verifier:
    """Goes through an export once, in constant memory: it keeps the hashes of one batch.

    `keys` are the trusted public keys in hex, by use (`entries`, `heads`); without them those of the export are taken.
    Entries up to the position `retired` may be missing, whole batches at a time: the retention dropped them.
    """

    def __init__(
        self,
        keys: Mapping[str, Sequence[str]] | None = None,
        anchors: Iterable[str] | None = None,
        *,
        signatures: bool = True,
        numbers: bool = True,
        retired: int = 0,
    ) -> None:
        self.report = Report()
        self._retired, self._numbered = retired, numbers
        self._keys, self._texts, self._signatures = keys, anchors, signatures
        self._anchors: Anchors | None = None
        self._position, self._previous, self._batch, self._head = 0, NOTHING, 0, NOTHING.hex()
        self._hashes: list[bytes] = []
        self._numbers = Numbers(from_the_first=not retired)
        self._ended = False

    def check(self, lines: Iterable[bytes]) -> Report:
        """The whole export. Raises: ValueError when it is none at all."""
        lines = filter(None, lines)  # a file has no line without its end
        exported_at_us = self._begin(next(lines, b""))
        while raws := list(islice(lines, AT_ONCE)):
            # Which of them are entries: whole runs of them are checked together.
            firsts, start = bytes(map(_FIRST, raws)), 0
            while start < len(raws):
                end = len(raws) - len(firsts[start:].lstrip(b"E"))
                self._check_entries(raws[start:end])
                if end < len(raws):
                    self._check_other(raws[end].removesuffix(b"\n"))
                start = end + 1
        return self._end(exported_at_us)

    def _check_other(self, record: bytes) -> None:
        if record[:2] == b"H " and record[130:131] == b" ":
            self._end_batch(record)
        elif record[:2] == b"Z ":
            self._ended = record == f"Z {self.report.entries} {self.report.heads}".encode()
        else:
            self.report.found(f"after entry {self._position}: a record of no known kind")

    def _check_entries(self, raws: Sequence[bytes]) -> None:
        """Hashes are compared together; only where one does not fit, or each is to be looked at, one by one."""
        self.report.entries += len(raws)
        if self._numbered or self._signatures or not raws or not self._all_fit(raws):
            for raw in raws:
                self._check_entry(raw)

    def _all_fit(self, raws: Sequence[bytes]) -> bool:
        """Every hash stands where it should, after the one before it; then they are taken note of."""
        sha256, previous = hashlib.sha256, self._previous
        computed = [previous := sha256(previous + line).digest() for line in map(_LINE, raws)]
        wanted = b"E " + hexlify(b"".join(computed), b"\n", 32).replace(b"\n", b" E ") + b" "
        at = self._position + len(raws)
        placed = raws[0][67:87] == b"%020d" % (self._position + 1) and raws[-1][67:87] == b"%020d" % at
        if not placed or wanted != b"".join(map(_BEFORE, raws)):
            return False
        self._position, self._previous = at, previous
        self._hashes += computed
        return True

    def _check_entry(self, raw: bytes) -> None:
        position, digest = self._position + 1, linked(self._previous, raw[67:-1])
        if not raw.startswith(b"E %b %020d " % (hexlify(digest), position)):
            digest, position = self._wrong_entry(raw, position, digest)
        self._look_closer(position, raw[67:-1])
        self._position, self._previous = position, digest
        self._hashes.append(digest)

    def _wrong_entry(self, raw: bytes, expected: int, computed: bytes) -> tuple[bytes, int]:
        """Name what is wrong, and go on from what the entry says of itself: its hash, its position."""
        position, stored = int(raw[67:87]) if raw[67:87].isdigit() else -1, raw[2:66]
        if raw[:2] != b"E " or raw[66:67] != b" ":
            self.report.found(f"entry {position} is not written as an entry is")
        if position != expected:
            self.report.found(f"entry {expected} is not where it should be: entry {position} stands there")
        if computed.hex().encode() != stored:
            self.report.found(f"entry {position} was changed, or what stands before it: its hash does not fit")
            computed = bytes.fromhex(stored.decode()) if _HASH.fullmatch(stored) else computed
        return computed, position

    def _begin(self, first: bytes) -> int:
        about = json.loads(first)
        if not isinstance(about, dict) or about.get("format") != FORMAT:
            raise ValueError(f"this is no export of the format {FORMAT}")
        if self._keys is None:
            self._keys = about["keys"]
            self.report.notes.append("the public keys came with the export: compare them with the published ones")
        if self._texts is not None:
            self._anchors = Anchors(self._texts, self._keys.get("heads", ()), self.report)
        return int(about["exported_at_us"])

    def _look_closer(self, position: int, line: bytes) -> None:
        """What an entry tells of itself: its writer's running number, and its writer's signature."""
        if _ENTRY.match(line) is None:
            self.report.found(f"entry {position} is not written as an entry is")
            return
        if line[192:224] == NO_WRITER.encode():
            return
        if self._numbers.is_double(line):
            self.report.found(f"entry {position}: its writer's number {int(line[225:245])} is there twice")
        if self._signatures and not is_signed(self._trusted("entries"), line[63:191], ENTRY_SIGNED + line[192:]):
            self.report.found(f"entry {position} is not signed by a known writer")

    def _trusted(self, use: str) -> Sequence[str]:
        return (self._keys or {}).get(use, ())

    def _end_batch(self, record: bytes) -> None:
        self.report.heads += 1
        head = head_in(record)
        if head is None:
            self.report.found(f"after entry {self._position}: a head that cannot be read")
            return
        number, where = head["batch"], f"(entries {head['first']} to {head['last']})"
        if not is_head_signed(self._trusted("heads"), record):
            self.report.found(f"head {number} {where} is not signed by a known key")
        if number != self._batch + 1 or head["previous"] != self._head:
            self.report.found(f"head {number} {where} does not follow head {self._batch}")
        retired = not self._hashes and head["first"] == self._position + 1 and head["last"] <= self._retired
        if retired:
            # Its entries were retired by the retention; what follows hangs on its last hash.
            self._position, self._previous = head["last"], bytes.fromhex(head["last_hash"])
            self.report.retired += head["last"] - head["first"] + 1
        elif not self._fits(head):
            self.report.found(f"head {number} does not fit its entries {where}")
        self._compare_anchor(record, number, retired=retired)
        self._batch, self._head, self._hashes = number, hashlib.sha256(record[131:]).hexdigest(), []

    def _fits(self, head: Mapping[str, Any]) -> bool:
        hashes = self._hashes
        return (
            bool(hashes)
            and (head["first"], head["last"]) == (self._position - len(hashes) + 1, self._position)
            and head["last_hash"] == hashes[-1].hex()
            and head["root"] == root_of(hashes).hex()
        )

    def _compare_anchor(self, record: bytes, number: int, *, retired: bool) -> None:
        anchored = self._anchors.of(number) if self._anchors is not None else None
        if anchored is None or anchored[0] == record:
            return
        pairs = enumerate(zip(anchored[1], self._hashes, strict=False))
        index = next((index for index, (theirs, ours) in pairs if theirs != ours), len(self._hashes))
        first = json.loads(anchored[0][131:])["first"]
        self.report.found(
            f"head {number} is not the one that was anchored" + ("" if retired else f": entry {first + index} differs")
        )

    def _end(self, exported_at_us: int) -> Report:
        report = self.report
        if not self._ended:
            report.found(f"the export was cut after entry {self._position}: its last line is not there")
        if report.retired:
            report.notes.append(f"{report.retired} entries were retired: their heads are signed, they are not there")
        if self._hashes:
            report.notes.append(f"{len(self._hashes)} entries after the last head are chained and not signed yet")
        for alarm, what in self._numbers.missing(exported_at_us):
            (report.found if alarm else report.notes.append)(what)
        if self._anchors is None:
            report.notes.append("without anchors nobody can see whether the tail was cut: use --anchors")
        elif last := self._anchors.last(self._batch):
            until = json.loads(last[131:])["last"]
            report.found(f"the tail was cut: entries {self._position + 1} to {until} are anchored and not there")
        return report


def check_proof(
    made: Mapping[str, Any], keys: Mapping[str, Sequence[str]] | None = None, anchors: Iterable[str] | None = None
) -> Report:
    """What `audit prove` printed: one entry, under one signed head. Raises: KeyError, ValueError when it is none."""
    report, trusted = Report(entries=1, heads=1), keys or made["keys"]
    record, head_record = made["entry"].encode(), made["head"].encode()
    line, head = record[67:], head_in(head_record)
    if _ENTRY.match(line) is None or head is None:
        raise ValueError("this is no proof of an entry")
    position, digest = int(line[:20]), linked(bytes.fromhex(made["previous"]), line)
    if record[2:66] != hexlify(digest):
        report.found(f"entry {position} was changed: its hash does not fit")
    if not is_signed(trusted.get("entries", ()), line[63:191], ENTRY_SIGNED + line[192:]):
        report.found(f"entry {position} is not signed by a known writer")
    if not head["first"] <= position <= head["last"] or not proven(digest, made["proof"], bytes.fromhex(head["root"])):
        report.found(f"entry {position} is not under head {head['batch']}")
    if not is_head_signed(trusted.get("heads", ()), head_record):
        report.found(f"head {head['batch']} is not signed by a known key")
    if keys is None:
        report.notes.append("the public keys came with the proof: compare them with the published ones")
    if anchors is None:
        report.notes.append("without anchors nobody can see whether the head is the one put outside: use --anchors")
    elif (put := Anchors(anchors, trusted.get("heads", ()), report).of(head["batch"])) is None or put[0] != head_record:
        report.found(f"head {head['batch']} is not among the anchors")
    return report


def told(made: Mapping[str, Any], report: Report) -> str:
    """A checked proof as text, with what it proves."""
    line = str(made["entry"])[67:]
    verdict = "is NOT proven" if report.problems else "is proven to stand in the trail"
    return "\n".join([*report.lines(), f"Entry {int(line[21:41])} {verdict}: {line[246:]}"])


def head_in(record: bytes) -> Mapping[str, Any] | None:
    """The head of an `H` record; None when it is not written as one."""
    try:
        head = json.loads(record[131:])
        numbers = all(isinstance(head[name], int) for name in ("batch", "first", "last"))
        hashes = all(_HASH.fullmatch(head[name].encode()) for name in ("last_hash", "previous", "root"))
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
    return head if numbers and hashes else None


def is_head_signed(keys: Sequence[str], record: bytes) -> bool:
    return is_signed(keys, record[2:130], HEAD_SIGNED + record[131:])


def is_signed(keys: Sequence[str], signature: bytes, message: bytes) -> bool:
    """Whether one of the Ed25519 keys (hex) made the signature (hex)."""
    if _SIGNATURE.fullmatch(signature) is None:
        return False
    signed = bytes.fromhex(signature.decode())
    check = slowly_signed if Ed25519PublicKey is None else _quickly_signed
    return any(check(bytes.fromhex(key), signed, message) for key in keys)


def _quickly_signed(key: bytes, signature: bytes, message: bytes) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True


# Ed25519 by RFC 8032, for machines without `cryptography`: slow, and for checking alone.
_P, _L = 2**255 - 19, 2**252 + 27742317777372353535851937790883648493
_D = -121665 * pow(121666, -1, _P) % _P
_Point = tuple[int, int, int, int]


def slowly_signed(key: bytes, signature: bytes, message: bytes) -> bool:
    public, s = _point(key), int.from_bytes(signature[32:], "little")
    if public is None or s >= _L:
        return False
    challenge = hashlib.sha512(signature[:32] + key + message).digest()
    x, y, z, t = _times(int.from_bytes(challenge, "little") % _L, public)
    made = _plus(_times(s, _BASE), (-x % _P, y, z, -t % _P))
    return _encoded(made) == signature[:32]


def _plus(one: _Point, other: _Point) -> _Point:
    a, b = (one[1] - one[0]) * (other[1] - other[0]) % _P, (one[1] + one[0]) * (other[1] + other[0]) % _P
    c, d = 2 * one[3] * other[3] * _D % _P, 2 * one[2] * other[2] % _P
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % _P, g * h % _P, f * g % _P, e * h % _P


def _times(factor: int, point: _Point) -> _Point:
    result: _Point = (0, 1, 1, 0)
    while factor:
        if factor & 1:
            result = _plus(result, point)
        point, factor = _plus(point, point), factor >> 1
    return result


def _point(encoded: bytes) -> _Point | None:
    """None for bytes that are no point of the curve, in the one way in which it may be written."""
    number = int.from_bytes(encoded, "little")
    y, sign = number & (1 << 255) - 1, number >> 255
    if len(encoded) != len(NOTHING) or y >= _P:
        return None
    square = (y * y - 1) * pow(_D * y * y + 1, -1, _P) % _P
    x = pow(square, (_P + 3) // 8, _P)
    if (x * x - square) % _P:
        x = x * pow(2, (_P - 1) // 4, _P) % _P
    if (x * x - square) % _P or (x == 0 and sign):
        return None
    x = _P - x if x & 1 != sign else x
    return x, y, 1, x * y % _P


def _encoded(point: _Point) -> bytes:
    inverse = pow(point[2], -1, _P)
    x, y = point[0] * inverse % _P, point[1] * inverse % _P
    return (y | (x & 1) << 255).to_bytes(32, "little")


_BASE = _point((4 * pow(5, -1, _P) % _P).to_bytes(32, "little")) or (0, 1, 1, 0)


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit code is 0 for an intact trail, 1 for one that is not, 2 for what cannot be read."""
    asked = _asked(arguments)
    try:
        keys = json.loads(asked.keys.read_text(encoding="utf-8")) if asked.keys else None
        files = sorted(asked.anchors.iterdir()) if asked.anchors else None
        anchors = (file.read_text(encoding="utf-8") for file in files) if files is not None else None
        if asked.proof:
            made = json.loads(asked.proof.read_text(encoding="utf-8"))
            report = check_proof(made, keys, anchors)
            text = told(made, report)
        else:
            with asked.export.open("rb") as lines:
                verifier = Verifier(keys, anchors, signatures=not asked.no_signatures, retired=asked.retired)
                report = verifier.check(lines)
            text = report.text()
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        sys.stderr.write(f"This cannot be read: {error}\n")
        return 2
    sys.stdout.write(text + "\n")
    return 1 if report.problems else 0


def _asked(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Check an exported audit trail, or the proof of one entry.")
    parser.add_argument("export", type=Path, nargs="?")
    parser.add_argument("--proof", type=Path, help="what `audit prove` printed, instead of an export")
    parser.add_argument("--keys", type=Path, help="the published public keys, as `audit keys` prints them")
    parser.add_argument("--retired", type=int, default=0, help="the last position that the retention dropped")
    parser.add_argument("--anchors", type=Path, help="a folder with the anchors, copied from outside")
    parser.add_argument(
        "--no-signatures", action="store_true", help="skip the entries' own signatures: ten times faster"
    )
    asked = parser.parse_args(arguments)
    if (asked.export is None) == (asked.proof is None):
        parser.error("give an export, or --proof")
    return asked


if __name__ == "__main__":
    sys.exit(main())

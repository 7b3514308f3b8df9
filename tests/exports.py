"""Exports made without a database, to be changed in every way that a forger could think of."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from bot.domain.canonical import canonical_json
from bot.stores.chain import Top, head_of
from bot.stores.signing import Key, Writer, passing_key
from bot.verifier import FORMAT, NOTHING, line_of, linked, signed_text

AT_US = 1_795_000_000_000_000
LATER_US = AT_US + 3_600_000_000


@dataclass
class Forgery:
    """A trail of batches as a forger would hold it: lines and hashes, which can be made anew from any entry on."""

    writer: Writer = field(default_factory=lambda: Writer(passing_key()))
    head_key: Key = field(default_factory=passing_key)
    lines: list[bytes] = field(default_factory=list)
    hashes: list[bytes] = field(default_factory=list)
    heads: list[tuple[str, str]] = field(default_factory=list)
    sizes: list[int] = field(default_factory=list)

    @property
    def keys(self) -> dict[str, list[str]]:
        return {"entries": [self.writer.key.public], "heads": [self.head_key.public]}

    def record(self, count: int) -> None:
        for _ in range(count):
            self.lines.append(self.line(len(self.lines) + 1, self.writer.take()))

    def line(self, position: int, number: int, text: str = "", writer: Writer | None = None) -> bytes:
        writer = writer or self.writer
        body = canonical_json({"subject": text or f"s{number}", "verb": "run.requested"})
        signed = signed_text(writer.name, number, body)
        return line_of(position, position, AT_US + position, writer.sign(number, body), signed)

    def link(self, start: int = 0) -> None:
        """Valid positions and hashes from there on."""
        del self.hashes[start:]
        for index in range(start, len(self.lines)):
            self.lines[index] = f"{index + 1:020d}".encode() + self.lines[index][20:]
            previous = self.hashes[-1] if self.hashes else NOTHING
            self.hashes.append(linked(previous, self.lines[index]))

    def sign(self, sizes: Sequence[int], key: Key | None = None) -> None:
        """Heads over batches of these sizes."""
        self.heads, self.sizes, top = [], list(sizes), Top()
        for size in sizes:
            hashes = self.hashes[top.last : top.last + size]
            body = head_of(top, hashes)
            self.heads.append((body, (key or self.head_key).sign_head(body)))
            top = top.after(body)

    def sign_more(self, size: int) -> None:
        """One more head, over entries that were recorded since."""
        top = Top().after(self.heads[-1][0])
        body = head_of(top, self.hashes[top.last : top.last + size])
        self.heads.append((body, self.head_key.sign_head(body)))
        self.sizes = [*self.sizes, size]

    def export(self, at_us: int = LATER_US) -> list[bytes]:
        made = [canonical_json({"format": FORMAT, "exported_at_us": at_us, "keys": self.keys}).encode()]
        ends = {sum(self.sizes[: index + 1]): index for index in range(len(self.sizes))}
        for number, (line, digest) in enumerate(zip(self.lines, self.hashes, strict=True), 1):
            made.append(b"E " + digest.hex().encode() + b" " + line)
            if number in ends:
                body, signature = self.heads[ends[number]]
                made.append(f"H {signature} {body}".encode())
        entries, heads = len(self.lines), sum(line.startswith(b"H ") for line in made)
        return [line + b"\n" for line in (*made, f"Z {entries} {heads}".encode())]

    def anchors(self) -> list[str]:
        """What lies outside, one text a batch."""
        texts, start = [], 0
        for (body, signature), size in zip(self.heads, self.sizes, strict=True):
            leaves = "".join(one.hex() for one in self.hashes[start : start + size])
            texts.append(f"H {signature} {body}\nL {leaves}\n")
            start += size
        return texts


def a_forgery(sizes: Sequence[int] = (4, 3, 5)) -> Forgery:
    """An honest trail of twelve entries in three batches."""
    made = Forgery()
    made.record(sum(sizes))
    made.link()
    made.sign(sizes)
    return made

"""SQL as psql splits it: statements, the data of COPY, and psql's own commands, read from blocks of any size.

It follows psql's scanner: quotes, dollar quotes, nested comments, parentheses, and function bodies in BEGIN ATOMIC. It
reads bytes, which is right for every encoding that a server can have.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

MOST_KEPT_BYTES = 256 << 20


class Kind(StrEnum):
    """What a piece of a dump is."""

    COMMENT = "a comment"
    STATEMENT = "a statement"
    DATA = "the data of a COPY"
    COMMAND = "a command of psql"


@dataclass(frozen=True)
class Piece:
    """Some bytes, and the line in which they end. A statement has its semicolon, and a space for each comment in it."""

    kind: Kind
    text: bytes
    line: int


class UnreadableError(Exception):
    """The text is not what a dump can hold; the message says what is wrong."""


TOKEN = re.compile(
    rb"""(?sx)
    (?P<space>\s+)
    | (?P<line>--[^\n]*)
    | (?P<comment>/\*)
    | (?P<escaped>[eE]')
    | (?P<string>')
    | (?P<identifier>")
    | (?P<dollar>\$(?:[A-Za-z_\x80-\xff][A-Za-z0-9_\x80-\xff]*)?\$)
    | (?P<word>[A-Za-z_\x80-\xff][A-Za-z0-9_$\x80-\xff]*)
    | (?P<command>\\[^\n]*)
    | (?P<open>\()
    | (?P<close>\))
    | (?P<end>;)
    | (?P<other>.)
    """
)
IN_ESCAPED = re.compile(rb"(?s)\\.|''|'")
IN_COMMENT = re.compile(rb"/\*|\*/")
COPY_IN = re.compile(rb"(?is)COPY\s.+\sFROM\s+stdin\b")
BLANK_LINE = re.compile(rb"[ \t\r]*\n")
END_OF_DATA = re.compile(rb"\\\.\r?\n")
END_OF_DATA_BYTES = 4
FUNCTION = re.compile(rb"create (?:or replace )?(?:function|procedure)\b")


class StatementReader:
    """Reads blocks as they come. `inside` names what the text stands in the middle of, empty between statements."""

    def __init__(self) -> None:
        self.inside = ""
        self._rest = b""
        self._line = 1
        self._in_line = False
        self._text = bytearray()
        self._closing = b""
        self._comments = self._parentheses = self._begins = 0
        self._words: list[bytes] = []

    @property
    def pending(self) -> bytes:
        """The beginning of the statement that has not ended yet."""
        return bytes(self._text[:200])

    def read(self, block: bytes) -> Iterator[Piece]:
        """Every piece that has ended. Raises: UnreadableError."""
        data, at = self._rest + block, 0
        whole = data.rfind(b"\n") + 1
        while True:
            piece, end = self._data(data, at) if self.inside == Kind.DATA else self._sql(data, at, whole)
            self._line += data.count(b"\n", at, end)
            at = end
            if piece is None:
                break
            yield Piece(piece.kind, piece.text, self._line)
        self._rest = data[at:]
        if len(self._rest) + len(self._text) > MOST_KEPT_BYTES:
            raise UnreadableError(f"{Kind.STATEMENT} is longer than {MOST_KEPT_BYTES >> 20} MB")

    def finish(self) -> Iterator[Piece]:
        """What a last line without its end still holds. Raises: UnreadableError when something is left open."""
        if self._rest and not self._in_line:
            yield from self.read(b"\n")
        inside = self.inside or (Kind.STATEMENT if self._text else "")
        if inside:
            raise UnreadableError(f"it ends in the middle of {inside}")

    def _data(self, data: bytes, at: int) -> tuple[Piece | None, int]:
        """Lines of data up to their end; of a line that is longer than a block, as much as there is."""
        start, begun = at, self._in_line
        if begun:
            at = data.find(b"\n", at) + 1 or len(data)
            self._in_line = data[at - 1 : at] != b"\n"
        end = 0 if self._in_line else _end_of_data(data, at)
        if end:
            self.inside, at = "", end
        elif not self._in_line:
            last = max(data.rfind(b"\n") + 1, at)
            self._in_line = len(data) - last >= END_OF_DATA_BYTES
            at = len(data) if self._in_line else last
        return (_piece(Kind.DATA, data[start:at]) if at > start else None), at

    def _sql(self, data: bytes, at: int, end: int) -> tuple[Piece | None, int]:
        """Up to the end of a statement, or of something outside of statements that is worth looking at."""
        while at < end:
            if self.inside:
                at = self._leave(data, at, end)
                continue
            token = TOKEN.match(data, at, end)
            assert token is not None  # noqa: S101 - its last alternative matches anything
            piece, at = self._take(token, data)
            if piece:
                return piece, at
        return None, at

    def _take(self, token: re.Match[bytes], data: bytes) -> tuple[Piece | None, int]:
        kind, text = token.lastgroup or "", token[0]
        if kind == "command":
            return _piece(Kind.COMMAND, bytes(self._text) + text), token.end()
        if kind == "line":
            self._keep(b" ")
            return (None if self._text else _piece(Kind.COMMENT, text)), token.end()
        if kind == "comment":
            self.inside, self._comments = Kind.COMMENT, 1
            self._keep(b" ")
            return None, token.end()
        self._keep(text)
        if kind in _QUOTES:
            self.inside, self._closing = _QUOTES[kind], text
        self._count(kind, text)
        if kind == "end" and self._parentheses == 0 and self._begins == 0:
            return self._statement(data, token.end())
        return None, token.end()

    def _keep(self, text: bytes) -> None:
        """Nothing is kept before the first token of a statement."""
        if self._text or not text.isspace():
            self._text += text

    def _count(self, kind: str, text: bytes) -> None:
        """What a semicolon may stand within, as psql counts it."""
        if kind == "open":
            self._parentheses += 1
        elif kind == "close":
            self._parentheses = max(0, self._parentheses - 1)
        elif kind == "word":
            self._count_word(text.lower())

    def _count_word(self, word: bytes) -> None:
        if len(self._words) < 4:  # noqa: PLR2004 - CREATE OR REPLACE FUNCTION
            self._words.append(word)
        if self._parentheses or not FUNCTION.match(b" ".join(self._words)):
            return
        if word == b"begin" or (word == b"case" and self._begins):
            self._begins += 1
        elif word == b"end":
            self._begins = max(0, self._begins - 1)

    def _statement(self, data: bytes, at: int) -> tuple[Piece, int]:
        text = bytes(self._text)
        self._text.clear()
        self._words.clear()
        if COPY_IN.match(text):
            blank = BLANK_LINE.match(data, at)
            if blank is None:
                raise UnreadableError("something follows a COPY in its line")
            self.inside, at = Kind.DATA, blank.end()
        return _piece(Kind.STATEMENT, text), at

    def _leave(self, data: bytes, at: int, end: int) -> int:
        """Look for the end of a quote or comment; what is in it is kept, a comment is not."""
        if self.inside == Kind.COMMENT:
            return self._leave_comment(data, at, end)
        if self._closing in (b"e'", b"E'"):
            stop = next((one.end() for one in IN_ESCAPED.finditer(data, at, end) if one[0] == b"'"), -1)
        else:
            found = data.find(self._closing, at, end)
            stop = found + len(self._closing) if found >= 0 else -1
        if stop >= 0:
            self.inside = ""
        stop = stop if stop >= 0 else end
        self._text += data[at:stop]
        return stop

    def _leave_comment(self, data: bytes, at: int, end: int) -> int:
        for mark in IN_COMMENT.finditer(data, at, end):
            self._comments += 1 if mark[0] == b"/*" else -1
            if self._comments == 0:
                self.inside = ""
                return mark.end()
        return end


def _end_of_data(data: bytes, at: int) -> int:
    """Where the text goes on as SQL; 0 when the data do not end yet. `at` is the beginning of a line."""
    while at >= 0:
        end = END_OF_DATA.match(data, at)
        if end:
            return end.end()
        at = data.find(b"\n\\.", at) + 1 or -1
    return 0


_QUOTES = {"string": "a string", "escaped": "a string", "identifier": "a quoted name", "dollar": "a dollar quote"}


def _piece(kind: Kind, text: bytes) -> Piece:
    return Piece(kind, text, 0)

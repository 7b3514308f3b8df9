r"""A plain dump on its way to psql, looked at statement by statement: a dump is untrusted input.

What pg_dump does not write is refused before psql sees it: psql's own commands (`\!`, `\copy`, `\connect`), statements
about roles or other databases, the messages of a failed pg_dump. What only a member of another role may do, giving
objects to their owners, is held back for whoever may. Two barriers stand behind this one: psql's `\restrict`, and a
role without rights.
"""

import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass

from bot.domain.errors import OperationFailed
from bot.operations.statements import Kind, Piece, StatementReader, UnreadableError

COMPLETE = b"-- PostgreSQL database dump complete"
FROM_SERVER = re.compile(rb"-- Dumped from database version (\d+)(\.\d+)?")
EXCERPT_BYTES = 60

# What pg_dump writes as plain SQL, with any of its options but --create; all else is refused.
# (`(?!\s|` keeps a regular expression from giving a space back to get past the words.)
OTHERS = r"(?!\s|DATABASE\b|ROLE\b|USER\s(?!\s*MAPPING\b)|GROUP\b|TABLESPACE\b|SUBSCRIPTION\b|SYSTEM\b|OWNED\b)"
SETTINGS = (
    "statement_timeout|lock_timeout|idle_in_transaction_session_timeout|transaction_timeout|client_encoding"
    "|check_function_bodies|xmloption|client_min_messages|row_security|default_tablespace|default_table_access_method"
    "|default_with_oids|escape_string_warning|search_path"
)
KNOWN = re.compile(
    rf"""(?isx)
    COPY\s.+\sFROM\s+stdin(\s+WITH\s*\([^;]*\))?\s*;$
    | INSERT\s+INTO\s
    | SET\s+({SETTINGS})\s*=\s
    | SET\s+standard_conforming_strings\s*=\s*on;$
    | SELECT\s+pg_catalog\.(set_config\('search_path',\s*'[^'\\]*',\s*false\);$|setval\(|lo_|lowrite\()
    | SELECT\s+\*\s+FROM\s+pg_catalog\.pg_restore_\w+\(
    | (CREATE|ALTER|DROP)\s+(OR\s+REPLACE\s+)?{OTHERS}
    | COMMENT\s+ON\s+{OTHERS}
    | SECURITY\s+LABEL\s+((FOR\s+\S+\s+)?ON\s+){OTHERS}
    | (GRANT|REVOKE)\s((?!\sON\s)[^;])*\sON\s+(?!\s|DATABASE\b|TABLESPACE\b|PARAMETER\b)
    | REFRESH\s+MATERIALIZED\s+VIEW\s
    | (BEGIN|COMMIT);$
    """.encode()
)
# Encodings in which a byte of a character may look like a quote's backslash; no server can have one of them.
UNSAFE_ENCODING = re.compile(
    rb"(?is)SET\s+client_encoding\s*=\s*'?(SJIS|SHIFT|BIG5|GBK|UHC|GB18030|JOHAB|WIN949|WIN950)"
)
MESSAGES = re.compile(rb"(pg_dump|pg_dumpall|psql|gzip|gunzip|bash|sh|/\S+): ")
FENCE = re.compile(rb"\\(un)?restrict [A-Za-z0-9]+\s*$")
CONNECT = re.compile(rb"\\c(onnect)?\b")

# Creating an extension comments it; only its owner, a superuser, may do it again.
EXTENSIONS_COMMENT = re.compile(rb"(?is)COMMENT\s+ON\s+EXTENSION\s")

NAME = r'(?:"(?:[^"]|"")+"|[^\W\d][\w$]*)'
KINDS = (
    "TABLE|VIEW|MATERIALIZED VIEW|SEQUENCE|FOREIGN TABLE|TYPE|DOMAIN|SCHEMA|COLLATION|CONVERSION|STATISTICS|PUBLICATION"
    "|TEXT SEARCH CONFIGURATION|TEXT SEARCH DICTIONARY|SERVER|FOREIGN DATA WRAPPER|EVENT TRIGGER"
    "|(?:PROCEDURAL )?LANGUAGE"
)
# Only what runs no code of the dump: these are executed later, by a role that may do more.
GIVES = re.compile(
    rf"ALTER (?:(?:{KINDS}) (?:{NAME}\.)?{NAME}|LARGE OBJECT \d+"
    rf"|(?:FUNCTION|PROCEDURE|AGGREGATE) (?:{NAME}\.)?{NAME}\([^;]*\)"
    rf"|OPERATOR [^;()]+\([^;()]*\)|OPERATOR (?:CLASS|FAMILY) (?:{NAME}\.)?{NAME} USING {NAME})"
    rf" OWNER TO (?P<owner>{NAME});"
)
DEFAULTS = re.compile(
    rf"ALTER DEFAULT PRIVILEGES FOR ROLE (?P<owner>{NAME}) (?:IN SCHEMA {NAME} )?(?:GRANT|REVOKE) [^;]*;"
)
ABOUT_OWNERS = re.compile(rb'(?is)ALTER\s.*\sOWNER\s+TO\s+("(?:[^"]|"")*"|\S+)\s*;$|ALTER\s+DEFAULT\s+PRIVILEGES\s')


@dataclass(frozen=True)
class HeldBack:
    """A statement about what a role owns, which was not passed on; `owner` is the role's name.

    `gives` is whether it gives an object to that role, or says what others may do with the role's future objects.
    """

    sql: str
    owner: str
    gives: bool


class DumpScreen:
    """Passes a dump's SQL on when it is a dump's and nothing else; `name` is the file's, for errors.

    With `hold_owners`, statements that give objects to roles go into `held` and not to psql. With `restrict`, psql is
    told to take no command of its own. `server_major` is the version that the dump is for. After `finish`, `tables` is
    the number of tables it creates and `from_server` the version it was dumped from (empty when it does not say).
    """

    def __init__(self, name: str, server_major: int, *, hold_owners: bool = False, restrict: bool = False) -> None:
        self.held: list[HeldBack] = []
        self.tables = 0
        self.from_server = ""
        self._name, self._server_major, self._hold_owners = name, server_major, hold_owners
        self._reader = StatementReader()
        self._complete = False
        self._token = secrets.token_hex(16).encode() if restrict else b""
        self._opening = b"\\restrict " + self._token + b"\n" if restrict else b""

    def pass_on(self, block: bytes) -> bytes:
        """Raises: OperationFailed with what is wrong, and in which line."""
        opening, self._opening = self._opening, b""
        try:
            return opening + self._passed(self._reader.read(block))
        except UnreadableError as error:
            raise self._refusal(str(error)) from error

    def finish(self) -> bytes:
        """Raises: OperationFailed when the dump ends too early, or is empty."""
        try:
            rest = self._passed(self._reader.finish())
        except UnreadableError as error:
            raise self._refusal(_messages(self._reader.pending) or str(error)) from error
        if not self._complete:
            raise self._refusal("it does not end as a complete dump does")
        if self.tables == 0:
            raise self._refusal("it holds no table")
        return rest + (b"\\unrestrict " + self._token + b"\n" if self._token else b"")

    def _passed(self, pieces: Iterable[Piece]) -> bytes:
        return b"".join(self._judged(piece) for piece in pieces)

    def _judged(self, piece: Piece) -> bytes:
        if piece.kind is Kind.DATA:
            return piece.text
        if piece.kind is Kind.COMMENT:
            self._read_comment(piece.text)
            return b""
        if piece.kind is Kind.COMMAND:
            self._judge_command(piece)
            return b""
        self._judge_statement(piece)
        if EXTENSIONS_COMMENT.match(piece.text):
            return b""
        return b"" if self._hold_owners and self._held_back(piece) else piece.text + b"\n"

    def _read_comment(self, text: bytes) -> None:
        self._complete = self._complete or text.rstrip() == COMPLETE
        match = FROM_SERVER.match(text)
        if match and not self.from_server:
            self.from_server = (match[1] + (match[2] or b"")).decode()
            if self._server_major and int(match[1]) > self._server_major:
                newer = match[1].decode()
                raise self._refusal(f"it was dumped from PostgreSQL {newer}, which {self._server_major} cannot restore")

    def _judge_command(self, piece: Piece) -> None:
        """pg_dump's own fence is ours to set; every other command of psql is an attack or a dump of another kind."""
        if FENCE.fullmatch(piece.text):
            return
        if CONNECT.match(piece.text):
            raise self._refusal("it chooses its own database (made with --create, or by pg_dumpall)", piece)
        why = f"it holds a command of psql, {_excerpt(piece.text)}"
        raise self._refusal(_messages(piece.text) or why, piece)

    def _judge_statement(self, piece: Piece) -> None:
        if self._complete:
            raise self._refusal(f"something follows its end, {_excerpt(piece.text)}", piece)
        if not KNOWN.match(piece.text) or UNSAFE_ENCODING.match(piece.text):
            why = f"it holds a statement that no pg_dump writes, {_excerpt(piece.text)}"
            raise self._refusal(_messages(piece.text) or why, piece)
        self.tables += piece.text.startswith((b"CREATE TABLE ", b"CREATE UNLOGGED TABLE "))

    def _held_back(self, piece: Piece) -> bool:
        if not ABOUT_OWNERS.match(piece.text):
            return False
        sql = piece.text.decode("utf-8", errors="replace")
        gives = GIVES.fullmatch(sql)
        match = gives or DEFAULTS.fullmatch(sql)
        if match is None or "\ufffd" in sql:
            raise self._refusal(f"it gives objects away in words that no pg_dump uses, {_excerpt(piece.text)}", piece)
        self.held.append(HeldBack(sql, _unquoted(match["owner"]), gives is not None))
        return True

    def _refusal(self, why: str, piece: Piece | None = None) -> OperationFailed:
        where = f" (line {piece.line})" if piece else ""
        return OperationFailed(
            f"{self._name} is no backup that can be restored: {why}{where}.",
            hint="Nothing of it was used. Choose another backup: `/takumi backup list`.",
        )


def _messages(text: bytes) -> str:
    """What to say of a file with the messages of a program in place of SQL; empty for anything else."""
    return f"it holds the messages of a failed program, {_excerpt(text)}" if MESSAGES.match(text) else ""


def _excerpt(text: bytes) -> str:
    short = b" ".join(text[: 4 * EXCERPT_BYTES].split())[:EXCERPT_BYTES]
    return f"`{short.decode('utf-8', errors='replace')}`"


def _unquoted(name: str) -> str:
    return name[1:-1].replace('""', '"') if name.startswith('"') else name

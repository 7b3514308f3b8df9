"""pg_dump's custom format: what its head says, whether it holds a dump's SQL and nothing else, and its way in.

An archive is untrusted as a plain dump is. pg_restore turns it into the SQL that it stands for, which is looked at
statement by statement by the same screen; psql, which takes commands of its own, never sees it. Its bytes are hashed
before pg_restore connects to anything, as a role without rights.
"""

import os
import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from bot.domain.errors import OperationFailed
from bot.operations.files import BLOCK_BYTES, disk_errors, in_thread, unfinished_folder
from bot.operations.screening import DumpScreen
from bot.operations.tools.gzips import Fed, Progress, Screen
from bot.operations.tools.processes import Command, must_succeed, run
from bot.operations.tools.programs import Programs
from bot.operations.tools.toolbox import StepTools
from bot.operations.tools.zstds import feed

MAGIC = b"PGDMP"
CUSTOM = 1
# From this version of the format on, the compression is one byte and no number.
COMPRESSION_IS_A_BYTE = (1, 15)
HEAD_BYTES = 4096
JOBS = max(2, os.cpu_count() or 1)
UNPACKED = "unpacked"

# Lines of `pg_restore --list`: `3412; 0 16390 TABLE DATA public skills takumi`.
ROWS = re.compile(r"\d+; \d+ \d+ (TABLE DATA|BLOBS) ")
# Creating an extension comments it; only its owner, a superuser, may do it again.
EXTENSIONS_COMMENT = re.compile(r"\d+; \d+ \d+ COMMENT - EXTENSION ")
# Given and granted afterwards, by whoever may.
ABOUT_OWNERS = re.compile(r"\d+; \d+ \d+ DEFAULT ACL ")


class ArchiveLook:
    """Fulfils `Screen`: passes everything on, and reads from the head what server the archive is of."""

    def __init__(self, name: str, server_major: int) -> None:
        self.from_server = ""
        self.tables = 0  # only pg_restore knows
        self._name, self._server_major = name, server_major
        self._head, self._begun = b"", False

    def pass_on(self, block: bytes) -> bytes:
        """Raises: OperationFailed."""
        if not self._begun:
            self._head += block[:HEAD_BYTES]
            if len(self._head) >= HEAD_BYTES:
                self._begin()
        return block

    def finish(self) -> bytes:
        """Raises: OperationFailed."""
        if not self._begun:
            self._begin()
        return b""

    def _begin(self) -> None:
        self._begun = True
        try:
            self.from_server = server_of(self._head)
            major = int(self.from_server.split(".")[0])
        except (IndexError, ValueError) as error:
            raise refusal(self._name, "it is no archive of pg_dump's custom format") from error
        if self._server_major and major > self._server_major:
            raise refusal(
                self._name, f"it was dumped from PostgreSQL {major}, which {self._server_major} cannot restore"
            )


def server_of(head: bytes) -> str:
    """The version of the server that was dumped. Raises: ValueError, IndexError when it is no such archive."""
    reader = HeadReader(head)
    if reader.bytes(5) != MAGIC:
        raise ValueError("no archive")
    version = (reader.byte(), reader.byte())
    reader.byte()
    reader.int_size = reader.byte()
    reader.byte()
    if reader.byte() != CUSTOM:
        raise ValueError("another format")
    reader.byte() if version >= COMPRESSION_IS_A_BYTE else reader.number()
    for _ in ("second", "minute", "hour", "day", "month", "year", "daylight saving"):
        reader.number()
    reader.text()
    return reader.text().split(" ")[0]


class HeadReader:
    """Reads numbers and texts as pg_dump writes them: a sign and `int_size` bytes, a length and the text."""

    def __init__(self, head: bytes) -> None:
        self._head, self._at, self.int_size = head, 0, 4

    def bytes(self, count: int) -> bytes:
        """Raises: IndexError at the end of the head."""
        if not 0 <= count <= len(self._head) - self._at:
            raise IndexError(count)
        self._at += count
        return self._head[self._at - count : self._at]

    def byte(self) -> int:
        return self.bytes(1)[0]

    def number(self) -> int:
        negative = self.byte()
        value = int.from_bytes(self.bytes(self.int_size), "little")
        return -value if negative else value

    def text(self) -> str:
        return self.bytes(self.number()).decode()


def refusal(name: str, why: str) -> OperationFailed:
    return OperationFailed(
        f"{name} is no backup that can be restored: {why}.",
        hint="Nothing of it was used. Choose another backup: `/takumi backup list`.",
    )


def pg_restore_of(programs: Programs) -> Path:
    """Raises: OperationFailed where the machine has none of that version."""
    path = programs.path("pg_restore")
    if not path.is_file():
        raise OperationFailed(
            f"pg_restore {programs.version} is missing in {programs.folder}: backups in the fast format need it.",
            hint=f"Install postgresql-client-{programs.major}, or back up with `--format plain`.",
        )
    return path


async def screen_archive(tools: StepTools, file: Path, server_major: int) -> int:
    """Look at every statement that the archive stands for; answers how many tables it creates.

    Raises: OperationFailed saying what is wrong.
    """
    program = pg_restore_of(await tools.programs(server_major))
    look = ArchiveLook(file.name, server_major)
    screen = DumpScreen(file.name, server_major)
    command = Command(program, ("--file=-",))
    with disk_errors():
        ended = await run(
            command,
            feed=lambda sink: feed(file, sink, look, Progress()),
            drain=lambda source: judge(source, screen),
        )
    _must_have_been_read(command, ended.code, ended.stderr, file.name)
    screen.finish()
    return screen.tables


def judge(source: int, screen: DumpScreen) -> None:
    """Let the screen look at all that comes out of the pipe. Raises: OperationFailed."""
    while block := os.read(source, BLOCK_BYTES):
        screen.pass_on(block)


def _must_have_been_read(command: Command, code: int, said: str, name: str) -> None:
    if code != 0:
        words = " ".join(said.split()) or "it said nothing"
        raise refusal(name, f"{command.name} cannot read it ({words})")


@dataclass(frozen=True)
class Unpacked:
    """An archive in the run's hidden folder, where pg_restore can read it in several places at once."""

    path: Path
    fed: Fed

    def beside(self, word: str) -> Path:
        return self.path.with_name(f"{UNPACKED}.{word}")


@asynccontextmanager
async def unpacked(tools: StepTools, file: Path, screen: Screen) -> AsyncIterator[Unpacked]:
    """The file's archive, gone afterwards. Raises: OperationFailed for damage, or a full disk."""
    folder = unfinished_folder(tools.platform.backups.folder, tools.context.run)
    path = folder / UNPACKED
    try:
        yield Unpacked(path, await in_thread(_unpack, file, path, screen))
    finally:
        await in_thread(_forget, folder)


def _unpack(file: Path, path: Path, screen: Screen) -> Fed:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with path.open("wb") as target:
        os.fchmod(target.fileno(), 0o600)
        return feed(file, target.fileno(), screen, Progress())


def _forget(folder: Path) -> None:
    """A backup's own run has more in that folder, a restore's has not."""
    for path in folder.glob(f"{UNPACKED}*"):
        path.unlink()
    if folder.exists() and not any(folder.iterdir()):
        folder.rmdir()


async def list_archive(archive: Unpacked, program: Path) -> Sequence[str]:
    """The lines of what is in it, in order. Raises: OperationFailed."""
    path = archive.beside("list")
    command = Command(program, ("--list", f"--file={path}", str(archive.path)))
    ended = await run(command)
    must_succeed(command, ended)
    text = await in_thread(path.read_text, encoding="utf-8", errors="surrogateescape")
    return [line for line in text.splitlines() if line and not line.startswith(";")]


async def chosen_of(archive: Unpacked, word: str, lines: Sequence[str], without: Sequence[re.Pattern[str]]) -> str:
    """The argument that makes pg_restore leave those entries out."""
    path = archive.beside(word)
    kept = "\n".join(line for line in lines if not any(one.match(line) for one in without))
    await in_thread(path.write_text, kept + "\n", encoding="utf-8", errors="surrogateescape")
    return f"--use-list={path}"

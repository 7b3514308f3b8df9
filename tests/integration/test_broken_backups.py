"""The corpus of broken backups: each is named for what it is, and the database it would replace stays as it was."""

import asyncio
import gzip
import hashlib
import json
import re
import shutil
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from bot.domain.errors import BotError, OperationFailed, Refused, RequestError
from bot.operations.choosing import backup_names, look_up_backup_file
from bot.operations.screening import DumpScreen
from bot.operations.statements import Kind, Piece
from bot.operations.tools.toolbox import Toolbox
from demo.platform.postgres import Cluster
from tests.integration.backups import (
    SmallEngine,
    backup_plan,
    filled_database,
    oid_of,
    platform,
    restore_plan,
    untouched,
    with_restorer,
)

COMPLETE = b"--\n-- PostgreSQL database dump complete\n--\n"
OWNED = Path("/tmp/owned")  # noqa: S108 - what the corpus's shell commands would make
ERROR_TEXT = b'pg_dump: error: connection to server at "db" (10.0.0.7), port 5432 failed: FATAL:  no role "x"\n'


@dataclass(frozen=True)
class Files:
    """The three files of a backup that is about to be broken."""

    dump: Path

    @property
    def checksum(self) -> Path:
        return self.dump.with_name(f"{self.dump.name}.sha256")

    @property
    def manifest(self) -> Path:
        return self.dump.with_name(f"{self.dump.name}.manifest.json")

    @property
    def sql(self) -> bytes:
        return gzip.decompress(self.dump.read_bytes())

    def write(self, sql: bytes, *, keep_manifest: bool = False) -> None:
        """Another dump with a checksum that is right, as the guide's scripts make it; with a manifest that fits."""
        self.dump.write_bytes(gzip.compress(sql))
        self.sign()
        if keep_manifest:
            sha256, size = hashlib.sha256(self.dump.read_bytes()).hexdigest(), self.dump.stat().st_size
            self.change_manifest(sha256=sha256, size_bytes=size)
        else:
            self.manifest.unlink()

    def sign(self) -> None:
        sha256 = hashlib.sha256(self.dump.read_bytes()).hexdigest()
        self.checksum.write_text(f"{sha256}  /var/backups/takumi/database/{self.dump.name}\n")

    def change_manifest(self, **values: object) -> None:
        self.manifest.write_text(json.dumps(json.loads(self.manifest.read_text()) | values))

    def insert(self, sql: bytes) -> None:
        """Some SQL in the middle of the dump, where its indexes begin."""
        self.write(self.sql.replace(b"CREATE INDEX", sql + b"\nCREATE INDEX", 1))


def bytes_cut(files: Files) -> None:
    files.dump.write_bytes(files.dump.read_bytes()[: files.dump.stat().st_size // 2])


def bytes_cut_and_signed(files: Files) -> None:
    bytes_cut(files)
    files.sign()
    files.manifest.unlink()


def last_byte_gone(files: Files) -> None:
    files.dump.write_bytes(files.dump.read_bytes()[:-1])


def bit_flipped(files: Files) -> None:
    content = bytearray(files.dump.read_bytes())
    content[len(content) // 3] ^= 4
    files.dump.write_bytes(content)


def emptied(files: Files) -> None:
    files.dump.write_bytes(b"")
    files.sign()
    files.manifest.unlink()


def not_compressed(files: Files) -> None:
    files.dump.write_bytes(files.sql)
    files.sign()
    files.manifest.unlink()


def garbage_behind(files: Files) -> None:
    files.dump.write_bytes(files.dump.read_bytes() + b"\n\n")
    files.sign()
    files.manifest.unlink()


def another_file(files: Files) -> None:
    files.dump.write_bytes(gzip.compress(files.sql.replace(b"skill 1", b"skill 2")))


def a_row_changed_everything_signed(files: Files) -> None:
    files.write(files.sql.replace(b"Profil Nr. 17 ", b"Profil Nr. 71 "), keep_manifest=True)


def two_values_swapped_everything_signed(files: Files) -> None:
    one, other = b"Profil Nr. 41 ", b"Profil Nr. 42 "
    swapped = files.sql.replace(one, b"?").replace(other, one).replace(b"?", other)
    files.write(swapped, keep_manifest=True)


def rows_gone_everything_signed(files: Files) -> None:
    files.write(re.sub(rb"(COPY public\.skills [^\n]*\n)(?:[^\\][^\n]*\n){10}", rb"\1", files.sql), keep_manifest=True)


def a_table_gone_everything_signed(files: Files) -> None:
    files.write(files.sql.replace(COMPLETE, b"DROP TABLE public.skills;\n" + COMPLETE), keep_manifest=True)


def code(body: bytes) -> Callable[[Files], None]:
    """A dump whose restore calls a function of its own, for each row of a table."""
    return lambda files: files.insert(
        b"CREATE FUNCTION public.evil(text) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN "
        + body
        + b" RETURN true; END $$;\nALTER TABLE public.skills ADD CONSTRAINT evil CHECK (public.evil(skill));"
    )


def null_became_empty_everything_signed(files: Files) -> None:
    files.write(re.sub(rb"\t\\N\n", b"\t\n", files.sql, count=1), keep_manifest=True)


CASES: dict[str, tuple[Callable[[Files], None], type[BotError], str]] = {
    "cut in half": (bytes_cut, OperationFailed, "is damaged: it ends in the middle"),
    "cut in half, with a checksum of the half": (bytes_cut_and_signed, OperationFailed, "it ends in the middle"),
    "last byte gone": (last_byte_gone, OperationFailed, "it ends in the middle"),
    "a bit flipped": (bit_flipped, OperationFailed, "is damaged|no backup|does not match its checksum"),
    "0 bytes": (emptied, OperationFailed, "is damaged: it is empty"),
    "not compressed": (not_compressed, OperationFailed, "gzip did not write"),
    "something behind its end": (garbage_behind, OperationFailed, "gzip did not write"),
    "another file": (another_file, OperationFailed, "does not match its checksum"),
    "an empty checksum": (lambda f: f.checksum.write_text(""), OperationFailed, "does not match its checksum"),
    "another file's manifest": (lambda f: f.change_manifest(file="x"), OperationFailed, "describes another file"),
    "a manifest of other bytes": (lambda f: f.change_manifest(sha256="0"), OperationFailed, "describes another file"),
    "no JSON": (lambda f: f.manifest.write_text("{"), OperationFailed, "it cannot be read"),
    "the messages of a failed pg_dump": (
        lambda f: f.write(ERROR_TEXT),
        OperationFailed,
        "messages of a failed program",
    ),
    "messages before the SQL": (lambda f: f.write(ERROR_TEXT + f.sql), OperationFailed, "messages of a failed program"),
    "an empty dump": (lambda f: f.write(COMPLETE), OperationFailed, "it holds no table"),
    "without its end": (lambda f: f.write(f.sql[: f.sql.index(b"CREATE INDEX")]), OperationFailed, "does not end as"),
    "cut in the data": (lambda f: f.write(f.sql[: f.sql.index(b"Profil Nr. 9")]), OperationFailed, "data of a COPY"),
    "a shell command": (lambda f: f.insert(rb"\! touch /tmp/owned"), OperationFailed, r"a command of psql, `\\! touch"),
    "a copy from a program": (lambda f: f.insert(rb"\copy x from program 'id'"), OperationFailed, "a command of psql"),
    "a server's program": (lambda f: f.insert(b"COPY x FROM PROGRAM 'id';"), OperationFailed, "that no pg_dump writes"),
    "another database": (lambda f: f.insert(rb"\connect takumi"), OperationFailed, "chooses its own database"),
    "a dropped database": (lambda f: f.insert(b"DROP DATABASE takumi;"), OperationFailed, "that no pg_dump writes"),
    "roles": (lambda f: f.insert(b"CREATE ROLE evil SUPERUSER;"), OperationFailed, "that no pg_dump writes"),
    "another format": (lambda f: f.write(b"PGDMP\x01\x0e\x00\x04\x08" + f.sql), OperationFailed, "is no backup that"),
    "a newer server's": (
        lambda f: f.write(re.sub(rb"(database version) \d+", rb"\1 99", f.sql)),
        OperationFailed,
        "dumped from PostgreSQL 99",
    ),
    "a row changed": (a_row_changed_everything_signed, OperationFailed, "profiles: as many rows .* other contents"),
    "two values swapped": (two_values_swapped_everything_signed, OperationFailed, "profiles: as many rows .* other"),
    "NULL became empty": (null_became_empty_everything_signed, OperationFailed, "skills: as many rows .* other"),
    "rows gone": (rows_gone_everything_signed, OperationFailed, "skills: 9000 rows were dumped, 8990 are in"),
    "a table gone": (a_table_gone_everything_signed, OperationFailed, "table public.skills is missing"),
    "a column too few": (
        lambda f: f.write(re.sub(rb"(\tProfil Nr\. 5 [^\t]*)\t[^\n]*", rb"\1", f.sql)),
        OperationFailed,
        "missing data for column",
    ),
    "code that renames": (
        code(b"EXECUTE 'ALTER DATABASE postgres RENAME TO gone';"),
        OperationFailed,
        "must be owner of database",
    ),
    "code that ends sessions": (
        code(b"PERFORM pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'takumi_maintenance';"),
        OperationFailed,
        "permission denied to terminate",
    ),
    "code that becomes the owner": (code(b"SET ROLE takumi;"), OperationFailed, "permission denied to set role"),
    "code that runs a program": (
        code(b"COPY public.skills TO PROGRAM 'touch /tmp/owned';"),
        OperationFailed,
        "permission denied to COPY to or from an external program",
    ),
    "code that reads a file": (
        code(b"PERFORM pg_read_file('/etc/passwd');"),
        OperationFailed,
        "permission denied for function pg_read_file",
    ),
    "gone": (lambda f: f.dump.unlink(), RequestError, "There is no backup"),
}


def was_owned() -> bool:
    return OWNED.exists()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def good(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[tuple[str, Path]]:
    """A database and the folder with one proven backup of it, for all cases."""
    folder = tmp_path_factory.mktemp("good")
    async with filled_database(cluster) as name:
        engine = SmallEngine(Toolbox(with_restorer(platform(cluster, name, folder), cluster)))
        await engine.execute(await backup_plan(engine.toolbox))
        yield name, folder / engine.earlier["publish"]["backup"]["file"]


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
async def test_a_broken_backup_is_refused_and_the_target_is_untouched(
    cluster: Cluster, good: tuple[str, Path], tmp_path: Path, case: tuple[Callable[[Files], None], type[BotError], str]
) -> None:
    (name, dump), (harm, error, said) = good, case
    for path in dump.parent.glob(f"{dump.name}*"):
        shutil.copy(path, tmp_path)
    harm(Files(tmp_path / dump.name))
    reached = with_restorer(platform(cluster, name, tmp_path), cluster)
    engine, oid = SmallEngine(Toolbox(replace(reached, default_database="another"))), await oid_of(cluster, name)
    with pytest.raises(error, match=said):
        await engine.execute(await restore_plan(engine, dump.name, name))
    await untouched(cluster, name, oid)
    assert not was_owned()


@pytest.mark.asyncio(loop_scope="module")
async def test_a_backup_of_the_guides_script_is_restored_to_staging_and_says_that_nothing_was_compared(
    cluster: Cluster, good: tuple[str, Path], tmp_path: Path
) -> None:
    name, dump = good
    shutil.copy(dump, tmp_path / "takumi_db_20240115_020000.sql.gz")
    Files(tmp_path / "takumi_db_20240115_020000.sql.gz").sign()
    reached = with_restorer(platform(cluster, name, tmp_path), cluster)
    with pytest.raises(Refused, match="has no manifest"):
        await restore_plan(SmallEngine(Toolbox(reached)), "takumi_db_20240115_020000.sql.gz", name)
    engine = SmallEngine(Toolbox(replace(reached, default_database="another")))
    plan = await restore_plan(engine, "latest", name)
    assert "nothing to compare with" in plan.warnings[0]
    await engine.execute(replace(plan, steps=plan.steps[:2]))
    assert engine.earlier["compare"]["compared"] is False
    await plan.steps[0].undo.run(engine.tools("load.undo"))


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("name", ["../x", "/etc/passwd", "", "takumi_db_20240115_020000.sql", "x; rm -rf /"])
async def test_a_backup_is_a_file_name_of_the_folder_and_nothing_else(
    cluster: Cluster, tmp_path: Path, name: str
) -> None:
    (tmp_path / "takumi_db_20240115_020000.sql.gz").mkdir()
    tools = SmallEngine(Toolbox(platform(cluster, "postgres", tmp_path))).tools("look")
    assert await backup_names(tools) == []
    with pytest.raises(RequestError, match="There is no backup"):
        await look_up_backup_file(tools, name, 18)


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("fenced", [False, True])
async def test_psql_itself_takes_no_command_when_the_screen_misses_one(
    cluster: Cluster, good: tuple[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fenced: bool
) -> None:
    """Without a fence the command does run: the fence is what stops it."""
    name, dump = good
    for path in dump.parent.glob(f"{dump.name}*"):
        shutil.copy(path, tmp_path)
    owned = tmp_path / "owned"
    Files(tmp_path / dump.name).insert(b"\\! touch " + str(owned).encode())
    monkeypatch.setattr(DumpScreen, "_judge_command", lambda *_: None)
    monkeypatch.setattr(DumpScreen, "_judged", passing_commands(DumpScreen._judged))
    if not fenced:
        monkeypatch.setattr("bot.operations.loading.DumpScreen", without_fence)
    reached = replace(with_restorer(platform(cluster, name, tmp_path), cluster), default_database="another")
    engine = SmallEngine(Toolbox(reached))
    plan = await restore_plan(engine, dump.name, name)
    if not fenced:
        await plan.steps[0].do.run(engine.tools("load"))
    else:
        with pytest.raises(OperationFailed, match="restricted"):
            await plan.steps[0].do.run(engine.tools("load"))
    assert await asyncio.to_thread(owned.exists) is not fenced
    await plan.steps[0].undo.run(engine.tools("load.undo"))


def passing_commands(judged: Callable[..., bytes]) -> Callable[..., bytes]:
    def pass_on(screen: DumpScreen, piece: Piece) -> bytes:
        is_fence = b"restrict" in piece.text
        return piece.text + b"\n" if piece.kind is Kind.COMMAND and not is_fence else judged(screen, piece)

    return pass_on


def without_fence(*args: Any, **options: Any) -> DumpScreen:
    return DumpScreen(*args, **options | {"restrict": False})

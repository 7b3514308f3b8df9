"""The corpus of broken backups in the fast format: each is named for what it is, and nothing is touched.

Hostile archives are made as a hostile person would: by pg_dump, from a database that holds what they want executed.
"""

import asyncio
import hashlib
import json
import os
import shutil
import subprocess
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import pytest_asyncio
from backports import zstd

from bot.domain.errors import OperationFailed
from bot.operations.folder import FolderLook
from bot.operations.tools.toolbox import Toolbox
from demo.platform.databases import create_platform_database
from demo.platform.postgres import Cluster
from tests.integration.backups import (
    SmallEngine,
    backup_plan,
    connected,
    files_below,
    filled_database,
    oid_of,
    platform,
    restore_plan,
    untouched,
    with_restorer,
)
from tests.integration.test_backup_faults import nothing_is_left, wrapped_programs
from tests.servers import drop_database, unique_name


@dataclass(frozen=True)
class Files:
    """The files of a fast backup that is about to be broken."""

    dump: Path

    @property
    def raw(self) -> bytes:
        return zstd.decompress(self.dump.read_bytes())

    def write(self, raw: bytes) -> None:
        """Another archive whose checksum and manifest are right."""
        self.put(zstd.compress(raw, options={zstd.CompressionParameter.checksum_flag: 1}))

    def put(self, packed: bytes) -> None:
        self.dump.write_bytes(packed)
        sha256 = hashlib.sha256(packed).hexdigest()
        self.dump.with_name(f"{self.dump.name}.sha256").write_text(f"{sha256}  {self.dump.name}\n")
        manifest = self.dump.with_name(f"{self.dump.name}.manifest.json")
        values = {"sha256": sha256, "size_bytes": len(packed)}
        manifest.write_text(json.dumps(json.loads(manifest.read_text()) | values))

    def flip(self, at: float) -> None:
        content = bytearray(self.dump.read_bytes())
        content[int(len(content) * at)] ^= 4
        self.put(bytes(content))

    def change(self, old: bytes, new: bytes) -> None:
        """Of the same length: an archive counts the bytes of its texts."""
        assert len(old) == len(new)
        raw = self.raw
        assert old in raw
        self.write(raw.replace(old, new))


def flip_in_the_head(files: Files) -> None:
    raw = bytearray(files.raw)
    raw[8] ^= 0x7F  # how many bytes a number has
    files.write(bytes(raw))


CASES: dict[str, tuple[Callable[[Files], None], str]] = {
    "0 bytes": (lambda f: f.put(b""), "is damaged: it is empty"),
    "cut in half": (lambda f: f.put(f.dump.read_bytes()[: f.dump.stat().st_size // 2]), "ends in the middle"),
    "its last byte gone": (lambda f: f.put(f.dump.read_bytes()[:-1]), "ends in the middle"),
    "a bit flipped early": (lambda f: f.flip(0.1), "is damaged"),
    "a bit flipped in the middle": (lambda f: f.flip(0.5), "is damaged"),
    "a bit flipped late": (lambda f: f.flip(0.95), "is damaged"),
    "something behind its end": (lambda f: f.put(f.dump.read_bytes() + b"\0"), "something follows its end"),
    "two frames": (lambda f: f.put(f.dump.read_bytes() * 2), "something follows its end"),
    "another file, unsigned": (lambda f: f.dump.write_bytes(zstd.compress(f.raw)), "does not match its checksum"),
    "gzip in the place of zstd": (lambda f: f.put(b"\x1f\x8b\x08" + bytes(40)), "zstd did not write"),
    "SQL in the place of an archive": (
        lambda f: f.write(b"-- PostgreSQL database dump\n" * 200),
        "no archive of pg_dump",
    ),
    "a tar in the place of an archive": (lambda f: f.write(b"toc.dat" + bytes(2000)), "no archive of pg_dump"),
    "an archive cut in its rows, whole as zstd": (lambda f: f.write(f.raw[:-9000]), "pg_restore cannot read it"),
    "an archive cut in its contents": (lambda f: f.write(f.raw[:6000]), "pg_restore cannot read it"),
    "a head that was changed": (flip_in_the_head, "no archive of pg_dump|pg_restore cannot read it"),
    "a row changed, everything signed": (lambda f: f.change(b"Profil Nr. 17 ", b"Profil Nr. 71 "), "other contents"),
    "NULL became text, everything signed": (lambda f: f.change(b"\t\\N\n", b"\txx\n"), "other contents"),
    "a statement that no pg_dump writes": (
        lambda f: f.change(b"CREATE INDEX skills_by_profile", b"DROP DATABASE postgres ;     --"[:30]),
        "that no pg_dump writes|cannot be restored",
    ),
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def good(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[tuple[str, Path]]:
    """A database and the folder with one proven fast backup of it, for all cases."""
    folder = tmp_path_factory.mktemp("good")
    async with filled_database(cluster) as name:
        engine = SmallEngine(Toolbox(with_restorer(platform(cluster, name, folder), cluster)))
        await engine.execute(await backup_plan(engine.toolbox, format="fast"))
        yield name, folder / engine.earlier["publish"]["backup"]["file"]


def copied(dump: Path, folder: Path) -> Files:
    for path in dump.parent.glob(f"{dump.name}*"):
        shutil.copy(path, folder)
    return Files(folder / dump.name)


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
async def test_a_broken_fast_backup_is_refused_and_the_target_is_untouched(
    cluster: Cluster, good: tuple[str, Path], tmp_path: Path, case: tuple[Callable[[Files], None], str]
) -> None:
    (name, dump), (harm, said) = good, case
    harm(copied(dump, tmp_path))
    engine = SmallEngine(Toolbox(with_restorer(platform(cluster, name, tmp_path), cluster)))
    oid = await oid_of(cluster, name)
    with pytest.raises(OperationFailed, match=said):
        await engine.execute(await restore_plan(engine, dump.name, name))
    await untouched(cluster, name, oid)
    assert [path for path in files_below(tmp_path) if "unfinished" in path] == []


@pytest.mark.asyncio(loop_scope="module")
async def test_a_listing_names_a_broken_fast_file_broken(
    cluster: Cluster, good: tuple[str, Path], tmp_path: Path
) -> None:
    name, dump = good
    copied(dump, tmp_path).flip(0.5)
    (seen,) = await FolderLook(Toolbox(platform(cluster, name, tmp_path))).look()
    assert (seen.file, "is damaged" in seen.broken) == (dump.name, True)


HOSTILE = {
    "code that renames": ("EXECUTE 'ALTER DATABASE postgres RENAME TO gone';", "must be owner of database"),
    "code that becomes the owner": ("SET ROLE takumi;", "permission denied to set role"),
    "code that runs a program": ("COPY skills TO PROGRAM 'touch /tmp/owned';", "permission denied to COPY"),
    "code that reads a file": ("PERFORM pg_read_file('/etc/passwd');", "permission denied for function pg_read_file"),
}


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize(("body", "said"), HOSTILE.values(), ids=HOSTILE.keys())
async def test_code_in_a_fast_backup_runs_without_rights(
    cluster: Cluster, good: tuple[str, Path], tmp_path: Path, body: str, said: str
) -> None:
    """The check is not valid yet where it is dumped, and looks at every row where it is restored."""
    name, dump = good
    evil = unique_name("evil")
    async with cluster.connect() as connection:
        await create_platform_database(connection, evil)
    async with connected(cluster, evil) as connection:
        await connection.execute(
            "CREATE TABLE skills (skill text); CREATE FUNCTION evil(text) RETURNS boolean LANGUAGE plpgsql AS"  # noqa: S608 - ours
            f" $$ BEGIN IF current_database() <> '{evil}' THEN {body} END IF; RETURN true; END $$;"
            "ALTER TABLE skills ADD CONSTRAINT evil CHECK (public.evil(skill)); INSERT INTO skills VALUES ('x')"
        )
    url = cluster.url(evil, "takumi")
    raw = subprocess.run(  # noqa: ASYNC221 - a moment
        [cluster.programs / "pg_dump", "-Fc", "-Z0", url], capture_output=True, check=True
    ).stdout
    await drop_database(cluster, evil)
    files, oid = copied(dump, tmp_path), await oid_of(cluster, name)
    files.write(raw)
    engine = SmallEngine(Toolbox(with_restorer(platform(cluster, name, tmp_path), cluster)))
    with pytest.raises(OperationFailed, match=said):
        await engine.execute(await restore_plan(engine, dump.name, name))
    await untouched(cluster, name, oid)
    assert not await asyncio.to_thread(os.path.exists, "/tmp/owned")  # noqa: S108 - what the code would make


LIES = {
    "dies in the middle": ('$real "$@" | head -c 30000; kill -9 $$', "exit code 137"),
    "half, exit 0": ('$real "$@" | head -c 30000; exit 0', "pg_restore failed|cannot"),
    "nothing, exit 0": ("exit 0", "no archive of pg_dump"),
    "messages, exit 0": ("echo 'pg_dump: error: no such host'; exit 0", "no archive of pg_dump"),
    "one value changed": ('$real "$@" | sed "s/Profil Nr. 77 /Profil Nr. 78 /"', "but with other contents"),
}


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize(("script", "said"), LIES.values(), ids=LIES.keys())
async def test_a_pg_dump_that_lies_makes_no_fast_backup(
    cluster: Cluster, good: tuple[str, Path], tmp_path: Path, script: str, said: str
) -> None:
    programs = wrapped_programs(cluster, tmp_path / "bin", script)
    (programs / "pg_restore").symlink_to(cluster.programs / "pg_restore")
    reached = replace(platform(cluster, good[0], tmp_path / "backups"), program_folders=(programs,))
    engine = SmallEngine(Toolbox(reached))
    with pytest.raises(OperationFailed, match=said):
        await engine.execute(await backup_plan(engine.toolbox, format="fast"))
    await nothing_is_left(cluster, engine, tmp_path / "backups")


@pytest.mark.asyncio(loop_scope="module")
async def test_without_a_pg_restore_of_that_version_the_fast_format_is_refused_before_anything_is_done(
    cluster: Cluster, good: tuple[str, Path], tmp_path: Path
) -> None:
    programs = wrapped_programs(cluster, tmp_path / "bin", "exit 1")
    reached = replace(platform(cluster, good[0], tmp_path / "backups"), program_folders=(programs,))
    with pytest.raises(OperationFailed, match=r"pg_restore .* is missing"):
        await backup_plan(Toolbox(reached), format="fast")


@pytest.mark.asyncio(loop_scope="module")
async def test_a_pg_restore_that_is_killed_leaves_no_database_and_no_file(
    cluster: Cluster, good: tuple[str, Path], tmp_path: Path
) -> None:
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in ("pg_dump", "psql"):
        (programs / name).symlink_to(cluster.programs / name)
    script = f'#!/bin/bash\ncase "$*" in *--jobs*) kill -9 $$;; esac\nexec {cluster.programs}/pg_restore "$@"\n'
    (programs / "pg_restore").write_text(script)
    (programs / "pg_restore").chmod(0o755)
    folder = tmp_path / "backups"
    engine = SmallEngine(Toolbox(replace(platform(cluster, good[0], folder), program_folders=(programs,))))
    with pytest.raises(OperationFailed, match="pg_restore failed with exit code 137"):
        await engine.execute(await backup_plan(engine.toolbox, format="fast"))
    await nothing_is_left(cluster, engine, folder)

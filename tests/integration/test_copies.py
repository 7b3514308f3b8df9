"""Copies in S3: sent while the dump is written, an object only after the proof, sealed, locked, and never orphaned."""

import asyncio
import base64
import hashlib
import io
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import ClientSession, web

from bot.domain.backups import Backup, Verdict
from bot.domain.errors import BotError, Misconfigured, OperationFailed
from bot.operations.copying import bucket_advice
from bot.operations.leftovers import Leftovers
from bot.operations.tools import multiparts
from bot.operations.tools.access import Platform, StorageRules
from bot.operations.tools.objects import How
from bot.operations.tools.seals import KeyRing
from bot.operations.tools.toolbox import Toolbox
from bot.services.backup_ports import NothingKnown
from demo.platform.postgres import Cluster
from demo.platform.s3 import BUCKET, ObjectStore
from runbooks import restore_database
from tests.integration.backups import (
    SmallEngine,
    backup_plan,
    connected,
    files_below,
    filled_database,
    platform,
    restore_plan,
    with_restorer,
)

NOISE = "CREATE TABLE noise (id int, x text); INSERT INTO noise SELECT n, gen FROM generate_series(1, 110000) AS n, "
NOISE += "LATERAL (SELECT md5(n::text) || md5((n * 7)::text) || md5((n * 13)::text) || md5((-n)::text) AS gen) AS g"
PART = 5 << 20


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def source(cluster: Cluster) -> AsyncIterator[str]:
    """A database whose dump is cut into parts."""
    async with filled_database(cluster) as name:
        async with connected(cluster, name) as connection:
            await connection.execute(NOISE)
        yield name


@pytest.fixture(autouse=True)
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(multiparts, "PART_BYTES", PART)


@pytest.fixture
def reached(cluster: Cluster, source: str, s3_server: ObjectStore, tmp_path: Path) -> Platform:
    return platform(cluster, source, tmp_path / "backups", s3_server)


def keys(folder: Path, *names: str) -> dict[str, Path]:
    for name in names:
        (folder / name).write_bytes(base64.b64encode(os.urandom(32)))
    return {name: folder / name for name in names}


def uploads_of(s3: ObjectStore) -> list[Any]:
    return s3.client().list_multipart_uploads(Bucket=BUCKET).get("Uploads", [])


def objects_of(s3: ObjectStore, file: str = "") -> list[str]:
    found = s3.client().list_objects_v2(Bucket=BUCKET, Prefix=f"database/{file}").get("Contents", [])
    return [one["Key"] for one in found if one["Key"] != "database/latest.json"]


@asynccontextmanager
async def between(s3: ObjectStore, meddle: Callable[[web.Request], Any]) -> AsyncIterator[str]:
    """The address of a server in front of S3; `meddle` answers a request itself, or lets it pass with None."""

    async def handle(request: web.Request) -> web.StreamResponse:
        own = meddle(request)
        own = await own if asyncio.iscoroutine(own) else own
        if own is not None:
            return own
        headers = {name: value for name, value in request.headers.items() if name.lower() != "transfer-encoding"}
        url = s3.endpoint + request.raw_path
        async with (
            ClientSession(auto_decompress=False) as client,
            client.request(
                request.method,
                url,
                data=io.BytesIO(await request.read()),
                headers=headers,
                skip_auto_headers=["Content-Type"],
            ) as answer,
        ):
            kept = {name: value for name, value in answer.headers.items() if name != "Transfer-Encoding"}
            if request.method == "HEAD":
                return web.Response(status=answer.status, headers=kept)
            kept.pop("Content-Length", None)
            return web.Response(status=answer.status, headers=kept, body=await answer.read())

    app = web.Application(client_max_size=1 << 30)
    app.router.add_route("*", "/{path:.*}", handle)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


def at(reached: Platform, endpoint: str) -> Platform:
    return replace(reached, backups=replace(reached.backups, endpoint_url=endpoint))


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("form", ["plain", "fast"])
async def test_the_parts_are_there_when_the_dump_ends_and_the_object_when_it_is_proven(
    reached: Platform, s3_server: ObjectStore, form: str
) -> None:
    engine = SmallEngine(Toolbox(reached))
    plan = await backup_plan(engine.toolbox, format=form)
    dump, compare, *rest = plan.steps
    engine.earlier["dump"] = (await dump.do.run(engine.tools("dump"))).data
    file = engine.earlier["dump"]["file"]
    (upload,) = uploads_of(s3_server)
    assert upload["Key"] == f"database/{file}"
    parts = s3_server.client().list_parts(Bucket=BUCKET, Key=upload["Key"], UploadId=upload["UploadId"])["Parts"]
    assert sum(part["Size"] for part in parts) == engine.earlier["dump"]["size_bytes"]
    assert len(parts) > 1
    assert objects_of(s3_server, file) == []
    await engine.execute(replace(plan, steps=(compare, *rest)))
    stored = s3_server.client().get_object(Bucket=BUCKET, Key=f"database/{file}")["Body"].read()
    assert hashlib.sha256(stored).hexdigest() == engine.earlier["dump"]["sha256"]
    assert uploads_of(s3_server) == []


@pytest.mark.asyncio(loop_scope="module")
async def test_a_copy_is_sealed_and_opens_with_its_key_alone(
    reached: Platform, s3_server: ObjectStore, tmp_path: Path
) -> None:
    ring = KeyRing("2026", keys(tmp_path, "2025", "2026"))
    sealing = replace(reached, backups=replace(reached.backups, keys=ring))
    engine = SmallEngine(Toolbox(sealing))
    plan = await backup_plan(engine.toolbox, format="fast")
    assert "sealed with the key 2026" in plan.steps[0].do.describe()
    await engine.execute(plan)
    backup = engine.earlier["publish"]["backup"]
    assert backup["object_key"] == f"database/{backup['file']}.sealed"
    stored = s3_server.client().get_object(Bucket=BUCKET, Key=backup["object_key"])["Body"].read()
    assert b"Profil Nr." not in stored
    assert len(stored) > backup["size_bytes"]
    store = engine.toolbox.for_look_up().objects
    assert await store.fetch(backup["object_key"], tmp_path / "fetched") == backup["sha256"]
    for wrong, error, said in (
        (KeyRing("2025", {"2025": tmp_path / "2025"}), Misconfigured, "key '2026' is not here"),
        (KeyRing("", {"2026": tmp_path / "2025"}), OperationFailed, "the key of that name is another one"),
    ):
        other = Toolbox(replace(reached, backups=replace(reached.backups, keys=wrong))).for_look_up().objects
        with pytest.raises(error, match=said):
            await other.peek(backup["object_key"])


@pytest.mark.asyncio(loop_scope="module")
async def test_a_missing_key_is_told_before_anything_runs(reached: Platform, tmp_path: Path) -> None:
    ring = KeyRing("2026", {"2026": tmp_path / "nowhere"})
    toolbox = Toolbox(replace(reached, backups=replace(reached.backups, keys=ring)))
    with pytest.raises(Misconfigured, match="holds no key"):
        await backup_plan(toolbox)


@pytest.mark.asyncio(loop_scope="module")
async def test_s3_keeps_a_locked_copy_for_as_long_as_it_was_asked_to(reached: Platform, s3_server: ObjectStore) -> None:
    rules = StorageRules(lock="GOVERNANCE")
    engine = SmallEngine(Toolbox(replace(reached, backups=replace(reached.backups, storage=rules))))
    await engine.execute(await backup_plan(engine.toolbox, keep=3))
    backup = engine.earlier["publish"]["backup"]
    seen = s3_server.client().get_object_retention(Bucket=BUCKET, Key=backup["object_key"])["Retention"]
    assert seen["Mode"] == "GOVERNANCE"
    assert abs(seen["RetainUntilDate"] - datetime.fromisoformat(backup["expires_at"])) < timedelta(minutes=1)


MEDDLERS: dict[str, Callable[[web.Request], Any]] = {
    "refuses parts": lambda r: web.Response(status=400) if "partNumber" in r.query else None,
    "answers 503 to every part": lambda r: web.Response(status=503) if "partNumber" in r.query else None,
    "answers 503 to the second part": lambda r: web.Response(status=503) if r.query.get("partNumber") == "2" else None,
    "cuts the line": lambda r: r.transport.close() if "partNumber" in r.query else None,
    "cannot complete": lambda r: web.Response(status=500) if r.method == "POST" and "uploadId" in r.query else None,
    "loses small files": lambda r: web.Response(status=500) if r.path.endswith(".sha256") else None,
    "says done and has nothing": lambda r: (
        web.Response(text="<CompleteMultipartUploadResult/>") if r.method == "POST" and "uploadId" in r.query else None
    ),
}


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("meddle", MEDDLERS.values(), ids=MEDDLERS.keys())
async def test_an_s3_that_fails_leaves_no_file_no_object_and_no_part(
    reached: Platform, s3_server: ObjectStore, tmp_path: Path, meddle: Callable[[web.Request], Any]
) -> None:
    before = set(objects_of(s3_server))
    async with between(s3_server, meddle) as endpoint:
        engine = SmallEngine(Toolbox(at(reached, endpoint)))
        with pytest.raises(OperationFailed, match="S3 bucket"):
            await engine.execute(await backup_plan(engine.toolbox, format="fast"))
    assert files_below(tmp_path / "backups") == []
    assert uploads_of(s3_server) == []
    assert set(objects_of(s3_server)) == before


@pytest.mark.asyncio(loop_scope="module")
async def test_a_slow_s3_holds_no_backup_back_from_being_right(reached: Platform, s3_server: ObjectStore) -> None:
    naps = []

    async def slowly(request: web.Request) -> None:
        if "partNumber" in request.query:
            naps.append(request.query["partNumber"])
            await asyncio.sleep(0.3)

    async with between(s3_server, slowly) as endpoint:
        engine = SmallEngine(Toolbox(at(reached, endpoint)))
        await engine.execute(await backup_plan(engine.toolbox, format="fast"))
    assert len(naps) > 1
    assert engine.earlier["publish"]["backup"]["verdict"] == "proven"


@pytest.mark.asyncio(loop_scope="module")
async def test_parts_that_s3_will_not_forget_now_are_forgotten_by_the_sweep(
    reached: Platform, s3_server: ObjectStore, tmp_path: Path
) -> None:
    def meddle(request: web.Request) -> web.Response | None:
        is_second, is_abort = request.query.get("partNumber") == "2", request.method == "DELETE"
        return web.Response(status=500) if is_second or is_abort else None

    async with between(s3_server, meddle) as endpoint:
        engine = SmallEngine(Toolbox(at(reached, endpoint)))
        with pytest.raises(OperationFailed):
            await engine.execute(await backup_plan(engine.toolbox))
    assert files_below(tmp_path / "backups") == [f".unfinished/{engine.run}/upload.json"]
    assert len(uploads_of(s3_server)) == 1
    sweeper = Leftovers(Toolbox(reached))
    assert engine.run in await sweeper.find()
    await sweeper.clear(engine.run)
    assert (uploads_of(s3_server), files_below(tmp_path / "backups")) == ([], [])


@pytest.mark.asyncio(loop_scope="module")
async def test_parts_that_a_dead_machine_left_are_forgotten_by_their_age(
    reached: Platform, s3_server: ObjectStore
) -> None:
    client = s3_server.client()
    client.create_multipart_upload(Bucket=BUCKET, Key="database/takumi_db_20200101_000000.sql.gz")
    store = Toolbox(reached).for_look_up().objects
    assert await store.abandon_stale("database/", timedelta(days=2)) == []
    assert await store.abandon_stale("database/", timedelta()) == ["database/takumi_db_20200101_000000.sql.gz"]
    assert uploads_of(s3_server) == []


@pytest.mark.asyncio(loop_scope="module")
async def test_a_file_that_changed_after_its_parts_were_sent_becomes_no_object(
    reached: Platform, s3_server: ObjectStore, tmp_path: Path
) -> None:
    engine = SmallEngine(Toolbox(reached))
    dump, _, upload, *_ = (await backup_plan(engine.toolbox)).steps
    engine.earlier["dump"] = (await dump.do.run(engine.tools("dump"))).data
    file = tmp_path / "backups" / ".unfinished" / engine.run / engine.earlier["dump"]["file"]
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
    with pytest.raises(OperationFailed, match=r"is not .* as it was dumped"):
        await upload.do.run(engine.tools("upload"))
    await upload.undo.run(engine.tools("upload.undo"))
    await dump.undo.run(engine.tools("dump.undo"))
    assert (uploads_of(s3_server), objects_of(s3_server, file.name)) == ([], [])


@pytest.mark.asyncio(loop_scope="module")
async def test_an_upload_whose_parts_were_lost_is_sent_again(
    reached: Platform, s3_server: ObjectStore, tmp_path: Path
) -> None:
    engine = SmallEngine(Toolbox(reached))
    plan = await backup_plan(engine.toolbox)
    dump, *rest = plan.steps
    engine.earlier["dump"] = (await dump.do.run(engine.tools("dump"))).data
    note = tmp_path / "backups" / ".unfinished" / engine.run / "upload.json"
    sent = multiparts.Sent.model_validate_json(note.read_bytes())
    note.write_text(sent.model_copy(update={"digests": (), "tags": ()}).model_dump_json())
    await engine.execute(replace(plan, steps=tuple(rest)))
    assert uploads_of(s3_server) == []
    assert len(objects_of(s3_server, engine.earlier["dump"]["file"])) == 4


BROKEN_SEALS: dict[str, Callable[[bytes], bytes]] = {
    "a bit flipped in the middle": lambda b: b[: len(b) // 2] + bytes([b[len(b) // 2] ^ 1]) + b[len(b) // 2 + 1 :],
    "a bit flipped in the header": lambda b: b[:30] + bytes([b[30] ^ 1]) + b[31:],
    "cut in a chunk": lambda b: b[:-9],
    "its last chunk gone": lambda b: b[: -((len(b) - 53) % (65_536 + 16)) or None],
    "a chunk twice": lambda b: b[: 53 + 65_552] + b[53 : 53 + 65_552] + b[53 + 65_552 :],
    "two chunks swapped": lambda b: b[:53] + b[53 + 65_552 : 53 + 131_104] + b[53 : 53 + 65_552] + b[53 + 131_104 :],
    "something behind its end": lambda b: b + b"x",
    "0 bytes": lambda _: b"",
    "not sealed": lambda _: b"-- PostgreSQL database dump",
    "cut in the header": lambda b: b[:20],
}


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("harm", BROKEN_SEALS.values(), ids=BROKEN_SEALS.keys())
async def test_a_sealed_copy_that_was_changed_is_never_given_out(
    reached: Platform, s3_server: ObjectStore, tmp_path: Path, harm: Callable[[bytes], bytes]
) -> None:
    ring = KeyRing("2026", keys(tmp_path, "2026"))
    store = Toolbox(replace(reached, backups=replace(reached.backups, keys=ring))).for_look_up().objects
    (tmp_path / "file").write_bytes(os.urandom(200_000))
    key = f"other/{os.urandom(6).hex()}.sealed"
    await store.put(key, tmp_path / "file", How({}, sealed=True))
    client = s3_server.client()
    whole = client.get_object(Bucket=BUCKET, Key=key)["Body"].read()
    client.put_object(Bucket=BUCKET, Key=key, Body=harm(whole))
    with pytest.raises(BotError, match=r"cannot be opened|is not here"):
        await store.fetch(key, tmp_path / "fetched")


class Known(NothingKnown):
    """One backup that the bot made."""

    def __init__(self, row: Backup) -> None:
        self._row = row

    async def there(self) -> list[Backup]:
        return [self._row]

    async def of_file(self, file: str) -> Backup | None:
        return self._row if file == self._row.file else None


def row_of(backup: dict[str, Any]) -> Backup:
    same = ("database", "folder", "file", "size_bytes", "sha256", "tables", "rows", "bucket", "object_key")
    at, until = (datetime.fromisoformat(backup[name]) for name in ("taken_at", "expires_at"))
    values = {name: backup[name] for name in same}
    return Backup(id="1", run="1", taken_at=at, expires_at=until, verdict=Verdict.PROVEN, **values)


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("form", ["plain", "fast"])
async def test_a_backup_that_is_in_s3_alone_is_brought_back_opened_and_restored(
    cluster: Cluster, source: str, reached: Platform, tmp_path: Path, form: str
) -> None:
    ring = KeyRing("2026", keys(tmp_path, "2026"))
    sealing = replace(with_restorer(reached, cluster), backups=replace(reached.backups, keys=ring))
    made = SmallEngine(Toolbox(sealing))
    await made.execute(await backup_plan(made.toolbox, format=form))
    row = row_of(made.earlier["publish"]["backup"])
    for path in (tmp_path / "backups").glob(f"{row.file}*"):
        path.unlink()
    engine = SmallEngine(Toolbox(sealing, Known(row)))
    choices = await restore_database.RUNBOOK.choices(engine.tools("look"))
    assert (row.file, f"{row.file} (in S3)") in choices["backup"]
    plan = await restore_plan(engine, row.file, source)
    assert [step.key for step in plan.steps][:2] == ["fetch", "load"]
    await engine.execute(replace(plan, steps=plan.steps[:3]))
    assert engine.earlier["compare"]["compared"] is True
    assert hashlib.sha256((tmp_path / "backups" / row.file).read_bytes()).hexdigest() == row.sha256
    await plan.steps[1].undo.run(engine.tools("load.undo"))
    assert [name for name in files_below(tmp_path / "backups") if "unfinished" in name] == []


@pytest.mark.asyncio(loop_scope="module")
async def test_a_copy_in_s3_that_is_not_what_was_dumped_is_not_brought_back(
    cluster: Cluster, source: str, reached: Platform, s3_server: ObjectStore, tmp_path: Path
) -> None:
    made = SmallEngine(Toolbox(reached))
    await made.execute(await backup_plan(made.toolbox))
    row = row_of(made.earlier["publish"]["backup"])
    for path in (tmp_path / "backups").glob("*.*"):
        path.unlink() if path.is_file() or path.is_symlink() else None
    client = s3_server.client()
    content = client.get_object(Bucket=BUCKET, Key=row.object_key)["Body"].read()
    client.put_object(Bucket=BUCKET, Key=row.object_key, Body=content[:-1] + b"\1")
    engine = SmallEngine(Toolbox(with_restorer(reached, cluster), Known(row)))
    with pytest.raises(OperationFailed, match="cannot be used: its sha256 is"):
        await engine.execute(await restore_plan(engine, row.file, source))
    assert files_below(tmp_path / "backups") == []
    client.delete_object(Bucket=BUCKET, Key=row.object_key)
    with pytest.raises(OperationFailed, match="neither in the folder nor in S3"):
        await restore_plan(engine, row.file, source)


@pytest.mark.asyncio(loop_scope="module")
async def test_a_bucket_that_cannot_lock_is_told_before_anything_runs(
    reached: Platform, s3_server: ObjectStore
) -> None:
    client = s3_server.client()
    client.create_bucket(Bucket="plain-bucket")
    rule = {"ID": "x", "Status": "Enabled", "Filter": {"Prefix": ""}, "Expiration": {"Days": 7}}
    places = replace(reached.backups, storage=StorageRules(lock="COMPLIANCE"), bucket="plain-bucket")
    with pytest.raises(Misconfigured, match="does not suit") as refused:
        await backup_plan(Toolbox(replace(reached, backups=places)))
    assert "cannot lock objects" in refused.value.hint
    client.put_bucket_lifecycle_configuration(Bucket="plain-bucket", LifecycleConfiguration={"Rules": [rule]})
    traits = await Toolbox(replace(reached, backups=places)).for_look_up().objects.traits("database/")
    assert (traits.lockable, traits.versioned, traits.expires_days) == (False, False, 7)
    assert "after 7 days, before the 30" in bucket_advice(traits, "", 30)
    good = await Toolbox(reached).for_look_up().objects.traits("database/")
    assert (good.lockable, good.versioned, bucket_advice(good, "COMPLIANCE", 30)) == (True, True, "")

"""The bot's own database: backed up and brought back, brought back too old, and lost altogether."""

import asyncio
import json
import subprocess
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest
import pytest_asyncio
from typer.testing import CliRunner

from bot.__main__ import app
from bot.domain.audit import Verb
from bot.operations.tools.anchors import S3Anchors
from bot.stores.migrate import check_schema
from demo.platform.databases import create_bot_database
from demo.platform.postgres import Cluster
from demo.platform.s3 import BUCKET, REGION, ObjectStore
from tests.integration.test_anchors import places
from tests.servers import drop_database, unique_name
from tests.stores import QUEUE_SCHEMA, BotDatabase, database_of, opened, rows
from tests.trails import TrailUnderTest, a_trail


@pytest_asyncio.fixture
async def trail(migrated: BotDatabase, tmp_path: Path) -> AsyncIterator[TrailUnderTest]:
    """Five entries under an anchored head."""
    (tmp_path / "anchors").mkdir()
    async with a_trail(migrated, tmp_path / "anchors") as made:
        await made.record(5)
        await anchored(made, 5)
        (tmp_path / "keys.json").write_text(json.dumps(made.keys), encoding="utf-8")
        yield made


async def anchored(trail: TrailUnderTest, *sizes: int) -> None:
    await trail.chained(*sizes)
    for batch in await trail.chain.unanchored(100):
        await trail.place.put(f"{batch.number:012d}", batch.as_text())
        await trail.chain.note_anchor(batch.number, f"{batch.number:012d}")


@dataclass(frozen=True)
class Dump:
    """A backup of the bot's database as docs/operations.md says: by the role that owns the tables."""

    cluster: Cluster
    file: Path

    def make(self, database: BotDatabase) -> None:
        self._run("pg_dump", "--format=custom", f"--file={self.file}", f"--dbname={database.owner_url}")

    async def restore(self, into: BotDatabase) -> None:
        words = ("--exit-on-error", f"--dbname={into.owner_url}", str(self.file))
        await asyncio.to_thread(self._run, "pg_restore", *words)

    def _run(self, program: str, *words: str) -> None:
        command = [str(self.cluster.programs / program), *words]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
        assert done.returncode == 0, done.stderr


@pytest.fixture
def dump(cluster: Cluster, trail: TrailUnderTest, tmp_path: Path) -> Dump:
    made = Dump(cluster, tmp_path / "takumi_bot.dump")
    made.make(trail.database)
    return made


@pytest_asyncio.fixture
async def empty(cluster: Cluster) -> AsyncIterator[BotDatabase]:
    """A database with the four roles' rights to connect, and nothing in it."""
    name = unique_name("bot")
    await create_bot_database(cluster, name)
    yield database_of(cluster, name)
    await drop_database(cluster, name)


@pytest.fixture
def commands(monkeypatch: pytest.MonkeyPatch):
    """`commands(database)(words)` answers the exit code and what was said."""
    for name, value in {"SLACK_BOT_TOKEN": "xoxb-test", "CHANNEL": "C1", "ENVIRONMENT": "staging"}.items():
        monkeypatch.setenv(f"TAKUMI_BOT_{name}", value)

    def of(database: BotDatabase):
        async def said(*words: object) -> tuple[int, str]:
            monkeypatch.setenv("TAKUMI_BOT_DATABASE_URL", database.url)
            monkeypatch.setenv("TAKUMI_BOT_MIGRATE_DATABASE_URL", database.owner_url)
            monkeypatch.setenv("TAKUMI_BOT_SEQUENCER_DATABASE_URL", database.sequencer_url)
            done = await asyncio.to_thread(CliRunner().invoke, app, [str(word) for word in words])
            return done.exit_code, done.output

        return said

    return of


async def test_a_backup_of_the_bot_brings_everything_back_with_its_rights_and_its_proof(
    dump: Dump, empty: BotDatabase, commands, tmp_path: Path
) -> None:
    await dump.restore(empty)
    async with opened(empty.url) as pool:
        await check_schema(pool, [QUEUE_SCHEMA])
    verify = ("audit", "verify", "--keys", tmp_path / "keys.json", "--anchors", tmp_path / "anchors")
    code, said = await commands(empty)(*verify)
    assert (code, said.splitlines()[-1]) == (0, "The trail is intact: 5 entries, 1 signed heads.")
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        await rows(empty.url, "DELETE FROM audit_entries")
    assert (await commands(empty)("audit", "begin", tmp_path / "anchors", "--keys", tmp_path / "keys.json"))[0] == 2


async def test_a_backup_that_is_too_old_is_seen_and_the_trail_goes_on_from_what_lies_outside(
    trail: TrailUnderTest, dump: Dump, empty: BotDatabase, commands, tmp_path: Path
) -> None:
    await trail.record(3)
    await anchored(trail, 3)
    await dump.restore(empty)
    keys, old, new = tmp_path / "keys.json", tmp_path / "anchors", tmp_path / "new"
    code, said = await commands(empty)("audit", "verify", "--keys", keys, "--anchors", old)
    assert code == 1
    assert "entries 6 to 8 are anchored and not there" in said
    code, said = await commands(empty)("audit", "begin", old, "--keys", keys)
    assert (code, said) == (0, f"Follows head 2 (entry 8) of {old}; 3 of its entries are not here.\n")
    new.mkdir()
    async with a_trail(empty, new) as going_on:
        await anchored(going_on, 1)
        keys.write_text(json.dumps({use: trail.keys[use] + going_on.keys[use] for use in trail.keys}), encoding="utf-8")
    assert (await commands(empty)("audit", "verify", "--anchors", new))[0] == 0


@pytest.mark.usefixtures("trail")
async def test_after_the_loss_of_everything_the_first_entry_names_the_last_head_outside(
    empty: BotDatabase, commands, tmp_path: Path
) -> None:
    assert (await commands(empty)("migrate"))[0] == 0
    code, said = await commands(empty)("audit", "begin", tmp_path / "anchors", "--keys", tmp_path / "keys.json")
    assert (code, said.split("; ")[1]) == (0, "5 of its entries are not here.\n")
    ((body,),) = await rows(empty.url, "SELECT body FROM audit_entries")
    entry = json.loads(body)
    assert entry["verb"] == Verb.TRAIL_BEGUN
    assert {name: entry["details"][name] for name in ("batch", "last", "kept_until", "doubts")} == {
        "batch": 1,
        "last": 5,
        "kept_until": 0,
        "doubts": [],
    }


@pytest.mark.usefixtures("trail")
async def test_anchors_that_nobody_published_a_key_for_begin_nothing(
    empty: BotDatabase, commands, tmp_path: Path
) -> None:
    assert (await commands(empty)("migrate"))[0] == 0
    (tmp_path / "others.json").write_text(json.dumps({"heads": ["00" * 32]}), encoding="utf-8")
    code, said = await commands(empty)("audit", "begin", tmp_path / "anchors", "--keys", tmp_path / "others.json")
    assert code == 2
    assert "none that these keys signed" in said
    assert await rows(empty.url, "SELECT count(*) FROM audit_entries") == [(0,)]


@pytest.mark.usefixtures("trail")
async def test_what_does_not_fit_among_the_anchors_is_told_and_stands_in_the_entry(
    empty: BotDatabase, commands, tmp_path: Path
) -> None:
    assert (await commands(empty)("migrate"))[0] == 0
    forged = tmp_path / "anchors" / "000000000000"
    forged.write_text((tmp_path / "anchors" / "000000000001").read_text().replace('"batch":1', '"batch":9'))
    code, said = await commands(empty)("audit", "begin", tmp_path / "anchors", "--keys", tmp_path / "keys.json")
    assert code == 0
    assert "PROBLEM an anchor is not what was put there" in said
    ((body,),) = await rows(empty.url, "SELECT body FROM audit_entries")
    assert json.loads(body)["details"]["doubts"]


async def test_the_former_trail_is_read_from_its_prefix_and_an_own_prefix_that_is_taken_begins_nothing(
    trail: TrailUnderTest, empty: BotDatabase, commands, s3_server: ObjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    former, taken, keys = f"{unique_name('audit')}/", f"{unique_name('audit')}/", trail.place.path.parent / "keys.json"
    for prefix in (former, taken):
        anchors = S3Anchors(places(s3_server), BUCKET, prefix, timedelta(days=1))
        await anchors.put("000000000001-000000000001", trail.place.texts()[0])
    settings = {
        "TAKUMI_BOT_ANCHOR_BUCKET": BUCKET,
        "TAKUMI_BOT_ANCHOR_PREFIX": taken,
        "S3_REGION": REGION,
        "TAKUMI_BOT_S3_ENDPOINT_URL": s3_server.endpoint,
        "TAKUMI_BOT_S3_ACCESS_KEY_ID": s3_server.keys.access_key,
        "TAKUMI_BOT_S3_SECRET_ACCESS_KEY": s3_server.keys.secret_key,
    }
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    assert (await commands(empty)("migrate"))[0] == 0
    code, said = await commands(empty)("audit", "begin", f"s3://{former}", "--keys", keys)
    assert (code, "Set another TAKUMI_BOT_ANCHOR_PREFIX" in said) == (2, True)
    assert await rows(empty.url, "SELECT count(*) FROM audit_entries") == [(0,)]
    monkeypatch.setenv("TAKUMI_BOT_ANCHOR_PREFIX", f"{unique_name('audit')}/")
    code, said = await commands(empty)("audit", "begin", f"s3://{former}", "--keys", keys)
    assert (code, said) == (0, f"Follows head 1 (entry 5) of s3://{former}; 5 of its entries are not here.\n")

"""The story of a backup over the wire: asked for in Slack, seen while it goes, and true afterwards."""

import asyncio
import hashlib
import json
import re
import subprocess
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from demo.platform.databases import PLATFORM_OWNER
from demo.workspace.client import Workspace, visible_text
from tests.e2e.bots import BotUnderTest
from tests.e2e.product import PRODUCTION_DATABASE, Product, counts_of, files_below, fresh_database, locked, sessions_of
from tests.e2e.threads import ask_for, facts_of, heads, key_of, new_run, private_answer, tasks_of

# Started now, so that nobody waits for its first minute: its test is the last of test_story_commands.py.
pytestmark = pytest.mark.usefixtures("nightly_bot")

STEPS = ["Dump and count", "Restore and compare", "Upload to S3", "Publish"]
NAME = re.compile(r"takumi_db_\d{8}_\d{6}\.sql\.gz")


async def test_a_thread_shows_the_steps_as_they_go_and_then_what_was_made(
    bot: BotUnderTest, product: Product, people: Workspace
) -> None:
    async with locked(product.parts.platform_cluster, "endorsements"):
        run = await ask_for(people.person("Aiko"), bot, "backup now")
        steps = await run.waits_for("steps", lambda message: "in_progress" in tasks_of(message).values())
        assert tasks_of(steps) == dict(zip(STEPS, ["in_progress", "pending", "pending", "pending"], strict=True))
        assert [key_of(message) for message in await run.thread_messages()] == [f"{run.key}:steps"]
        await run.says("is running")
    facts = facts_of(await run.waits_for("result"))
    assert list(facts) == ["File", "Size", "Took", "sha256", "Tables", "Rows", "Compared", "S3", "Expires"]
    await run.waits_for("steps", lambda message: set(tasks_of(message).values()) == {"complete"})
    assert "run.cancel" not in json.dumps((await run.says("succeeded"))["blocks"])
    assert Path(facts["File"]).name in files_below(bot.backups)
    assert facts["S3"].removeprefix("s3://takumi-backups/") in product.s3_keys()


@dataclass(frozen=True)
class Made:
    """A backup that was asked for in Slack; `facts` are what its thread says."""

    facts: dict[str, str]
    counts: dict[str, int]
    asked_at: datetime

    @property
    def file(self) -> Path:
        return Path(self.facts["File"])


@pytest.fixture(scope="module")
def made(product: Product, socket_bot: BotUnderTest) -> Made:
    return asyncio.run(_make(product, socket_bot))


async def _make(product: Product, bot: BotUnderTest) -> Made:
    asked_at = datetime.now(UTC)
    counts = await counts_of(product.parts.platform_cluster, PRODUCTION_DATABASE)
    async with product.people() as people:
        run = await ask_for(people.person("Aiko"), bot, "backup now")
        return Made(facts_of(await run.waits_for("result")), counts, asked_at)


def test_the_file_has_the_guides_name_and_sha256sum_accepts_it_from_its_folder(
    made: Made, socket_bot: BotUnderTest
) -> None:
    assert NAME.fullmatch(made.file.name)
    assert made.file.parent == socket_bot.backups
    check = ["sha256sum", "-c", f"{made.file.name}.sha256"]
    said = subprocess.run(check, cwd=made.file.parent, capture_output=True, text=True, check=True).stdout
    assert said == f"{made.file.name}: OK\n"
    assert made.facts["sha256"] == hashlib.sha256(made.file.read_bytes()).hexdigest()


async def test_gunzip_and_psql_restore_the_file_with_every_row(made: Made, product: Product) -> None:
    cluster = product.parts.platform_cluster
    async with fresh_database(cluster) as name:
        await asyncio.to_thread(_restore, made.file, cluster.programs / "psql", cluster.url(name, PLATFORM_OWNER))
        assert await counts_of(cluster, name) == made.counts
    assert int(made.facts["Rows"].replace(",", "")) == sum(made.counts.values()) > 1000
    assert int(made.facts["Tables"]) == len(made.counts)


def _restore(file: Path, psql: Path, url: str) -> None:
    """As the guide does it: `gunzip -c FILE | psql -v ON_ERROR_STOP=1`."""
    gunzip, restore = ["gunzip", "-c", str(file)], [str(psql), "-X", "-q", "-v", "ON_ERROR_STOP=1", url]
    with subprocess.Popen(gunzip, stdout=subprocess.PIPE) as unpacking:
        restored = subprocess.run(restore, stdin=unpacking.stdout, capture_output=True, check=False)
    assert (unpacking.returncode, restored.returncode) == (0, 0), restored.stderr


async def test_the_manifest_beside_it_says_what_that_moment_of_the_database_held(made: Made, product: Product) -> None:
    manifest = json.loads(made.file.with_name(f"{made.file.name}.manifest.json").read_text(encoding="utf-8"))
    tables = {name.removeprefix("public."): table for name, table in manifest["tables"].items()}
    assert {name: table["rows"] for name, table in tables.items() if table["kind"] == "table"} == made.counts
    hashes = [table["hash_1"] for table in tables.values() if table["rows"] and table["kind"] == "table"]
    assert all(hashes)
    assert len(set(hashes)) == len(hashes)
    async with product.parts.platform_cluster.connect(PRODUCTION_DATABASE) as connection:
        looked = await connection.execute(
            "SELECT current_setting('server_version'), array_agg(schemaname || '.' || sequencename) FROM pg_sequences"
        )
        ((version, sequences),) = await looked.fetchall()
    assert version.startswith(manifest["server_version"])
    assert set(manifest["sequences"]) == set(sequences)
    assert re.fullmatch(r"[0-9A-F]+/[0-9A-F]+", manifest["lsn"])
    assert made.asked_at <= datetime.fromisoformat(manifest["taken_at"]) <= datetime.now(UTC)
    assert manifest["sha256"] == made.facts["sha256"]


def test_s3_has_the_dump_its_checksum_and_its_manifest_byte_for_byte(made: Made, product: Product) -> None:
    assert made.facts["S3"] == f"s3://takumi-backups/database/{made.file.name}"
    for name in (made.file.name, f"{made.file.name}.sha256", f"{made.file.name}.manifest.json"):
        assert product.s3_bytes(f"database/{name}") == made.file.with_name(name).read_bytes()


def test_it_says_when_it_expires(made: Made) -> None:
    expires = datetime.strptime(made.facts["Expires"], "%Y-%m-%d %H:%M:%S UTC").replace(tzinfo=UTC)
    assert made.asked_at.replace(microsecond=0) + timedelta(days=30) <= expires
    assert expires <= datetime.now(UTC) + timedelta(days=30)


async def test_backup_list_shows_it(made: Made, socket_bot: BotUnderTest, people: Workspace) -> None:
    told = await private_answer(people.person("Taro"), socket_bot, "backup list")
    for fact in (made.file.name, made.facts["Size"], made.facts["Rows"], made.facts["Expires"][:10], "proven"):
        assert fact in told


async def test_audit_shows_who_did_what(made: Made, socket_bot: BotUnderTest, people: Workspace) -> None:
    taro = people.person("Taro")
    told = await private_answer(taro, socket_bot, "audit --limit 90")
    assert "<@U0DEV00001>\nrun.requested\nbackup-database" in told
    for done in ("run.started", "step.intended", "step.done", "run.succeeded", f"backup.recorded\n{made.file.name}"):
        assert done in told
    again = await private_answer(taro, socket_bot, "audit")
    assert "<@U0LEAD0001>\ncommand.received\naudit" in again, "reading the trail stands in the trail"


async def test_two_people_at_once_get_a_run_each(socket_bot: BotUnderTest, people: Workspace) -> None:
    aiko, emi = people.person("Aiko"), people.person("Emi")
    before = await heads(aiko, socket_bot)
    typed = [person.command("/takumi backup now", socket_bot.channel) for person in (aiko, emi)]
    assert [ack["ok"] for ack in await asyncio.gather(*typed)] == [True, True]
    first = await new_run(aiko, socket_bot, before)
    second = await new_run(emi, socket_bot, before | {first.ts})
    files = {facts_of(await run.waits_for("result"))["File"] for run in (first, second)}
    assert len(files) == 2
    assert {Path(file).name for file in files} <= files_below(socket_bot.backups)
    askers = [re.search("<@(U[A-Z0-9]+)>", visible_text(await run.head())) for run in (first, second)]
    assert {asker[1] for asker in askers if asker} == {await aiko.id(), await emi.id()}


async def test_a_redelivered_request_makes_one_run(bot: BotUnderTest, people: Workspace) -> None:
    aiko = people.person("Aiko")
    before, told = await heads(aiko, bot), await aiko.ephemerals(bot.channel)
    await people.fault("duplicate_deliveries", delivery="slash_commands")
    run = await ask_for(aiko, bot, "backup now")
    await run.result()
    assert await heads(aiko, bot) - before == {run.ts}
    assert await aiko.ephemerals(bot.channel) == told, (
        "the second delivery is no second request, not even a refused one"
    )


async def test_the_same_typed_twice_within_seconds_is_refused_naming_the_first(
    socket_bot: BotUnderTest, product: Product, people: Workspace
) -> None:
    aiko = people.person("Aiko")
    before = await heads(aiko, socket_bot)
    async with locked(product.parts.platform_cluster, "endorsements"):
        run = await ask_for(aiko, socket_bot, "backup now")
        label = re.search(r"run \d+", visible_text(await run.head()))
        told = await private_answer(aiko, socket_bot, "backup now")
        assert label is not None
        assert f"You asked for the same thing a moment ago: it is {label[0]}" in told
    await run.result()
    assert await heads(aiko, socket_bot) - before == {run.ts}


async def test_the_cancel_button_stops_a_running_backup_and_leaves_nothing(
    bot: BotUnderTest, product: Product, people: Workspace
) -> None:
    files, objects = files_below(bot.backups), product.s3_keys()
    async with locked(product.parts.platform_cluster, "endorsements"):
        run = await ask_for(people.person("Emi"), bot, "backup now")
        await run.waits_for("steps", lambda message: "in_progress" in tasks_of(message).values())
        assert (await run.cancel())["ok"]
        assert "was cancelled" in await run.result()
        assert await sessions_of(product.parts.platform_cluster, run.id) == []
    assert files_below(bot.backups) == files
    assert product.s3_keys() == objects
    told = await private_answer(people.person("Emi"), bot, "runs --limit 1")
    assert "cancelled" in told

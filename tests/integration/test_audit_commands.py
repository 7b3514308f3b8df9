"""The command line of the trail on a real database: export, verify, prove, and what is said when they cannot."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from typer.testing import CliRunner

from bot import verifier
from bot.__main__ import app
from tests.stores import rows
from tests.trails import TrailUnderTest, a_trail


@pytest_asyncio.fixture
async def trail(migrated, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[TrailUnderTest]:
    """Seven entries under two heads, one more that nobody has chained, and the settings that lead there."""
    monkeypatch.setenv("TAKUMI_BOT_DATABASE_URL", migrated.url)
    monkeypatch.setenv("TAKUMI_BOT_SLACK_BOT_TOKEN", "xoxb-test")
    monkeypatch.setenv("TAKUMI_BOT_SLACK_SIGNING_SECRET", "secret of a test")
    monkeypatch.setenv("TAKUMI_BOT_CHANNEL", "C1")
    monkeypatch.setenv("TAKUMI_BOT_ENVIRONMENT", "staging")
    (tmp_path / "anchors").mkdir()
    async with a_trail(migrated, tmp_path / "anchors") as made:
        await made.record(7)
        await made.chained(3, 4)
        for batch in await made.chain.unanchored(100):
            await made.place.put(f"{batch.number:012d}", batch.as_text())
        await made.record(1)
        (tmp_path / "keys.json").write_text(json.dumps(made.keys), encoding="utf-8")
        yield made


async def audit(*words: object) -> tuple[int, str]:
    """The exit code and everything that was said, as a shell would see it; the command has a loop of its own."""
    done = await asyncio.to_thread(CliRunner().invoke, app, ["audit", *map(str, words)])
    return done.exit_code, done.output


@pytest.mark.usefixtures("trail")
async def test_what_is_exported_is_verified_here_and_by_the_file_alone(tmp_path: Path) -> None:
    export, keys, anchors = tmp_path / "export", tmp_path / "keys.json", tmp_path / "anchors"
    assert (await audit("export", export))[0] == 0
    code, said = await audit("verify", "--from-export", export, "--keys", keys, "--anchors", anchors)
    assert (code, said.splitlines()[-1]) == (0, "The trail is intact: 7 entries, 2 signed heads.")
    assert verifier.main([str(export), "--keys", str(keys), "--anchors", str(anchors)]) == 0
    export.write_bytes(export.read_bytes().replace(b'"s4"', b'"s5"'))
    code, said = await audit("verify", "--from-export", export, "--keys", keys)
    assert code == 1
    assert "entry 5 was changed" in said


@pytest.mark.usefixtures("trail")
async def test_an_export_writes_over_nothing(tmp_path: Path) -> None:
    (tmp_path / "there").write_text("mine", encoding="utf-8")
    code, said = await audit("export", tmp_path / "there")
    assert (code, (tmp_path / "there").read_text(encoding="utf-8")) == (2, "mine")
    assert "Choose a new file" in said


async def test_the_database_is_verified_where_it_is(trail: TrailUnderTest, tmp_path: Path, cluster) -> None:
    assert (await audit("verify", "--keys", tmp_path / "keys.json"))[0] == 0
    async with cluster.connect(trail.database.name) as connection:
        await connection.execute("SET session_replication_role = replica")
        await connection.execute("UPDATE audit_entries SET body = replace(body, 's4', 's5') WHERE position = 5")
    code, said = await audit("verify", "--keys", tmp_path / "keys.json")
    assert code == 1
    assert "entry 5 was changed" in said


async def test_a_proof_is_checked_by_whoever_has_nothing_but_the_keys(trail: TrailUnderTest, tmp_path: Path) -> None:
    ((entry,),) = await rows(trail.database.url, "SELECT id FROM audit_entries WHERE position = 5")
    code, printed = await audit("prove", entry)
    assert code == 0
    proof, keys, anchors = tmp_path / "proof.json", tmp_path / "keys.json", tmp_path / "anchors"
    proof.write_text(printed, encoding="utf-8")
    code, said = await audit("verify", "--proof", proof, "--keys", keys, "--anchors", anchors)
    assert (code, f"Entry {entry} is proven to stand in the trail" in said, '"subject":"s4"' in said) == (0, True, True)
    assert verifier.main(["--proof", str(proof), "--keys", str(keys), "--anchors", str(anchors)]) == 0
    proof.write_text(printed.replace('\\"s4\\"', '\\"s5\\"'), encoding="utf-8")
    code, said = await audit("verify", "--proof", proof, "--keys", keys)
    assert (code, "is NOT proven" in said, "entry 5 was changed" in said) == (1, True, True)


@pytest.mark.parametrize("entry", [8, 4711])
@pytest.mark.usefixtures("trail")
async def test_what_is_under_no_head_is_not_proven(entry: int) -> None:
    code, said = await audit("prove", entry)
    assert code == 2
    assert "not under a signed head" in said


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["verify", "--from-export", "nowhere"], "cannot be read"),
        (["verify", "--keys", "nowhere"], "The file of keys cannot be read"),
        (["verify", "--proof", "nowhere"], "The proof cannot be read"),
        (["verify", "--anchors", "s3://"], "TAKUMI_BOT_ANCHOR_BUCKET"),
        (["retire", "2025-01"], "TAKUMI_BOT_RETENTION_DATABASE_URL"),
        (["forget", "slack:T1:NOBODY"], "No name is kept"),
    ],
)
@pytest.mark.usefixtures("trail")
async def test_what_cannot_be_done_is_said_with_what_mends_it(words: list[str], said: str) -> None:
    code, output = await audit(*words)
    assert code == 2
    assert said in output


async def test_a_name_is_erased_and_that_stands_in_the_trail(trail: TrailUnderTest) -> None:
    async with trail.store.work() as work:
        await work.audit.note_name("slack:T1:U1", "Aiko")
    assert (await audit("forget", "slack:T1:U1"))[0] == 0
    assert await rows(trail.database.url, "SELECT name FROM audit_names") == [("",)]
    assert await rows(trail.database.url, "SELECT subject FROM audit_entries WHERE verb = 'name.erased'") == [
        ("slack:T1:U1",)
    ]


async def test_a_key_is_made_once_and_for_its_owner_alone(tmp_path: Path) -> None:
    file = tmp_path / "key"
    code, public = await audit("key", file)
    assert (code, len(public.strip()), file.stat().st_mode & 0o077) == (0, 64, 0)
    code, said = await audit("key", file)
    assert code == 2
    assert "No key was made" in said


async def test_the_public_keys_are_printed_by_use(trail: TrailUnderTest) -> None:
    assert json.loads((await audit("keys"))[1]) == trail.keys


@pytest.mark.usefixtures("trail")
async def test_the_trail_is_printed_newest_first_and_narrowed() -> None:
    code, printed = await audit("--limit", 2)
    subjects = [json.loads(line)["entry"]["subject"] for line in printed.splitlines()]
    assert (code, subjects) == (0, ["s0", "s6"])

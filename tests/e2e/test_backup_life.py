"""The life of a backup over the wire: listed with what is broken, shown, proven, deleted by two, brought back."""

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio

from demo.workspace.client import Workspace, visible_text
from tests.e2e.bots import BotUnderTest
from tests.e2e.product import STAGING_DATABASE
from tests.e2e.test_restore import answer_to_click, number_of
from tests.e2e.threads import RunSeen, ask_for, facts_of, private_answer

GUIDE_FILE = "takumi_db_20240115_020000.sql.gz"


async def backed_up(people: Workspace, bot: BotUnderTest) -> str:
    """The name of a fresh backup of staging."""
    run = await ask_for(people.person("Aiko"), bot, f"backup now {STAGING_DATABASE} --to local")
    return Path(facts_of(await run.waits_for("result"))["File"]).name


@pytest_asyncio.fixture
async def backup(socket_bot: BotUnderTest, people: Workspace) -> str:
    return await backed_up(people, socket_bot)


@pytest_asyncio.fixture
async def broken(socket_bot: BotUnderTest, backup: str) -> AsyncIterator[str]:
    """A dump of the guide's script that was cut, with a checksum that names a path of another machine."""
    file = socket_bot.backups / GUIDE_FILE
    shutil.copy(socket_bot.backups / backup, file)
    file.write_bytes(file.read_bytes()[:-40])
    checksum = file.with_name(f"{file.name}.sha256")
    checksum.write_text(f"{'a' * 64}  /var/backups/takumi/database/{file.name}\n", encoding="utf-8")
    yield file.name
    file.unlink()
    checksum.unlink()


async def test_a_broken_file_is_listed_as_broken_with_the_reason_and_shown(
    socket_bot: BotUnderTest, people: Workspace, broken: str, backup: str
) -> None:
    told = await private_answer(people.person("Aiko"), socket_bot, "backup list --limit 90")
    assert f"{broken} is broken: {broken} is damaged: it ends in the middle" in told
    assert backup in told
    shown = await private_answer(people.person("Aiko"), socket_bot, f"backup show {broken}")
    assert "broken" in shown
    assert "it ends in the middle" in shown


async def test_a_backup_is_shown_with_four_verdicts_and_its_manifest(
    socket_bot: BotUnderTest, people: Workspace, backup: str
) -> None:
    told = await private_answer(people.person("Aiko"), socket_bot, f"backup show {backup}")
    for words in ("proven", "intact", "on this machine alone", "kept", "public.profiles", "Restored in"):
        assert words in told, words
    assert "There is no backup" in await private_answer(people.person("Aiko"), socket_bot, "backup show nothing")


async def test_a_backup_is_verified_and_proven_again_in_threads_of_their_own(
    socket_bot: BotUnderTest, people: Workspace, backup: str
) -> None:
    aiko = people.person("Aiko")
    verified = await ask_for(aiko, socket_bot, f"backup verify {backup}")
    assert facts_of(await verified.waits_for("result"))["Verification"].startswith("intact: read to its end")
    proven = await ask_for(aiko, socket_bot, f"backup prove {backup} --now")
    facts = facts_of(await proven.waits_for("result"))
    assert facts["Restored in"].endswith(" s")
    assert "every one of" in facts["Backup"]
    shown = await private_answer(aiko, socket_bot, f"backup show {backup}")
    assert "all constraints hold" in shown


async def test_a_backup_is_deleted_by_two_people_and_brought_back_by_an_undo(
    socket_bot: BotUnderTest, people: Workspace, backup: str
) -> None:
    aiko, emi = people.person("Aiko"), people.person("Emi")
    assert "newest proven backup" in await private_answer(aiko, socket_bot, f"backup delete {backup}")
    await backed_up(people, socket_bot)
    run: RunSeen = await ask_for(aiko, socket_bot, f"backup delete {backup}")
    card = await run.says("waits for approval")
    assert facts_of(card)["Verdict"] == "proven"
    assert "somebody else has to decide" in await answer_to_click(aiko, socket_bot, card, "Approve")
    await emi.click(card, "Approve", socket_bot.channel)
    await run.waits_for("result")
    assert not (socket_bot.backups / backup).exists()
    assert "it can be brought back until" in await private_answer(aiko, socket_bot, "backup list --limit 90")
    undo = await ask_for(aiko, socket_bot, f"undo {await number_of(run)}")
    assert "succeeded" in await undo.result()
    assert (socket_bot.backups / backup).exists()
    assert "kept" in await private_answer(aiko, socket_bot, f"backup show {backup}")


async def test_a_waiting_restore_keeps_its_backup_from_being_deleted(
    socket_bot: BotUnderTest, people: Workspace, backup: str
) -> None:
    aiko = people.person("Aiko")
    await backed_up(people, socket_bot)
    restore = await ask_for(aiko, socket_bot, f"restore {backup} {STAGING_DATABASE}")
    await restore.says("waits for approval")
    assert "refers to" in await private_answer(aiko, socket_bot, f"backup delete {backup}")
    await restore.cancel()
    assert "was cancelled" in visible_text(await restore.says("was cancelled"))

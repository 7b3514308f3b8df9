"""The restore over the wire: asked by modal, words or button, approved by somebody else, compared, swapped, undone."""

import json
import re
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import pytest_asyncio

from demo.platform.databases import PLATFORM_OWNER
from demo.platform.postgres import Cluster
from demo.workspace import Json
from demo.workspace.client import Person, Workspace, visible_text
from tests.e2e.bots import BotUnderTest
from tests.e2e.product import STAGING_DATABASE, Product
from tests.e2e.threads import RunSeen, ask_for, facts_of, heads, new_run, private_answer

MARK = "0x00000000000000000000000000000000000000aa"


@pytest_asyncio.fixture
async def backup(socket_bot: BotUnderTest, people: Workspace) -> str:
    """The name of a fresh backup of staging."""
    run = await ask_for(people.person("Aiko"), socket_bot, f"backup now {STAGING_DATABASE} --to local")
    return Path(facts_of(await run.waits_for("result"))["File"]).name


@asynccontextmanager
async def marked(cluster: Cluster) -> AsyncIterator[None]:
    """A row that no backup has, so that a restore and its undoing can be told apart."""
    async with cluster.connect(STAGING_DATABASE, PLATFORM_OWNER) as connection:
        await connection.execute("DELETE FROM profiles WHERE wallet_address = %s", (MARK,))
        await connection.execute(
            "INSERT INTO profiles (wallet_address, profile_id, name) VALUES (%s, 900000001, 'Mark')", (MARK,)
        )
    yield


async def has_mark(cluster: Cluster) -> bool:
    async with cluster.connect(STAGING_DATABASE, PLATFORM_OWNER) as connection:
        found = await connection.execute("SELECT 1 FROM profiles WHERE wallet_address = %s", (MARK,))
        return await found.fetchone() is not None


async def names_of(cluster: Cluster) -> set[str]:
    async with cluster.connect() as connection:
        found = await connection.execute("SELECT datname FROM pg_database WHERE datallowconn")
        return {row[0] for row in await found.fetchall()}


async def answer_to_click(person: Person, bot: BotUnderTest, card: Json, button: str) -> str:
    """What a person alone is told after a click."""
    before = {message["ts"] for message in await person.ephemerals(bot.channel)}
    assert (await person.click(card, button, bot.channel))["ok"]
    told = await person.wait_for(lambda m: bool(m.get("is_ephemeral")) and m["ts"] not in before, bot.channel)
    return visible_text(told)


def has_buttons(message: Json) -> bool:
    return any(block["type"] == "actions" for block in message["blocks"])


async def asked(people: Workspace, bot: BotUnderTest, backup: str) -> RunSeen:
    run = await ask_for(people.person("Aiko"), bot, f"restore {backup} {STAGING_DATABASE}")
    await run.says("waits for approval")
    return run


async def number_of(run: RunSeen) -> int:
    found = re.search(r"\brun (\d+)\b", visible_text(await run.head()))
    assert found
    return int(found[1])


async def test_the_modal_offers_backups_and_targets_and_staging_is_chosen(
    socket_bot: BotUnderTest, people: Workspace, backup: str
) -> None:
    aiko = people.person("Aiko")
    before = await heads(aiko, socket_bot)
    assert (await aiko.command(f"{socket_bot.command} restore", socket_bot.channel))["ok"]
    view = await aiko.wait_for_view(lambda found: found.get("callback_id") == "runbook")
    inputs = {block["block_id"]: block["element"] for block in view["blocks"] if block["type"] == "input"}
    assert backup in {option["value"] for option in inputs["backup"]["options"]}
    assert inputs["database"]["initial_option"]["value"] == STAGING_DATABASE
    await aiko.submit(view, {"backup": backup})
    run = await new_run(aiko, socket_bot, before)
    await run.says("waits for approval")
    await run.cancel()
    await run.says("was cancelled")


async def test_a_button_on_a_backup_opens_the_modal_with_it_chosen(
    socket_bot: BotUnderTest, people: Workspace, backup: str
) -> None:
    aiko = people.person("Aiko")
    before = {message["ts"] for message in await aiko.ephemerals(socket_bot.channel)}
    await aiko.command(f"{socket_bot.command} backup list", socket_bot.channel)
    listed = await aiko.wait_for(lambda m: bool(m.get("is_ephemeral")) and m["ts"] not in before, socket_bot.channel)
    await aiko.click(listed, f"Restore {backup}", socket_bot.channel)
    view = await aiko.wait_for_view(lambda found: found.get("callback_id") == "runbook")
    (chosen,) = [block["element"] for block in view["blocks"] if block.get("block_id") == "backup"]
    assert chosen["initial_option"]["value"] == backup
    await aiko.close(view, all_views=True)


async def test_the_card_says_exactly_what_would_happen(
    socket_bot: BotUnderTest, product: Product, people: Workspace, backup: str
) -> None:
    run = await asked(people, socket_bot, backup)
    card = await run.head()
    facts, text = facts_of(card), visible_text(card)
    written = (socket_bot.backups / f"{backup}.sha256").read_text(encoding="utf-8").split()[0]
    assert facts["sha256"] == written
    assert facts["Database"] == STAGING_DATABASE
    assert facts["Address"].endswith(str(product.parts.platform_cluster.port))
    assert facts["Environment"] == "demo"
    assert {"Backup taken", "Rows in the backup", "Rows now", "Rows written since the backup"} <= set(facts)
    assert "Sessions that will be cut" in facts
    for words in ("Restore beside the target", "Undo:", "Swap", "Needs: engineering lead", "Not the requester"):
        assert words in text.replace("*", "").replace("_", ""), words
    await run.cancel()


async def test_the_requester_and_the_wrong_role_are_refused_privately_and_the_lead_approves(
    socket_bot: BotUnderTest, product: Product, people: Workspace, backup: str
) -> None:
    cluster = product.parts.platform_cluster
    async with marked(cluster):
        run = await asked(people, socket_bot, backup)
        card = await run.head()
        assert "somebody else has to decide" in await answer_to_click(
            people.person("Aiko"), socket_bot, card, "Approve"
        )
        assert "engineering lead" in await answer_to_click(people.person("Taro"), socket_bot, card, "Approve")
        assert has_buttons(await run.head())
        assert "approved" in await answer_to_click(people.person("Emi"), socket_bot, card, "Approve")
        facts = facts_of(await run.waits_for("result"))
    assert not await has_mark(cluster)
    assert facts["Took"].endswith("of the 1 h that the RTO allows")
    assert facts["Nobody got in for"].endswith("ms")
    ended = await run.says("succeeded")
    assert not has_buttons(ended)
    assert "Approved by" in visible_text(ended)


async def test_an_undo_is_asked_approved_and_brings_the_former_database_back(
    socket_bot: BotUnderTest, product: Product, people: Workspace, backup: str
) -> None:
    cluster = product.parts.platform_cluster
    aiko, emi = people.person("Aiko"), people.person("Emi")
    async with marked(cluster):
        first = await asked(people, socket_bot, backup)
        await emi.click(await first.head(), "Approve", socket_bot.channel)
        await first.waits_for("result")
    assert not await has_mark(cluster)
    undo = await ask_for(aiko, socket_bot, f"undo {await number_of(first)}")
    card = await undo.says("waits for approval")
    assert "Rows written since the swap" in facts_of(card)
    assert "somebody else" in await answer_to_click(aiko, socket_bot, card, "Approve")
    await emi.click(card, "Approve", socket_bot.channel)
    await undo.waits_for("result")
    assert await has_mark(cluster)


async def test_a_denial_asks_why_ends_it_and_tells_the_reason(
    socket_bot: BotUnderTest, product: Product, people: Workspace, backup: str
) -> None:
    emi, before = people.person("Emi"), await names_of(product.parts.platform_cluster)
    run = await asked(people, socket_bot, backup)
    await emi.click(await run.head(), "Deny", socket_bot.channel)
    view = await emi.wait_for_view(lambda found: found.get("callback_id") == "run.deny")
    await emi.submit(view, {"reason": "not during the launch"})
    card = await run.says("was refused")
    assert "not during the launch" in visible_text(card)
    assert not has_buttons(card)
    assert "not during the launch" in await run.result()
    assert await names_of(product.parts.platform_cluster) == before


async def test_a_file_that_changed_after_the_request_voids_it_and_the_thread_says_which_fact(
    socket_bot: BotUnderTest, product: Product, people: Workspace, backup: str
) -> None:
    cluster = product.parts.platform_cluster
    async with marked(cluster):
        run = await asked(people, socket_bot, backup)
        file = socket_bot.backups / backup
        kept = file.with_suffix(".kept")
        shutil.copy(file, kept)
        file.write_bytes(file.read_bytes()[:-20])
        try:
            told = await answer_to_click(people.person("Emi"), socket_bot, await run.head(), "Approve")
        finally:
            shutil.move(kept, file)
        assert "void" in told
        assert not has_buttons(await run.says("was refused"))
        assert "void" in await run.result()
        assert await has_mark(cluster), "the target is untouched"


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("restore takumi_db_20200101_000000.sql.gz takumi_staging", "takumi_db_20200101_000000.sql.gz"),
        ("restore latest takumi_nowhere", "takumi_nowhere"),
        ("restore ../../etc/passwd takumi_staging", "passwd"),
        ("restore latest takumi_staging --force", "force"),
    ],
)
async def test_what_cannot_be_restored_is_refused_with_a_clear_word(
    socket_bot: BotUnderTest, people: Workspace, backup: str, words: str, told: str
) -> None:
    assert backup
    assert told in await private_answer(people.person("Aiko"), socket_bot, words)


async def test_a_broken_file_is_refused_before_anybody_is_asked(
    socket_bot: BotUnderTest, people: Workspace, backup: str
) -> None:
    whole = (socket_bot.backups / backup).read_bytes()
    broken = socket_bot.backups / "takumi_db_20260101_000000.sql.gz"
    broken.write_bytes(whole[: len(whole) // 2])
    try:
        run = await ask_for(people.person("Aiko"), socket_bot, f"restore {broken.name} {STAGING_DATABASE}")
        told = await run.result()
    finally:
        broken.unlink()
    assert not has_buttons(await run.says("could not start"))
    assert "truncated" in told or "ends" in told, told


async def test_nobody_who_could_approve_is_said_at_once_with_the_missing_role(
    socket_bot: BotUnderTest, people: Workspace, backup: str
) -> None:
    await people.fault("remove_from_group", user="U0ENGL0001", group="S0ENGLEAD0")
    try:
        told = await private_answer(people.person("Aiko"), socket_bot, f"restore {backup} {STAGING_DATABASE}")
    finally:
        await people.fault("add_to_group", user="U0ENGL0001", group="S0ENGLEAD0")
    assert "engineering lead" in told


async def test_the_trail_tells_request_refusal_approval_and_end(
    socket_bot: BotUnderTest, people: Workspace, backup: str
) -> None:
    run = await asked(people, socket_bot, backup)
    await answer_to_click(people.person("Aiko"), socket_bot, await run.head(), "Approve")
    await people.person("Emi").click(await run.head(), "Approve", socket_bot.channel)
    await run.waits_for("result")
    told = await private_answer(people.person("Aiko"), socket_bot, f"audit {await number_of(run)} --limit 90")
    for verb in ("run.requested", "approval.given", "run.approved", "run.started", "step.intended", "run.succeeded"):
        assert verb in told, verb
    refused = await private_answer(people.person("Aiko"), socket_bot, "audit --limit 40")
    assert "approval.refused" in refused
    assert json.dumps(told).count("step.done") == 5

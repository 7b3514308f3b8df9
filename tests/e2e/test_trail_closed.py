"""No entry, no action, as people see it: no anchor to be reached, and a trail that takes no entry."""

import asyncio
from pathlib import Path

import aiohttp
import pytest

from bot.services.gate import ANCHOR_PATIENCE
from demo.workspace.client import Workspace, visible_text
from tests.e2e.bots import BotUnderTest
from tests.e2e.product import STAGING_DATABASE, Product
from tests.e2e.threads import PATIENCE, ask_for, facts_of, private_answer

RIGHT = "INSERT (body, writer, number, signature) ON audit_entries"


@pytest.fixture(scope="module")
def lonely_bot(product: Product) -> BotUnderTest:
    """A bot whose anchors go to a bucket that is not there."""
    away = {"TAKUMI_BOT_ANCHOR_BUCKET": "no-such-bucket"}
    return asyncio.run(product.add_bot("Takumi unanchored", "/takumi-unanchored", **away))


async def test_the_card_says_that_no_anchor_can_be_reached_and_nothing_starts_without_glass(
    lonely_bot: BotUnderTest, people: Workspace
) -> None:
    made = await ask_for(people.person("Aiko"), lonely_bot, f"backup now {STAGING_DATABASE} --to local")
    backup = Path(facts_of(await made.waits_for("result"))["File"]).name
    run = await ask_for(people.person("Aiko"), lonely_bot, f"restore {backup} {STAGING_DATABASE}")
    await run.says("No anchor of the audit trail can be reached")
    assert "glass is broken" in visible_text(await run.head())
    await people.person("Emi").click(await run.head(), "Approve", lonely_bot.channel)
    assert "the audit trail is not anchored outside" in await run.result(ANCHOR_PATIENCE + PATIENCE)


async def test_a_trail_that_takes_no_entry_is_said_everywhere_and_opens_by_itself(
    lonely_bot: BotUnderTest, people: Workspace
) -> None:
    aiko, said = people.person("Aiko"), "does not let the bot's role write"
    await change(lonely_bot, f"REVOKE {RIGHT} FROM takumi_bot")
    try:
        await lonely_bot.until_not_ready()
        assert said in (await lonely_bot.readiness())["wrong"]["audit"]
        assert 'takumi_trail_closed{cause="permission"} 1' in await metrics(lonely_bot)
        assert said in await private_answer(aiko, lonely_bot, "backup now --to local")
        await aiko.wait_for(lambda m: said in visible_text(m) and not m.get("is_ephemeral"), lonely_bot.channel)
    finally:
        await change(lonely_bot, f"GRANT {RIGHT} TO takumi_bot")
    await lonely_bot.ready()
    await aiko.wait_for(lambda m: "everything works as before" in visible_text(m), lonely_bot.channel)
    assert "succeeded" in await (await ask_for(aiko, lonely_bot, "backup now --to local")).result()


async def change(bot: BotUnderTest, statement: str) -> None:
    async with bot.parts.bot_cluster.connect(bot.database) as connection:
        await connection.execute(statement.encode())


async def metrics(bot: BotUnderTest) -> str:
    async with aiohttp.ClientSession() as session, session.get(f"{bot.web}/metrics") as answer:
        return await answer.text()

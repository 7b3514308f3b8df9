"""A day on which all is well makes no noise: everything that the calendar does, done once, and counted."""

import asyncio
import json
from datetime import UTC, datetime, timedelta

import pytest

from bot.policy.schedule import firing
from demo.platform.databases import BOT_RUNTIME
from demo.workspace.client import Workspace, visible_text
from tests.e2e.bots import BotUnderTest
from tests.e2e.product import Product
from tests.stores import rows

MOST_MESSAGES = 3
KEYS = tuple(row.key for row in firing())
PATIENCE = timedelta(seconds=150)
# Long enough for the bot to start before the minute comes in which everything is due.
AHEAD = timedelta(seconds=100)


@pytest.fixture(scope="module")
def quiet_bot(product: Product) -> BotUnderTest:
    """Its whole day happens in one minute that comes soon, and in that minute alone."""
    due = datetime.now(UTC) + AHEAD
    cron = f"{due.minute} {due.hour} {due.day} {due.month} *"
    schedules = json.dumps(dict.fromkeys(KEYS, cron))
    return asyncio.run(
        product.add_bot("Takumi on a quiet day", "/takumi-quiet", TAKUMI_BOT_SCHEDULES=schedules, CLOUD_BACKUP="")
    )


async def _count(bot: BotUnderTest, statement: str) -> int:
    url = bot.parts.bot_cluster.url(bot.database, BOT_RUNTIME)
    ((found,),) = await rows(url, statement)
    return int(found)


async def _until_the_day_is_over(bot: BotUnderTest) -> None:
    """Everything has fired, no run is open, nothing waits to be drawn, and it stays so."""
    still = 0
    async with asyncio.timeout(PATIENCE.total_seconds()):
        while still < 3:
            fired = await _count(bot, "SELECT count(DISTINCT schedule) FROM schedule_firings")
            busy = await _count(
                bot,
                "SELECT (SELECT count(*) FROM runs WHERE finished_at IS NULL)"
                " + (SELECT count(*) FROM messages WHERE shown_at < wanted_at)",
            )
            still = still + 1 if fired == len(KEYS) and not busy else 0
            await asyncio.sleep(2)


async def test_a_quiet_day_posts_at_most_three_messages_to_the_channel(
    quiet_bot: BotUnderTest, people: Workspace
) -> None:
    await _until_the_day_is_over(quiet_bot)
    seen = await people.person("Aiko").messages(quiet_bot.channel)
    said = [visible_text(message) for message in seen if message.get("user") == quiet_bot.user]
    posted = [text for text in said if "joined" not in text]
    assert 1 <= len(posted) <= MOST_MESSAGES, posted
    assert await _count(quiet_bot, "SELECT count(*) FROM runs WHERE state = 'succeeded'") >= 1
    assert await _count(quiet_bot, "SELECT count(*) FROM alert_groups") == 0

"""Two bots in one workspace: each hears its own command alone, and what a manifest does not declare does not work."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from bot.slack.manifest import manifest
from demo.workspace.client import Person, Workspace, visible_text
from tests.e2e.bots import BotUnderTest
from tests.e2e.product import Product
from tests.e2e.threads import ask_for, heads, private_answer

NAME, COMMAND = "Takumi staging", "/takumi-staging"


@pytest.fixture(scope="module")
def staging_bot(product: Product) -> BotUnderTest:
    """A bot for staging beside the one of `/takumi`, told nothing but other names."""
    return asyncio.run(product.add_bot(NAME, COMMAND, TAKUMI_BOT_ENVIRONMENT="staging"))


@pytest_asyncio.fixture
async def reinstalled(staging_bot: BotUnderTest) -> AsyncIterator[BotUnderTest]:
    """The staging bot, whose manifest the test may change; the right one is back afterwards."""
    yield staging_bot
    await staging_bot.install(manifest("socket", name=NAME, command=COMMAND))


async def test_each_bot_answers_its_own_command_alone(
    socket_bot: BotUnderTest, staging_bot: BotUnderTest, people: Workspace
) -> None:
    aiko = people.person("Aiko")
    before = await heads(aiko, socket_bot)
    staging = await ask_for(aiko, staging_bot, "backup now --to local")
    assert "staging" in visible_text(await staging.head())
    assert "succeeded" in await staging.result()
    assert await heads(aiko, socket_bot) == before
    theirs = await heads(aiko, staging_bot)
    assert "succeeded" in await (await ask_for(aiko, socket_bot, "backup now --to local")).result()
    assert await heads(aiko, staging_bot) == theirs


async def test_each_bot_names_its_own_command_in_what_it_advises(
    socket_bot: BotUnderTest, staging_bot: BotUnderTest, people: Workspace
) -> None:
    aiko = people.person("Aiko")
    assert "Did you mean /takumi-staging health?" in await private_answer(aiko, staging_bot, "helth")
    assert "Did you mean /takumi health?" in await private_answer(aiko, socket_bot, "helth")


async def test_each_bot_hears_only_its_own_mention(
    socket_bot: BotUnderTest, staging_bot: BotUnderTest, people: Workspace
) -> None:
    aiko = people.person("Aiko")
    question = await aiko.say("Which of you is well?", "#takumi-alerts")
    await aiko.say("@Takumi staging health", "#takumi-alerts", thread=question)
    first = await answer_of(aiko, staging_bot, question)
    await aiko.say("@Takumi health", "#takumi-alerts", thread=question)
    await answer_of(aiko, socket_bot, question)
    assert "components are well" in first
    bots = [m["user"] for m in await aiko.messages("#takumi-alerts", question) if m.get("bot_id")]
    assert bots == [staging_bot.user, socket_bot.user]


async def answer_of(person: Person, bot: BotUnderTest, question: str) -> str:
    said = await person.wait_for(lambda message: message.get("user") == bot.user, "#takumi-alerts", question)
    return visible_text(said)


async def test_the_trail_of_one_bot_is_not_the_others(
    socket_bot: BotUnderTest, staging_bot: BotUnderTest, people: Workspace
) -> None:
    taro = people.person("Taro")
    await private_answer(taro, staging_bot, "audit")
    assert "<@U0LEAD0001>\ncommand.received" in await private_answer(taro, staging_bot, "audit --limit 3")
    assert (await private_answer(taro, socket_bot, "audit --limit 90")).count("U0LEAD0001") < 2


async def test_a_command_that_no_manifest_declares_does_not_work(people: Workspace, socket_bot: BotUnderTest) -> None:
    ack = await people.person("Aiko").command("/takumi-production backup now", socket_bot.channel)
    assert ack == {"ok": False, "error": "unknown_command", "text": "/takumi-production is not a valid command."}


async def test_an_event_that_the_manifest_does_not_declare_is_not_delivered(
    reinstalled: BotUnderTest, people: Workspace
) -> None:
    deaf = manifest("socket", name=NAME, command=COMMAND)
    deaf["settings"]["event_subscriptions"]["bot_events"] = []
    await reinstalled.install(deaf)
    aiko = people.person("Aiko")
    question = await aiko.say(f"<@{reinstalled.user}> health", "#takumi-alerts")
    # Delivered after the mention would have been; its answer comes last.
    assert "components are well" in await private_answer(aiko, reinstalled, "health")
    assert len(await aiko.messages("#takumi-alerts", question)) == 1
    await reinstalled.install(manifest("socket", name=NAME, command=COMMAND))
    question = await aiko.say(f"<@{reinstalled.user}> health", "#takumi-alerts")
    assert "components are well" in await answer_of(aiko, reinstalled, question)


async def test_a_scope_that_the_manifest_does_not_declare_is_told_with_the_way_out(
    reinstalled: BotUnderTest, people: Workspace
) -> None:
    narrow = manifest("socket", name=NAME, command=COMMAND)
    narrow["oauth_config"]["scopes"]["bot"].remove("users:read")
    await reinstalled.install(narrow)
    aiko = people.person("Aiko")
    told = await private_answer(aiko, reinstalled, "backup now")
    assert "missing_scope" in told
    assert "Reinstall the app with the current manifest" in told

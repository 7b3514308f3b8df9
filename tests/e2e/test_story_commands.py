"""The story of everything around a backup: who may ask for what, where, and who sees the answer."""

import asyncio
import html
import re
import time
from datetime import timedelta
from http import HTTPStatus
from urllib.parse import urlencode

import aiohttp
import pytest

from demo.workspace.client import Person, Workspace, WorkspaceRefusedError, visible_text
from demo.workspace.deliver.requests import FORM_TYPE, sign
from tests.e2e.bots import BotUnderTest
from tests.e2e.product import Product, without
from tests.e2e.threads import ask_for, heads, new_run, private_answer

COMPONENTS = ("Backend", "Database takumi", "Database takumi_staging", "Redis", "Chain", "S3", "Backup folder")


@pytest.fixture
def aiko(people: Workspace) -> Person:
    return people.person("Aiko")


async def test_help_shows_every_command_and_marks_what_needs_a_role_that_the_asker_lacks(
    http_bot: BotUnderTest, people: Workspace, aiko: Person
) -> None:
    developer = await private_answer(aiko, http_bot, "help")
    nobody = await private_answer(people.person("Sora"), http_bot, "help")
    refused = await private_answer(people.person("Sora"), http_bot, "backup now")
    for command in ("backup now", "backup list", "audit", "health", "help", "runs", "schedule"):
        assert f"/takumi-http {command}" in developer
    assert "(needs a role)" not in developer
    offered = [line for line in nobody.splitlines() if "`/takumi-http " in line]
    marked = [line for line in offered if "(needs a role)" in line]
    assert "/takumi-http backup now" in {line.split("`")[1] for line in marked}
    assert marked == [line for line in offered if "_read-only_" not in line]
    assert "you fill none of the configured roles" in refused


async def test_help_for_a_family_shows_its_parameters(bot: BotUnderTest, aiko: Person) -> None:
    told = html.unescape(await private_answer(aiko, bot, "help backup"))
    assert f"{bot.command} backup now [<database>] [--keep <keep>] [--dir <dir>] [--to <to>]" in told
    assert "health" not in told


async def test_health_shows_every_component_and_the_chains_latest_block(socket_bot: BotUnderTest, aiko: Person) -> None:
    told = await private_answer(aiko, socket_bot, "health")
    for component in COMPONENTS:
        assert f"{component}\nok" in told
    assert "7 of 7 components are well." in told
    assert re.search(r"Chain\nok\nchain 31337, block [\d,]+, ", told)


async def test_health_shows_what_is_down_with_advice(socket_bot: BotUnderTest, product: Product, aiko: Person) -> None:
    async with without(product.parts.redis):
        told = await private_answer(aiko, socket_bot, "health")
    assert "Redis\ndown\nit does not answer" in told
    assert "Start Redis, or mend TAKUMI_BOT_REDIS_URL." in told
    assert "Database takumi\nok" in told
    assert "Redis\nok" in await private_answer(aiko, socket_bot, "health")


@pytest.mark.parametrize(
    ("typed", "meant"),
    [("bakcup now", "backup now"), ("backup lst", "backup list"), ("helth", "health")],
)
async def test_a_misspelt_command_is_answered_with_the_one_that_was_meant(
    bot: BotUnderTest, aiko: Person, typed: str, meant: str
) -> None:
    before = await heads(aiko, bot)
    assert f"Did you mean {bot.command} {meant}?" in await private_answer(aiko, bot, typed)
    assert await heads(aiko, bot) == before


async def test_a_mention_in_a_thread_is_answered_in_that_thread(bot: BotUnderTest, aiko: Person) -> None:
    question = await aiko.say("Are we well?", bot.channel)
    await aiko.say(f"<@{bot.user}> health", bot.channel, thread=question)
    answer = await aiko.wait_for(lambda message: message.get("user") == bot.user, bot.channel, thread=question)
    assert "7 of 7 components are well." in visible_text(answer)
    assert not answer.get("is_ephemeral")


async def test_a_backup_asked_for_by_a_mention_in_a_thread_runs_in_that_thread(
    socket_bot: BotUnderTest, aiko: Person
) -> None:
    question = await aiko.say("Shall we have a backup?", socket_bot.channel)
    await aiko.say(f"<@{socket_bot.user}> backup now --to local", socket_bot.channel, thread=question)
    done = await aiko.wait_for(
        lambda message: "sha256" in visible_text(message),
        socket_bot.channel,
        thread=question,
        timeout=timedelta(seconds=30),
    )
    assert done["user"] == socket_bot.user
    assert "none: on this machine alone" in visible_text(done)


async def test_in_another_channel_the_answer_is_private_and_names_the_right_channel(
    bot: BotUnderTest, people: Workspace, aiko: Person
) -> None:
    before = await heads(aiko, bot)
    told = await private_answer(aiko, bot, "backup now", "#general")
    assert f"{bot.command} backup does not work in this channel." in told
    assert "<#C0ALERTS01>" in told
    taro = await people.person("Taro").messages("#general")
    assert "does not work in this channel" not in "".join(map(visible_text, taro))
    assert await heads(aiko, bot) == before


async def test_a_guest_is_refused_and_the_refusal_stands_in_the_trail(
    bot: BotUnderTest, people: Workspace, aiko: Person
) -> None:
    told = await private_answer(people.person("Gus"), bot, "backup now")
    assert "You cannot use this bot: you are a guest here." in told
    trail = await private_answer(aiko, bot, "audit --limit 5")
    assert "<@U0GUEST001>\ncommand.refused\nbackup now" in trail


async def test_somebody_deactivated_while_the_request_was_on_its_way_is_refused(
    bot: BotUnderTest, people: Workspace
) -> None:
    kenji = people.person("Kenji")
    before = await heads(kenji, bot)
    await people.fault("delay_deliveries", delivery="slash_commands", seconds=1)
    typed = asyncio.create_task(private_answer(kenji, bot, "backup now"))
    try:
        await asyncio.sleep(0.5)  # typed while still welcome, delivered half a second after the account was closed
        await people.fault("deactivate", user=await kenji.id())
        with pytest.raises(WorkspaceRefusedError, match="deactivated"):
            await kenji.say("let me in", bot.channel)
        assert "You cannot use this bot: your account is deactivated." in await typed
    finally:
        await people.fault("reactivate", user=await kenji.id())
    assert await heads(kenji, bot) == before


async def test_an_answer_to_a_command_is_seen_by_its_asker_alone(
    bot: BotUnderTest, people: Workspace, aiko: Person
) -> None:
    taro = people.person("Taro")
    before = len(await taro.messages(bot.channel))
    assert "What happens by itself" in await private_answer(aiko, bot, "schedule")
    assert len(await taro.messages(bot.channel)) == before


async def test_a_request_whose_acknowledgement_was_lost_is_not_lost(
    bot: BotUnderTest, people: Workspace, aiko: Person
) -> None:
    before = await heads(aiko, bot)
    await people.fault("lose_acks", delivery="slash_commands")
    ack = await aiko.command(f"{bot.command} backup now --to local", bot.channel)
    assert ack["error"] == "operation_timeout"
    run = await new_run(aiko, bot, before)
    assert "succeeded" in await run.result()


async def test_an_unknown_parameter_is_refused_and_not_ignored(bot: BotUnderTest, aiko: Person) -> None:
    before = await heads(aiko, bot)
    told = await private_answer(aiko, bot, "backup now --databse takumi")
    assert "There is no 'databse' here; did you mean 'database'?" in told
    assert await heads(aiko, bot) == before


async def test_a_run_of_another_database_is_asked_for_by_its_name(socket_bot: BotUnderTest, aiko: Person) -> None:
    run = await ask_for(aiko, socket_bot, "backup now takumi_staging --to local")
    assert "takumi_staging_db_" in await run.result()


async def test_a_request_that_slack_did_not_sign_just_now_is_not_taken(http_bot: BotUnderTest, aiko: Person) -> None:
    before = await heads(aiko, http_bot)
    words = {"command": http_bot.command, "text": "backup now", "user_id": await aiko.id(), "trigger_id": "1.2.3"}
    body = urlencode(words).encode()
    now, secret = int(time.time()), http_bot.credentials["signing_secret"]
    forged, replayed = sign("another secret", str(now), body), sign(secret, str(now - 600), body)
    async with aiohttp.ClientSession() as session:
        for at, signature in ((now, ""), (now, forged), (now - 600, replayed)):
            headers = {
                "Content-Type": FORM_TYPE,
                "X-Slack-Request-Timestamp": str(at),
                "X-Slack-Signature": signature,
            }
            async with session.post(f"{http_bot.web}/slack/events", data=body, headers=headers) as answer:
                assert answer.status == HTTPStatus.UNAUTHORIZED
    assert "read-only" in await private_answer(aiko, http_bot, "help")
    assert await heads(aiko, http_bot) == before


async def test_the_schedule_fires_by_itself_and_tells_in_the_alerts_channel(
    nightly_bot: BotUnderTest, people: Workspace
) -> None:
    aiko = people.person("Aiko")
    run = await new_run(aiko, nightly_bot, set(), patience=timedelta(seconds=70))
    said = await run.result()
    assert "succeeded" in said
    assert "asked by the calendar" in visible_text(await run.head())
    planned = re.search(
        r"database-backup\n.*\n\* \* \* \* \*\n.*\n(\S+ \S+ UTC)", await private_answer(aiko, nightly_bot, "schedule")
    )
    assert planned is not None
    assert planned[1].endswith(":00 UTC")
    trail = await private_answer(aiko, nightly_bot, "audit")
    assert "schedule.fired\ndatabase-backup" in trail
    await nightly_bot.stop()

"""Nobody answers, over the wire and on a quick clock: up to the CTO; freezes, incidents, broken glass, the terminal."""

import asyncio
import json
import os
import re
import sys
from datetime import UTC, datetime, timedelta

import pytest
import pytest_asyncio

from bot.domain.factors import Factor, FactorKind
from bot.domain.onetime import code_at, step_of
from bot.operations.tools.vault import KeyVault
from bot.stores.factors import PostgresFactors
from demo.workspace import Json
from demo.workspace.client import Person, Workspace, visible_text
from tests.approving import KEY, SECRET
from tests.e2e.bots import BotUnderTest
from tests.e2e.product import STAGING_DATABASE, Product, without
from tests.e2e.test_restore import answer_to_click, number_of
from tests.e2e.threads import PATIENCE, RunSeen, ask_for, key_of, private_answer
from tests.stores import opened

RESPONSE = timedelta(seconds=3)
PEOPLE = {"Aiko": "U0DEV00001", "Taro": "U0LEAD0001", "Emi": "U0ENGL0001", "Kenji": "U0CTO00001"}
TEAM = "T0TAKUMI01"


@pytest.fixture(scope="session")
def quick_bot(product: Product) -> BotUnderTest:
    """A bot whose clocks run quickly, and for which Aiko may break glass."""
    choices = {
        # Nothing here waits for a P0 to be silent; four answers of the command line must fit in it on a busy machine.
        "TAKUMI_BOT_RESPONSE_TIMES": json.dumps({"P0": "PT10M", "P1": f"PT{RESPONSE.seconds}S", "P2": "PT2S"}),
        "TAKUMI_BOT_WORKING_HOURS": "mon-sun 00:00-00:00",
        "TAKUMI_BOT_GLASS_RUNBOOKS": '["restore-database"]',
        "TAKUMI_BOT_GLASS_PEOPLE": json.dumps([f"slack:{TEAM}:{PEOPLE['Aiko']}"]),
        "TAKUMI_BOT_FACTOR_KEY": KEY.get_secret_value(),
        "TAKUMI_BOT_ROLES": json.dumps(
            {
                "developer": ["S0DEVELOPR", PEOPLE["Aiko"]],
                "team_lead": ["S0TEAMLEAD"],
                "engineering_lead": ["S0ENGLEAD0", PEOPLE["Emi"]],
                "cto": ["S0CTO00000"],
                "security": ["S0SECURITY"],
            }
        ),
    }
    return asyncio.run(product.add_bot("Takumi in a hurry", "/takumi-quick", **choices))


@pytest_asyncio.fixture
async def backup(quick_bot: BotUnderTest, people: Workspace) -> None:
    """There is something to restore."""
    if "takumi_db_" not in await private_answer(people.person("Aiko"), quick_bot, "backup list"):
        run = await ask_for(people.person("Aiko"), quick_bot, f"backup now {STAGING_DATABASE} --to local")
        await run.waits_for("result")


async def asked(people: Workspace, bot: BotUnderTest, words: str = "") -> RunSeen:
    run = await ask_for(people.person("Aiko"), bot, f"restore latest {STAGING_DATABASE} {words}".strip())
    await run.says("waits for approval")
    return run


async def call_of(run: RunSeen, position: int) -> str:
    wanted = f"call:run:{run.id}:{position}"
    found = await run.person.wait_for(lambda m: key_of(m) == wanted, run.channel, run.ts, timeout=PATIENCE)
    return visible_text(found)


async def public_answer(person: Person, bot: BotUnderTest, words: str, says: str) -> Json:
    assert (await person.command(f"{bot.command} {words}", bot.channel))["ok"]
    return await person.wait_for(lambda m: says in visible_text(m), bot.channel, timeout=PATIENCE)


@pytest.mark.usefixtures("backup")
async def test_silence_calls_up_to_the_cto_and_never_approves(quick_bot: BotUnderTest, people: Workspace) -> None:
    run = await asked(people, quick_bot)
    lead, cto = PEOPLE["Emi"], PEOPLE["Kenji"]
    for position, said, user in (
        (0, "your decision is asked for", lead),
        (1, "this still waits", lead),
        (2, "you are called", lead),
        (3, "you are called", cto),
        (4, "this still waits", cto),
    ):
        text = await call_of(run, position)
        assert said in text
        assert user in text
        assert PEOPLE["Aiko"] in text
    assert "Nobody decided on it in time" in await run.result()
    await run.says("expired")


@pytest.mark.usefixtures("backup")
async def test_what_waits_is_listed_for_whoever_can_decide(quick_bot: BotUnderTest, people: Workspace) -> None:
    run = await asked(people, quick_bot)
    assert "1 of them for you" in await private_answer(people.person("Emi"), quick_bot, "approvals")
    assert "0 of them for you" in await private_answer(people.person("Aiko"), quick_bot, "approvals")
    await run.cancel()
    await run.says("was cancelled")


@pytest.mark.usefixtures("backup")
async def test_a_freeze_refuses_with_its_reason_and_is_lifted(quick_bot: BotUnderTest, people: Workspace) -> None:
    taro, aiko = people.person("Taro"), people.person("Aiko")
    await public_answer(taro, quick_bot, "freeze until 2h because the launch is today", "Frozen until")
    try:
        told = await private_answer(aiko, quick_bot, f"restore latest {STAGING_DATABASE}")
        assert "the launch is today" in told
    finally:
        await public_answer(taro, quick_bot, "freeze lift because it is over", "1 freeze lifted")
    await (await asked(people, quick_bot)).cancel()


@pytest.mark.usefixtures("backup")
async def test_broken_glass_is_loud_and_owes_a_review(quick_bot: BotUnderTest, people: Workspace) -> None:
    aiko, taro, sora = people.person("Aiko"), people.person("Taro"), people.person("Sora")
    words = f'restore latest {STAGING_DATABASE} break_glass="staging is gone"'
    assert "open P0 or P1" in await private_answer(aiko, quick_bot, words)
    opened_one = await public_answer(taro, quick_bot, "incident declare P0 because staging is gone", "is open: P0")
    number = re.search(r"Incident (\d+)", visible_text(opened_one))
    assert number
    try:
        run = await asked(people, quick_bot, 'break_glass="staging is gone"')
        card = visible_text(await run.head())
        assert "Glass is broken" in card.replace("*", "")
        assert "nobody" not in await call_of(run, 0)
        assert "glass is being broken" in await call_of(run, 1)
        assert "somebody else" in await answer_to_click(aiko, quick_bot, await run.head(), "Approve")
        await run.cancel()
        key = f"review:{run.id}"
        review = await sora.wait_for(lambda m: key_of(m) == key, quick_bot.channel, timeout=PATIENCE)
        found = f"call:review:{run.id}:1"
        await sora.wait_for(lambda m: key_of(m) == found, quick_bot.channel, review["ts"], timeout=PATIENCE)
        told = await private_answer(sora, quick_bot, f"review done {await number_of(run)} because it was a test")
        assert "is done" in told
        await sora.wait_for(
            lambda m: key_of(m) == key and "it was a test" in visible_text(m), quick_bot.channel, timeout=PATIENCE
        )
    finally:
        await public_answer(taro, quick_bot, f"incident resolve {number[1]} because it is back", "is resolved")


async def test_the_policy_is_shown_and_explained(quick_bot: BotUnderTest, people: Workspace) -> None:
    taro = people.person("Taro")
    shown = await private_answer(taro, quick_bot, "policy")
    assert "engineering lead after 3.0 s" in shown
    explained = await private_answer(taro, quick_bot, "policy explain restore-database")
    assert "Glass may be broken for it" in explained


async def test_an_enrolment_is_shown_to_one_person_alone(quick_bot: BotUnderTest, people: Workspace) -> None:
    emi = people.person("Emi")
    told = await private_answer(emi, quick_bot, "factor code")
    assert "otpauth://totp/" in told
    for message in await people.person("Taro").messages(quick_bot.channel):
        assert "otpauth" not in visible_text(message)
    assert quick_bot.times_logged("otpauth") == 0


async def enrol(bot: BotUnderTest, who: str) -> str:
    """Give somebody a code that is good already; answers their account."""
    account = f"slack:{TEAM}:{PEOPLE[who]}"
    async with opened(bot.environment()["TAKUMI_BOT_DATABASE_URL"]) as pool, pool.connection() as connection:
        factors, factor_id = PostgresFactors(connection), f"code-{who}"
        if await factors.get(factor_id) is None:
            sealed = KeyVault(KEY).seal(SECRET, factor_id)
            await factors.add(Factor(factor_id, account, FactorKind.CODE, sealed))
            await factors.show(factor_id, by_old=True)
    return account


async def terminal(bot: BotUnderTest, *words: str) -> tuple[int, str]:
    """What the command line answers, with the bot's own environment."""
    environment = {**os.environ, **bot.environment()}
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bot", *words, env=environment, stdout=-1, stderr=asyncio.subprocess.STDOUT
    )
    said, _ = await child.communicate()
    return child.returncode or 0, said.decode()


@pytest.mark.usefixtures("backup")
async def test_with_slack_away_the_terminal_asks_and_approves_and_the_thread_catches_up(
    quick_bot: BotUnderTest, product: Product, people: Workspace
) -> None:
    accounts = {who: await enrol(quick_bot, who) for who in ("Aiko", "Emi")}
    taro = people.person("Taro")
    opened_one = await public_answer(taro, quick_bot, "incident declare P0 because Slack is down", "is open: P0")
    number = re.search(r"Incident (\d+)", visible_text(opened_one))
    assert number
    async with without(product.parts.workspace):
        code = code_at(SECRET, step_of(datetime.now(UTC)))
        words = ("run", "restore-database", "backup=latest", f"database={STAGING_DATABASE}")
        ended, said = await terminal(quick_bot, *words, "--as", accounts["Aiko"], "--code", code)
        assert ended == 0, said
        found = re.search(r"\d+", said)
        assert found
        ended, refused = await terminal(quick_bot, "approve", found[0], "--as", accounts["Aiko"], "--code", code)
        assert ended == 1
        assert "somebody else" in refused
        ended, refused = await terminal(quick_bot, *words, "--as", accounts["Aiko"], "--code", code)
        assert ended == 1
        assert "used before" in refused or "not right" in refused
        code = code_at(SECRET, step_of(datetime.now(UTC)))
        ended, said = await terminal(quick_bot, "approve", found[0], "--as", accounts["Emi"], "--code", code)
        assert ended == 0, said
        ended, followed = await terminal(quick_bot, "show", found[0], "--follow")
        assert ended == 0, followed
    aiko = people.person("Aiko")
    await aiko.wait_for(
        lambda m: f"run {found[0]} " in visible_text(m) and "succeeded" in visible_text(m),
        quick_bot.channel,
        timeout=timedelta(seconds=60),
    )
    await quick_bot.ready()
    await public_answer(taro, quick_bot, f"incident resolve {number[1]} because it is back", "is resolved")

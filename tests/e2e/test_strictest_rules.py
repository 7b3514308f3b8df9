"""Production's rules practised on the local platform: two people, codes and wallets, forged and replayed proofs.

One story on one bot, in the order of the file: a person has five tries of a proof in a quarter of an hour.
"""

import asyncio
import base64
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from eth_account import Account
from eth_account.messages import encode_typed_data

from bot.domain.factors import MOST_ATTEMPTS
from bot.domain.onetime import code_at, step_of
from demo.workspace import Json
from demo.workspace.client import Person, Workspace, visible_text
from tests.approving import KEY
from tests.e2e.bots import BotUnderTest
from tests.e2e.product import STAGING_DATABASE, Product
from tests.e2e.test_escalation import PEOPLE, TEAM, call_of, public_answer, terminal
from tests.e2e.test_restore import number_of
from tests.e2e.threads import PATIENCE, RunSeen, ask_for, key_of, private_answer

WALLET, THIEF = Account.from_key("0x" + "11" * 32), Account.from_key("0x" + "22" * 32)
CONFIRM = f"confirm={STAGING_DATABASE}"


@dataclass
class Device:
    """An authenticator app: each code is shown once, as a careful person would use it."""

    secret: bytes = b""
    shown: set[int] = field(default_factory=set)

    async def code(self) -> str:
        """The oldest code that is still good and was not shown before."""
        async with asyncio.timeout(90):
            while True:
                now = step_of(datetime.now(UTC))
                for step in (now, now + 1):
                    if step not in self.shown:
                        self.shown.add(step)
                        return code_at(self.secret, step)
                await asyncio.sleep(1)


EMIS = Device()


@pytest.fixture(scope="session")
def strict_bot(product: Product) -> BotUnderTest:
    """A bot of the demo under production's rules, on a quick clock for what is less urgent than P1."""
    choices = {
        "TAKUMI_BOT_PRODUCTION_RULES_EVERYWHERE": "true",
        "TAKUMI_BOT_ENROLMENT_WAIT": "PT0S",
        "TAKUMI_BOT_RESPONSE_TIMES": json.dumps({"P0": "PT30M", "P1": "PT30M", "P2": "PT2S"}),
        "TAKUMI_BOT_WORKING_HOURS": "mon-sun 00:00-00:00",
        "TAKUMI_BOT_GLASS_RUNBOOKS": '["restore-database"]',
        "TAKUMI_BOT_GLASS_PEOPLE": json.dumps([f"slack:{TEAM}:{PEOPLE['Aiko']}"]),
        "TAKUMI_BOT_FACTOR_KEY": KEY.get_secret_value(),
    }
    return asyncio.run(product.add_bot("Takumi by the book", "/takumi-strict", **choices))


@pytest_asyncio.fixture
async def backup(strict_bot: BotUnderTest, people: Workspace) -> None:
    """There is something to restore."""
    if "takumi_db_" not in await private_answer(people.person("Aiko"), strict_bot, "backup list"):
        run = await ask_for(people.person("Aiko"), strict_bot, f"backup now {STAGING_DATABASE} --to local")
        await run.waits_for("result")


async def asked(people: Workspace, bot: BotUnderTest, words: str = CONFIRM) -> RunSeen:
    run = await ask_for(people.person("Aiko"), bot, f"restore latest {STAGING_DATABASE} {words}".strip())
    await run.says("waits for approval")
    return run


async def answer_to_modal(person: Person, bot: BotUnderTest, view: Json, values: Mapping[str, str]) -> str:
    """What the person alone is told after submitting."""
    before = {message["ts"] for message in await person.ephemerals(bot.channel)}
    assert (await person.submit(view, dict(values)))["ok"]
    told = await person.wait_for(
        lambda m: bool(m.get("is_ephemeral")) and m["ts"] not in before, bot.channel, timeout=PATIENCE
    )
    return visible_text(told)


async def modal(person: Person, run: RunSeen, button: str, callback: str) -> Json:
    await person.click(await run.head(), button, run.channel)
    return await person.wait_for_view(lambda view: view.get("callback_id") == callback, timeout=PATIENCE)


async def with_code(person: Person, bot: BotUnderTest, run: RunSeen, code: str) -> str:
    view = await modal(person, run, "Approve with a code", "run.prove")
    return await answer_to_modal(person, bot, view, {"code": code})


async def signing(person: Person, run: RunSeen) -> tuple[Json, Any]:
    """The modal that takes a signature, and what is signed: the file below the card."""
    before = {m["ts"] for m in await person.messages(run.channel, run.ts)}
    view = await modal(person, run, "Approve with a wallet", "run.signed")
    attached = await person.wait_for(
        lambda m: bool(m.get("files")) and m["ts"] not in before, run.channel, run.ts, timeout=PATIENCE
    )
    file = attached["files"][0]
    page = {"token": person.workspace.token}
    async with aiohttp.ClientSession() as session, session.get(file["url_private"], params=page) as answer:
        typed = json.loads(await answer.text())
    said = "\n".join([visible_text(m) for m in await person.messages(run.channel, run.ts)])
    assert f"cast wallet sign --data --from-file {file['name']}" in said
    return view, typed


def signed(typed: Any, account: Any = WALLET) -> str:
    return f"0x{account.sign_message(encode_typed_data(full_message=typed)).signature.hex().removeprefix('0x')}"


async def in_thread(run: RunSeen, words: str) -> None:
    await run.person.wait_for(lambda m: words in visible_text(m), run.channel, run.ts, timeout=PATIENCE)


@pytest.mark.usefixtures("backup")
async def test_nobody_is_asked_who_could_not_prove_themselves(strict_bot: BotUnderTest, people: Workspace) -> None:
    told = await private_answer(people.person("Aiko"), strict_bot, f"restore latest {STAGING_DATABASE} {CONFIRM}")
    assert "has a proof beyond the Slack session" in told
    assert "factor code" in told
    ended, said = await terminal(strict_bot, "doctor")
    assert ended == 1
    assert "nobody who has a proof beyond the Slack session fills engineering lead" in " ".join(said.split())
    assert "Each types /takumi factor code" in " ".join(said.split())


async def test_a_code_and_a_wallet_are_enrolled_by_their_owner_and_two_others(
    strict_bot: BotUnderTest, people: Workspace
) -> None:
    emi, taro = people.person("Emi"), people.person("Taro")
    told = await private_answer(emi, strict_bot, "factor code")
    found = re.search(r"secret=([A-Z2-7]+)", told)
    assert found
    EMIS.secret = base64.b32decode(found[1] + "=" * (-len(found[1]) % 8))
    assert "Two others have to speak" in await private_answer(emi, strict_bot, f"factor show {await EMIS.code()}")
    told = await private_answer(taro, strict_bot, f"factor wallet {WALLET.address}")
    typed = json.loads(told[told.index("{") : told.rindex("}") + 1])
    assert "Two others have to speak" in await private_answer(taro, strict_bot, f"factor show {signed(typed)}")
    assert "mentions nobody" in await private_answer(emi, strict_bot, "factor vouch Emi")
    assert "have vouched before, or it is your own" in await private_answer(
        emi, strict_bot, f"factor vouch <@{PEOPLE['Emi']}>"
    )
    for whom, vouchers in {"Emi": ("Taro", "Kenji"), "Taro": ("Emi", "Kenji")}.items():
        for voucher in vouchers:
            said = await private_answer(people.person(voucher), strict_bot, f"factor vouch <@{PEOPLE[whom]}>")
            assert "you say that it is theirs" in said
    assert "good" in await private_answer(emi, strict_bot, "factor")
    _, said = await terminal(strict_bot, "doctor")
    assert "2 approvers have a proof beyond the Slack session; without:" in " ".join(said.split())


@pytest.mark.usefixtures("backup")
async def test_two_people_approve_one_with_a_code_and_one_with_a_wallet_and_forged_proofs_do_not(
    strict_bot: BotUnderTest, people: Workspace
) -> None:
    aiko, emi, taro = (people.person(name) for name in ("Aiko", "Emi", "Taro"))
    refused = await private_answer(aiko, strict_bot, f"restore latest {STAGING_DATABASE}")
    assert f"add confirm={STAGING_DATABASE}" in refused
    run = await asked(people, strict_bot)
    card = visible_text(await run.head()).replace("*", "")
    assert "Needs: engineering lead, and CTO or team lead" in card
    assert "somebody else has to decide" in await with_code(aiko, strict_bot, run, "123456")
    assert "a role that you do not fill" in await with_code(people.person("Sora"), strict_bot, run, "123456")
    another_hours = code_at(EMIS.secret, step_of(datetime.now(UTC)) + 120)
    assert "not right" in await with_code(emi, strict_bot, run, another_hours)
    code = await EMIS.code()
    assert "still needs: CTO or team lead" in await with_code(emi, strict_bot, run, code)
    await in_thread(run, "Still needed: CTO or team lead")
    assert "decided on this request before" in await with_code(emi, strict_bot, run, code)
    view, typed = await signing(taro, run)
    assert typed["message"]["approver"] == f"slack:{TEAM}:{PEOPLE['Taro']}"
    forged = await answer_to_modal(taro, strict_bot, view, {"signature": signed(typed, THIEF)})
    assert "not signed by your wallet" in forged
    view, typed = await signing(taro, run)
    said = await answer_to_modal(taro, strict_bot, view, {"signature": signed(typed)})
    assert "is approved and starts now" in said
    await run.result(timedelta(seconds=90))
    await run.says("succeeded")
    card = visible_text(await run.head())
    assert "(code)" in card
    assert f"(wallet {WALLET.address})" in card


@pytest.mark.usefixtures("backup")
async def test_replayed_proofs_are_refused_and_a_denial_says_why(strict_bot: BotUnderTest, people: Workspace) -> None:
    emi, taro = people.person("Emi"), people.person("Taro")
    run = await asked(people, strict_bot)
    used = code_at(EMIS.secret, max(EMIS.shown))
    said = await with_code(emi, strict_bot, run, used)
    assert "used before" in said or "no longer" in said
    _, first = await signing(taro, run)
    view, _ = await signing(taro, run)
    assert "not this request" in await answer_to_modal(taro, strict_bot, view, {"signature": signed(first)})
    view = await modal(taro, run, "Deny", "run.deny")
    assert "is denied" in await answer_to_modal(taro, strict_bot, view, {"reason": "the launch is today"})
    assert "the launch is today" in await run.result()
    await in_thread(run, "denied it as team lead")


@pytest.mark.usefixtures("backup")
async def test_one_yes_is_not_enough_and_silence_calls_up_to_the_cto_and_ends_it(
    strict_bot: BotUnderTest, people: Workspace
) -> None:
    taro = people.person("Taro")
    opened = await public_answer(taro, strict_bot, "incident declare P2 because it is slow", "is open: P2")
    number = re.search(r"Incident (\d+)", visible_text(opened))
    assert number
    try:
        run = await asked(people, strict_bot)
        assert "Needs: engineering lead, and CTO or team lead" in visible_text(await run.head()).replace("*", "")
        called = {2: "Taro", 3: "Emi", 4: "Kenji", 5: "Kenji"}
        for position in range(6):
            text = await call_of(run, position)
            assert position not in called or PEOPLE[called[position]] in text
        assert "Nobody decided on it in time" in await run.result()
        await run.says("expired")
    finally:
        await public_answer(taro, strict_bot, f"incident resolve {number[1]} because it is quick", "is resolved")


@pytest.mark.usefixtures("backup")
async def test_broken_glass_leaves_one_proven_yes_of_another_and_owes_a_review(
    strict_bot: BotUnderTest, people: Workspace
) -> None:
    emi, taro, sora = (people.person(name) for name in ("Emi", "Taro", "Sora"))
    opened = await public_answer(taro, strict_bot, "incident declare P0 because staging is gone", "is open: P0")
    number = re.search(r"Incident (\d+)", visible_text(opened))
    assert number
    try:
        run = await asked(people, strict_bot, f'{CONFIRM} break_glass="nobody else is awake"')
        assert "Glass is broken" in visible_text(await run.head()).replace("*", "")
        assert "is approved and starts now" in await with_code(emi, strict_bot, run, await EMIS.code())
        await run.result(timedelta(seconds=90))
        await run.says("succeeded")
        review = f"review done {await number_of(run)} because it was an exercise"
        assert "is done" in await private_answer(sora, strict_bot, review)
        await sora.wait_for(
            lambda m: key_of(m) == f"review:{run.id}" and "an exercise" in visible_text(m),
            strict_bot.channel,
            timeout=PATIENCE,
        )
        words = f"audit run={await number_of(run)}"
        older = re.search(r"before=(\d+)", await private_answer(taro, strict_bot, words))
        assert older
        assert "glass.broken" in await private_answer(taro, strict_bot, f"{words} {older[0]}")
    finally:
        await public_answer(taro, strict_bot, f"incident resolve {number[1]} because it is back", "is resolved")


@pytest.mark.usefixtures("backup")
async def test_a_sixth_try_is_refused_though_the_code_is_right(strict_bot: BotUnderTest, people: Workspace) -> None:
    run, emi = await asked(people, strict_bot), people.person("Emi")
    another_hours = code_at(EMIS.secret, step_of(datetime.now(UTC)) + 120)
    told = [await with_code(emi, strict_bot, run, another_hours) for _ in range(MOST_ATTEMPTS)]
    assert "Too many tries" in told[-1]
    assert "Too many tries" in await with_code(emi, strict_bot, run, await EMIS.code())
    await run.cancel()


async def test_the_policy_says_that_productions_rules_hold(strict_bot: BotUnderTest, people: Workspace) -> None:
    for words in ("policy", "policy explain restore-database"):
        said = await private_answer(people.person("Taro"), strict_bot, words)
        assert "Production's rules hold everywhere here" in said

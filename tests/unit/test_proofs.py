"""Proof beyond the Slack session: codes and wallets, each good once, forged and replayed ones refused."""

import base64
import json
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
import segno
from eth_account import Account
from eth_account.messages import encode_typed_data
from pydantic import SecretStr

from bot.domain.approvals import Verdict
from bot.domain.audit import Verb
from bot.domain.documents import Attachment
from bot.domain.errors import Misconfigured, Refused, RequestError
from bot.domain.factors import Factor, FactorKind, Proof, typed_approval
from bot.domain.onetime import address_of_secret, code_at, step_of, step_of_code
from bot.domain.people import Person, Role
from bot.domain.runs import Run, RunState
from bot.operations.tools.vault import KeyVault
from bot.operations.tools.wallets import WalletSignatures
from bot.services.enrolment import Enrolment
from bot.services.enrolment_documents import SigningPainter, code_begun, qr_text
from bot.services.rows import AuditQuery
from tests.approving import EMI, KEY, PEOPLE, REI, SECRET, TARO, World
from tests.builders import a_run

ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
# Source: RFC 6238, appendix B; the last six digits of its eight.
VECTORS = [
    (59, "287082"),
    (1111111109, "081804"),
    (1111111111, "050471"),
    (1234567890, "005924"),
    (2000000000, "279037"),
    (20000000000, "353130"),
]


@pytest.mark.parametrize(("seconds", "code"), VECTORS)
def test_codes_are_those_of_the_rfc(seconds: int, code: str):
    secret = b"12345678901234567890"
    assert code_at(secret, seconds // 30) == code
    assert step_of_code(secret, code, datetime.fromtimestamp(seconds, UTC)) == seconds // 30


@pytest.mark.parametrize(("late", "good"), [(-60, False), (-30, True), (0, True), (30, True), (60, False)])
def test_a_code_is_good_one_step_off_and_no_more(late: int, good: bool):
    now = datetime(2026, 11, 24, tzinfo=UTC)
    found = step_of_code(SECRET, code_at(SECRET, step_of(now)), now + timedelta(seconds=late))
    assert (found == step_of(now)) is good


@pytest.mark.parametrize("typed", ["", "12345", "1234567", "abcdef", "12345\u0666"])
def test_what_is_no_code_matches_nothing(typed: str):
    assert step_of_code(SECRET, typed, datetime.now(UTC)) is None


def test_the_qr_code_holds_the_address_and_the_summary_does_not():
    address = address_of_secret(SECRET, "Takumi", "slack:T1:UEMI")
    shown = parse_qs(urlsplit(address).query)["secret"][0]
    assert base64.b32decode(shown + "=" * (-len(shown) % 8)) == SECRET
    drawn, matrix = qr_text(address).splitlines(), list(segno.make(address, error="l").matrix_iter(border=2))
    light = [[line[x] in "\u2588\u2580", line[x] in "\u2588\u2584"] for line in drawn for x in range(len(line))]
    width = len(matrix[0])
    for y, row in enumerate(matrix):
        assert [light[(y // 2) * width + x][y % 2] for x in range(width)] == [not dark for dark in row]
    reply = code_begun(address)
    assert shown not in reply.document.summary
    assert reply.private


def test_a_sealed_secret_opens_under_its_key_and_for_its_factor_alone():
    vault = KeyVault(KEY)
    sealed = vault.seal(SECRET, "one")
    assert SECRET.hex() not in base64.b64decode(sealed).hex()
    assert vault.open(sealed, "one") == SECRET
    with pytest.raises(Misconfigured):
        vault.open(sealed, "another")
    with pytest.raises(Misconfigured):
        KeyVault(SecretStr(base64.b64encode(b"x" * 32).decode())).open(sealed, "one")
    with pytest.raises(Misconfigured, match="no key"):
        KeyVault(None).seal(SECRET, "one")


@pytest.mark.parametrize("key", ["short", "not base64!", base64.b64encode(b"x" * 31).decode()])
def test_what_is_no_key_stops_the_start(key: str):
    with pytest.raises(Misconfigured, match="32 bytes"):
        KeyVault(SecretStr(key))


async def test_a_stolen_session_cannot_approve_the_highest_risk():
    world = World("production")
    run = await world.ask()
    with pytest.raises(Refused, match="proof that it is you"):
        await world.approvals.decide(run.id, EMI, Verdict.APPROVED)
    assert (await world.look(run)).state is RunState.REQUESTED


async def test_a_denial_needs_no_proof():
    world = World("production")
    run = await world.ask()
    await world.approvals.decide(run.id, EMI, Verdict.DENIED, "no")
    assert (await world.look(run)).state is RunState.REFUSED


async def test_a_role_that_approved_may_still_deny():
    world = World("production")
    world.chat.people["UREI"] = Person("UREI", "T1", "Rei", roles=frozenset({Role.ENGINEERING_LEAD}))
    run = await world.ask()
    await world.approve(run, EMI)
    await world.approvals.decide(run.id, REI, Verdict.DENIED, "no")
    assert (await world.look(run)).state is RunState.REFUSED


async def test_a_code_is_good_once_even_for_another_request():
    world = World("production")
    first, proof = await world.ask(), await world.code_of(EMI)
    await world.approvals.decide(first.id, EMI, Verdict.APPROVED, proof=proof)
    world.passed = timedelta(seconds=15)
    second = await world.ask("inbox-2")
    with pytest.raises(Refused, match=r"used before|not right"):
        await world.approvals.decide(second.id, EMI, Verdict.APPROVED, proof=proof)


async def test_five_tries_in_a_quarter_of_an_hour_and_the_right_code_is_refused_too():
    world = World("production")
    run = await world.ask()
    for _ in range(5):
        with pytest.raises(Refused, match="not right"):
            await world.approvals.decide(run.id, EMI, Verdict.APPROVED, proof=Proof(code="000000"))
    with pytest.raises(Refused, match="Too many"):
        await world.approve(run, EMI)
    world.passed = timedelta(minutes=16)
    assert "still needs" in await world.approve(run, EMI)


async def test_nobody_who_cannot_prove_themselves_counts_as_an_approver():
    world = World("production")
    world.enrols = False
    with pytest.raises(Refused, match="proof beyond"):
        await world.ask()


async def test_how_it_was_proven_is_recorded():
    world = World("production")
    run = await world.ask()
    await world.approve(run, EMI)
    async with world.store.work() as work:
        (decision,) = await work.approvals.of_run(run.id)
        (entry,) = [
            one for one in await work.audit.find(AuditQuery(run=run.id)) if one.entry.verb is Verb.APPROVAL_GIVEN
        ]
    assert decision.proof == entry.entry.details["proof"] == "code"


WALLET, THIEF = Account.from_key("0x" + "11" * 32), Account.from_key("0x" + "22" * 32)


async def with_wallet(world: World) -> Run:
    async with world.store.work() as work:
        await work.factors.add(Factor("w", EMI.principal, FactorKind.WALLET, WALLET.address))
        await work.factors.show("w", by_old=True)
    return await world.ask()


def signed(typed, account=WALLET) -> str:
    return account.sign_message(encode_typed_data(full_message=dict(typed))).signature.hex()


async def sign(world: World, run: Run, signature: str, nonce: str) -> str:
    return await world.approvals.decide(run.id, EMI, Verdict.APPROVED, proof=Proof(signature=signature, nonce=nonce))


async def test_a_wallets_signature_approves_once():
    world = World("production")
    run = await with_wallet(world)
    nonce, typed = await world.approvals.challenge(run.id, EMI)
    assert "still needs" in await sign(world, run, signed(typed), nonce)
    async with world.store.work() as work:
        (decision,) = await work.approvals.of_run(run.id)
        assert not await work.factors.use_challenge(run.id, EMI.principal, nonce, decision.role.value)
    assert decision.proof == f"wallet {WALLET.address}"


async def test_what_a_wallet_signs_is_attached_below_the_card_with_the_line_that_signs_it():
    world = World("production")
    run = await with_wallet(world)
    nonce, typed = await world.approvals.challenge(run.id, EMI)
    key = f"sign:{run.id}:UEMI:{nonce}"
    async with world.store.work() as work:
        row = await work.messages.get(key)
    assert row is not None
    assert (row.channel, row.parent) == ("C1", f"run:{run.id}")
    document = await SigningPainter(world.store, world.proofs.salt).paint(key)
    assert document is not None
    (file,) = document.files
    assert isinstance(file, Attachment)
    assert json.loads(file.content) == typed
    assert f"cast wallet sign --data --from-file {file.name}" in str(document.parts)
    assert "<@UEMI>" in str(document.parts)


FORGED = {
    "decision": "denied",
    "environment": "staging",
    "run": "another",
    "summary": "something harmless",
    "planDigest": "0" * 64,
    "requester": "somebody else",
    "approver": TARO.principal,
    "role": "cto",
    "expiry": 4102444800,
    "nonce": "00",
}


@pytest.mark.parametrize("field", FORGED)
async def test_what_was_signed_is_rebuilt_from_the_row_in_every_field(field: str):
    world = World("production")
    run = await with_wallet(world)
    nonce, typed = await world.approvals.challenge(run.id, EMI)
    forged = {**typed, "message": typed["message"] | {field: FORGED[field]}}
    with pytest.raises(Refused, match="not signed by your wallet"):
        await sign(world, run, signed(forged), nonce)


async def test_a_signature_for_another_deployment_is_none_here():
    world = World("production")
    run = await with_wallet(world)
    nonce, typed = await world.approvals.challenge(run.id, EMI)
    elsewhere = typed_approval(run, EMI.principal, Role(typed["message"]["role"]), nonce, "77" * 32)
    with pytest.raises(Refused, match="not signed by your wallet"):
        await sign(world, run, signed(elsewhere), nonce)


async def test_another_wallets_signature_is_refused():
    world = World("production")
    run = await with_wallet(world)
    nonce, typed = await world.approvals.challenge(run.id, EMI)
    with pytest.raises(Refused, match="not signed by your wallet"):
        await sign(world, run, signed(typed, THIEF), nonce)


async def test_a_nonce_that_nobody_asked_for_is_refused():
    world = World("production")
    run = await with_wallet(world)
    _, typed = await world.approvals.challenge(run.id, EMI)
    invented = typed_approval(run, EMI.principal, Role(typed["message"]["role"]), "ff" * 16, world.proofs.salt)
    with pytest.raises(Refused, match="nobody asked"):
        await sign(world, run, signed(invented), "ff" * 16)


async def test_the_other_half_of_a_signature_is_refused():
    world = World("production")
    run = await with_wallet(world)
    nonce, typed = await world.approvals.challenge(run.id, EMI)
    raw = bytes.fromhex(signed(typed).removeprefix("0x"))
    high = raw[:32] + (ORDER - int.from_bytes(raw[32:64], "big")).to_bytes(32, "big") + bytes([55 - raw[64]])
    with pytest.raises(Refused, match="high s"):
        await sign(world, run, high.hex(), nonce)


@pytest.mark.parametrize("signature", ["", "0x", "hello", "0x" + "00" * 65, "11" * 64])
def test_what_is_no_signature_is_refused(signature: str):
    typed = typed_approval(a_run(), "p", Role.CTO, "n", "00" * 32)
    with pytest.raises(Refused):
        WalletSignatures().signer(typed, signature)


async def enrolment() -> tuple[World, Enrolment]:
    world = World("production")
    return world, Enrolment(world.store, world.chat, world.proofs)


async def a_code_of(address: str, world: World) -> str:
    shown = parse_qs(urlsplit(address).query)["secret"][0]
    secret = base64.b32decode(shown + "=" * (-len(shown) % 8))
    async with world.store.work() as work:
        return code_at(secret, step_of(await work.now()))


async def test_a_first_factor_needs_two_others_and_a_day():
    world, enrol = await enrolment()
    code = await a_code_of(await enrol.begin_code(EMI), world)
    assert "Two others" in await enrol.show(EMI, code, "")
    with pytest.raises(Refused, match="your own"):
        await enrol.vouch(EMI, EMI.principal)
    await enrol.vouch(TARO, EMI.principal)
    with pytest.raises(Refused, match="vouched before"):
        await enrol.vouch(TARO, EMI.principal)
    world.passed = timedelta(hours=25)
    assert await world.proofs.usable(EMI.principal) == ()
    world.passed = timedelta()
    world.chat.people["UREI"] = Person("UREI", "T1", "Rei", roles=frozenset({Role.CTO}))
    await enrol.vouch(REI, EMI.principal)
    assert await world.proofs.usable(EMI.principal) == ()
    world.passed = timedelta(hours=25)
    assert len(await world.proofs.usable(EMI.principal)) == 1


async def test_somebody_without_such_a_role_speaks_for_nobody():
    world, enrol = await enrolment()
    world.chat.people["UTARO"] = PEOPLE["UAIKO"]
    with pytest.raises(Refused, match="Only leads"):
        await enrol.vouch(TARO, EMI.principal)


async def test_the_old_factor_speaks_for_the_new_one_at_once_and_ends():
    world, enrol = await enrolment()
    await world.enrol(EMI)
    old = (await world.code_of(EMI)).code
    address = await enrol.begin_code(EMI)
    world.passed = timedelta(seconds=30)
    code = await a_code_of(address, world)
    assert "from now on" in await enrol.show(EMI, code, old)
    world.passed = timedelta(seconds=90)
    with pytest.raises(Refused, match="not right"):
        await world.proofs.by_code(EMI.principal, (await world.code_of(EMI)).code)
    assert await world.proofs.by_code(EMI.principal, await a_code_of(address, world)) == "code"


async def test_an_enrolment_shows_that_the_device_is_there():
    world, enrol = await enrolment()
    await enrol.begin_code(EMI)
    with pytest.raises(Refused, match="not right"):
        await enrol.show(EMI, "000000", "")
    with pytest.raises(RequestError, match="begun no"):
        await enrol.show(TARO, "000000", "")
    assert await world.proofs.usable(EMI.principal) == ()


async def test_a_wallet_is_enrolled_by_its_own_signature_alone():
    _, enrol = await enrolment()
    typed = await enrol.begin_wallet(EMI, WALLET.address.lower())
    with pytest.raises(Refused, match="not signed by that wallet"):
        await enrol.show(EMI, signed(typed, THIEF), "")
    assert "Noted" in await enrol.show(EMI, signed(typed), "")
    with pytest.raises(RequestError, match="no wallet"):
        await enrol.begin_wallet(EMI, "0x12")


async def test_enrolments_are_audited_without_their_secrets():
    world, enrol = await enrolment()
    address = await enrol.begin_code(EMI)
    await enrol.show(EMI, await a_code_of(address, world), "")
    await enrol.vouch(TARO, EMI.principal)
    async with world.store.work() as work:
        entries = await work.audit.find(AuditQuery(subject=EMI.principal))
    assert [one.entry.verb for one in reversed(entries)] == [Verb.FACTOR_BEGUN, Verb.FACTOR_SHOWN, Verb.FACTOR_VOUCHED]
    assert parse_qs(urlsplit(address).query)["secret"][0] not in str(entries)

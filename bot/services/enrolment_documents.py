"""What somebody who enrols is shown, and nobody else."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import segno

from bot.domain import markup, phrases
from bot.domain.documents import Attachment, Document, Note, Part, Reply, Rich, Table, Text
from bot.domain.factors import Factor, typed_approval
from bot.domain.people import Role
from bot.domain.runs import Run
from bot.services.ports import Store

_BLOCKS = {(False, False): " ", (True, False): "\u2580", (False, True): "\u2584", (True, True): "\u2588"}
CAST = "cast wallet sign --data --from-file request.json"


@dataclass(frozen=True)
class SigningPainter:
    """Paints `sign:<run>:<user>:<nonce>`: what somebody's wallet signs, rebuilt from the row."""

    store: Store
    salt: str

    async def paint(self, key: str) -> Document | None:
        _, run_id, user, nonce = key.split(":")
        async with self.store.work() as work:
            run, asked = await work.runs.get(run_id), await work.factors.challenged(run_id, nonce)
        if run is None or asked is None:
            return None
        approver, role = asked
        return to_sign(run, user, typed_approval(run, approver, Role(role), nonce, self.salt))


def to_sign(run: Run, user: str, typed: Mapping[str, Any]) -> Document:
    """The file and the line that signs it; it is no secret, and good for one person, one request, once."""
    name = f"request-{run.number}-{typed['message']['nonce'][:6]}.json"
    said = f"{markup.mention(user)}, your wallet signs the file below; paste the signature where you asked for it:"
    parts: list[Part] = [Rich(said), Text(CAST.replace("request.json", name), code=True)]
    return Document(f"What a wallet signs for {run.label}.", parts, (Attachment(name, signable(typed)),))


def qr_text(address: str) -> str:
    """The QR code in half blocks, two rows a line, light on dark as terminals and code blocks show it best."""
    rows = [[not dark for dark in row] for row in segno.make(address, error="l").matrix_iter(border=2)]
    if len(rows) % 2:
        rows.append([True] * len(rows[0]))
    pairs = zip(rows[::2], rows[1::2], strict=True)
    return "\n".join("".join(_BLOCKS[pair] for pair in zip(above, below, strict=True)) for above, below in pairs)


def code_begun(address: str) -> Reply:
    """The secret is in the parts and never in the summary, which is kept."""
    parts: list[Part] = [
        Text("Scan this with your authenticator app, or open the address below it. Nobody else sees this message."),
        Text(qr_text(address), code=True),
        Text(address, code=True),
        Note("Then show that you have it: /takumi factor show <code>. With an older code: ... old=<its code>."),
    ]
    return Reply(Document("Your new code, for you alone.", parts), private=True)


def wallet_begun(typed: Mapping[str, Any]) -> Reply:
    parts: list[Part] = [
        Text("Save this as request.json, and sign it:"),
        Text(signable(typed), code=True),
        Text(CAST, code=True),
        Note("Then show that you have it: /takumi factor show <signature>."),
    ]
    return Reply(Document("What your wallet has to sign.", parts), private=True)


def signable(typed: Mapping[str, Any]) -> str:
    return json.dumps(typed, indent=1)


def factors(found: Sequence[tuple[Factor, bool]]) -> Reply:
    rows = tuple(
        (one.kind.value, "good" if good else _state(one), phrases.instant(one.made_at) if one.made_at else "")
        for one, good in found
    )
    if not rows:
        said = "You have no proof beyond your Slack session."
        hint = "/takumi factor code, or /takumi factor wallet <address>, begins one."
        return Reply(Document(said, [Text(said), Text(hint)]), private=True)
    table = Table(("Kind", "State", "Begun"), rows)
    return Reply(Document("What proves you beyond your Slack session.", [table]), private=True)


def _state(factor: Factor) -> str:
    if factor.shown_at is None:
        return "begun; show that you have it"
    return f"{phrases.count(len(factor.vouchers), 'voucher')}; waits, or was replaced"

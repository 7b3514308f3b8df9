"""What somebody who enrols is shown, and nobody else."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import segno

from bot.domain import phrases
from bot.domain.documents import Document, Note, Part, Reply, Table, Text
from bot.domain.factors import Factor

_BLOCKS = {(False, False): " ", (True, False): "\u2580", (False, True): "\u2584", (True, True): "\u2588"}
CAST = "cast wallet sign --data --from-file request.json"


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

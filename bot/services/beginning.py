"""After the loss of the bot's database, or of its newest part: the trail goes on, and names the last head outside."""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from bot.domain.audit import Verb
from bot.domain.errors import Refused, RequestError
from bot.domain.people import Actor
from bot.services.trail import Trail
from bot.verifier import Anchors, Report

# A record of an anchor is its mark, its signature and the head itself.
_HEAD_AT = 131


class Heads(Protocol):
    """The signed heads of the database that the bot has now."""

    async def head(self, batch: int = 0) -> str:
        """The canonical text of that batch's head, or of the last one; empty when it is not there."""
        ...


@dataclass(frozen=True)
class Former:
    """The end of a trail as it lies outside: `head` is the canonical text, `doubts` what does not fit before it."""

    head: str
    doubts: tuple[str, ...]

    @property
    def batch(self) -> int:
        return int(json.loads(self.head)["batch"])

    @property
    def last(self) -> int:
        """The position of the last entry under that head."""
        return int(json.loads(self.head)["last"])


def former_of(anchors: Iterable[str], keys: Mapping[str, Sequence[str]]) -> Former:
    """What the texts of the anchors say, in their order. Raises: RequestError when no head is signed by these keys."""
    report = Report()
    record = Anchors(anchors, keys.get("heads", ()), report).last(0)
    if record is None:
        raise RequestError(
            "No head of the former trail lies there, or none that these keys signed.",
            hint="Is it the right prefix, and the published file of keys?",
        )
    return Former(record[_HEAD_AT:].decode(), tuple(report.problems))


async def begin(trail: Trail, heads: Heads, former: Former, where: str, actor: Actor) -> Mapping[str, Any]:
    """Record that what comes now follows that head; answers what was recorded. Raises: Refused when nothing is lost."""
    if await heads.head(former.batch) == former.head:
        raise Refused(
            "Nothing is lost: this database has everything that is anchored.",
            hint="Go on with the prefix that it had.",
        )
    here = await heads.head()
    details = {
        "former": where,
        "batch": former.batch,
        "last": former.last,
        "head_sha256": hashlib.sha256(former.head.encode()).hexdigest(),
        "kept_until": min(int(json.loads(here)["last"]), former.last) if here else 0,
        "doubts": list(former.doubts),
    }
    await trail.record(actor, Verb.TRAIL_BEGUN, where, details)
    return details

"""What the cards and closing messages of a backup's later life say."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from bot.domain import phrases
from bot.operations.choosing import backup_names
from bot.operations.proof_places import ROOM, ProofLookUp
from bot.operations.replacing import MOST_CHOICES
from bot.operations.tools.toolbox import StepTools

Outcomes = Mapping[str, Mapping[str, Any]]
Pairs = tuple[tuple[str, str], ...]


async def backup_choices(tools: StepTools) -> Mapping[str, Pairs]:
    """The options of the select: backups, newest first. Raises: OperationFailed."""
    return {"backup": tuple((name, name) for name in (await backup_names(tools))[:MOST_CHOICES])}


def told_instant(at: datetime) -> str:
    return phrases.instant(at)


def told_room(found: ProofLookUp) -> str:
    """What a proof needs against what there is; that it cannot be seen is said."""
    needs = f"a proof needs {phrases.size(int(ROOM * found.needed_bytes))}"
    free = found.place.free_bytes
    return f"cannot be seen from here; {needs}" if free is None else f"{phrases.size(free)}; {needs}"


def told_verify(outcomes: Outcomes) -> Pairs:
    """The closing message of a check: each verdict by itself."""
    return tuple(_findings(outcomes))


def told_proof(outcomes: Outcomes) -> Pairs:
    """The closing message of a proof, with its measured times."""
    proof = outcomes["prove"]
    restored, compared = (f"{proof[name]:.1f} s" for name in ("restore_seconds", "compare_seconds"))
    return (*_findings(outcomes), ("Restored in", restored), ("Compared in", compared), ("Checked", proof["sound"]))


def told_expiry(outcomes: Outcomes) -> Pairs:
    """The closing message of a clearing: each backup and how it went."""
    return tuple(
        (data["settled"]["name"], data["settled"]["findings"][0][2]) for data in outcomes.values() if "settled" in data
    )


def _findings(outcomes: Outcomes) -> list[tuple[str, str]]:
    settled = (data["settled"] for data in outcomes.values() if "settled" in data)
    return [
        (str(aspect).capitalize(), f"{verdict}: {how}") for one in settled for aspect, verdict, how in one["findings"]
    ]

"""One look of the doctor: what was seen, and what mends it."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from bot.domain.errors import BotError
from bot.services.ports import ChatUnavailable

Mend = Callable[[], Awaitable[str]]


@dataclass(frozen=True)
class Finding:
    """`advice` is for people, `commands` can be run as they are; both are empty when there is nothing to mend.

    `mend` is what `--fix` may do: only what loses nothing and asks nobody. It answers what it did.
    """

    about: str
    well: bool
    told: str
    advice: str = ""
    commands: tuple[str, ...] = ()
    mend: Mend | None = None

    def __str__(self) -> str:
        if self.well:
            return f"well   {self.about}: {self.told}"
        lines = [self.advice, *(f"$ {command}" for command in self.commands)]
        more = "".join(f"\n       {line}" for line in lines if line)
        return f"WRONG  {self.about}: {self.told}{more}"

    def as_json(self) -> dict[str, Any]:
        shown = {name: value for name, value in vars(self).items() if name != "mend"}
        return shown | {"can_fix": self.mend is not None}


class Wrong(BotError):
    """A look found something; as an error, so that a look reads like the check it is."""

    def __init__(self, message: str, *, hint: str = "", commands: Sequence[str] = (), mend: Mend | None = None) -> None:
        super().__init__(message, hint=hint)
        self.commands, self.mend = tuple(commands), mend


async def look(about: str, looking: Callable[[], Awaitable[str]]) -> Finding:
    """Look, and go on whatever is found."""
    try:
        return Finding(about, well=True, told=await looking())
    except Wrong as wrong:
        return Finding(about, well=False, told=str(wrong), advice=wrong.hint, commands=wrong.commands, mend=wrong.mend)
    except BotError as error:
        return Finding(about, well=False, told=str(error), advice=error.hint)
    except ChatUnavailable as error:
        advice = "Check TAKUMI_BOT_SLACK_API_URL and the way out to it."
        return Finding(about, well=False, told=str(error), advice=advice)


async def mended(finding: Finding) -> Finding:
    """What it is after `--fix`: what was done is told, and what failed as well."""
    if finding.well or finding.mend is None:
        return finding
    try:
        return replace(finding, told=f"{finding.told} Mended: {await finding.mend()}", well=True)
    except (BotError, OSError) as error:
        return replace(finding, told=f"{finding.told} It could not be mended: {error}", mend=None)

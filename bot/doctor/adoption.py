"""The guide's lines of cron beside the bot's calendar: who does what, who watches, one line at a time."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

from bot.app import Bot
from bot.config import Settings
from bot.doctor.findings import Finding
from bot.domain import phrases
from bot.domain.crontabs import CronLine, with_given_back, with_taken_over
from bot.domain.errors import Refused, RequestError
from bot.operations.tools.crontabs import OWN, lines_of, rewrite, text_of
from bot.policy.adoption import OBSERVED_FOR, SHARED_VARIABLES, owners_of, replacement_of
from bot.policy.schedule import firing
from bot.services.observing import since
from bot.services.ports import Store

TAKE_OVER = "python -m bot doctor --take-over {}"


@dataclass(frozen=True)
class Adoption:
    """What was found in cron, and since when the bot has observed what (None: never)."""

    settings: Settings
    lines: Sequence[CronLine]
    began: Mapping[str, datetime | None]
    now: datetime

    def findings(self) -> list[Finding]:
        """One for each schedule that a script does or did, or that only observes."""
        schedules = [row.key for row in firing(clusters=bool(self.settings.pgbackrest_stanza))]
        return [found for name in schedules if (found := self._finding(name)) is not None]

    def _finding(self, schedule: str) -> Finding | None:
        owners, watched = owners_of(schedule, self.lines), schedule in self.settings.observed
        about = f"cron and {schedule}"
        if owners and not watched:
            advice = f"Watch first: add {schedule} to TAKUMI_BOT_OBSERVED, and restart the bot."
            return Finding(about, well=False, told=f"Two do it: the bot and {_named(owners)}.", advice=advice)
        if watched and not owners:
            advice = f"Take {schedule} off TAKUMI_BOT_OBSERVED, and restart the bot."
            return Finding(about, well=False, told="Nobody does it: the bot only observes.", advice=advice)
        if owners:
            return Finding(about, well=True, told=f"{_named(owners)} does it; {self._watched(schedule)}")
        return None

    def _watched(self, schedule: str) -> str:
        began = self.began.get(schedule)
        if began is None:
            return "the bot observes, and has seen nothing yet"
        left = began + OBSERVED_FOR - self.now
        if left > timedelta():
            return f"the bot has observed since {phrases.instant(began)}, {phrases.duration(left)} to go"
        return f"the bot has observed for long enough: {TAKE_OVER.format(schedule)}"

    def told(self) -> list[str]:
        """Each of the guide's lines, and what replaces it."""
        known = [(line, found) for line in self.lines if (found := replacement_of(line))]
        if not known:
            return ["No line of cron that can be seen from here runs a script of the guide's."]
        told = []
        for line, found in known:
            by = ", ".join(found.schedules) or "no schedule"
            told += [
                f"{line.place}{' (taken over)' if line.taken_over else ''}: {line.when} {line.command}",
                f"    is replaced by: {by}; by hand: {found.by_hand}",
                *(f"    {setting}" for setting in settings_of(line, found.schedules)),
            ]
        return told


def settings_of(line: CronLine, schedules: Sequence[str]) -> list[str]:
    """The environment that makes the bot do what the line does, at the same minute."""
    kept = [f"{name}={line.variables[name]}" for name in SHARED_VARIABLES if name in line.variables]
    timed = f'TAKUMI_BOT_SCHEDULES={{"{schedules[0]}": "{line.when}"}}' if schedules and line.when[0] != "@" else ""
    return [*kept, *([timed] if timed else [])]


def _tables(settings: Settings) -> tuple[Path, ...]:
    """Who runs the doctor has a table as well, which may not be the serving bot's."""
    return (*settings.cron_files, Path(OWN))


async def look_up_adoption(settings: Settings, store: Store) -> Adoption:
    """Raises: OperationFailed, Unavailable."""
    lines = await lines_of(_tables(settings))
    async with store.work() as work:
        began = {name: await since(work, name) for name in settings.observed}
        return Adoption(settings, lines, began, await work.now())


async def adopting(settings: Settings, take: str, back: str, *, early: bool) -> str:
    """What `--adopt`, `--take-over` and `--give-back` answer. Raises: BotError."""
    if back:
        return await give_back(settings, back)
    bot = Bot(settings)
    async with bot.pool:
        found = await look_up_adoption(settings, bot.store)
    return await take_over(found, take, early=early) if take else "\n".join(found.told())


async def take_over(found: Adoption, schedule: str, *, early: bool) -> str:
    """Switch a schedule's lines of cron off, which were observed for a week. Raises: Refused, RequestError."""
    owners = owners_of(schedule, found.lines)
    if not owners:
        raise RequestError(f"No line of cron does {schedule}.", hint="`python -m bot doctor --adopt` lists them.")
    also = sorted({name for line in owners if (known := replacement_of(line)) for name in known.schedules})
    for name in also if not early else ():
        _must_be_observed(found, name)
    told = [await _switched_off(line) for line in owners]
    left = json.dumps([name for name in found.settings.observed if name not in also])
    rest = f"Now set TAKUMI_BOT_OBSERVED='{left}' and restart the bot: from then on it does {', '.join(also)}."
    return "\n".join([*told, rest, f"Back again: python -m bot doctor --give-back {schedule}"])


def _must_be_observed(found: Adoption, schedule: str) -> None:
    """Raises: Refused."""
    began = found.began.get(schedule)
    if began is None or found.now - began < OBSERVED_FOR:
        seen = f"only since {phrases.instant(began)}" if began else "not at all"
        raise Refused(
            f"{schedule} was observed {seen}, and a week is the rule.",
            hint="Wait, or say --early, if you know why it does not matter.",
        )


async def give_back(settings: Settings, schedule: str) -> str:
    """Put a schedule's lines of cron back as they were. Raises: RequestError."""
    lines = [replace(line, taken_over=False) for line in await lines_of(_tables(settings)) if line.taken_over]
    owners = owners_of(schedule, lines)
    if not owners:
        raise RequestError(f"No line that was taken over does {schedule}.", hint="There is nothing to give back.")
    told = []
    for line in owners:
        await rewrite(line.file, with_given_back(await text_of(line.file), replace(line, taken_over=True)))
        told.append(f"{line.place} runs `{line.command}` again.")
    rest = "Add what it does to TAKUMI_BOT_OBSERVED and restart the bot, or two do it."
    return "\n".join([*told, rest])


async def _switched_off(line: CronLine) -> str:
    kept = await rewrite(line.file, with_taken_over(await text_of(line.file), line))
    return f"{line.place} is switched off (`{line.command}`); the table as it was: {kept}"


def _named(lines: Sequence[CronLine]) -> str:
    return " and ".join(f"{line.place} (`{line.command}`)" for line in lines)

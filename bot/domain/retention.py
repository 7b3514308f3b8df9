"""Which backups may go: pure rules over rows and one clock, the database's."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.domain import phrases
from bot.domain.backups import Backup, Verdict
from bot.domain.verdicts import Retention

# Clocks differ a little; a backup of a later time than this was stamped by a clock that was wrong.
SKEW = timedelta(minutes=5)


@dataclass(frozen=True)
class Spared:
    """A backup whose time is up and that stays all the same."""

    backup: Backup
    why: str


def newest_proven(backups: Sequence[Backup], database: str, now: datetime) -> Backup | None:
    """The one that a recovery would take; what was stamped in the future is not it."""
    proven = (
        one
        for one in backups
        if (one.database, one.verdict, one.retention) == (database, Verdict.PROVEN, Retention.KEPT)
        and one.taken_at <= now + SKEW
    )
    return max(proven, key=lambda one: one.taken_at, default=None)


def expired(
    backups: Sequence[Backup], now: datetime, held: Mapping[str, str], *, foreign: bool
) -> tuple[Sequence[Backup], Sequence[Spared]]:
    """(what goes, what stays although its time is up); `held` maps files to the runs that name them.

    `foreign` is whether files that the bot did not make go as well.
    """
    up = [one for one in backups if one.expires_at <= now]
    judged = [(one, reason_to_stay(one, backups, now, held, foreign=foreign)) for one in up]
    return [one for one, why in judged if not why], [Spared(one, why) for one, why in judged if why]


def reason_to_stay(
    backup: Backup, backups: Sequence[Backup], now: datetime, held: Mapping[str, str], *, foreign: bool
) -> str:
    """Why this one must not be deleted now; empty when it may be."""
    if newest_proven(backups, backup.database, now) == backup:
        return f"it is the newest proven backup of {backup.database}"
    if backup.file in held:
        return f"{held[backup.file]} refers to it"
    if backup.retention is not Retention.KEPT:
        return ""  # a person deleted it, or it has gone from here already
    if backup.taken_at > now + SKEW:
        return f"it was stamped in the future ({phrases.instant(backup.taken_at)}): a clock was wrong, look at it"
    if backup.manifest is None and not foreign:
        return "the bot did not make it"
    return ""

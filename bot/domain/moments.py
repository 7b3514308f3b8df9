"""Instants as people type them."""

import re
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from bot.domain.errors import RequestError

_LENGTH = re.compile(r"(\d{1,4})(m|min|h|d)")
_UNITS = {"m": "minutes", "min": "minutes", "h": "hours", "d": "days"}


def read_moment(text: str, now: datetime, zone: str) -> datetime:
    """`2h`, `18:00` (the next one), `2026-11-30`, `2026-11-30T18:00`: in that zone; answers UTC.

    Raises: RequestError for anything else, and for what is not in the future.
    """
    moment = _read(text.strip(), now, ZoneInfo(zone))
    if moment <= now:
        raise RequestError(f"{text!r} is over already.", hint="Give a moment in the future.")
    return moment.astimezone(UTC)


def read_past(text: str, now: datetime, zone: str) -> datetime:
    """`2h` (ago), `18:00` (the last one), `2026-11-20`, `2026-11-20T18:00`: in that zone; answers UTC.

    Raises: RequestError for anything else, and for what is still to come.
    """
    length = _LENGTH.fullmatch(text.strip())
    moment = now - _length(length) if length else _read(text.strip(), now, ZoneInfo(zone))
    if moment > now and "-" not in text:
        moment -= timedelta(days=1)
    if moment > now:
        raise RequestError(f"{text!r} is still to come.", hint="Give a moment in the past.")
    return moment.astimezone(UTC)


def _length(found: re.Match[str]) -> timedelta:
    return timedelta(**{_UNITS[found[2]]: int(found[1])})


def _read(text: str, now: datetime, zone: ZoneInfo) -> datetime:
    length = _LENGTH.fullmatch(text)
    if length:
        return now + _length(length)
    try:
        clock = time.fromisoformat(text) if ":" in text and "-" not in text else None
        read = datetime.fromisoformat(text) if clock is None else None
    except ValueError:
        raise RequestError(f"I cannot read the time {text!r}.", hint="Write 2h, 18:00 or 2026-11-30T18:00.") from None
    if read is None:
        today = datetime.combine(now.astimezone(zone).date(), clock or time(), zone)
        return today if today > now else today + timedelta(days=1)
    return read if read.tzinfo else read.replace(tzinfo=zone)


def read_instant(text: str) -> datetime:
    """`2026-11-23 14:05 UTC`, `2026-11-23T14:05:30+01:00`, `2026-11-23 14:05 Europe/Berlin`; answers UTC.

    Raises: RequestError without a zone, for a local time that never was, and for one that was twice.
    """
    said = text.strip()
    try:
        read = datetime.fromisoformat(said.removesuffix(" UTC") + ("+00:00" if said.endswith(" UTC") else ""))
    except ValueError:
        read = _in_zone(said)
    if read.tzinfo is None or not re.search(r"\d:\d", said):
        raise RequestError(f"{text!r} does not say which moment it is.", hint=_INSTANT)
    return read.astimezone(UTC)


_INSTANT = 'Write date, time and zone: "2026-11-23 14:05 UTC", or 2026-11-23T14:05+01:00.'


def _in_zone(said: str) -> datetime:
    local, _, name = said.rpartition(" ")
    try:
        naive, zone = datetime.fromisoformat(local), ZoneInfo(name)
    except (ValueError, KeyError, OSError):
        raise RequestError(f"I cannot read the time {said!r}.", hint=_INSTANT) from None
    first, second = naive.replace(tzinfo=zone), naive.replace(tzinfo=zone, fold=1)
    if first.astimezone(UTC).astimezone(zone).replace(tzinfo=None) != naive:
        raise RequestError(f"{said} never was: the clock went forward over it.", hint=_INSTANT)
    if first.utcoffset() != second.utcoffset():
        offsets = " or ".join(f"{local}{one.strftime('%z')}" for one in (first, second))
        raise RequestError(f"{said} was twice: the clock went back over it.", hint=f"Write {offsets}.")
    return first

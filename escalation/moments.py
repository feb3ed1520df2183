"""Moments as people write them, in the county's time. Pure: now is an argument."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Final

from escalation.authority import CHINA

_AGO: Final = re.compile(r"-(\d{1,6})([smhd])")
_UNITS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_CLOCK: Final = re.compile(r"(\d{1,2}):(\d{2})(?::(\d{2}))?")
_DAY: Final = re.compile(r"(?:(\d{4})-)?(\d{1,2})-(\d{1,2})(?:[ T](\d{1,2}:\d{2}(?::\d{2})?))?")

FORMS: Final = "14:03, 11-24 14:03, 2026-11-24 14:03:05, -2h, 2026-11-24T14:03:05+08:00"


def parse(word: str, now_ms: int) -> int:
    """Domain ms of ``14:03``, ``11-24 14:03``, ``2026-11-24``, ``-30m`` or an ISO stamp.

    Raises ValueError. A time of day alone is the last one that has been.
    """
    if ago := _AGO.fullmatch(word):
        return now_ms - int(ago[1]) * _UNITS[ago[2]] * 1000
    now = datetime.fromtimestamp(now_ms / 1000, UTC).astimezone(CHINA)
    if clock := _CLOCK.fullmatch(word):
        found = _at(now, clock)
        return _ms(found if found <= now else found - timedelta(days=1))
    if day := _DAY.fullmatch(word):
        date = now.replace(year=int(day[1] or now.year), month=int(day[2]), day=int(day[3]))
        clock = _CLOCK.fullmatch(day[4] or "0:00")
        assert clock is not None
        return _ms(_at(date, clock))
    stamp = datetime.fromisoformat(word)
    return _ms(stamp if stamp.tzinfo else stamp.replace(tzinfo=CHINA))


def clock(word: str, now_ms: int, after_ms: int | None = None) -> int | None:
    """Today's ``18:00``; with ``after_ms`` the first one after that. None: no time of day alone.

    Raises ValueError where it is no time of any day.
    """
    match = _CLOCK.fullmatch(word.strip())
    if match is None:
        return None
    basis = now_ms if after_ms is None else after_ms
    found = _at(datetime.fromtimestamp(basis / 1000, UTC).astimezone(CHINA), match)
    if after_ms is not None and _ms(found) <= after_ms:
        found += timedelta(days=1)
    return _ms(found)


def shown(at_ms: int) -> str:
    """11-24 14:03:05, the county's time."""
    return f"{datetime.fromtimestamp(at_ms / 1000, UTC).astimezone(CHINA):%m-%d %H:%M:%S}"


def _at(date: datetime, clock: re.Match[str]) -> datetime:
    hour, minute, second = (int(part or 0) for part in clock.groups())
    return date.replace(hour=hour, minute=minute, second=second, microsecond=0)


def _ms(at: datetime) -> int:
    return round(at.timestamp() * 1000)

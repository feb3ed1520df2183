"""When a maintenance window runs: its one occurrence, or those of its RFC 5545 rule.

Reckoned in China Standard Time, which has no summer time, so that a window keeps its hour.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Final

from dateutil.rrule import rrulestr

from escalation.authority import CHINA
from wire.maintenance import Window

AHEAD: Final = timedelta(days=3300)
"""How far ahead a next occurrence is looked for: the 29th of February skips 1900 and 2100."""

_UNTIL: Final = re.compile(r";?UNTIL=(\d{8})(?:T(\d{6})(Z?))?")
_COUNT: Final = re.compile(r";?COUNT=(\d+)")


def running(window: Window, now_ms: int) -> tuple[int, int] | None:
    """The occurrence [start, end) that runs at ``now_ms``."""
    length = window.end_ms - window.start_ms
    start = max(_starts(window, now_ms), default=None)
    return (start, start + length) if start is not None and now_ms < start + length else None


def following(window: Window, now_ms: int) -> int | None:
    """When the next occurrence after ``now_ms`` begins; None: there is none."""
    upto = now_ms + AHEAD // timedelta(milliseconds=1)
    return next((start for start in _starts(window, upto) if start > now_ms), None)


def _starts(window: Window, upto_ms: int) -> Iterator[int]:
    """When its occurrences begin, in order, up to ``upto_ms``."""
    if window.start_ms > upto_ms:
        return
    if not window.rrule:
        yield window.start_ms
        return
    count, until = _COUNT.search(window.rrule), _UNTIL.search(window.rrule)
    last = min(_local(upto_ms), _local_until(until)) if until else _local(upto_ms)
    text = _UNTIL.sub("", _COUNT.sub("", window.rrule)).lstrip(";")
    made = rrulestr(f"{text};UNTIL={last:%Y%m%dT%H%M%S}", dtstart=_local(window.start_ms))
    for at in islice(made, int(count[1]) if count else None):
        yield round(at.replace(tzinfo=CHINA).timestamp() * 1000)


def _local_until(found: re.Match[str]) -> datetime:
    """UNTIL in local time: a date ends with its day, a Z is eight hours behind us."""
    day, clock, utc = found.groups()
    at = datetime.strptime(day + (clock or "235959"), "%Y%m%d%H%M%S")  # noqa: DTZ007  told apart below
    if not utc:
        return at
    return at.replace(tzinfo=UTC).astimezone(CHINA).replace(tzinfo=None)


def _local(at_ms: int) -> datetime:
    """Whole seconds: rules know no smaller ones."""
    at = datetime.fromtimestamp(at_ms // 1000, UTC)
    return at.astimezone(CHINA).replace(tzinfo=None)

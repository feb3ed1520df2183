"""Stretches of time: a day, a week, a month by the calendar of China; intervals put together. Pure.

An interval is (begin, end) in ms UTC, the end not in it; a list of them is merged: in order and
without overlaps.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, timezone
from typing import Final, Literal

CST: Final = timezone(timedelta(hours=8))
"""China Standard Time: everything shown to people is in it (PLAN section 5)."""

Word = Literal["day", "week", "month"]
Interval = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Period:
    """From (inclusive) to (exclusive)."""

    word: Word
    from_ms: int
    to_ms: int


def period(word: Word, day: date) -> Period:
    """The day, the week from Monday, or the month in which ``day`` is."""
    match word:
        case "day":
            begin, end = day, day + timedelta(days=1)
        case "week":
            begin = day - timedelta(days=day.weekday())
            end = begin + timedelta(days=7)
        case "month":
            begin = day.replace(day=1)
            end = (begin + timedelta(days=32)).replace(day=1)
    return Period(word, _ms(begin), _ms(end))


def last(word: Word, now_ms: int) -> date:
    """A day in the newest period that is over."""
    today = datetime.fromtimestamp(now_ms / 1000, CST).date()
    began = datetime.fromtimestamp(period(word, today).from_ms / 1000, CST).date()
    return began - timedelta(days=1)


def _ms(day: date) -> int:
    return round(datetime.combine(day, time(), CST).timestamp() * 1000)


def length(spans: Iterable[Interval]) -> int:
    return sum(end - begin for begin, end in spans)


def merge(spans: Iterable[Interval]) -> list[Interval]:
    """Sorted, without overlaps."""
    merged: list[Interval] = []
    for begin, end in sorted(spans):
        if merged and begin <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        elif end > begin:
            merged.append((begin, end))
    return merged


def clip(spans: Iterable[Interval], period: Period) -> list[Interval]:
    inside = [(max(begin, period.from_ms), min(end, period.to_ms)) for begin, end in spans]
    return [(begin, end) for begin, end in inside if begin < end]


def without(spans: Sequence[Interval], taken: Sequence[Interval]) -> list[Interval]:
    """``spans`` less ``taken``; both merged."""
    left = list(spans)
    for begin, end in taken:
        cut: list[Interval] = []
        for a, b in left:
            cut += [(x, y) for x, y in ((a, min(b, begin)), (max(a, end), b)) if x < y]
        left = cut
    return left


def meet(lists: Sequence[Sequence[Interval]]) -> list[Interval]:
    """When all of them are so."""
    if not lists:
        return []
    found = list(lists[0])
    for other in lists[1:]:
        met = [(max(a, c), min(b, d)) for a, b in found for c, d in other]
        found = [(begin, end) for begin, end in met if begin < end]
    return merge(found)

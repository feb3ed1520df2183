"""Counters to rates: wrap, reset, discontinuity, gap and first sample told apart. Pure.

RFC 2578 section 7.1.6 and 7.1.10: a counter has no defined starting value, only differences
count; it starts anew when the device does or at a discontinuity. A 64-bit counter that goes back
was reset: it does not wrap within any device's life. A 32-bit one has wrapped, unless that would
mean more than half its range since the look before: then nobody can tell.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from agent.decode import COUNTERS, Number, Rows, scaled
from config.profile import MetricType

WRAP32: Final = 2**32
TICKS_PER_S: Final = 100
SLACK_TICKS: Final = 1000
"""How far sysUpTime may be off (delays, coarse clocks) before it says that a device restarted."""


@dataclass(slots=True)
class _Past:
    """The counts of the look before; ``counts`` by the metric's number."""

    at_ns: int
    instances: tuple[str, ...]
    counts: dict[int, list[Number]]
    epochs: list[Number] | None


def growth(before: int, now: int, *, wraps: bool) -> int | None:
    """By how much a counter grew; None when it was reset. ``wraps``: it has 32 bits."""
    if now >= before:
        return now - before
    if not wraps:
        return None
    grown = now + WRAP32 - before
    return grown if 0 <= grown < WRAP32 // 2 else None


def restarted(before_ticks: int, now_ticks: int, elapsed_ns: int) -> bool:
    """Whether sysUpTime tells of a restart; its wrap after 497 days (2**32 ticks) is none."""
    elapsed = elapsed_ns * TICKS_PER_S // 1_000_000_000
    slack = SLACK_TICKS + elapsed // 20
    expected = before_ticks + elapsed
    if now_ticks >= before_ticks:
        return now_ticks < expected - slack and now_ticks < elapsed
    return abs(now_ticks - (expected - WRAP32)) > slack


class Rates:
    """One device's counters from look to look.

    ``apply`` replaces the counts in ``rows`` by rates per second (scaled) in place; None where
    there is no honest rate: first sample, gap, reset, discontinuity. It returns True when the
    device was found restarted since the look before (the 497-day wrap of sysUpTime is none).
    """

    __slots__ = ("_at_ns", "_past", "_uptime", "gap_s")

    def __init__(self, gap_s: float = 300.0) -> None:
        self.gap_s = gap_s
        self._past: dict[tuple[str, str], _Past] = {}
        self._uptime: int | None = None
        self._at_ns = 0

    def apply(self, rows: Sequence[Rows], at_ns: int, uptime_ticks: int | None = None) -> bool:
        """Turn counts into rates; ``at_ns`` monotonic, ``uptime_ticks`` sysUpTime of this look."""
        again = (
            uptime_ticks is not None
            and self._uptime is not None
            and restarted(self._uptime, uptime_ticks, at_ns - self._at_ns)
        )
        if uptime_ticks is not None:
            self._uptime, self._at_ns = uptime_ticks, at_ns
        if again:
            self._past.clear()
        for part in rows:
            places = [
                number for number, metric in enumerate(part.metrics) if metric.type in COUNTERS
            ]
            if places:
                self._turn(part, places, at_ns)
        return again

    def _turn(self, part: Rows, places: list[int], at_ns: int) -> None:
        key = (part.profile, part.table)
        past = self._past.get(key)
        counts = {place: part.columns[place] for place in places}
        self._past[key] = _Past(at_ns, part.instances, counts, part.epochs)
        seconds = 0.0 if past is None else (at_ns - past.at_ns) / 1e9
        blank: list[Number] = [None] * len(part.instances)
        for place in places:
            part.columns[place] = blank[:]
        if past is None or not 0 < seconds <= self.gap_s:
            return
        known = _rows_before(past, part)
        for place in places:
            metric = part.metrics[place]
            wraps = metric.type is MetricType.COUNTER32
            before, now, rates = past.counts.get(place), counts[place], part.columns[place]
            if before is None:
                continue
            for row, old in enumerate(known):
                rates[row] = (
                    None
                    if old is None
                    else _rate(before[old], now[row], wraps, seconds, metric.scale)
                )


def _rate(before: Number, now: Number, wraps: bool, seconds: float, scale: float) -> Number:  # noqa: FBT001  called once per cell
    if not isinstance(before, int) or not isinstance(now, int):
        return None
    grown = growth(before, now, wraps=wraps)
    return (
        None
        if grown is None
        else scaled(grown / seconds, scale)
        if scale != 1.0
        else grown / seconds
    )


def _rows_before(past: _Past, part: Rows) -> list[int | None]:
    """For each row its number in the look before; None for a new or discontinued one."""
    found: list[int | None]
    if past.instances == part.instances:
        found = list(range(len(part.instances)))
    else:
        numbers = {name: number for number, name in enumerate(past.instances)}
        found = [numbers.get(name) for name in part.instances]
    if past.epochs is not None and part.epochs is not None:
        epochs, before = part.epochs, past.epochs
        found = [
            None if old is None or before[old] != epochs[row] else old
            for row, old in enumerate(found)
        ]
    return found

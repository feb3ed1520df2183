"""Counters to rates: wrap, reset, discontinuity, gap and first sample told apart. Pure.

RFC 2578 section 7.1.6 and 7.1.10: a counter has no defined starting value, only differences
count; it starts anew when the device does or at a discontinuity. A 64-bit counter that goes back
was reset: it does not wrap within any device's life. A 32-bit one has wrapped, unless that would
mean more than half its range since the look before: then nobody can tell. A rate far above a
row's speed is none: some counter started anew unannounced, or its device counts in leaps.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from functools import lru_cache
from operator import sub, truediv
from typing import Final, TypeAlias

from agent.decode import COUNTERS, Number, Rows, all_scaled, scaled
from config.profile import Metric, MetricType

WRAP32: Final = 2**32
TICKS_PER_S: Final = 100
BITS: Final = "bit/s"
LEEWAY: Final = 1.5
"""Times its speed that a row's rate may be: devices refresh their counters every few seconds."""
SLACK_TICKS: Final = 1000
"""How far sysUpTime may be off (delays, coarse clocks) before it says that a device restarted."""
AHEAD_TICKS: Final = 360_000
AHEAD_TIMES: Final = 16
"""How far sysUpTime may run ahead: an hour, and what clocks do that count in other units."""


Bounds: TypeAlias = tuple[int, int]
Boots: TypeAlias = tuple[bytes, int]
"""SNMPv3's engine id and snmpEngineBoots."""
Counts: TypeAlias = "array[int] | list[Number]"
"""Counts row by row; packed as long as all of them are counts."""


class Past:
    """The counts of one part of a device at the look before.

    ``counts`` has them row by row, for the metrics at ``places``.
    """

    __slots__ = ("at_ns", "counts", "epochs", "instances", "key", "places")

    def __init__(self, key: tuple[str, str], places: tuple[int, ...]) -> None:
        self.key = key
        self.places = places
        self.at_ns = 0
        self.instances: tuple[str, ...] = ()
        self.counts: Counts = []
        self.epochs: list[Number] | None = None


def packed(counts: list[Number]) -> Counts:
    """``counts`` in eight octets each, when all of them are counts."""
    try:
        return array("Q", counts)  # type: ignore[arg-type]  # what is no count raises
    except (TypeError, OverflowError):
        return counts


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


def ahead(before_ticks: int, now_ticks: int, elapsed_ns: int) -> bool:
    """Whether sysUpTime leapt far ahead, as no device does: another one has taken its place."""
    elapsed = elapsed_ns * TICKS_PER_S // 1_000_000_000
    return now_ticks > before_ticks + AHEAD_TIMES * elapsed + AHEAD_TICKS


class Rates:
    """One device's counters from look to look.

    ``apply`` replaces the counts in ``rows`` by rates per second (scaled) in place; None where
    there is no honest rate: first sample, gap, reset, discontinuity. It returns True when the
    device was found restarted since the look before (the 497-day wrap of sysUpTime is none).
    Looks less than ``least_s`` apart have no rate either: devices refresh their counters every few
    seconds, and between two such moments a short time shows nothing or far too much.
    """

    __slots__ = ("_at_ns", "_boots", "_bounds", "_past", "_uptime")

    def __init__(
        self, gap_s: float = 300.0, least_s: float = 0.0, *, within: Bounds | None = None
    ) -> None:
        self._bounds = within or bounds(gap_s, least_s)
        self._past: tuple[Past, ...] = ()
        self._uptime: int | None = None
        self._boots: Boots | None = None
        self._at_ns = 0

    def keep_to(self, within: Bounds) -> None:
        """From now on other bounds; what was counted stays."""
        self._bounds = within

    def known(self) -> tuple[int, int | None, tuple[Past, ...]] | None:
        """When sysUpTime was read last, what it was, and all counts; None with engine boots."""
        return None if self._boots is not None else (self._at_ns, self._uptime, self._past)

    def know(self, at_ns: int, uptime_ticks: int | None, pasts: tuple[Past, ...]) -> None:
        """Take over what ``known`` gave."""
        self._at_ns, self._uptime, self._past = at_ns, uptime_ticks, pasts

    def apply(
        self,
        rows: Sequence[Rows],
        at_ns: int,
        uptime_ticks: int | None = None,
        boots: Boots | None = None,
    ) -> bool:
        """Turn counts into rates; ``at_ns`` monotonic.

        ``uptime_ticks`` is sysUpTime of this look, ``boots`` stands where it is known.
        """
        again = self.restarted(at_ns, uptime_ticks, boots)
        for part in rows:
            places = tuple(
                number for number, metric in enumerate(part.metrics) if metric.type in COUNTERS
            )
            if places:
                self._turn(part, places, at_ns)
        return again

    def restarted(self, at_ns: int, uptime_ticks: int | None, boots: Boots | None = None) -> bool:
        """Whether the device restarted since the look before; then all counts are void.

        SNMPv3's engine id and boots tell it, else sysUpTime does. A sysUpTime far ahead is that of
        another unit: its counts are others, too, but nothing is known to have restarted.
        """
        again = another = False
        if boots is not None:
            again = self._boots is not None and boots != self._boots
            self._boots = boots
        if uptime_ticks is not None:
            if self._uptime is not None:
                elapsed_ns = at_ns - self._at_ns
                again = again or restarted(self._uptime, uptime_ticks, elapsed_ns)
                another = ahead(self._uptime, uptime_ticks, elapsed_ns)
            self._uptime, self._at_ns = uptime_ticks, at_ns
        if again or another:
            self._past = ()
        return again

    def steady(self, key: tuple[str, str], instances: tuple[str, ...], at_ns: int) -> Past | None:
        """The counts before, when those of the same rows now need no more than a subtraction.

        ``instances`` must be the very rows of that look. Whoever asks compares the epochs.
        """
        for past in self._past:
            if past.key == key:
                fit = past.instances is instances and self._fits(past, at_ns)
                return past if fit else None
        return None

    def _fits(self, past: Past, at_ns: int) -> bool:
        least_ns, gap_ns = self._bounds
        return max(1, least_ns) <= at_ns - past.at_ns <= gap_ns

    def _turn(self, part: Rows, places: tuple[int, ...], at_ns: int) -> None:
        width, size = len(places), len(part.instances)
        now: list[Number] = [None] * (width * size)
        for number, place in enumerate(places):
            now[number::width] = part.columns[place]
        rates = self._rates(part, places, at_ns, now)
        for number, place in enumerate(places):
            part.columns[place] = rates[number::width]
        if part.speeds is not None:
            without_leaps(part.metrics, part.columns, part.speeds)
        past = self._before((part.profile, part.table))
        if past is None or not 0 <= at_ns - past.at_ns < self._bounds[0]:
            self._keep(part, places, at_ns, now)

    def _rates(
        self, part: Rows, places: tuple[int, ...], at_ns: int, now: list[Number]
    ) -> list[Number]:
        found: list[Number] = [None] * len(now)
        past = self._before((part.profile, part.table))
        if past is None or past.places != places or not self._fits(past, at_ns):
            return found
        seconds = (at_ns - past.at_ns) / 1e9
        width = len(places)
        kinds = [part.metrics[place] for place in places]
        for row, old in enumerate(_rows_before(past, part)):
            if old is None:
                continue
            for number, metric in enumerate(kinds):
                at = row * width + number
                found[at] = rate(past.counts[old * width + number], now[at], seconds, metric)
        return found

    def _keep(self, part: Rows, places: tuple[int, ...], at_ns: int, now: list[Number]) -> None:
        past = self._before((part.profile, part.table))
        if past is None or past.places != places:
            others = tuple(one for one in self._past if one is not past)
            past = Past((part.profile, part.table), places)
            self._past = (*others, past)
        past.at_ns = at_ns
        past.instances = part.instances
        past.counts = packed(now)
        past.epochs = part.epochs

    def share(self, key: tuple[str, str], places: tuple[int, ...]) -> None:
        """Use these, which other devices use too, in place of equal ones."""
        past = self._before(key)
        if past is not None and past.places == places:
            past.key, past.places = key, places

    def _before(self, key: tuple[str, str]) -> Past | None:
        for past in self._past:
            if past.key == key:
                return past
        return None


@lru_cache(maxsize=64)
def bounds(gap_s: float, least_s: float) -> Bounds:
    """Least and greatest nanoseconds between two looks; the same tuple for all devices."""
    return int(least_s * 1e9), int(gap_s * 1e9)


def rate(before: Number, now: Number, seconds: float, metric: Metric) -> Number:
    """The scaled rate of one counter; None where there is no honest one."""
    if not isinstance(before, int) or not isinstance(now, int):
        return None
    grown = growth(before, now, wraps=metric.type is MetricType.COUNTER32)
    return None if grown is None else scaled(grown / seconds, metric.scale)


def rates(
    before: Sequence[Number],
    now: Sequence[Number],
    seconds: Sequence[float],
    metrics: Sequence[Metric],
) -> list[Number]:
    """The rates of many rows, row by row: the metrics repeat. ``seconds`` for each count."""
    try:
        grown = list(map(sub, now, before))
        plain = not grown or min(grown) >= 0
    except TypeError:
        plain = False
    width = len(metrics)
    if not plain:
        return [
            rate(old, new, elapsed, metrics[at % width])
            for at, (old, new, elapsed) in enumerate(zip(before, now, seconds, strict=True))
        ]
    found: list[Number] = [*map(truediv, grown, seconds)]
    for number, metric in enumerate(metrics):
        if metric.scale != 1.0:
            found[number::width] = all_scaled(found[number::width], metric.scale)
    return found


def without_leaps(
    metrics: Sequence[Metric], columns: list[list[Number]], speeds: Sequence[Number]
) -> None:
    """Leave out, in place, rates in bit/s that the rows' speeds (Mbit/s) do not allow."""
    most = [speed * (1e6 * LEEWAY) if speed else None for speed in speeds]
    for place, metric in enumerate(metrics):
        if metric.type in COUNTERS and metric.unit == BITS:
            columns[place] = [
                None if rate is not None and bound is not None and rate > bound else rate
                for rate, bound in zip(columns[place], most, strict=True)
            ]


def _rows_before(past: Past, part: Rows) -> list[int | None]:
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

"""How much people are told, beside ISA-18.2 / IEC 62682 (alarms per operator position). Pure.

Averages hide floods, so the worst ten minutes stand beside the day. More than ten notices in ten
minutes begin a flood, fewer than five end it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

WINDOW_MS: Final = 600_000
FLOOD_OVER: Final = 10
FLOOD_UNDER: Final = 5
DAY_MS: Final = 86_400_000
MOST: Final = 2000
"""Stamps that are kept of a day's notices."""


@dataclass(frozen=True, slots=True)
class Load:
    """Notices to each recipient: in the last ten minutes, the last day, its worst ten minutes."""

    now: int = 0
    day: int = 0
    worst: int = 0
    floods: int = 0
    flood: bool = False


def sent(stamps: Sequence[int], now_ms: int) -> list[int]:
    """The stamps with one more; those of over a day ago, and the oldest of too many, left out."""
    return [*(at for at in stamps if now_ms - at < DAY_MS), now_ms][-MOST:]


def load(stamps: Sequence[int], now_ms: int) -> Load:
    """The load at ``now_ms``; ``stamps`` in order."""
    times = [at for at in stamps if 0 <= now_ms - at < DAY_MS]
    worst, floods, flooding = windows(times)
    now = sum(now_ms - at < WINDOW_MS for at in times)
    return Load(now, len(times), worst, floods, flooding and now >= FLOOD_UNDER)


def windows(times: Sequence[int]) -> tuple[int, int, bool]:
    """The most in any ten minutes, how many floods, and whether one lasts at the last stamp."""
    worst = floods = first = 0
    flooding = False
    for number, at_ms in enumerate(times):
        while times[first] <= at_ms - WINDOW_MS:
            first += 1
            if flooding and number - first < FLOOD_UNDER:
                flooding = False
        count = number - first + 1
        worst = max(worst, count)
        if count > FLOOD_OVER and not flooding:
            flooding, floods = True, floods + 1
    return worst, floods, flooding

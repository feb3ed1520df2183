"""Counters to rates: wrap, reset, discontinuity, gap and first sample told apart. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from agent.decode import Rows


class Rates:
    """One device's counters from look to look.

    ``apply`` replaces the counts in ``rows`` by rates per second (scaled) in place; None where
    there is no honest rate: first sample, gap, reset, discontinuity. It returns True when the
    device was found restarted since the look before (the 497-day wrap of sysUpTime is none).
    """

    def __init__(self, gap_s: float = 300.0) -> None:
        self.gap_s = gap_s

    def apply(self, rows: Sequence[Rows], at_ns: int, uptime_ticks: int | None = None) -> bool:
        """Turn counts into rates; ``at_ns`` monotonic, ``uptime_ticks`` sysUpTime of this look."""
        raise NotImplementedError

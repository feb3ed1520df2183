"""A token bucket: how many packets may leave now, and when the next may. Pure."""

from __future__ import annotations

from typing import Final

BURST_S: Final = 0.02
MIN_BURST: Final = 16
"""Packets that may leave at once: those of 20 ms, 16 at least, so that a turn is worth waking."""


class Bucket:
    """``rate`` packets per second on average; times are monotonic nanoseconds."""

    __slots__ = ("_at_ns", "_tokens", "burst", "rate")

    def __init__(self, rate: float, now_ns: int) -> None:
        self.rate = rate
        self.burst = max(float(MIN_BURST), rate * BURST_S)
        self._tokens = self.burst
        self._at_ns = now_ns

    def available(self, now_ns: int) -> int:
        """Whole packets that may leave now."""
        gained = (now_ns - self._at_ns) * self.rate / 1e9
        if gained > 0:
            self._tokens = min(self.burst, self._tokens + gained)
            self._at_ns = now_ns
        return int(self._tokens)

    def take(self, count: int) -> None:
        """That many have left."""
        self._tokens -= count

    def wait_s(self, wanted: int) -> float:
        """Seconds from the last ``available`` until a good part of a burst may leave."""
        need = min(float(max(wanted, 1)), self.burst * 0.75) - self._tokens
        return max(need / self.rate, 0.0)

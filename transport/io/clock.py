"""The two clocks of a process: domain time (may be scaled in drills) and real monotonic time."""

from __future__ import annotations

import time
from typing import Final

from config.settings import ClockSettings


class Clock:
    """Domain time runs ``scale`` times as fast as real time from ``anchor_ms`` on.

    Policy holds, plan clocks and stamps use ``now_ms``; I/O timeouts, keepalives and
    retransmission use ``monotonic`` and never scale. All processes of a drill share the anchor,
    so their stamps agree. Without an anchor domain time is the wall clock (``scale`` is then 1).
    """

    def __init__(self, scale: float = 1.0, anchor_ms: int | None = None) -> None:
        if scale != 1.0 and anchor_ms is None:
            raise ValueError("a scaled clock needs the anchor that all processes share")
        self.scale = scale
        self.anchor_ms = anchor_ms

    @classmethod
    def of(cls, settings: ClockSettings) -> Clock:
        return cls(settings.scale, settings.anchor_ms)

    def now_ms(self) -> int:
        """Domain time in ms since 1970-01-01 UTC."""
        wall = time.time_ns() // 1_000_000
        if self.anchor_ms is None:
            return wall
        return self.anchor_ms + round((wall - self.anchor_ms) * self.scale)

    def wall_ms(self) -> int:
        """The wall clock in ms, never scaled."""
        return time.time_ns() // 1_000_000

    def monotonic(self) -> float:
        """Real seconds, for durations."""
        return time.monotonic()

    def monotonic_ms(self) -> int:
        """Real milliseconds, for ``transport.delivery``."""
        return time.monotonic_ns() // 1_000_000

    def to_domain(self, seconds: float) -> float:
        """How long ``seconds`` of real time are in domain time."""
        return seconds * self.scale

    def to_real(self, seconds: float) -> float:
        """How long ``seconds`` of domain time take in real time."""
        return seconds / self.scale


STEP_MS: Final = 1000
"""A wall clock further behind than this was set back."""

SLEW: Final = 0.9
"""How fast time goes until a wall clock that was set back has caught up."""


class Onward:
    """Domain time for who keeps deadlines: never back, and never standing still for long.

    Where the wall clock was set back (F15 at the county itself), time goes on by the monotonic
    clock, a little slower, until the wall clock has caught up: or silence would not be noticed,
    and no delay would end, for as long as the clock was set back.
    """

    def __init__(self, clock: Clock, from_ms: int) -> None:
        self._clock = clock
        self._now_ms = from_ms
        self._mono = clock.monotonic()
        self._rest = 0.0

    def now_ms(self) -> int:
        """Domain time in ms since 1970-01-01 UTC."""
        wall, mono = self._clock.now_ms(), self._clock.monotonic()
        passed, self._mono = self._clock.to_domain(mono - self._mono) * 1000, mono
        if self._now_ms + passed - wall > STEP_MS:
            self._rest += passed * SLEW
            whole = int(self._rest)
            self._now_ms, self._rest = self._now_ms + whole, self._rest - whole
        else:
            self._now_ms = max(self._now_ms, wall)
        return self._now_ms

"""Which devices give trouble: slow, silent, refusing, flooding, partly read, on and off. Pure.

Counted by name for those that give any, over the window that runs and the one before it, so that
what is told is of the last half to whole hour. Measured looks are only asked whether they belong to
the slowest (``slow_ns``), which costs a comparison each.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Final

WINDOW_MS: Final = 1_800_000
SLOWEST: Final = 50
"""Slow devices of a window that are known by name."""
DEVICES_MOST: Final = 20_000
"""Devices of a window whose trouble is counted; those beyond are only counted themselves."""
COUNTS: Final = ("timeouts", "refused", "floods", "partial", "falls")


@dataclass(slots=True)
class Trouble:
    """What one device did. ``longest_ms``: its longest look, first packet to last answer.

    ``floods``: datagrams that nobody asked for; ``partial``: looks that were not read to the end;
    ``falls``: how often it fell silent after it had answered; ``reason``: of the last look that
    went wrong.
    """

    device: str
    longest_ms: int = 0
    timeouts: int = 0
    refused: int = 0
    floods: int = 0
    partial: int = 0
    falls: int = 0
    reason: str = ""

    def add(self, other: Trouble) -> None:
        """Both together; ``other`` is the later one."""
        self.longest_ms = max(self.longest_ms, other.longest_ms)
        for name in COUNTS:
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.reason = other.reason or self.reason


@dataclass(slots=True)
class _Window:
    """What happened since ``since_ms``; ``slowest`` in milliseconds by device."""

    since_ms: int
    troubles: dict[str, Trouble] = field(default_factory=dict)
    slowest: dict[str, int] = field(default_factory=dict)
    beyond: int = 0


class Conduct:
    """Tell it of looks that took longer than ``slow_ns`` or went wrong; ask for ``worst``."""

    def __init__(self, now_ms: int) -> None:
        self.slow_ns = 0
        self._now = _Window(now_ms)
        self._before: _Window | None = None

    @property
    def since_ms(self) -> int:
        """From when on everything is counted, monotonic."""
        return (self._before or self._now).since_ms

    @property
    def beyond(self) -> int:
        """Times that a device was not counted because there were too many."""
        return self._now.beyond + (self._before.beyond if self._before else 0)

    def turn(self, now_ms: int) -> None:
        """Begin another window when this one is over."""
        if now_ms - self._now.since_ms >= WINDOW_MS:
            self._before, self._now, self.slow_ns = self._now, _Window(now_ms), 0

    def slow(self, device: str, took_ns: int) -> None:
        """A look that took longer than ``slow_ns``."""
        slowest = self._now.slowest
        slowest[device] = max(slowest.get(device, 0), took_ns // 1_000_000)
        if len(slowest) > SLOWEST:
            del slowest[min(slowest, key=slowest.__getitem__)]
        if len(slowest) == SLOWEST:
            self.slow_ns = min(slowest.values()) * 1_000_000 + 999_999

    def silent(self, device: str, reason: str, *, fell: bool) -> None:
        """No answer; ``fell``: it had answered the time before."""
        found = self._of(device)
        if found is not None:
            found.timeouts += 1
            found.falls += fell
            found.reason = reason

    def refused(self, device: str, reason: str) -> None:
        found = self._of(device)
        if found is not None:
            found.refused += 1
            found.reason = reason

    def partial(self, device: str, reason: str) -> None:
        """Answered, and not read to the end."""
        found = self._of(device)
        if found is not None:
            found.partial += 1
            found.reason = reason

    def flooded(self, device: str, datagrams: int) -> None:
        found = self._of(device)
        if found is not None:
            found.floods += datagrams
            found.reason = "flood"

    def forget(self, devices: Collection[str]) -> None:
        """These left the inventory, or are asked in another way."""
        for window in (self._now, self._before or self._now):
            for device in [one for one in window.troubles if one in devices]:
                del window.troubles[device]
            for device in [one for one in window.slowest if one in devices]:
                del window.slowest[device]

    def worst(self, most: int) -> list[Trouble]:
        """The ``most`` first of each kind of trouble and of the slowest, each device once."""
        all_of = self._together()
        chosen: dict[str, Trouble] = {}
        for name in ("longest_ms", *COUNTS):
            ranked = sorted(
                (one for one in all_of.values() if getattr(one, name)),
                key=lambda one: (-getattr(one, name), one.device),
            )
            chosen |= {one.device: one for one in ranked[:most]}
        return list(chosen.values())

    def _of(self, device: str) -> Trouble | None:
        troubles = self._now.troubles
        found = troubles.get(device)
        if found is None:
            if len(troubles) >= DEVICES_MOST:
                self._now.beyond += 1
                return None
            found = troubles[device] = Trouble(device)
        return found

    def _together(self) -> dict[str, Trouble]:
        found: dict[str, Trouble] = {}
        for window in (self._before, self._now):
            if window is None:
                continue
            for device, one in window.troubles.items():
                found.setdefault(device, Trouble(device)).add(one)
            for device, longest_ms in window.slowest.items():
                one = found.setdefault(device, Trouble(device))
                one.longest_ms = max(one.longest_ms, longest_ms)
        return found

"""Raise delay and clear delay: the four phases of every condition, held share and held rule.

A machine without clock or resource: alarms of devices, rules of operators and systems all hold
with it. ``due_ms`` is the next moment at which its answer can change (STYLE habit 5); the caller
keeps the timer.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Phase(StrEnum):
    """Clear → pending → raised → clearing → clear."""

    CLEAR = "clear"
    PENDING = "pending"
    RAISED = "raised"
    CLEARING = "clearing"


class Event(StrEnum):
    """What was seen (bad or good), or that the delay is over."""

    BAD = "bad"
    GOOD = "good"
    DUE = "due"


ACTIVE: Final = frozenset({Phase.RAISED, Phase.CLEARING})
WAITING: Final = frozenset({Phase.PENDING, Phase.CLEARING})

TABLE: Final[dict[tuple[Phase, Event], Phase]] = {
    (Phase.CLEAR, Event.BAD): Phase.PENDING,
    (Phase.PENDING, Event.GOOD): Phase.CLEAR,
    (Phase.PENDING, Event.DUE): Phase.RAISED,
    (Phase.RAISED, Event.GOOD): Phase.CLEARING,
    (Phase.CLEARING, Event.BAD): Phase.RAISED,
    (Phase.CLEARING, Event.DUE): Phase.CLEAR,
}
"""All transitions; every other pair changes nothing."""


@dataclass(frozen=True, slots=True)
class Delays:
    """Milliseconds of domain time."""

    raise_ms: int
    clear_ms: int

    def of(self, phase: Phase) -> int:
        """How long ``phase`` waits; only for phases in WAITING."""
        return self.raise_ms if phase is Phase.PENDING else self.clear_ms


@dataclass(slots=True)
class Hold:
    """``since_ms`` is when the trouble began (its pending phase), ``moved_ms`` the last move.

    A waiting phase without ``due_ms`` is held: nothing was seen when its delay was over.
    """

    phase: Phase = Phase.CLEAR
    since_ms: int = 0
    moved_ms: int = 0
    due_ms: int | None = None

    @property
    def active(self) -> bool:
        return self.phase in ACTIVE


def move(hold: Hold, now_ms: int, event: Event, delays: Delays) -> bool:
    """Apply ``event``; True when the phase changed. A delay of 0 is over at once."""
    if event is Event.DUE and (hold.due_ms is None or now_ms < hold.due_ms):
        return False
    target = TABLE.get((hold.phase, event))
    if target is None:
        return False
    if hold.phase is Phase.CLEAR:
        hold.since_ms = now_ms
    hold.phase = target
    hold.moved_ms = now_ms
    hold.due_ms = now_ms + delays.of(target) if target in WAITING else None
    if hold.due_ms == now_ms:
        move(hold, now_ms, Event.DUE, delays)
    return True


def begun(hold: Hold, now_ms: int, since_ms: int, delays: Delays) -> bool:
    """The trouble of a pending hold began at ``since_ms``: its delay runs from there.

    True when that changed something. A delay that is over by ``now_ms`` is over at once.
    """
    if hold.phase is not Phase.PENDING or hold.since_ms == since_ms:
        return False
    hold.since_ms = since_ms
    hold.due_ms = max(now_ms, since_ms + delays.raise_ms)
    if hold.due_ms == now_ms:
        move(hold, now_ms, Event.DUE, delays)
    return True


def suspend(hold: Hold) -> None:
    """The delay is over and nobody can see: unknown neither raises nor clears."""
    hold.due_ms = None


def resume(hold: Hold, now_ms: int, delays: Delays) -> bool:
    """Somebody can see again: a suspended delay begins anew. True when it was suspended."""
    if hold.phase not in WAITING or hold.due_ms is not None:
        return False
    hold.due_ms = now_ms + delays.of(hold.phase)
    return True

"""What an arrived notice is to the office client: new, known, replayed, out of number, late.

Pure. The signature has been checked before: what is not signed by the county's key never gets
here (FAULTS S6). A signed notice is never refused for its age or for the clock of this machine:
late is shown as late. Only a notice that was stored before and comes back at another place of the
same epoch is a replay: its sender would never do that.
"""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from transport.delivery import Verdict

LATE_MS: Final = 120_000
"""Real milliseconds between sending and arrival after which a notice is shown as late."""

MOST_HOLES: Final = 1000
JUMP: Final = 1_000_000
"""So many numbers are not missing: a county that has lost its store numbers on above them all."""

PATIENCE_BEATS: Final = 2
"""Heartbeats that a notice may take after the one that first spoke of it."""


class Arrival(StrEnum):
    """NEW is stored and shown, KNOWN stepped over, REPLAYED refused, WAIT will come again."""

    NEW = "new"
    KNOWN = "known"
    REPLAYED = "replayed"
    WAIT = "wait"


@dataclass(frozen=True, slots=True)
class Held:
    """Where a stored notice came from."""

    epoch: int
    seq: int


@dataclass(frozen=True, slots=True)
class Numbering:
    """What a number says beside the ones before it.

    ``missing`` are the numbers that were skipped; ``filled``: it was missing until now;
    ``reused``: another notice has this number (the county's store was restored).
    """

    missing: tuple[int, ...] = ()
    filled: bool = False
    reused: bool = False


def arrival(place: Verdict, epoch: int, held: Held | None) -> Arrival:
    """Judge a verified notice: ``place`` by the delivery protocol, ``held`` when it is stored.

    A notice that is not stored is shown even where its row counts as received: the numbers of
    rows are not signed, and an alarm must not hang on them.
    """
    if held is None:
        return Arrival.NEW if place.applied or place is Verdict.DUPLICATE else Arrival.WAIT
    if place is Verdict.ACCEPT and epoch <= held.epoch:
        return Arrival.REPLAYED
    return Arrival.KNOWN


def numbering(number: int, last: int, holes: AbstractSet[int], *, taken: bool) -> Numbering:
    """Judge a new notice's number; ``last`` is 0 for an office that has none yet."""
    if taken:
        return Numbering(reused=True)
    filled = number in holes
    if number <= last or not last or number - last > JUMP:
        return Numbering(filled=filled)
    skipped = range(max(last + 1, number - MOST_HOLES), number)
    return Numbering(tuple(n for n in skipped if n not in holes), filled)


class Tail:
    """What is missing at the end, where no later number shows the hole (FAULTS S6).

    The county's signed heartbeat says which number it has come to. A number that two more
    heartbeats did not bring is missing; while notices still come in, it is only on its way.
    An office that holds none yet joined later: what was said before its first heartbeat is not
    missed.
    """

    def __init__(self) -> None:
        self._joined: int | None = None
        self._said = 0
        self._last = 0
        self._beats = 0

    def heard(self, said: int, last: int) -> range:
        """Judge a heartbeat that says ``said`` here where ``last`` is held; what is missing."""
        if self._joined is None:
            self._joined = last or said
        last = last or self._joined
        if said <= last or last != self._last or self._said <= last:
            self._said, self._last, self._beats = said, last, 0
            return range(0)
        self._beats += 1
        if self._beats < PATIENCE_BEATS:
            return range(0)
        first = self._said if self._said - last > JUMP else self._said - MOST_HOLES + 1
        missing = range(max(last + 1, first), self._said + 1)
        self._said, self._beats = said, 0
        return missing


def late_by(at_ms: int, now_ms: int, scale: float) -> int:
    """How late (real ms) a notice of ``at_ms`` is at ``now_ms`` (domain time); 0 when in time."""
    span = round((now_ms - at_ms) / scale)
    return span if span > LATE_MS else 0

"""Which silent devices to look at again soon, and which to look at less often. Pure.

A device that falls silent, by SNMP or ICMP, is looked at again soon and alone: after
``FIRST_MS``, then after twice as long each time, until it answers or its next turn comes. The
third of these looks confirms: it is said even if nothing is new, so that the collector need not
wait for a round to confirm an outage. A device silent for ``LONG`` turns in a row has every second
turn only, later fewer, ``rest_turns`` apart at most; a turn without a look is named in the round.

Times are monotonic milliseconds.
"""

from __future__ import annotations

import heapq
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

from wire.observation import Method, Outcome

FIRST_MS: Final = 1000
AGAIN_MOST: Final = 8
"""Looks again after one miss; the last of them is ``FIRST_MS * 2**7`` after the one before."""
CONFIRMS: Final = 3
"""The number of the look again that confirms a silence."""
AT_ONCE: Final = 30
"""Looks again under way together, so that many dead devices keep nobody else waiting."""
LONG: Final = 20
"""Turns in a row after which a silent device is silent for long."""


class Again(NamedTuple):
    """A look out of turn; ``confirms``: what comes of it is said even if nothing is new."""

    device: str
    confirms: bool


@dataclass(slots=True)
class _Doubt:
    """A device that did not answer. ``due_ms`` is when it is looked at again, None: at its turn.

    ``dead`` counts its turns in a row without any answer, ``rested`` those without a look.
    """

    silent: frozenset[Method]
    again: int = 0
    due_ms: int | None = None
    dead: int = 0
    rested: int = 0


class Suspicion:
    """Ask ``turn`` at a device's turn, tell ``ended`` how each look at it ended."""

    def __init__(self, *, rest_turns: int = 2) -> None:
        self._rest_turns = rest_turns
        self._doubts: dict[str, _Doubt] = {}
        self._heap: list[tuple[int, str]] = []
        self._again: set[str] = set()

    def rest(self, turns: int) -> None:
        """How many turns apart a device is looked at that is silent for long, at the most."""
        self._rest_turns = turns

    @property
    def doubted(self) -> int:
        """How many devices are silent, by SNMP or ICMP."""
        return len(self._doubts)

    def silent(self, device: str, method: Method) -> bool:
        """Whether it did not answer by this method the last time."""
        doubt = self._doubts.get(device)
        return doubt is not None and method in doubt.silent

    def trusts(self, device: str) -> bool:
        """Whether nothing is held against the device."""
        return device not in self._doubts

    def turn(self, device: str) -> bool:
        """The device's turn has come: whether to look. A look again that was to come is off."""
        doubt = self._doubts.get(device)
        if doubt is None:
            return True
        doubt.due_ms = None
        self._again.discard(device)
        if doubt.rested + 1 < self._every(doubt):
            doubt.rested += 1
            return False
        doubt.rested = 0
        return True

    def ended(self, device: str, outcomes: Mapping[Method, Outcome], now_ms: int) -> bool:
        """A look at the device is over; whether there is a look again to come.

        What could not be looked at changes nothing.
        """
        again = device in self._again
        self._again.discard(device)
        told = {m: one for m, one in outcomes.items() if one is not Outcome.COULD_NOT_LOOK}
        if not told:
            return False
        silent = frozenset(m for m, one in told.items() if one is Outcome.NO_ANSWER)
        if not silent:
            self._doubts.pop(device, None)
            return False
        doubt = self._doubts.get(device)
        if doubt is None or not silent <= doubt.silent:
            doubt = self._doubts[device] = _Doubt(silent)
        else:
            doubt.silent = silent
        if not again:
            doubt.dead = doubt.dead + 1 if len(silent) == len(told) else 0
        if doubt.again >= AGAIN_MOST:
            return False
        doubt.due_ms = now_ms + (FIRST_MS << doubt.again)
        heapq.heappush(self._heap, (doubt.due_ms, device))
        return True

    def deadline(self) -> int | None:
        """The next moment at which a device is to be looked at again."""
        while self._heap and not self._stands(*self._heap[0]):
            heapq.heappop(self._heap)
        return self._heap[0][0] if self._heap else None

    def due(self, now_ms: int) -> list[Again]:
        """The devices to look at again now; ``AT_ONCE`` are under way at most."""
        found: list[Again] = []
        while len(self._again) < AT_ONCE:
            due_ms = self.deadline()
            if due_ms is None or due_ms > now_ms:
                break
            device = heapq.heappop(self._heap)[1]
            doubt = self._doubts[device]
            doubt.due_ms = None
            self._again.add(device)
            doubt.again += 1
            found.append(Again(device, doubt.again == CONFIRMS))
        return found

    def forget(self, devices: Collection[str]) -> None:
        """These left the inventory."""
        for device in [one for one in self._doubts if one in devices]:
            del self._doubts[device]
        self._again = {one for one in self._again if one not in devices}

    def _stands(self, due_ms: int, device: str) -> bool:
        doubt = self._doubts.get(device)
        return doubt is not None and doubt.due_ms == due_ms

    def _every(self, doubt: _Doubt) -> int:
        """Every how many turns it is looked at: each, after LONG every 2nd, then every 4th."""
        return min(self._rest_turns, 1 << (doubt.dead // LONG).bit_length())

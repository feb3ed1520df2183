"""When to look at which device. Pure: monotonic milliseconds in, devices out.

Phases are spread over the interval by a stable hash of the device's id, so that a restart or a
new neighbour moves nobody. A device that is still being looked at when its next turn comes loses
that turn: it is named missed, and delays nobody.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from hashlib import blake2b


def phase_ms(device: str, interval_ms: int) -> int:
    """Where in its interval a device has its turn."""
    digest = blake2b(device.encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") % interval_ms


@dataclass(frozen=True, slots=True)
class RoundEnd:
    """A round is over: monotonic times, looks that came to their end in it, who was missed.

    ``number`` counts from 0 at the start of the schedule; rounds slept through are skipped.
    """

    number: int
    started_ms: int
    ended_ms: int
    looked: int
    missed: tuple[str, ...]


class Schedule:
    """The turns of all devices and the rounds over them.

    ``intervals`` has each device's interval, ``round_ms`` is the length of a round. Sleep until
    ``deadline()``, then take ``due`` and ``round_over``; tell ``finished`` at the end of a look.
    """

    def __init__(self, intervals: Mapping[str, int], *, round_ms: int, now_ms: int) -> None:
        self._intervals = dict(intervals)
        self._round_ms = round_ms
        self._origin = now_ms
        self._heap = [
            (now_ms + phase_ms(device, interval), device) for device, interval in intervals.items()
        ]
        heapq.heapify(self._heap)
        self._under_way: set[str] = set()
        self._out_of_turn: set[str] = set()
        self._missed: dict[str, None] = {}
        self._looked = 0
        self._round_end = now_ms + round_ms
        self._round_start = now_ms

    @property
    def under_way(self) -> int:
        """Devices being looked at."""
        return len(self._under_way)

    def deadline(self) -> int:
        """The next moment at which something is to be done."""
        return min(self._round_end, self._heap[0][0]) if self._heap else self._round_end

    def due(self, now_ms: int) -> list[str]:
        """The devices whose turn it is, once each; late turns are not made up for."""
        found = []
        heap = self._heap
        while heap and heap[0][0] <= now_ms:
            turn, device = heap[0]
            interval = self._intervals[device]
            heapq.heapreplace(heap, (turn + ((now_ms - turn) // interval + 1) * interval, device))
            if device in self._out_of_turn:
                self._out_of_turn.discard(device)  # the look under way is its turn's
            elif device in self._under_way:
                self._missed[device] = None
            else:
                self._under_way.add(device)
                found.append(device)
        return found

    def at_once(self, device: str) -> bool:
        """Look at it out of turn; False when it is unknown or being looked at. Its turns stay."""
        if device not in self._intervals or device in self._under_way:
            return False
        self._under_way.add(device)
        self._out_of_turn.add(device)
        return True

    def finished(self, device: str, *, looked: bool) -> None:
        """The look at ``device`` is over; ``looked`` False: it was not or could not be looked at.

        A missed device stays missed until a look at it succeeds. Looks out of turn are not counted.
        """
        in_turn = device not in self._out_of_turn
        self._under_way.discard(device)
        self._out_of_turn.discard(device)
        if looked:
            self._looked += in_turn
            self._missed.pop(device, None)
        elif in_turn:
            self._missed[device] = None

    def round_over(self, now_ms: int) -> RoundEnd | None:
        """The end of the round, once, when it is reached."""
        if now_ms < self._round_end:
            return None
        number = (now_ms - self._origin) // self._round_ms - 1
        end = RoundEnd(number, self._round_start, now_ms, self._looked, tuple(self._missed))
        self._round_start = now_ms
        self._round_end = self._origin + (number + 2) * self._round_ms
        self._looked = 0
        return end

    def replace(self, intervals: Mapping[str, int], now_ms: int) -> None:
        """Take another inventory: who stays keeps its turn, who goes is forgotten."""
        kept = {device: turn for turn, device in self._heap if device in intervals}
        self._heap = [
            (_next_turn(device, interval, now_ms, kept), device)
            for device, interval in intervals.items()
        ]
        heapq.heapify(self._heap)
        self._intervals = dict(intervals)
        self._forget(device for device in self._missed.copy() if device not in intervals)

    def _forget(self, devices: Iterable[str]) -> None:
        for device in devices:
            self._missed.pop(device, None)


def _next_turn(device: str, interval: int, now_ms: int, kept: Mapping[str, int]) -> int:
    turn = kept.get(device)
    return now_ms + phase_ms(device, interval) if turn is None else min(turn, now_ms + interval)

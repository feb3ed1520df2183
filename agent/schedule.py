"""When to look at which device. Pure: monotonic milliseconds in, devices out.

Phases are spread over the interval by a stable hash of the device's id, so that a restart or a
new neighbour moves nobody. A device that is still being looked at when its next turn comes loses
that turn: it is named missed, and delays nobody.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from itertools import chain
from typing import NamedTuple

from agent.metrics import Histogram


def phase_ms(device: str, interval_ms: int) -> int:
    """Where in its interval a device has its turn."""
    digest = blake2b(device.encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") % interval_ms


def ordered(names: Sequence[str], interval_ms: int) -> list[tuple[int, int]]:
    """Phase and number of each of ``names``, in the order of their turns."""
    return sorted((phase_ms(name, interval_ms), number) for number, name in enumerate(names))


class Turns(NamedTuple):
    """The devices of one interval in the order of their turns, with their phases."""

    interval_ms: int
    phases: array[int]
    names: list[str]


def turns_of(intervals: Mapping[str, int]) -> list[Turns]:
    """The turns of devices whose intervals (ms) these are."""
    some: dict[int, list[str]] = {}
    for name, interval_ms in intervals.items():
        some.setdefault(interval_ms, []).append(name)
    found = []
    for interval_ms, names in some.items():
        order = ordered(names, interval_ms)
        phases = array("I", [phase for phase, _ in order])
        found.append(Turns(interval_ms, phases, [names[number] for _, number in order]))
    return found


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

    ``every`` has the turns of all devices (``turns_of``), ``round_ms`` is the length of a round.
    Sleep until ``deadline()``, then take ``due`` and ``round_over``; tell ``finished`` at the end
    of a look.
    ``lateness`` counts how many milliseconds after its turn a device was due.
    """

    def __init__(self, every: Sequence[Turns], *, round_ms: int, now_ms: int) -> None:
        self._round_ms = round_ms
        self._origin = self._round_origin = now_ms
        self._rings = [_Ring(one, now_ms, now_ms) for one in every]
        self.lateness = Histogram()
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
        return min((self._round_end, *(ring.turn_ms for ring in self._rings)))

    def due(self, now_ms: int) -> list[str]:
        """The devices whose turn it is, once each; late turns are not made up for."""
        found = []
        late = self.lateness
        for turn_ms, device in chain.from_iterable(ring.due(now_ms) for ring in self._rings):
            late.add(now_ms - turn_ms)
            if device in self._out_of_turn:
                self._out_of_turn.discard(device)  # the look under way is its turn's
            elif device in self._under_way:
                self._missed[device] = None
            else:
                self._missed.pop(device, None)  # its look may end behind the round's end
                self._under_way.add(device)
                found.append(device)
        return found

    def at_once(self, device: str) -> bool:
        """Look at it out of turn; False when it is unknown or being looked at. Its turns stay."""
        if device in self._under_way or not any(device in ring for ring in self._rings):
            return False
        self._under_way.add(device)
        self._out_of_turn.add(device)
        return True

    def finished(self, device: str, *, looked: bool) -> None:
        """The look at ``device`` is over; ``looked`` False: it was not or could not be looked at.

        A missed device stays missed until the next look in its turn begins, or one succeeds. Looks
        out of turn are not counted.
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
        number = (now_ms - self._round_origin) // self._round_ms - 1
        end = RoundEnd(number, self._round_start, now_ms, self._looked, tuple(self._missed))
        self._round_start = now_ms
        self._round_end = self._round_origin + (number + 2) * self._round_ms
        self._looked = 0
        return end

    def replace(
        self, every: Sequence[Turns], now_ms: int, *, round_ms: int, gone: Collection[str]
    ) -> None:
        """Take another inventory, after ``due(now_ms)``: who stays keeps its turn.

        ``gone`` is forgotten: whose looks under way do not count any more. Another ``round_ms``
        begins with the round under way, and the rounds' numbers begin again at 0.
        """
        self._rings = [_Ring(one, self._origin, now_ms) for one in every]
        self._under_way = {one for one in self._under_way if one not in gone}
        self._out_of_turn = {one for one in self._out_of_turn if one not in gone}
        self._missed = {one: None for one in self._missed if one not in gone}
        if round_ms != self._round_ms:
            self._round_ms, self._round_origin = round_ms, now_ms
            self._round_end = now_ms + round_ms


class _Ring:
    """The turns of the devices of one interval, in the order of their phases.

    Two arrays for all of them; ``turn_ms`` is when the next one has its turn.
    """

    __slots__ = ("_at", "_begin_ms", "_interval_ms", "_names", "_phases", "turn_ms")

    def __init__(self, turns: Turns, origin_ms: int, now_ms: int) -> None:
        self._interval_ms, self._phases, self._names = turns
        self._begin_ms = origin_ms
        self._at = 0
        self.turn_ms = origin_ms + self._phases[0]
        if now_ms > origin_ms:
            self._go_to(now_ms)

    def __contains__(self, name: str) -> bool:
        phase = phase_ms(name, self._interval_ms)
        begin, end = bisect_left(self._phases, phase), bisect_right(self._phases, phase)
        return name in self._names[begin:end]

    def due(self, now_ms: int) -> Iterator[tuple[int, str]]:
        """The turns until now, each device's last one if it had several."""
        if now_ms - self.turn_ms >= self._interval_ms:
            self._go_to(now_ms)
            yield from self._one_round()
            return
        while self.turn_ms <= now_ms:
            turn_ms, name = self.turn_ms, self._names[self._at]
            self._at += 1
            if self._at == len(self._names):
                self._at = 0
                self._begin_ms += self._interval_ms
            self.turn_ms = self._begin_ms + self._phases[self._at]
            yield turn_ms, name

    def _go_to(self, now_ms: int) -> None:
        """The next turn is the first one after now."""
        behind = now_ms - self._begin_ms
        self._begin_ms += behind // self._interval_ms * self._interval_ms
        self._at = bisect_right(self._phases, behind % self._interval_ms)
        if self._at == len(self._names):
            self._at = 0
            self._begin_ms += self._interval_ms
        self.turn_ms = self._begin_ms + self._phases[self._at]

    def _one_round(self) -> Iterator[tuple[int, str]]:
        """The last turn of each device before the next one, the oldest first."""
        before_ms = self._begin_ms - self._interval_ms
        for at in (*range(self._at, len(self._names)), *range(self._at)):
            begin_ms = before_ms if at >= self._at else self._begin_ms
            yield begin_ms + self._phases[at], self._names[at]

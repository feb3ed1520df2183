"""What the agent counts about itself: a plain object, filled by others, published by others. Pure.

Counters only ever rise. ``Histogram`` has the shape that Prometheus wants: cumulative when read.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

LATE_MS: Final = (5, 10, 25, 50, 100, 150, 250, 500, 1000, 2500, 10_000)
"""Upper bounds of the classes of lateness."""


class Histogram:
    """How often a value fell into which class; ``bounds`` are the classes' upper ends."""

    __slots__ = ("bounds", "counts", "total")

    def __init__(self, bounds: Sequence[float] = LATE_MS) -> None:
        self.bounds = tuple(bounds)
        self.counts = [0] * (len(self.bounds) + 1)
        self.total = 0.0

    def add(self, value: float, times: int = 1) -> None:
        self.counts[bisect_left(self.bounds, value)] += times
        self.total += value * times

    @property
    def count(self) -> int:
        return sum(self.counts)

    def below(self, share: float) -> float:
        """An upper bound of the ``share`` smallest values; infinity beyond the last class."""
        wanted = share * self.count
        seen = 0
        for bound, count in zip(self.bounds, self.counts, strict=False):
            seen += count
            if seen >= wanted:
                return bound
        return float("inf")


@dataclass(slots=True)
class Metrics:
    """The agent's counters since its start.

    ``lateness``: milliseconds from a device's turn to the moment at which its looks are handed to
    the engines; ``waits``: from there to the first packet (pace, receive buffer, subnet).
    ``together`` and ``alone``: measured looks taken with others, and by themselves. ``drops``:
    replies that the kernel dropped because they came faster than they were read. ``missed``,
    ``in_flight`` and ``queued`` are of this moment.
    """

    looks: int = 0
    answers: int = 0
    timeouts: int = 0
    refused: int = 0
    could_not_look: int = 0
    missed: int = 0
    in_flight: int = 0
    queued: int = 0
    packets_sent: int = 0
    packets_received: int = 0
    octets_sent: int = 0
    octets_received: int = 0
    drops: int = 0
    send_errors: int = 0
    together: int = 0
    alone: int = 0
    lateness: Histogram = field(default_factory=Histogram)
    waits: Histogram = field(default_factory=Histogram)


class Counted(Protocol):
    """What an engine counts (``agent.io.engine.Stats``)."""

    looks: int
    measured: int
    no_answer: int
    refused: int
    could_not_look: int
    sent: int
    received: int
    octets_sent: int
    octets_received: int
    kernel_drops: int
    send_errors: int
    in_flight: int
    queued: int
    waits: Histogram


class Taken(Protocol):
    """What a batch counts (``agent.batch.Batch``)."""

    together: int
    alone: int


def gather(metrics: Metrics, engines: Sequence[Counted], batch: Taken) -> None:
    """Bring the sums over all engines up to date."""
    for name, theirs in _SUMS.items():
        setattr(metrics, name, sum(getattr(one, theirs) for one in engines))
    metrics.waits = Histogram()
    for one in engines:
        metrics.waits.total += one.waits.total
        metrics.waits.counts = [
            a + b for a, b in zip(metrics.waits.counts, one.waits.counts, strict=True)
        ]
    metrics.together, metrics.alone = batch.together, batch.alone


_SUMS: Final = {
    "looks": "looks",
    "answers": "measured",
    "timeouts": "no_answer",
    "refused": "refused",
    "could_not_look": "could_not_look",
    "packets_sent": "sent",
    "packets_received": "received",
    "octets_sent": "octets_sent",
    "octets_received": "octets_received",
    "drops": "kernel_drops",
    "send_errors": "send_errors",
    "in_flight": "in_flight",
    "queued": "queued",
}

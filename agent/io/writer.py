"""From what was seen to the outbox: looks gather, their news and samples are written together.

A flush every ``FLUSH_S`` after the first item writes all in one transaction; samples, which decide
nothing, wait for ``SAMPLES_S``. A disk that fails ends the process (FAULTS F11).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from typing import Final

from agent import lanes, present, samples
from agent.batch import Batch, Taken
from agent.io.port import on_grid
from agent.io.uplink import Uplink
from transport.io.clock import Clock
from transport.io.log import Log
from transport.io.outbox import Row
from wire.observation import Event, EventSource, Reading, StateItem

FLUSH_S: Final = 0.2
SAMPLES_S: Final = 1.0
"""Samples wait for so long to be written with others."""

GATHER_S: Final = 0.02
"""Answers are left to gather for so long; turns and flushes stand on the same grid of moments."""

BATCH_MOST: Final = 256
"""Measured looks that wait to be taken together, until the next flush at most."""

_PENDING_MOST: Final = 200_000
"""State items held in memory while not even the disk takes them."""


class Writer:
    """``add`` items, ``take`` measured looks; ``begin`` says where they are written.

    ``saw`` is told of the readings that are news, ``failed`` of a disk that fails.
    """

    def __init__(
        self,
        clock: Clock,
        log: Log,
        *,
        saw: Callable[[Sequence[Reading]], None],
        failed: Callable[[BaseException], bool],
    ) -> None:
        self.state = lanes.StateLane()
        self.sample = samples.SampleLane()
        self.batch = Batch(self.state, self.sample)
        self.items: list[StateItem] = []
        self._clock = clock
        self._log = log
        self._saw = saw
        self._failed = failed
        self._taken: list[Taken] = []
        self._on_disk: list[Callable[[], None]] = []
        self._flush_at: asyncio.TimerHandle | None = None
        self._samples_s = 0.0
        self._uplink: Uplink | None = None

    def begin(self, uplink: Uplink) -> None:
        self._uplink = uplink

    def close(self) -> None:
        """No flush comes by itself any more. Idempotent."""
        if self._flush_at is not None:
            self._flush_at.cancel()
            self._flush_at = None

    def add(self, item: StateItem) -> None:
        """Something for the state lane."""
        self.items.append(item)
        self.arm()

    def tell(self, events: Sequence[Event], on_disk: Callable[[], None]) -> None:
        """Events for the state lane; ``on_disk`` is called once they cannot be lost."""
        self.items += events
        self._on_disk.append(on_disk)
        self.arm()

    def take(self, look: Taken) -> None:
        """A measured look, to be taken with others; see to it that ``arm`` follows."""
        self._taken.append(look)
        if len(self._taken) >= BATCH_MOST:
            self.settle()

    def settle(self) -> None:
        """Take what was measured into the lanes, many looks at once."""
        if not self._taken:
            return
        taken, self._taken = self._taken, []
        found, again = self.batch.take(taken, self._clock.monotonic_ms())
        for device in again:
            self._log.info("device restarted", device=device)
            self.items.append(_restart(device, self._clock.now_ms()))
        self.items += found
        self._saw(found)

    def arm(self) -> None:
        """See to a flush soon; at once when there is enough for one."""
        if self.sample.values >= samples.VALUES_MOST or len(self.items) >= lanes.ITEMS_MOST:
            self.flush()
        elif self._flush_at is None:
            loop = asyncio.get_running_loop()
            at_s = on_grid(loop.time() + FLUSH_S, GATHER_S)
            self._flush_at = loop.call_at(at_s, self.flush)

    def flush(self, *, all_of_it: bool = False) -> None:
        """Write items, and samples when they are due."""
        self.close()
        try:
            self.settle()
            now_s = self._clock.monotonic()
            due = all_of_it or now_s - self._samples_s >= SAMPLES_S
            if due or self.sample.values >= samples.VALUES_MOST:
                self._samples_s = now_s
                self.write(self.sample.take())
            elif self.items:
                self.write([])
            if self.sample.values:
                self.arm()
        except BaseException as error:
            if not self._failed(error):
                raise

    def standing(self) -> Iterator[list[tuple[bytes, int]]]:
        """How everything stands, in steps, after all that was seen before is in its lane."""
        self.flush()
        state = self.state
        yield from present.by_steps(
            state.devices, state.looks_now, state.readings_now, self._clock.now_ms
        )

    def write(self, bodies: Sequence[tuple[bytes, int]]) -> None:
        """The items, and these samples, to disk."""
        uplink = self._uplink
        assert uplink is not None
        at_ms = self._clock.now_ms()
        self.state.refreshes(on=uplink.link.connected)
        state = _rows("state", at_ms, lanes.state_bodies(self.items))
        sample = _rows("sample", at_ms, bodies)
        if uplink.append(state, sample) or (sample and uplink.append(state, ())):
            self.items.clear()
            on_disk, self._on_disk = self._on_disk, []
            for told in on_disk:
                told()
            return
        # Not even the state fits: keep it in memory; when that is full too, say it all again.
        if len(self.items) > _PENDING_MOST:
            self.items.clear()
            self._on_disk.clear()
            self.state.forget()
            self._log.error("state given up: no disk space", items=_PENDING_MOST)


def _rows(kind: str, at_ms: int, bodies: Sequence[tuple[bytes, int]]) -> list[Row]:
    return [Row(kind, at_ms, body, count) for body, count in bodies]


def _restart(device: str, at_ms: int) -> Event:
    return Event(
        device=device, source=EventSource.RESTART, kind="restarted", from_ms=at_ms, at_ms=at_ms
    )

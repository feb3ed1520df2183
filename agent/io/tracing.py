"""Traces as evidence: where the path to a device ends that has just fallen silent.

Off unless so many a minute are allowed; one at a time, in a thread; who falls silent while none
is to be had gets none.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from agent import trace
from agent.bucket import Bucket
from agent.io.trace import TraceFault, follow
from agent.trace import Trace
from transport.io import log as logs
from transport.io.clock import Clock
from wire.observation import Event, EventSource

TIMEOUT_S: Final = 0.5
HOPS: Final = 20


class Tracing:
    """``silent`` is told of each device's new silence; ``tell`` takes the event."""

    def __init__(self, per_minute: int, clock: Clock, tell: Callable[[Event], None]) -> None:
        self._clock = clock
        self._bucket = Bucket(per_minute / 60, self._now_ns(), 1) if per_minute else None
        self._tell = tell
        self._task: asyncio.Task[None] | None = None
        self._changes = logs.Changes(logs.get("trace"))

    def silent(self, device: str, address: str) -> None:
        """The device has just ceased to answer at ``address``."""
        if self._bucket is None or (self._task is not None and not self._task.done()):
            return
        if self._bucket.available(self._now_ns()) < 1:
            return
        self._bucket.take(1)
        self._task = asyncio.create_task(self._trace(device, address))

    def _now_ns(self) -> int:
        return self._clock.monotonic_ms() * 1_000_000

    async def close(self) -> None:
        """Wait for the trace under way to be given up."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _trace(self, device: str, address: str) -> None:
        try:
            found = await asyncio.to_thread(follow, address, timeout_s=TIMEOUT_S, hops=HOPS)
        except TraceFault as fault:
            self._changes.note("trace", fault.reason, "cannot trace", reason=fault.reason)
            return
        self._tell(event(device, found, self._clock.now_ms()))


def event(device: str, found: Trace, at_ms: int) -> Event:
    """A trace as evidence: where it ends, and the path."""
    last = found.last
    kind = found.end if last is None else f"{found.end} @ {last.distance}"
    return Event(
        device=device,
        source=EventSource.TRACE,
        kind=kind,
        text=trace.line(found),
        from_ms=at_ms,
        at_ms=at_ms,
    )

"""Virtual time: an event loop that never waits, and clocks that may be wrong.

When nothing is ready the loop jumps to its next timer. Every handle belongs to the life of a
simulated process (by its context) or to nobody; so a life can be stopped like by SIGSTOP, and
ended after any of its handles. Nothing here reads a real clock.
"""

from __future__ import annotations

import asyncio
import heapq
import sqlite3
from collections import deque
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any, Final

from transport.io.clock import Clock

T0_MS: Final = 1_800_000_000_000
"""The wall clock of a right clock at virtual second 0 (2027-01-15)."""

MOST_AT_ONCE: Final = 200_000
"""Handles run without time going by after which somebody is running in circles."""


class Stuck(Exception):  # noqa: N818  it says what the simulation is
    """Nothing will ever happen again, or too much happens in no time."""


class Life:
    """One incarnation of a process, from its start to its end or kill."""

    def __init__(self, name: str, number: int) -> None:
        self.name = name
        self.number = number
        self.dead = False
        self.stopped = False
        self.held: deque[asyncio.Handle] = deque()
        self.kill_after: int | None = None
        """Handles of this life that still run before it is killed."""
        self.on_kill: Callable[[], None] = lambda: None
        self.files: list[sqlite3.Connection] = []
        """Connections that it opened: its end closes them, as the kernel does."""

    def die(self) -> None:
        """From this moment on nothing that it does has any effect outside."""
        if not self.dead:
            self.dead = True
            self.on_kill()

    def __repr__(self) -> str:
        return f"{self.name}#{self.number}"


OWNER: Final[ContextVar[Life | None]] = ContextVar("owner", default=None)


class VirtualLoop(asyncio.SelectorEventLoop):
    """``asyncio``'s own loop with another idea of time. ``ran`` counts handles."""

    def __init__(self) -> None:
        self._now = 0.0
        self.ran = 0
        self._since_jump = 0
        super().__init__()
        self.set_exception_handler(self._heard)
        self.faults: list[str] = []

    def time(self) -> float:
        return self._now

    def wake(self, life: Life) -> None:
        """Let a stopped life go on: what came meanwhile is run first."""
        life.stopped = False
        self._ready.extend(life.held)  # type: ignore[attr-defined]  # asyncio.base_events
        life.held.clear()

    def _heard(self, _: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """What asyncio would have logged; of a life that is dead it says nothing."""
        handle = context.get("handle")
        life = OWNER.get() if handle is None else handle._context.get(OWNER)
        # Nobody waited for the task: of two that met the same broken disk one ends the process.
        error = context.get("exception")
        while isinstance(error, BaseExceptionGroup):
            error = error.exceptions[0]
        if isinstance(error, sqlite3.Error) and handle is None:
            return
        if life is None or not life.dead:
            self.faults.append(f"{context.get('message')}: {context.get('exception')!r}")

    def _run_once(self) -> None:
        """One pass: jump when nothing is ready, then run what is. No selector, no I/O."""
        timers: list[asyncio.TimerHandle] = self._scheduled  # type: ignore[attr-defined]
        ready: deque[asyncio.Handle] = self._ready  # type: ignore[attr-defined]
        while timers and timers[0].cancelled():
            heapq.heappop(timers)._scheduled = False  # type: ignore[attr-defined]
        if not ready:
            if not timers:
                raise Stuck("nothing is ready and nothing is to come")
            self._now = max(self._now, timers[0].when())
            self._since_jump = 0
        while timers and timers[0].when() <= self._now:
            timer = heapq.heappop(timers)
            timer._scheduled = False  # type: ignore[attr-defined]
            ready.append(timer)
        self._since_jump += len(ready)
        if self._since_jump > MOST_AT_ONCE:
            raise Stuck(f"{self._since_jump} handles in no time: {ready[0]!r}")
        for _ in range(len(ready)):
            self._run(ready.popleft())

    def _run(self, handle: asyncio.Handle) -> None:
        if handle.cancelled():
            return
        life: Life | None = handle._context.get(OWNER)  # type: ignore[attr-defined]
        if life is not None and life.stopped and not life.dead:
            life.held.append(handle)
            return
        self.ran += 1
        handle._run()
        if life is not None and life.kill_after is not None:
            life.kill_after -= 1
            if life.kill_after <= 0:
                life.kill_after = None
                life.die()

    def _timer_handle_cancelled(self, handle: asyncio.TimerHandle) -> None:
        """Keep the heap small: most timeouts of asyncio are cancelled."""
        super()._timer_handle_cancelled(handle)  # type: ignore[misc]
        timers: list[asyncio.TimerHandle] = self._scheduled  # type: ignore[attr-defined]
        if self._timer_cancelled_count > 200 and 2 * self._timer_cancelled_count > len(timers):  # type: ignore[has-type]
            self._timer_cancelled_count = 0
            kept = [timer for timer in timers if not timer.cancelled()]
            timers[:] = kept
            heapq.heapify(timers)

    def add_signal_handler(self, *_: Any) -> None:  # type: ignore[override]  # whatever it is
        """Processes of a simulation get no signals."""

    def run_in_executor(  # type: ignore[override]  # no executor
        self, _: Any, func: Callable[..., Any], *args: Any
    ) -> asyncio.Future[Any]:
        """A thread that is quick: its work is done at once, its word comes with the next pass."""
        answer = self.create_future()

        def done() -> None:
            if answer.cancelled():
                return
            try:
                answer.set_result(func(*args))
            except BaseException as error:  # noqa: BLE001  whatever it is belongs to the caller
                answer.set_exception(error)

        self.call_soon(done)
        return answer


class SimClock(Clock):
    """A machine's clock: ``skew_ms`` is how far its wall clock is off. Monotonic is never wrong."""

    def __init__(self, loop: VirtualLoop) -> None:
        super().__init__()
        self._loop = loop
        self.skew_ms = 0

    def wall_ms(self) -> int:
        return max(0, T0_MS + round(self._loop.time() * 1000) + self.skew_ms)

    def now_ms(self) -> int:
        return self.wall_ms()

    def monotonic(self) -> float:
        return self._loop.time()

    def monotonic_ms(self) -> int:
        return round(self._loop.time() * 1000)

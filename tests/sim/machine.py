"""A virtual machine for one real process: one disk, one clock and one line to the broker each.

A machine starts its process again whenever that has ended, as systemd would. A kill is the end of
a life between two of its handles, or inside one of its writes; from there on nothing that is left
of it has any effect. A power cut is a kill that also takes what was not synced.
"""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Callable
from functools import partial
from random import Random
from typing import TYPE_CHECKING, Any, Protocol

from tests.sim.clock import OWNER, Life, SimClock, VirtualLoop
from tests.sim.disk import Disks
from tests.sim.house import House
from tests.sim.net import Broker, SimLink

if TYPE_CHECKING:
    from tests.sim.checker import Checker


class Ground(Protocol):
    """What every machine of a run stands on."""

    loop: VirtualLoop
    seed: int
    house: House
    disks: Disks
    broker: Broker
    checker: Checker

    def note(self, kind: str, said: str) -> None: ...


class Machine:
    """A host with one process on it; ``body`` runs until the process ends."""

    def __init__(self, ground: Ground, name: str, client: str) -> None:
        self.ground = ground
        self.name = name
        self.client = client
        self.disk = ground.disks.disk(ground.house.folder / name)
        self.clock = SimClock(ground.loop)
        self.random = Random(f"{ground.seed}/{name}")
        self.lives = 0
        self.life: Life | None = None
        self.over = asyncio.Event()
        self.power_cut = False
        self.lose: Callable[[], None] | None = None
        """What becomes of its files after the end of this life."""

        self.context = contextvars.Context()
        self.pause_s = (1.0, 10.0)
        self._task: asyncio.Task[None] | None = None

    async def body(self) -> None:
        raise NotImplementedError

    def restored(self) -> None:
        """The life is over and its files are closed: what a checker may look at."""

    async def run(self) -> None:
        """Lives, one after the other, for ever."""
        loop = self.ground.loop
        while True:
            self.lives += 1
            life = self.life = Life(self.name, self.lives)
            life.on_kill = partial(self._killed, life)
            self.disk.begin()
            self.disk.killed = life.die
            context = self.context = contextvars.copy_context()
            context.run(OWNER.set, life)
            self.ground.note("start", repr(life))
            self._task = loop.create_task(self.body(), context=context)
            await asyncio.wait({self._task})
            if self.over.is_set():
                self._close(life)
                return
            self._ended(life, self._task)
            await asyncio.sleep(self.random.uniform(*self.pause_s))
            if self.over.is_set():
                return

    def _close(self, life: Life) -> None:
        """What the kernel does with the files of a process that has ended."""
        for db in life.files:
            db.close()

    def link(self) -> Callable[..., SimLink]:
        """What makes this life's link."""
        assert self.life is not None
        random = Random(f"{self.ground.seed}/{self.life}")

        def made(*given: Any, **named: Any) -> SimLink:
            return SimLink(self.ground.broker, random, *given, **named | {"client_id": self.client})

        return made

    # ── Faults ───────────────────────────────────────────────────────────────────────────────────

    @property
    def alive(self) -> bool:
        return self.life is not None and not self.life.dead and not self.life.stopped

    def kill(self, *, after: int = 1, power: bool = False) -> None:
        """End the life after so many of its handles."""
        if self.life is not None and not self.life.dead:
            self.power_cut |= power
            self.life.kill_after = after

    def terminate(self) -> None:
        """SIGTERM: a clean end."""

    def end(self) -> None:
        """The simulation is over."""
        self.over.set()
        if self.life is not None and not self.life.dead:
            self.life.dead = self.disk.dead = True
            self.ground.broker.died(self.client, self.life)
            if self.life.stopped:
                self.ground.loop.wake(self.life)
            if self._task is not None:
                self._task.cancel()

    def stop(self) -> None:
        """SIGSTOP."""
        if self.life is not None and not self.life.dead:
            self.life.stopped = True
            self.ground.broker.silent(self.client, self.life)

    def go_on(self) -> None:
        """SIGCONT."""
        if self.life is not None and self.life.stopped:
            self.ground.loop.wake(self.life)

    def _killed(self, life: Life) -> None:
        self.ground.note("kill", repr(life))
        self.disk.dead = True
        self.ground.broker.died(self.client, life)
        if life.stopped:
            self.ground.loop.wake(life)
        if self._task is not None:
            self._task.cancel()

    def _ended(self, life: Life, task: asyncio.Task[None]) -> None:
        error = None if task.cancelled() else task.exception()
        if not life.dead:
            said = "clean" if error is None else _root(error)
            self.ground.note("end", f"{life!r} {said}")
            self.ground.checker.ended(self.name, error)
            life.dead = True
            self.ground.broker.died(self.client, life)
        self._close(life)
        if self.power_cut:
            self.power_cut = False
            lost = self.disk.cut_power(self.random)
            self.ground.note("power", f"{self.name} {lost}")
        self.disk.part()
        if self.lose is not None:
            lose, self.lose = self.lose, None
            self._by_hand(lose)
        self.restored()

    def _by_hand(self, what: Callable[[], None]) -> None:
        """Somebody does something to the files between two lives; their disk is well."""
        full, self.disk.full = self.disk.full, False
        self.disk.begin()
        what()
        self.disk.dead, self.disk.full = True, full
        self.disk.part()


def _root(error: BaseException) -> str:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return f"{type(error).__name__}: {error}"

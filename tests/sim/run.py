"""One simulated county from one seed: machines, faults, healing, judgement."""

from __future__ import annotations

import asyncio
import hashlib
import random
import shutil
import sqlite3
import tempfile
import traceback
from collections import Counter
from collections.abc import Callable, Coroutine
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from random import Random
from typing import Any, Final
from unittest.mock import patch

import structlog

from collector.io.configured import load_county
from tests.sim.checker import Checker
from tests.sim.clock import OWNER, Stuck, VirtualLoop
from tests.sim.disk import disks
from tests.sim.faults import Faults
from tests.sim.house import House, Size
from tests.sim.machine import Machine
from tests.sim.net import Broker
from tests.sim.processes import AgentMachine, CollectorMachine, OfficeMachine
from tests.sim.truth import IcmpEyes, SnmpEyes, Truth

HOURS_3: Final = 3 * 3600.0
QUIET_S: Final = 2700.0
"""Longer than flapping is held (1800 s) and a clearing takes (600 s)."""

SNAPSHOT_EVERY: Final = 300
WATCH_S: Final = 5.0


@dataclass
class Result:
    """What became of a run; ``violation`` is empty when all held."""

    seed: int
    violation: str = ""
    at_s: float = 0.0
    trace: str = ""
    counts: Counter[str] = field(default_factory=Counter)
    log: list[str] = field(default_factory=list)


class Simulation:
    """The ground of all machines (``processes.Ground``), and their fate."""

    def __init__(
        self,
        seed: int,
        folder: Path,
        *,
        seconds: float,
        show: Callable[[str], None] | None = None,
        only: tuple[str, ...] = (),
    ) -> None:
        self.seed = seed
        self.only = only
        self.seconds = seconds
        self.random = Random(seed)
        self.loop = VirtualLoop()
        self._digest = hashlib.sha256()
        self._show = show
        self._over: asyncio.Future[str] | None = None
        self.violation = ""
        size = Size(interval_s=self.random.choice((30.0, 30.0, 60.0)))
        self.house = House(folder, size)
        self.disks = disks()
        self.broker = Broker(self.loop, Random(f"{seed}/net"), self.note)
        self.checker = Checker(folder / "scratch", self.fail, self.note)
        self.quiet_s = seconds - QUIET_S
        self.truth = Truth(Random(f"{seed}/truth"), self.house.devices, quiet_s=self.quiet_s)
        self.agents = [AgentMachine(self, name, self.truth) for name in self.house.agents]
        if self.random.random() < 0.5:
            self.agents[0].sample_quota = 4000
        self.collector = CollectorMachine(self)
        self.office = OfficeMachine(self)
        self.machines: list[Machine] = [*self.agents, self.collector, self.office]
        self._running: list[asyncio.Future[None]] = []

    def note(self, kind: str, said: str) -> None:
        """One line of the trace; its hash is what two runs of a seed must have in common."""
        line = f"{self.loop.time():.6f} {kind} {said}"
        self._digest.update(line.encode())
        if self._show is not None:
            self._show(line)

    def fail(self, text: str) -> None:
        if not self.violation:
            self.violation = text
            self.note("VIOLATION", text)
            if self._over is not None and not self._over.done():
                self._over.set_result(text)

    def add(self, machine: Machine) -> None:
        """One machine more."""
        self.machines.append(machine)
        self._running.append(asyncio.ensure_future(self._part(machine.run())))

    def remove(self, machine: Machine) -> None:
        """It is switched off for good."""
        machine.end()
        self.machines.remove(machine)

    def run(self) -> Result:
        with self.disks.in_force():
            try:
                self.loop.run_until_complete(self._main())
            except Stuck as stuck:
                self.fail(f"stuck: {stuck}")
        counts = self.checker.counts + Counter(self.broker.counts)
        counts["handles"] = self.loop.ran
        counts["lives"] = sum(machine.lives for machine in self.machines)
        return Result(self.seed, self.violation, self.loop.time(), self._digest.hexdigest(), counts)

    async def _main(self) -> None:
        over = self._over = self.loop.create_future()
        self._running += [
            asyncio.ensure_future(self._part(machine.run())) for machine in self.machines
        ]
        others = [
            asyncio.ensure_future(self._part(part))
            for part in (Faults(self).run(), self._watch(), self._ending())
        ]
        await over
        for machine in self.machines:
            machine.end()
        for task in others:
            task.cancel()
        await asyncio.gather(*self._running, *others, return_exceptions=True)

    async def _part(self, part: Coroutine[Any, Any, None]) -> None:
        """A part of the simulation itself; what it raises ends the run with its last words."""
        try:
            await part
        except Exception:  # noqa: BLE001  told as what it is
            self.fail(f"the simulation itself: {traceback.format_exc()[-1500:]}")

    async def _watch(self) -> None:
        """What holds at any moment, looked at every few virtual seconds."""
        while True:
            await asyncio.sleep(WATCH_S)
            for text in self.loop.faults:
                self.fail(f"asyncio: {text}")
            self.checker.bounds(self)

    async def _ending(self) -> None:
        """The end of the time, and up to ten minutes more for what is on its way."""
        await asyncio.sleep(self.seconds)
        for _ in range(600):
            if self._settled():
                break
            await asyncio.sleep(1)
        collector = self.collector.collector
        if collector is None:
            self.fail("no collector at the end")
        else:
            self.checker.finish(collector, self.truth, self.loop.time(), self.house.folder)
        if self._over is not None and not self._over.done():
            self._over.set_result("")

    def _settled(self) -> bool:
        collector = self.collector.collector
        if collector is None or any(hop.pending for hop in collector._hops.values()):
            return False
        return all(
            agent.agent is not None and agent.agent._buffered() == 0 for agent in self.agents
        )


_CONNECT: Final = sqlite3.connect


def _connect(*given: Any, **named: Any) -> sqlite3.Connection:
    """``sqlite3.connect`` that remembers whose life the connection belongs to."""
    made: sqlite3.Connection = _CONNECT(*given, **named)
    life = OWNER.get()
    if life is not None:
        life.files.append(made)
    return made


def simulate(
    seed: int,
    *,
    seconds: float = HOURS_3,
    show: Callable[[str], None] | None = None,
    mutant: Callable[[ExitStack], None] | None = None,
    only: tuple[str, ...] = (),
) -> Result:
    """Run one seed in a folder of its own on a memory disk; ``only`` these faults, else all."""
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger("critical"),
        cache_logger_on_first_use=False,
    )
    base = "/dev/shm" if Path("/dev/shm").is_dir() else None
    folder = Path(tempfile.mkdtemp(prefix="wanglou-sim-", dir=base))
    dice = random.getstate()
    random.seed(seed)  # what the programs themselves draw
    try:
        with ExitStack() as stack:
            stack.enter_context(patch("collector.app.SNAPSHOT_EVERY", SNAPSHOT_EVERY))
            stack.enter_context(patch("sqlite3.connect", _connect))
            # The register stays as it is, and reading it takes a twentieth of a run.
            stack.enter_context(patch("collector.io.begin.load_county", cache(load_county)))
            stack.enter_context(patch("agent.app.SnmpEngine", SnmpEyes))
            stack.enter_context(patch("agent.app.IcmpEngine", IcmpEyes))
            if mutant is not None:
                mutant(stack)
            simulation = Simulation(seed, folder, seconds=seconds, show=show, only=only)
            try:
                return simulation.run()
            finally:
                simulation.loop.close()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        structlog.reset_defaults()
        random.setstate(dice)

"""What goes wrong, and when: drawn from the seed, healed before the quiet at the end."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from random import Random
from typing import TYPE_CHECKING, Any, Final

from tests.sim.net import Weather
from wire.notice import Verb

if TYPE_CHECKING:
    from tests.sim.processes import Machine
    from tests.sim.run import Simulation


Strike = Callable[["Machine"], Coroutine[Any, Any, None]]

KINDS: Final = {
    "kill": 1,
    "kill_in_write": 3,
    "kill_at_notice": 1,
    "power": 1,
    "terminate": 1,
    "broker": 1,
    "partition": 1,
    "weather": 2,
    "stop": 1,
    "skew": 1,
    "full": 1,
    "eio": 1,
    "blind": 1,
    "lost": 1,
    "order": 2,
}
"""Every fault, and how often it comes beside the others."""


class Faults:
    """Strikes one after the other until the quiet; each heals by itself."""

    def __init__(self, simulation: Simulation) -> None:
        self.sim = simulation
        self.random = Random(f"{simulation.seed}/faults")
        self._tasks: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        sim, random = self.sim, self.random
        kinds = [kind for kind, times in KINDS.items() for _ in range(times)]
        kinds = [kind for kind in kinds if not sim.only or kind in sim.only]
        gaps = (5.0, 20.0, 60.0, 120.0) if sim.only else (0.5, 20.0, 200.0, 600.0)
        await asyncio.sleep(random.uniform(5, 120))
        while sim.loop.time() < sim.quiet_s:
            kind = random.choice(kinds)
            target = random.choice((*sim.machines, sim.collector))
            strike: Strike = getattr(self, f"_{kind}")
            self._begin(strike(target))
            await asyncio.sleep(random.choice(gaps) * random.uniform(0.2, 1.8))
        await asyncio.gather(*self._tasks)
        self.heal()

    def _begin(self, strike: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(strike)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def heal(self) -> None:
        sim = self.sim
        sim.note("heal", "")
        sim.broker.weather = Weather()
        sim.collector.end_at_notice = False
        for machine in sim.machines:
            machine.disk.full = machine.disk.eio = False
            machine.disk.end_after = None
            machine.clock.skew_ms = 0
        for agent in sim.agents:
            agent.sight.blind = False

    def _left(self, seconds: float) -> float:
        """So long, but not into the quiet."""
        return max(0.0, min(seconds, self.sim.quiet_s - self.sim.loop.time()))

    def _long(self) -> float:
        return self._left(self.random.choice((3.0, 40.0, 400.0, 3000.0)) * self.random.random())

    async def _kill(self, target: Machine) -> None:
        self.sim.note("fault", f"kill {target.name}")
        target.kill(after=self.random.choice((1, 3, 10, 50, 300)))

    async def _power(self, target: Machine) -> None:
        self.sim.note("fault", f"power {target.name}")
        target.power_cut = True
        if self.random.random() < 0.5:
            target.kill(after=self.random.choice((1, 10, 100)), power=True)
        else:
            target.disk.end_in = ""
            target.disk.end_after = self.random.randint(1, 60)

    async def _kill_in_write(self, target: Machine) -> None:
        self.sim.note("fault", f"kill in write {target.name}")
        target.disk.end_in = self.random.choice(("", "county.db", "county.db"))
        if target is not self.sim.collector:
            target.disk.end_in = ""
        target.disk.end_after = self.random.choice((1, 2, 3, 5, 8, 13, 21, 34))

    async def _kill_at_notice(self, _: Machine) -> None:
        self.sim.note("fault", "kill at notice")
        self.sim.collector.end_at_notice = True

    async def _terminate(self, target: Machine) -> None:
        self.sim.note("fault", f"terminate {target.name}")
        target.terminate()

    async def _broker(self, _: Machine) -> None:
        self.sim.note("fault", "broker")
        self.sim.broker.kill()
        await asyncio.sleep(self._long())
        self.sim.broker.start()

    async def _partition(self, target: Machine) -> None:
        self.sim.note("fault", f"cut {target.client}")
        self.sim.broker.sever(target.client)
        await asyncio.sleep(self._long())
        self.sim.broker.mend(target.client)

    async def _weather(self, _: Machine) -> None:
        random = self.random
        self.sim.note("fault", "weather")
        self.sim.broker.weather = Weather(
            loss=random.choice((0.0, 0.05, 0.3)),
            double=random.choice((0.0, 0.1, 0.5)),
            reorder=random.choice((0.0, 0.1, 0.5)),
            delay_s=random.choice((0.002, 0.05, 0.5, 2.0)),
        )
        await asyncio.sleep(self._left(random.uniform(60, 1200)))
        self.sim.broker.weather = Weather()

    async def _stop(self, target: Machine) -> None:
        self.sim.note("fault", f"stop {target.name}")
        target.stop()
        await asyncio.sleep(self._left(self.random.choice((5.0, 60.0, 300.0))))
        target.go_on()

    async def _skew(self, target: Machine) -> None:
        hours = self.random.choice((-2.0, -0.01, 0.01, 1.0, 24 * 365.0))
        if target is self.sim.collector:
            hours = self.random.choice((-0.2, -0.01, 0.01))
        self.sim.note("fault", f"skew {target.name} {hours}")
        target.clock.skew_ms = round(hours * 3_600_000)
        await asyncio.sleep(self._long())
        target.clock.skew_ms = 0

    async def _full(self, target: Machine) -> None:
        self.sim.note("fault", f"full {target.name}")
        target.disk.full = True
        await asyncio.sleep(self._long() / 4)
        target.disk.full = False

    async def _eio(self, target: Machine) -> None:
        self.sim.note("fault", f"eio {target.name}")
        target.disk.eio = True

    async def _lost(self, _: Machine) -> None:
        """An agent's disk is replaced (FAULTS F13); a few times at most."""
        agent = self.random.choice(self.sim.agents)
        if self.random.random() < 0.5:
            self.sim.note("fault", f"lose {agent.name}")
            agent.lose = True
            agent.kill()

    async def _order(self, _: Machine) -> None:
        """A person says something: acknowledges the last notice, or orders what cannot be."""
        notices = self.sim.checker.notices
        verb, target = self.random.choice(
            ((Verb.ACK, f"N-{max(1, notices):06d}"), (Verb.PROPOSE, "W-20270115-001"))
        )
        self.sim.note("fault", f"order {verb} {target}")
        self.sim.office.order(verb, target)

    async def _blind(self, _: Machine) -> None:
        agent = self.random.choice(self.sim.agents)
        self.sim.note("fault", f"blind {agent.name}")
        agent.sight.blind = True
        await asyncio.sleep(self._long() / 3)
        agent.sight.blind = False

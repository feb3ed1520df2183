"""What goes wrong, and when: drawn from the seed, healed before the quiet at the end."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Coroutine
from functools import partial
from random import Random
from typing import TYPE_CHECKING, Any, Final

from tests.sim.net import Weather
from transport.frames import unwrap, wrap
from wire.notice import Verb

if TYPE_CHECKING:
    from tests.sim.machine import Machine
    from tests.sim.run import Simulation


Strike = Callable[["Machine"], Coroutine[Any, Any, None]]

_NUMBER: Final = re.compile(rb'\\"number\\":\d+')

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
    "refuse": 1,
    "forge": 1,
    "office_at_notice": 1,
    "reload": 2,
    "clone": 1,
    "old_outbox": 1,
    "store_gone": 1,
    "store_old": 1,
}
"""Every fault, and how often it comes beside the others."""


class Faults:
    """Strikes one after the other until the quiet; each heals by itself."""

    def __init__(self, simulation: Simulation) -> None:
        self.sim = simulation
        self.random = Random(f"{simulation.seed}/faults")
        self._tasks: set[asyncio.Task[None]] = set()
        self._copies = 0

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
        sim.broker.refusing.clear()
        sim.collector.end_at_notice = sim.office.end_at_notice = False
        for machine in sim.machines:
            machine.disk.full = machine.disk.eio = False
            machine.disk.end_after = None
            machine.clock.skew_ms = 0
        for agent in sim.agents:
            agent.sight.blind = False
            agent.without, agent.fault = frozenset(), ""
            agent.interval_s = sim.house.size.interval_s
            agent.reload()

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
            agent.lose = agent.new_disk
            agent.kill()

    async def _old_outbox(self, _: Machine) -> None:
        """An agent's outbox is what it was a while ago (F13): its file alone, or its machine."""
        agent = self.random.choice(self.sim.agents)
        if not agent.alive:
            return
        copy = agent.copy()
        await asyncio.sleep(self._long())
        self.sim.note("fault", f"old outbox {agent.name}")
        agent.lose = partial(agent.old_disk, copy, whole=self.random.random() < 0.5)
        agent.kill()

    async def _store_old(self, _: Machine) -> None:
        """The county's store is what it was a while ago, by backup and restoration (F21)."""
        collector = self.sim.collector
        self._copies += 1
        copy = collector.copy(f"{self._copies}.db")
        await asyncio.sleep(self._long())
        if copy is not None:
            self.sim.note("fault", f"old store {self._copies}")
            collector.lose = partial(collector.old_store, *copy)
            collector.kill(after=self.random.choice((1, 10, 100)))

    async def _store_gone(self, _: Machine) -> None:
        """The county's store is gone altogether, now and then with all the rest of its disk."""
        collector = self.sim.collector
        if self.random.random() < 0.5:
            self.sim.note("fault", "store gone")
            collector.lose = partial(collector.no_store, samples=self.random.random() < 0.5)
            collector.kill(after=self.random.choice((1, 10, 100)))

    async def _clone(self, _: Machine) -> None:
        """A second agent with the identity of one, for a while (F14)."""
        agent = self.random.choice(self.sim.agents)
        seconds = self._left(self.random.choice((100.0, 400.0, 2000.0)))
        if any(machine.name == f"{agent.name}~" for machine in self.sim.machines):
            return
        self.sim.note("fault", f"clone {agent.name}")
        clone = agent.clone(same_client=self.random.random() < 0.5)
        self.sim.checker.clone(agent.name, here=True)
        self.sim.add(clone)
        await asyncio.sleep(seconds)
        self.sim.remove(clone)
        self.sim.checker.clone(agent.name, here=False)

    async def _reload(self, _: Machine) -> None:
        """Another configuration and SIGHUP; one that must be refused now and then."""
        agent, random = self.random.choice(self.sim.agents), self.random
        own = self.sim.house.inventory(agent.name).targets
        agent.without = frozenset(
            target.device for target in own if random.random() < random.choice((0.0, 0.3))
        )
        if len(agent.without) == len(own):
            agent.without = frozenset()
        agent.interval_s = random.choice((30.0, 60.0))
        agent.fault = random.choice(("", "", "", "no such file"))
        self.sim.note("fault", f"reload {agent.name} {agent.interval_s:g} {sorted(agent.without)}")
        agent.reload()

    async def _refuse(self, target: Machine) -> None:
        """The broker's ACL refuses what somebody says, and the PUBACK says so or does not."""
        self.sim.note("fault", f"refuse {target.client}")
        self.sim.broker.refusing[target.client] = self.random.random() < 0.7
        await asyncio.sleep(self._long() / 3)
        self.sim.broker.refusing.pop(target.client, None)

    async def _forge(self, _: Machine) -> None:
        """Somebody puts an old notice, or one of his own making, on the office's line (S6)."""
        sim, random = self.sim, self.random
        client, judge = sim.office.client_, sim.checker.office
        kept = [(message, unwrap(message.payload)) for message in sim.broker.kept]
        kept = [(message, row) for message, row in kept if judge.knows(row.body)]
        if not kept or client is None:
            return
        message, row = random.choice(kept)
        body = row.body
        if random.random() < 0.5:
            body = _NUMBER.sub(rb"\g<0>9", body)
        mark = client._receiver.mark(row.peer)
        payload = wrap(
            row.peer, epoch=max(1, mark.epoch), seq=mark.seq + 1, sent_ms=row.sent_ms, check=1,
            body=body,
        )  # fmt: skip
        sim.note("fault", f"forge {mark.epoch} {mark.seq + 1} {body is row.body}")
        judge.forged = True
        sim.broker.route(message._replace(payload=payload))

    async def _office_at_notice(self, _: Machine) -> None:
        self.sim.note("fault", "office at notice")
        self.sim.office.end_at_notice = True

    async def _order(self, _: Machine) -> None:
        """A person says something: acknowledges the last notice, or orders what cannot be."""
        notices = self.sim.checker.known.number
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

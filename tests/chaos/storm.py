"""Real processes, killed at random by a seed: two agents, broker, collector, office client.

Whatever is killed is started again at once, as the service manager would. At the end everybody is
left alone until all is delivered, and then the histories are judged.
"""

from __future__ import annotations

import asyncio
import re
import sqlite3
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Final, NamedTuple, Protocol

from bench import town
from bench.ground import Ground, wait_ready
from drill.children import Child, Children, wanglou
from tests.chaos import histories
from tests.chaos.devices import PROFILE, Devices

AGENTS: Final = town.OPERATORS[:2]
SCALE: Final = 60.0
"""The policy's holds of minutes pass in seconds."""

PATIENCE_S: Final = 120.0
CALM_S: Final = 0.2
PAUSE_S: Final = 0.5
_EVERY: Final = 20
"""After so many blows some sites fall silent."""

_TOPIC: Final = re.compile(r"wanglou/1/[\w/-]+")
_ROLES: Final = (*AGENTS, "broker", "collector", "office")
_WEIGHTS: Final = (1, 1, 3, 3, 3)
"""An agent that is killed all the time sees too little for there to be anything to tell."""


class Broker(Protocol):
    """A broker that can be killed and started again at its port."""

    port: int

    def restart(self) -> None: ...


@dataclass
class Verdict:
    """What the judge found, and how much there was to judge."""

    seed: int
    kills: Counter[str] = field(default_factory=Counter)
    numbers: int = 0
    notices: int = 0
    faults: list[str] = field(default_factory=list)
    points: Counter[str] = field(default_factory=Counter)
    """Where a process was ended by ``run_points``: at a sync, or at the send of which message."""


class Point(NamedTuple):
    """The ``number``-th call of a system call in a process's life."""

    call: str
    number: int

    def before(self, log: Path) -> list[str]:
        """What a command line begins with, so that the process is killed as it enters the call.

        Only its first thread is looked at: it alone syncs the store and sends to the broker, while
        others wake it by sends of their own, and every thread has a count of its own.
        """
        inject = f"inject={self.call}:signal=KILL:when={self.number}"
        trace = f"trace={self.call}"
        return ["strace", "-qq", "-s", "200", "-o", str(log), "-e", trace, "-e", inject]

    def met(self, log: Path) -> str:
        """What the call was about: the last level of the topic, or else the call."""
        *_, last = [line for line in log.read_text().splitlines() if line.startswith(self.call)]
        topics = _TOPIC.findall(last)
        return str(topics[0]).rpartition("/")[2] if topics else self.call


class Storm:
    """One run in one folder."""

    def __init__(self, folder: Path, broker: Broker, seed: int) -> None:
        (folder / "log").mkdir()
        self._children = Children(folder / "log")
        self._broker = broker
        self._place = Ground(folder, self._children, broker.port, scale=SCALE)
        self._chance = Random(seed)
        self._running: dict[str, Child] = {}
        self._killed: dict[str, list[float]] = {agent: [] for agent in AGENTS}
        self._told = 0
        self._register = town.register(0, AGENTS)
        self._addresses = {
            device.id: f"127.77.{number // 250}.{number % 250 + 1}"
            for number, device in enumerate(self._register.devices)
        }
        self.verdict = Verdict(seed)

    async def run(self, kills: int, step: Callable[[], None] = lambda: None) -> Verdict:
        """Start all, kill so often, heal, judge. ``step`` is called after each kill."""

        async def blows(devices: Devices) -> None:
            await self._something_told(devices)
            for number in range(kills):
                if number % _EVERY == 0:
                    self._cut(devices)
                await self._blow()
                step()

        return await self._judged(blows)

    async def run_points(self, role: str, points: Iterable[Point]) -> Verdict:
        """The process of ``role`` ended at each of these points in turn, then heal, judge.

        The office client comes last: each new life of a collector has notices to send at once.
        """

        async def ends(devices: Devices) -> None:
            await self._end("office")
            await self._something_told(devices)
            for point in points:
                await self._end(role)
                log = self._place.folder / "strace"
                await self._up(role, point.before(log))
                await asyncio.wait_for(self._running.pop(role).process.wait(), PATIENCE_S)
                self.verdict.points[point.met(log)] += 1
                await self._up(role)
                await asyncio.sleep(PAUSE_S)
            await self._up("office")

        return await self._judged(ends)

    async def _judged(self, what: Callable[[Devices], Awaitable[None]]) -> Verdict:
        with Devices(list(self._addresses.values())) as devices:
            try:
                await self._start(devices)
                await what(devices)
                await self._heal(devices)
            finally:
                await self._children.close()
            self._judge(devices)
        return self.verdict

    async def _start(self, devices: Devices) -> None:
        place = self._place
        profiles = place.folder / "profiles"
        profiles.mkdir()
        (profiles / "count.toml").write_text(PROFILE)
        place.write_county(self._register, profiles_dir="profiles")
        for agent in AGENTS:
            rows = [
                (device, address, devices.port, "read", "count", "no")
                for device, address in self._addresses.items()
                if device.startswith(f"{agent}-")
            ]
            place.write_agent(
                agent, rows, interval_s=1, profiles_dir="profiles", snmp_timeout_s=1.0
            )
        for role in _ROLES:
            await self._up(role)
        for child in self._running.values():
            await wait_ready(child)
        # What never answered is not commissioned: no silence of it would mean anything.
        await self._until(lambda: len(histories.applied(self._county)) == len(self._addresses))

    async def _up(self, role: str, before: Sequence[str] = ()) -> None:
        if role == "broker":
            await asyncio.to_thread(self._broker.restart)
            return
        argv = {"collector": ["collector", "run"], "office": ["office", "watch", "--json"]}
        name = role if role in argv else f"agent-{role}"
        config = str(self._place.config(name))
        self._running[role] = await self._children.start(
            name, [*before, *wanglou(), *argv.get(role, ["agent", "run"]), "--config", config]
        )

    async def _something_told(self, devices: Devices) -> None:
        """Some sites are out, and the county has said so: there are notices to lose."""
        self._cut(devices, least_s=PATIENCE_S)
        await self._until(lambda: bool(histories.told(self._county)))

    def _cut(self, devices: Devices, least_s: float = 15) -> None:
        """Some sites fall silent for a while."""
        for site in self._chance.sample(self._register.sites, 5):
            for device, address in self._addresses.items():
                if device.startswith(f"{site.id}-"):
                    devices.silence(address, self._chance.uniform(least_s, 2 * least_s))

    async def _blow(self) -> None:
        """A pause, then one process is killed, or two at once."""
        chance = self._chance
        await asyncio.sleep(chance.expovariate(1 / PAUSE_S))
        first, second = chance.choices(_ROLES, _WEIGHTS, k=2)
        for role in dict.fromkeys((first, second)) if chance.random() < 0.2 else (first,):
            await self._end(role)
            await self._up(role)

    async def _end(self, role: str) -> None:
        """SIGKILL; the broker's comes with its restart."""
        self.verdict.kills[role] += 1
        if role in self._running:
            child = self._running.pop(role)
            if not child.running:
                raise AssertionError(f"{role} ended by itself:\n{child.tail()}")
            await child.kill()
            if role in AGENTS:
                self._killed[role].append(time.monotonic())
            self._children.forget(child)

    async def _heal(self, devices: Devices) -> None:
        """All devices answer and stand still; wait until the office has the last notice."""
        devices.freeze()
        try:
            while True:
                await self._until(lambda: self._calm(devices))
                await asyncio.sleep(2.0)
                if self._calm(devices):
                    return
        except TimeoutError:
            self.verdict.faults.append(f"not delivered {PATIENCE_S:g} s after the last kill")

    async def _until(self, what: Callable[[], bool]) -> None:
        """Until it is so; raises TimeoutError, and AssertionError when a process ended."""
        until = time.monotonic() + PATIENCE_S
        while time.monotonic() < until:
            for role, child in self._running.items():
                if not child.running:
                    raise AssertionError(f"{role} ended by itself:\n{child.tail()}")
            try:
                if what():
                    return
            except sqlite3.OperationalError:
                pass  # not there yet, or locked at this moment
            await asyncio.sleep(CALM_S)
        raise TimeoutError

    def _calm(self, devices: Devices) -> bool:
        """Every device's last number was applied, and the office has every notice."""
        got = histories.applied(self._county)
        told, heard = histories.told(self._county), histories.heard(self._office)
        self._told = len(told)
        return set(told) <= set(heard) and all(
            said[-1][0] in set().union(*got.get(device, {}).values())
            for device, said in self._said(devices)
            if said
        )

    def _said(self, devices: Devices) -> Iterator[tuple[str, list[tuple[int, float]]]]:
        for device, address in self._addresses.items():
            yield device, devices.by_address[address].said

    @property
    def _county(self) -> Path:
        return self._place.folder / "collector" / "county.db"

    @property
    def _office(self) -> Path:
        return self._place.folder / "office" / "office.db"

    def _judge(self, devices: Devices) -> None:
        got = histories.applied(self._county)
        said = dict(self._said(devices))
        kills = {device: self._killed[device.partition("-")[0]] for device in said}
        told, heard = histories.told(self._county), histories.heard(self._office)
        self.verdict.numbers = sum(len(words) for words in said.values())
        self.verdict.notices = len(told)
        self.verdict.faults += [
            *histories.judge(said, got, kills),
            *histories.row_faults(histories.rows(self._county)),
            # What is said after the last look at both, while all are stopped, may be on its way.
            *histories.notice_faults(told[: max(self._told, len(heard))], heard),
            *histories.chain_faults(self._county),
        ]

"""An agent's sending side alone: rows of state items go through its real outbox and uplink.

``python -m bench.sender AGENT.TOML DEVICES`` takes lines ``ROWS ITEMS AT_ONCE`` and answers each,
once all are acknowledged, with the seconds that it took. ``AT_ONCE`` rows are written together.
``DEVICES`` are ids with commas between, or ``@FILE`` with them. The line ``all OUTCOME`` has every
device looked at, by every method, with that outcome, and a second later another round say so again
by its marker; it is answered, once all is acknowledged, with the moments (s of the monotonic clock)
just before the first row and the first round's marker are written.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from agent import lanes
from agent.io.uplink import Uplink
from agent.presence import Identity
from config.io.load import load_agent_settings
from transport.io import log as logs
from transport.io.clock import Clock
from transport.io.outbox import Row
from wire.observation import Look, Method, Outcome, Reading, Round, StateItem

INTERVAL_MS: Final = 30_000
BATCH: Final = 500
"""Devices that one row tells of, when all are looked at."""

AGAIN_S: Final = 1.0
"""One round's silence may be a lost reply: the collector waits for the next round's word."""


class Source:
    """Makes state items that all are news: every device says something else each time."""

    def __init__(self, devices: list[str], clock: Clock) -> None:
        self._devices = devices
        self.clock = clock
        self._made = self._rounds = 0

    def items(self, count: int) -> list[StateItem]:
        return [self._item() for _ in range(count)]

    def looks(self, devices: Sequence[str], outcome: Outcome) -> list[StateItem]:
        """What a round says of these devices now."""
        now = self.clock.now_ms()
        return [
            Look(device=device, method=method, outcome=outcome, since_ms=now, at_ms=now)
            for device in devices
            for method in Method
        ]

    def round(self, started_ms: int) -> Round:
        """The marker at its end: all were looked at."""
        self._rounds += 1
        return Round(
            number=self._rounds,
            interval_ms=INTERVAL_MS,
            started_ms=started_ms,
            ended_ms=self.clock.now_ms(),
            looked=len(self._devices),
        )

    def batches(self, count: int) -> Iterator[Sequence[str]]:
        """All devices, ``count`` at a time."""
        for at in range(0, len(self._devices), count):
            yield self._devices[at : at + count]

    def _item(self) -> StateItem:
        turn, place = divmod(self._made, 2 * len(self._devices))
        self._made += 1
        device, now = self._devices[place // 2], self.clock.now_ms()
        if place % 2:
            value = 1 if turn % 2 else 2
            return Reading(device=device, metric="if_link", instance="p", value=value, at_ms=now)
        outcome = Outcome.MEASURED if turn % 2 else Outcome.NO_ANSWER
        return Look(
            device=device, method=Method.SNMP, outcome=outcome, since_ms=now, at_ms=now, rtt_us=900
        )


async def run(config: Path, devices: list[str]) -> None:
    settings = load_agent_settings(config)
    clock = Clock.of(settings.clock)
    who = Identity(
        agent=settings.agent.id,
        version="1",
        interval_ms=INTERVAL_MS,
        inventory_hash="x",
        devices=tuple(devices),
        alive_every_ms=30_000,
    )
    uplink = Uplink(settings, who, clock)
    serving = asyncio.create_task(uplink.run())
    source = Source(devices, clock)
    lines = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(lines), sys.stdin
    )
    while line := await lines.readline():
        words = line.decode().split()
        if words[0] == "all":
            print(*await _everyone(uplink, source, Outcome(words[1])), flush=True)
        else:
            print(await _send(uplink, source, *map(int, words)), flush=True)
    serving.cancel()
    await asyncio.gather(serving, return_exceptions=True)
    uplink.close()


async def _everyone(uplink: Uplink, source: Source, outcome: Outcome) -> tuple[float, float]:
    moments: list[float] = []
    began_ms = source.clock.now_ms()
    for devices in source.batches(BATCH):
        bodies = lanes.state_bodies(source.looks(devices, outcome))
        moments.append(time.monotonic())
        _write(uplink, bodies)
        await asyncio.sleep(0)
    moments.append(time.monotonic())
    for pause_s in (AGAIN_S, 0.0):
        _write(uplink, lanes.state_bodies([source.round(began_ms)]))
        began_ms = source.clock.now_ms() + 1
        await asyncio.sleep(pause_s)
    await uplink.hops["state"].idle.wait()
    return moments[0], moments[-1]


async def _send(uplink: Uplink, source: Source, rows: int, items: int, at_once: int) -> float:
    """Seconds until ``rows`` rows of ``items`` items each are written and acknowledged."""
    began = time.perf_counter()
    for _ in range(rows // at_once):
        bodies = [body for _ in range(at_once) for body in lanes.state_bodies(source.items(items))]
        _write(uplink, bodies)
        await asyncio.sleep(0)
    await uplink.hops["state"].idle.wait()
    return time.perf_counter() - began


def _write(uplink: Uplink, bodies: list[tuple[bytes, int]]) -> None:
    at_ms = time.time_ns() // 1_000_000
    if not uplink.append([Row("state", at_ms, body, count) for body, count in bodies], ()):
        raise RuntimeError("the outbox is full")


def _devices(said: str) -> list[str]:
    if said.startswith("@"):
        return Path(said[1:]).read_text(encoding="utf-8").split(",")
    return said.split(",")


if __name__ == "__main__":
    logs.setup()
    asyncio.run(run(Path(sys.argv[1]), _devices(sys.argv[2])))

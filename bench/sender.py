"""An agent's sending side alone: rows of state items go through its real outbox and uplink.

``python -m bench.sender AGENT.TOML DEVICES`` takes lines ``ROWS ITEMS AT_ONCE`` and answers each,
once all are acknowledged, with the seconds that it took. ``AT_ONCE`` rows are written together.
"""

from __future__ import annotations

import asyncio
import sys
import time
from pathlib import Path

from agent import lanes
from agent.io.uplink import Uplink
from agent.presence import Identity
from config.io.load import load_agent_settings
from transport.io import log as logs
from transport.io.clock import Clock
from transport.io.outbox import Row
from wire.observation import Look, Method, Outcome, Reading, StateItem


class Source:
    """Makes state items that all are news: every device says something else each time."""

    def __init__(self, devices: list[str], clock: Clock) -> None:
        self._devices = devices
        self._clock = clock
        self._made = 0

    def items(self, count: int) -> list[StateItem]:
        return [self._item() for _ in range(count)]

    def _item(self) -> StateItem:
        turn, place = divmod(self._made, 2 * len(self._devices))
        self._made += 1
        device, now = self._devices[place // 2], self._clock.now_ms()
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
        interval_ms=30_000,
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
        print(await _send(uplink, source, *map(int, line.split())), flush=True)
    serving.cancel()
    await asyncio.gather(serving, return_exceptions=True)
    uplink.close()


async def _send(uplink: Uplink, source: Source, rows: int, items: int, at_once: int) -> float:
    """Seconds until ``rows`` rows of ``items`` items each are written and acknowledged."""
    began = time.perf_counter()
    for _ in range(rows // at_once):
        bodies = [body for _ in range(at_once) for body in lanes.state_bodies(source.items(items))]
        at_ms = time.time_ns() // 1_000_000
        if not uplink.append([Row("state", at_ms, body, count) for body, count in bodies], ()):
            raise RuntimeError("the outbox is full")
        await asyncio.sleep(0)
    await uplink.hops["state"].idle.wait()
    return time.perf_counter() - began


if __name__ == "__main__":
    logs.setup()
    asyncio.run(run(Path(sys.argv[1]), sys.argv[2].split(",")))

"""How fast six hours of 1,000 devices leave an agent once the collector can be reached again.

A real uplink over an outbox filled beforehand: a round every 30 s, two changes of each device an
hour, and a row of ten values of each device every 30 s; a real broker and collector, its embedded
history. Counted from the first attempt to connect.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from typing import Final

from agent.io.uplink import HISTORY, SAMPLE, STATE, Uplink
from agent.presence import Identity
from agent.present import LookNow, bodies
from bench import town
from bench.figures import Figure
from bench.ground import TREE, Ground, ground, scratch
from bench.samples import METRICS
from config.settings import AgentSettings
from tests.agent.narrow_world import backlog
from transport.io.clock import Clock
from transport.io.outbox import Row
from wire.observation import Block, Method, Outcome, SampleBody

AGENT: Final = town.OPERATORS[0]
HOURS: Final = 6
INTERVAL_MS: Final = 30_000
PATIENCE_S: Final = 600.0


async def figures(*, devices: int, rounds: int) -> list[Figure]:
    """Seconds until each lane is committed."""
    found: list[tuple[float, ...]] = []
    size = 0
    for _ in range(rounds):
        with scratch() as folder:
            async with ground(folder) as place:
                took, size = await _drained(place, devices)
                found.append(took)
    return list(_told(devices, size, found))


def _told(devices: int, size: int, found: list[tuple[float, ...]]) -> Iterator[Figure]:
    part = f"drain, {HOURS} h of {devices:,} devices"
    note = f"{size / 1e6:,.0f} MB waiting"
    names = ("how it stands", "all state", "all samples")
    for name, took in zip(names, zip(*found, strict=True), strict=True):
        yield Figure(part, f"{name} committed", "s", took, None, note)
    values = devices * len(METRICS) * HOURS * 3_600_000 // INTERVAL_MS
    yield Figure(part, "samples", "samples/s", tuple(values / took[2] for took in found))


async def _drained(place: Ground, devices: int) -> tuple[tuple[float, ...], int]:
    register = town.register(devices, (AGENT,))
    place.write_county(register)
    await place.start("collector", "collector", "run")
    clock = Clock()
    names = tuple(device.id for device in register.devices)
    said = asyncio.Event()
    up = _uplink(place, names, clock, said)
    try:
        size = _fill(up, names, clock.now_ms())
        begun = time.monotonic()
        task = asyncio.create_task(up.run())
        took = []
        async with asyncio.timeout(PATIENCE_S):
            await said.wait()
            await asyncio.sleep(0)  # it is written once the uplink's task goes on
            for lane in (STATE, HISTORY, SAMPLE):
                await up.hops[lane].idle.wait()
                took.append(time.monotonic() - begun)
        place.check()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    finally:
        up.close()
    return tuple(took), size


def _uplink(place: Ground, names: tuple[str, ...], clock: Clock, said: asyncio.Event) -> Uplink:
    """``said``: how it stands is about to be written."""
    options = {
        "id": AGENT,
        "operator": AGENT,
        "state_dir": place.folder / "agent",
        "inventory": place.folder / "none.toml",
    }
    settings = AgentSettings.model_validate(
        {
            "agent": options,
            "county": {"county": town.CODE, "tree": TREE},
            "broker": {"port": place.port},
        }
    )

    def standing() -> Iterator[list[tuple[bytes, int]]]:
        now_ms = clock.now_ms()
        said.set()
        looks = [LookNow(name, by, Outcome.MEASURED, "", now_ms) for name in names for by in Method]
        return iter([bodies(looks, (), now_ms)])

    who = Identity(AGENT, "1", INTERVAL_MS, "h", names, INTERVAL_MS)
    return Uplink(settings, who, clock, None, standing)


def _fill(up: Uplink, names: tuple[str, ...], now_ms: int) -> int:
    """Six hours of rows; the octets that they take."""
    rows = backlog(names, now_ms)
    for at in range(0, len(rows), 1000):
        up.append(rows[at : at + 1000], [])
    last = HOURS * 3_600_000 // INTERVAL_MS
    for number in range(last):
        at_ms = now_ms - (last - number) * INTERVAL_MS
        up.append([], [Row(SAMPLE, at_ms, _samples(names, at_ms, number), len(names))])
    return sum(up.outbox.lane(lane).bytes for lane in (STATE, SAMPLE))


def _samples(names: tuple[str, ...], at_ms: int, number: int) -> bytes:
    """One row of each device; the values move."""
    block = Block.model_construct(
        profile="interfaces",
        metrics=METRICS,
        device=names,
        instance=("",) * len(names),
        at_ms=(at_ms,) * len(names),
        columns=tuple(
            tuple((at * 37 + metric * 101 + number * 13) % 9973 / 10 for at in range(len(names)))
            for metric in range(len(METRICS))
        ),
    )
    return SampleBody.model_construct(blocks=(block,)).model_dump_json().encode()

"""What a county costs that is looked at for good: agents, broker, collector and office client.

Every device by ICMP (three echoes) and SNMP (system group), every third one's four interfaces
with ten columns each; samples into the embedded history, pages served, an office client that
listens. Some interfaces go down and up. The farm is not counted.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

import orjson

from bench import town
from bench.figures import Figure, Target
from bench.ground import Ground, cpu_s, ground, memory_mb, scratch
from bench.ground import Target as Row
from bench.peers import address, farm
from config.register import Register
from drill.broker import free_port
from drill.children import Child, wanglou

PORT: Final = 16_101


class Load(NamedTuple):
    """How many devices, how often, and how many intervals are counted."""

    devices: int
    interval_s: float
    rounds: int


FULL: Final = Load(10_000, 30.0, 3)
QUICK: Final = Load(2_672, 8.0, 2)
"""The same rate, fewer devices."""


async def figures(load: Load) -> list[Figure]:
    """CPU of each process in percent of a core, interval by interval, and its memory."""
    with scratch() as folder:
        async with ground(folder) as place:
            with farm(PORT, "device"):
                processes = await _start(place, load)
                await asyncio.sleep(2 * load.interval_s)
                shares = await _shares(place, processes, load)
                memory = {kind: sum(map(memory_mb, ones)) for kind, ones in processes.items()}
                seen = await _seen(place)
    return list(_told(load, shares, memory, seen))


async def _start(place: Ground, load: Load) -> dict[str, list[Child]]:
    register = town.register(load.devices)
    place.write_county(register, web_port=free_port())
    collector = await place.start("collector", "collector", "run")
    office = await place.start("office", "office", "watch", "--json")
    agents = []
    for operator in town.OPERATORS:
        place.write_agent(operator, targets(register, operator), interval_s=load.interval_s)
        agents.append(await place.start(f"agent-{operator}", "agent", "run"))
    return {
        "agents": agents,
        "broker": [place.children.running[0]],
        "collector": [collector],
        "office client": [office],
    }


def targets(register: Register, operator: str) -> Iterator[Row]:
    """The inventory rows of an operator's devices."""
    for number, device in enumerate(register.devices):
        if device.id.startswith(f"{operator}-"):
            profiles = "generic interfaces" if number % 3 == 0 else "generic"
            yield device.id, address(number), PORT, "read", profiles, "yes"


async def _shares(
    place: Ground, processes: Mapping[str, list[Child]], load: Load
) -> dict[str, list[float]]:
    """Percent of a core, interval by interval."""
    loop = asyncio.get_running_loop()
    shares: dict[str, list[float]] = {kind: [] for kind in processes}
    before, since = _spent(processes), loop.time()
    for _ in range(load.rounds):
        await asyncio.sleep(load.interval_s)
        place.check()
        now, at = _spent(processes), loop.time()
        for kind, spent in now.items():
            shares[kind].append((spent - before[kind]) / (at - since) * 100)
        before, since = now, at
    return shares


def _spent(processes: Mapping[str, list[Child]]) -> dict[str, float]:
    return {kind: sum(map(cpu_s, ones)) for kind, ones in processes.items()}


async def _seen(place: Ground) -> dict[str, int]:
    """How many devices are in which state, by ``wanglou status``."""
    asked = await asyncio.create_subprocess_exec(
        *wanglou(),
        "status",
        "--json",
        "--config",
        str(place.config("collector")),
        stdout=asyncio.subprocess.PIPE,
    )
    said, _ = await asked.communicate()
    return dict(orjson.loads(said)["devices_by_state"])


def _told(
    load: Load,
    shares: Mapping[str, list[float]],
    memory: Mapping[str, float],
    seen: Mapping[str, int],
) -> Iterator[Figure]:
    part = f"{load.devices:,} devices, {load.interval_s:g} s"
    for kind, rounds in shares.items():
        yield Figure(part, kind, "% of a core", tuple(rounds))
    whole = tuple(map(sum, zip(*shares.values(), strict=True)))
    states = ", ".join(f"{count:,} {state}" for state, count in seen.items() if count)
    yield Figure(part, "all", "% of a core", whole, Target(100.0), f"devices at the end: {states}")
    for kind, used in memory.items():
        yield Figure(part, f"{kind}: resident memory", "MB", (used,))

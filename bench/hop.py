"""State items per second from an agent's outbox over the broker to the collector's commit."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator, Mapping
from typing import Any, Final

from bench import town
from bench.figures import Figure, Target
from bench.ground import Ground, cpu_s, ground, scratch
from bench.peers import ROOT
from drill.children import Child, ChildEnded

DEVICES: Final = 2000
AGENT: Final = town.OPERATORS[0]
PART: Final = "hop"
_KINDS: Final = {"rows of 500 items": (40, 500, 1), "backlog, rows of 10": (2000, 10, 2000)}
"""Rows, items in each, and how many rows are written together."""


async def figures(*, rounds: int) -> list[Figure]:
    """Throughput of full rows and of single items, and the CPU of each process for it."""
    with scratch() as folder:
        async with ground(folder) as place:
            place.write_county(town.register(DEVICES))
            place.write_agent(AGENT, [])
            collector = await place.start("collector", "collector", "run")
            sender = await _sender(place)
            processes = {
                "agent": sender,
                "broker": place.children.running[0],
                "collector": collector,
            }
            await _say(sender, 1, 1, 1)
            found = await _rounds(sender, processes, rounds)
    return list(_told(found))


def _told(found: Mapping[str, tuple[list[float], dict[str, list[float]]]]) -> Iterator[Figure]:
    for kind, (per_s, spent) in found.items():
        yield Figure(PART, kind, "items/s", tuple(per_s), Target(5000, at_least=True))
        for process, rows in spent.items():
            yield Figure(PART, f"{kind}: {process}", "CPU µs/item", tuple(rows))


async def _rounds(
    sender: Child, processes: Mapping[str, Child], rounds: int
) -> dict[str, tuple[list[float], dict[str, list[float]]]]:
    found: dict[str, tuple[list[float], dict[str, list[float]]]] = {
        kind: ([], {name: [] for name in processes}) for kind in _KINDS
    }
    for number in range(rounds + 1):
        for kind, (rows, items, at_once) in _KINDS.items():
            before = {name: cpu_s(child) for name, child in processes.items()}
            took = await _say(sender, rows, items, at_once)
            if not number:  # the first round is not counted
                continue
            per_s, spent = found[kind]
            per_s.append(rows * items / took)
            for name, child in processes.items():
                spent[name].append((cpu_s(child) - before[name]) / (rows * items) * 1e6)
    return found


async def _sender(place: Ground) -> Child:
    devices = [d.id for d in town.register(DEVICES).devices if d.id.startswith(f"{AGENT}-")]
    argv = [sys.executable, "-m", "bench.sender", str(place.config(f"agent-{AGENT}"))]
    return await piped(place, [*argv, ",".join(devices)])


async def piped(place: Ground, argv: list[str]) -> Child:
    """A child that we also write to: ``Children`` gives no standard input."""
    log = place.children.folder / "sender.log"
    with log.open("ab") as errors:
        process = await asyncio.create_subprocess_exec(
            *argv,
            cwd=ROOT,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=errors,
            start_new_session=True,
        )
    child = Child("sender", process, log)
    place.children.running.append(child)
    return child


async def _say(sender: Child, rows: int, items: int, at_once: int) -> float:
    """Have rows sent; the seconds until all were acknowledged."""
    process: Any = sender.process
    process.stdin.write(f"{rows} {items} {at_once}\n".encode())
    line = await asyncio.wait_for(process.stdout.readline(), 120)
    if not line:
        raise ChildEnded(f"the sender ended:\n{sender.tail()}")
    return float(line)

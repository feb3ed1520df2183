"""How long after a SIGKILL of each process the chain does its work again; started again at once.

A farm of devices that move, an agent that looks every second, broker, collector, office client.
Counted from the kill to the first row of new changes that the collector has committed; of the
office client to its connection, with which its receipts go out. The start of a Python process is
most of it.
"""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Final

from bench import town
from bench.carry import PORT
from bench.figures import Figure
from bench.ground import Ground, ground, scratch
from bench.peers import address, farm
from drill.children import Child, wanglou

PART: Final = "after SIGKILL"
AGENT: Final = town.OPERATORS[0]
DEVICES: Final = 100
SETTLE_S: Final = 1.0
PATIENCE_S: Final = 90.0
_ARGV: Final = {
    "collector": ("collector", "run"),
    "office": ("office", "watch", "--json"),
    f"agent-{AGENT}": ("agent", "run"),
}


async def figures(*, rounds: int) -> list[Figure]:
    """Seconds to work again, for each kind of process."""
    found: dict[str, list[float]] = {}
    with scratch() as folder:
        async with ground(folder) as place:
            with farm(PORT, "device"):
                running = await _start(place)
                for _ in range(rounds):
                    for name in _ARGV:
                        took = await _killed(place, running, name)
                        found.setdefault(name.partition("-")[0], []).append(took)
                    found.setdefault("broker", []).append(
                        await _broker(place, running["collector"])
                    )
    return list(_told(found))


def _told(found: dict[str, list[float]]) -> Iterator[Figure]:
    for name, took in found.items():
        to = "to its connection" if name == "office" else "to the next committed changes"
        yield Figure(PART, f"{name}: {to}", "s", tuple(took))


async def _start(place: Ground) -> dict[str, Child]:
    place.write_county(town.register(DEVICES, (AGENT,)))
    rows = [
        (device.id, address(number), PORT, "read", "generic interfaces", "no")
        for number, device in enumerate(town.register(DEVICES, (AGENT,)).devices)
    ]
    place.write_agent(AGENT, rows, interval_s=1.0)
    running = {name: await place.start(name, *argv) for name, argv in _ARGV.items()}
    await _until(lambda: _applied(place) > 1)
    return running


async def _killed(place: Ground, running: dict[str, Child], name: str) -> float:
    """Kill it, start it again at once; the seconds until it does its work."""
    await asyncio.sleep(SETTLE_S)
    child = running.pop(name)
    begun = time.monotonic()
    await child.kill()
    place.children.forget(child)
    before, marked = _applied(place), child.log.stat().st_size
    config = str(place.config(name))
    running[name] = await place.children.start(name, [*wanglou(), *_ARGV[name], "--config", config])
    if name == "office":
        await _until(lambda: b'"ready"' in child.log.read_bytes()[marked:])
    else:
        await _until(lambda: _applied(place) > before)
    place.check()
    return time.monotonic() - begun


async def _broker(place: Ground, collector: Child) -> float:
    """The broker, with the same configuration at the same port; what was on its way counts not."""
    await asyncio.sleep(SETTLE_S)
    child = place.children.running[0]
    argv = list(_command(child))
    begun, marked = time.monotonic(), collector.log.stat().st_size
    await child.kill()
    place.children.forget(child)
    place.children.running.insert(0, await place.children.start("broker", argv))
    place.children.running.pop()
    await _until(lambda: b'"connected"' in collector.log.read_bytes()[marked:])
    before = _applied(place)
    await _until(lambda: _applied(place) > before)
    return time.monotonic() - begun


def _command(child: Child) -> Iterator[str]:
    """Its command line."""
    raw = Path(f"/proc/{child.process.pid}/cmdline").read_bytes()
    yield from raw.decode().rstrip("\0").split("\0")


def _applied(place: Ground) -> int:
    """The last row that an agent sent and that was committed, by the number of its input."""
    path = place.folder / "collector" / "county.db"
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as db:
        (n,) = db.execute("SELECT max(n) FROM input WHERE kind = 'received'").fetchone()
    return int(n or 0)


async def _until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while True:
            try:
                if condition():
                    return
            except sqlite3.OperationalError:
                pass  # not there yet, or locked at this moment
            await asyncio.sleep(0.01)

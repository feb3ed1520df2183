"""What a device costs in a day: CPU of every process, octets written, octets that stay.

A whole county with a real broker, its devices looked at six times as often as they would be:
2,000 devices every 5 s are the load of 12,000 every 30 s. So a device's day is what a second of
all costs, times 86,400, divided by 12,000; nothing else is left out or added. In the quiet county
counters count and nothing else changes; in the busy one every look finds a watched value changed,
which is the most that there can be.
"""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from itertools import pairwise
from pathlib import Path
from typing import Final, NamedTuple

from bench import whole
from bench.figures import Figure
from bench.ground import Ground, cpu_s, ground, scratch
from bench.peers import farm
from drill.children import Child

INTERVAL_S: Final = 5.0
USUAL_S: Final = 30.0
DAY_S: Final = 86_400.0
SETTLE_S: Final = 20.0
COUNTIES: Final = {"quiet": "whole", "busy": "restless"}
"""Name and simulated devices."""

PART: Final = "a device's day"


class Reading(NamedTuple):
    """The counters at one moment: seconds, and octets."""

    at_s: float
    cpu_s: dict[str, float]
    written: dict[str, int]
    stored: dict[str, int]


async def figures(*, devices: int, rounds: int, seconds: float) -> list[Figure]:
    """Of each county ``rounds`` stretches of so many seconds."""
    found: list[Figure] = []
    for name, mib in COUNTIES.items():
        with scratch() as folder:
            async with ground(folder) as place:
                with farm(whole.PORT, mib):
                    readings = await _readings(place, devices, rounds, seconds)
        found += _told(name, devices * USUAL_S / INTERVAL_S, readings)
    return found


async def _readings(place: Ground, devices: int, rounds: int, seconds: float) -> list[Reading]:
    await whole.county(place, "ten", devices, INTERVAL_S, icmp=True)
    agent = await place.start(f"agent-{whole.AGENT}", "agent", "run")
    office = await place.start("office", "office", "watch", "--json")
    broker, collector = place.children.running[:2]
    processes = {"agent": agent, "broker": broker, "collector": collector, "office client": office}
    await asyncio.sleep(SETTLE_S)
    found = [_read(place, processes)]
    for _ in range(rounds):
        await asyncio.sleep(seconds)
        place.check()
        found.append(_read(place, processes))
    return found


def _read(place: Ground, processes: dict[str, Child]) -> Reading:
    folder = place.folder
    files = {
        "agent.db": folder / f"agent-{whole.AGENT}" / "agent.db",
        "county.db": folder / "collector" / "county.db",
        "history.db": folder / "collector" / "history.db",
    }
    return Reading(
        time.monotonic(),
        {name: cpu_s(child) for name, child in processes.items()},
        {name: _written(child) for name, child in processes.items()},
        {name: _size(path) for name, path in files.items()},
    )


def _written(child: Child) -> int:
    """Octets that the process has caused to be written to disk, write-ahead logs included."""
    for line in Path(f"/proc/{child.process.pid}/io").read_text().splitlines():
        if line.startswith("write_bytes:"):
            return int(line.split()[1])
    return 0


def _size(path: Path) -> int:
    """Octets of a database in use, what still stands in its write-ahead log included."""
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as db:
        pages, free, size = (
            int(db.execute(f"PRAGMA {what}").fetchone()[0])
            for what in ("page_count", "freelist_count", "page_size")
        )
    return (pages - free) * size


def _told(county: str, devices: float, readings: list[Reading]) -> Iterator[Figure]:
    """``devices``: how many at the usual interval make the same load."""
    part = f"{PART}, {county} county"
    pairs = list(pairwise(readings))

    def per_day(before: float, after: float, a: Reading, b: Reading) -> float:
        return (after - before) / (b.at_s - a.at_s) * DAY_S / devices

    note = f"a second of all x {DAY_S:,.0f} / {devices:,.0f} devices every {USUAL_S:g} s"
    total = tuple(
        per_day(sum(a.cpu_s.values()), sum(b.cpu_s.values()), a, b) * 1000 for a, b in pairs
    )
    yield Figure(part, "all", "CPU ms", total, None, note)
    for name in readings[0].cpu_s:
        took = tuple(per_day(a.cpu_s[name], b.cpu_s[name], a, b) * 1000 for a, b in pairs)
        yield Figure(part, name, "CPU ms", took)
    for name in readings[0].written:
        if any(one.written[name] for one in readings):
            octets = tuple(per_day(a.written[name], b.written[name], a, b) / 1e3 for a, b in pairs)
            yield Figure(part, f"{name}: written", "kB", octets)
    for name in ("county.db", "history.db"):
        grown = tuple(per_day(a.stored[name], b.stored[name], a, b) / 1e3 for a, b in pairs)
        yield Figure(part, f"{name}: grows by", "kB", grown)
    outbox = tuple(one.stored["agent.db"] / 1e6 for one in readings)
    yield Figure(part, "agent.db: as large as", "MB", outbox)

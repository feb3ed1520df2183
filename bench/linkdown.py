"""From linkDown to the changed state committed at the collector, without waiting for a round.

``python -m bench.linkdown [--count N]`` (root): everything runs in a network namespace of its own:
snmpd with a veth interface whose other end is taken down, broker, agent with a trap receiver and a
round of an hour, collector. snmpd looks at its interfaces once a second (its ifTable is a copy
that it renews every 3 s) and sends linkDown itself. The clock runs from the trap's arrival until
the row stands in the collector's store; beside it from before the ``ip`` command.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import sqlite3
import subprocess
import sys
import time
from pathlib import Path
from typing import Final

from agent.io.traps_store import TrapStore
from agent.traps import kind
from bench import town
from bench.figures import Figure, Target
from bench.ground import Ground, ground, scratch
from collector.model import Received, decode_input
from wire.observation import Reading

NAMESPACE: Final = "wanglou-bench"
DEVICE: Final = "cmcc-s0-router"
INTERFACE: Final = "wl0"
OTHER_END: Final = "wl1"
SNMP_PORT: Final = 1161
TRAP_PORT: Final = 1162
PATIENCE_S: Final = 60.0
DOWN: Final = frozenset({2, 7})
PART: Final = "linkDown to commit"

_OWN: Final = f"""
rouser internal
agentSecName internal
createUser internal
trap2sink 127.0.0.1:{TRAP_PORT} public
notificationEvent down .1.3.6.1.6.3.1.1.5.3 .1.3.6.1.2.1.2.2.1.1 .1.3.6.1.2.1.2.2.1.8
notificationEvent up .1.3.6.1.6.3.1.1.5.4 .1.3.6.1.2.1.2.2.1.1 .1.3.6.1.2.1.2.2.1.8
monitor -r 1 -e up "linkUp" .1.3.6.1.2.1.2.2.1.8 != 2
monitor -r 1 -e down "linkDown" .1.3.6.1.2.1.2.2.1.8 == 2
"""


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.linkdown", description=__doc__)
    parser.add_argument("--count", type=int, default=40)
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if not options.inside:
        sys.exit(_within())
    for one in asyncio.run(figures(count=options.count)):
        print(f"{one.part}: {one.name}: {one.value:.3f} {one.unit}")


def _within() -> int:
    """Run this again in a namespace that exists for as long."""
    subprocess.run(["ip", "netns", "add", NAMESPACE], check=True)
    try:
        again = ["ip", "netns", "exec", NAMESPACE, sys.executable, "-m", "bench.linkdown"]
        return subprocess.run([*again, *sys.argv[1:], "--inside"], check=False).returncode
    finally:
        subprocess.run(["ip", "netns", "del", NAMESPACE], check=True)


async def figures(*, count: int) -> list[Figure]:
    """The median and the 99th percentile of the seconds that it took."""
    _ip("link", "set", "lo", "up")
    _ip("link", "add", INTERFACE, "type", "veth", "peer", "name", OTHER_END)
    _ip("link", "set", INTERFACE, "up")
    _ip("link", "set", OTHER_END, "up")
    with scratch() as folder:
        agent = _snmpd(folder)
        try:
            async with ground(folder) as here:
                drops = await _drops(here, count)
        finally:
            agent.kill()
            agent.wait()
    found = []
    for name, took, target in (
        ("from the trap", sorted(drop[0] for drop in drops), Target(3.0)),
        ("from the interface", sorted(drop[1] for drop in drops), None),
    ):
        last = max(0, -(-99 * len(took) // 100) - 1)
        found += [
            Figure(PART, f"{len(took)} times, {name}: p50", "s", (took[len(took) // 2],)),
            Figure(PART, f"{len(took)} times, {name}: p99", "s", (took[last],), target),
        ]
    return found


async def _drops(here: Ground, count: int) -> list[tuple[float, float]]:
    """Seconds to the commit from the trap, and from the drop. TimeoutError when one is not seen."""
    here.write_county(town.register(60, ("cmcc",)))
    target = (DEVICE, "127.0.0.1", SNMP_PORT, "read", "generic interfaces", "yes")
    here.write_agent("cmcc", [target], interval_s=3600.0)
    with here.config("agent-cmcc").open("a") as file:
        file.write(f'\n[traps]\nlisten = "127.0.0.1"\nport = {TRAP_PORT}\n')
    await here.start("collector", "collector", "run")
    await here.start("agent-cmcc", "agent", "run")
    ear = _Ear(here.folder / "collector" / "county.db")
    await asyncio.sleep(2)  # the receiver listens
    _trap("1.3.6.1.6.3.1.1.5.1")
    await ear.until(frozenset({1}))
    chance, took = random.Random(7), []
    store = TrapStore.read_only(here.folder / "agent-cmcc")
    for _ in range(count):
        await asyncio.sleep(chance.uniform(3, 4))
        began = time.time()
        _ip("link", "set", OTHER_END, "down")
        await ear.until(DOWN)
        ended = time.time()
        came = next(row.at_ms for row in store.newest(100) if kind(row.oid) == "linkDown") / 1000
        took.append((ended - came, ended - began))
        read = ear.read_ms / 1000 - came
        line = f"{ended - came:.3f} s ({read:.3f} until read), {ended - began:.3f} s"
        print(line, file=sys.stderr, flush=True)
        await asyncio.sleep(chance.uniform(3, 4))
        _ip("link", "set", OTHER_END, "up")
        await ear.until(frozenset({1}))
        here.check()
    return took


class _Ear:
    """Reads the collector's committed inputs."""

    def __init__(self, path: Path) -> None:
        self._db = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
        self._last = 0
        self.read_ms = 0

    async def until(self, values: frozenset[int]) -> None:
        """Until the interface's state is committed as one of these."""
        async with asyncio.timeout(PATIENCE_S):
            while not any(value in values for value in self._news()):  # noqa: ASYNC110  a store has no news
                await asyncio.sleep(0.005)

    def _news(self) -> list[float | int | None]:
        found: list[float | int | None] = []
        rows = self._db.execute("SELECT n, kind, blob FROM input WHERE n > ?", (self._last,))
        for number, word, blob in rows:
            self._last = number
            given = decode_input(word, blob) if word == "received" else None
            if isinstance(given, Received):
                self.read_ms = max(
                    [item.at_ms for item in given.body.items if isinstance(item, Reading)],
                    default=self.read_ms,
                )
                found += [
                    item.value
                    for item in given.body.items
                    if isinstance(item, Reading)
                    and (item.metric, item.instance) == ("if_link", INTERFACE)
                ]
        return found


def _snmpd(folder: Path) -> subprocess.Popen[bytes]:
    config = folder / "snmpd.conf"
    config.write_text("rocommunity public\n" + _OWN)
    return subprocess.Popen(
        ["snmpd", "-f", "-Lf", str(folder / "snmpd.log"), "-C", "-c", str(config),
         f"udp:127.0.0.1:{SNMP_PORT}"],
        env={"PATH": os.environ["PATH"], "SNMP_PERSISTENT_DIR": str(folder), "MIBS": ""},
    )  # fmt: skip


def _ip(*argv: str) -> None:
    subprocess.run(["ip", *argv], check=True)


def _trap(oid: str) -> None:
    target = f"127.0.0.1:{TRAP_PORT}"
    subprocess.run(
        ["snmptrap", "-v2c", "-c", "public", target, "", oid, "1.3.6.1.2.1.2.2.1.1.2", "i", "2"],
        env={**os.environ, "MIBS": ""},
        check=True,
    )


if __name__ == "__main__":
    main()

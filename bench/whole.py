"""Whole pollers with their output, side by side at the same time on the same moving devices.

Ours: an agent that writes its outbox to disk and sends through mosquitto to a collector; counted is
the agent. prometheus-snmp-exporter, asked over HTTP for each device, counted without who asks.
collectd with its snmp plugin and csv writer. Each polls every device once an interval; the devices'
counters move. Both peers are Debian's.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import aiohttp

from bench import town, work
from bench.figures import Figure, Target, ratio
from bench.ground import READY_S, Ground, cpu_s, ground, memory_mb, scratch
from bench.peers import Missing, address, farm, unpacked
from drill.broker import HOST, answers, free_port
from drill.children import Child

PORT: Final = 16_102
AGENT: Final = "cmcc"
INTERVAL_S: Final = 10
SETTLE_S: Final = 25
ECHOES: Final = 1
"""To each device, where any are sent."""

_ASKED_AT_ONCE: Final = 20

EXPORTER: Final = "prometheus-snmp-exporter"
COLLECTD: Final = "collectd, csv writer"
OURS: Final = "our agent"


@dataclass(frozen=True, slots=True)
class Load:
    """What each device is asked for, and how many times ours the peers must cost at least."""

    id: str
    title: str
    exporter: float
    collectd: float


LOADS: Final = (
    Load("ten", "whole agents, 10 values", 6.0, 1.0),
    Load("wide", f"whole agents, {work.ROWS * len(work.COLUMNS)} values", 10.0, 2.5),
)


async def figures(*, devices: int, rounds: int, left_out: list[str]) -> list[Figure]:
    """CPU per device and interval of each, and how many times ours the others cost."""
    found: list[Figure] = []
    for load in LOADS:
        found += await _side_by_side(load, devices, rounds, left_out)
    return found


async def _side_by_side(load: Load, devices: int, rounds: int, left_out: list[str]) -> list[Figure]:
    addresses = [address(number) for number in range(devices)]
    async with contextlib.AsyncExitStack() as stack:
        folder = stack.enter_context(scratch())
        place = await stack.enter_async_context(ground(folder))
        stack.enter_context(farm(PORT, "whole"))
        processes = {OURS: await agent(place, load.id, devices, INTERVAL_S)}
        for name, start in ((EXPORTER, exporter), (COLLECTD, collectd)):
            try:
                processes[name] = await stack.enter_async_context(start(place, load, addresses))
            except Missing as missing:
                left_out.append(str(missing))
        await asyncio.sleep(SETTLE_S)
        found: dict[str, list[float]] = {name: [] for name in processes}
        spent = {name: cpu_s(child) for name, child in processes.items()}
        for _ in range(rounds):
            await asyncio.sleep(INTERVAL_S)
            place.check()
            for name, child in processes.items():
                now = cpu_s(child)
                found[name].append((now - spent[name]) / devices * 1e6)
                spent[name] = now
        memory = {name: memory_mb(child) for name, child in processes.items()}
    return list(_told(load, found, memory))


def _told(load: Load, found: dict[str, list[float]], memory: dict[str, float]) -> Iterator[Figure]:
    made = {
        name: Figure(load.title, name, "µs/device", tuple(took)) for name, took in found.items()
    }
    yield from made.values()
    wanted = {EXPORTER: load.exporter, COLLECTD: load.collectd}
    for name, figure in made.items():
        if name != OURS:
            yield ratio(figure, made[OURS], Target(wanted[name], at_least=True))
    for name, used in memory.items():
        yield Figure(load.title, f"{name}: resident memory", "MB", (used,))


async def agent(place: Ground, profile: str, devices: int, interval_s: float) -> Child:
    """A collector and an agent with ``devices`` devices of this profile."""
    await county(place, profile, devices, interval_s)
    return await place.start(f"agent-{AGENT}", "agent", "run")


async def county(
    place: Ground,
    profile: str,
    devices: int,
    interval_s: float,
    *,
    icmp: bool = False,
    metrics_port: int | None = None,
) -> None:
    """A running collector, and the settings of the only agent that reports to it."""
    _profiles(place.folder / "profiles")
    register = town.register(devices, (AGENT,))
    place.write_county(register, profiles_dir="profiles")
    rows = (
        (device.id, address(number), PORT, "read", profile, "yes" if icmp else "no")
        for number, device in enumerate(register.devices)
    )
    place.write_agent(
        AGENT,
        rows,
        metrics_port=metrics_port,
        interval_s=interval_s,
        profiles_dir="profiles",
        packets_per_s=50_000,
        icmp_count=ECHOES,
    )
    await place.start("collector", "collector", "run")


def _profiles(folder: Path) -> None:
    """The two pieces of work as profiles: all values sampled, one of a device or row watched."""
    folder.mkdir()
    types = ["ticks", "gauge", "gauge", "counter32", "counter64"]
    types += ["gauge", "counter32", "gauge", "counter64", "text"]
    ten = ['id = "ten"', 'title = "ten values"']
    for number, (oid, kind) in enumerate(zip(work.SCALARS, types, strict=True), 1):
        ten += ["[[scalars]]", f'name = "v{number}"', f'oid = "{oid}"', f'type = "{kind}"']
        ten += ["watched = true"] if number == 2 else []
    (folder / "ten.toml").write_text("\n".join(ten) + "\n")
    wide = ['id = "wide"', 'title = "24 interfaces, 6 columns"', "[[tables]]", 'name = "if"']
    names = ("status", "in_errors", "out_errors", "in", "out", "speed")
    kinds = ("gauge", "counter32", "counter32", "counter64", "counter64", "gauge")
    for name, oid, kind in zip(names, work.COLUMNS, kinds, strict=True):
        wide += ["[[tables.columns]]", f'name = "{name}"', f'oid = "{oid}"', f'type = "{kind}"']
        wide += ["watched = true"] if name == "status" else []
    (folder / "wide.toml").write_text("\n".join(wide) + "\n")


@contextlib.asynccontextmanager
async def exporter(place: Ground, load: Load, addresses: Sequence[str]) -> AsyncIterator[Child]:
    """The exporter, asked for each device once an interval. Raises Missing."""
    path = unpacked("prometheus-snmp-exporter", "usr/bin/prometheus-snmp-exporter")
    config, port = place.folder / "snmp.yml", free_port()
    config.write_text(_modules())
    child = await place.children.start(
        "exporter",
        [str(path), f"--config.file={config}", f"--web.listen-address={HOST}:{port}"],
    )
    await _listening(port)
    asking = asyncio.create_task(_ask(f"http://{HOST}:{port}/snmp", load.id, addresses))
    try:
        yield child
        if asking.done():
            asking.result()
    finally:
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)


async def _listening(port: int) -> None:
    """Until something accepts connections there. Raises TimeoutError."""
    for _ in range(round(READY_S / 0.1)):
        if await answers(port):
            return
        await asyncio.sleep(0.1)
    raise TimeoutError(f"nothing listens at port {port}")


def _modules() -> str:
    lines = ["ten:", "  version: 2", "  max_repetitions: 25", "  auth:", "    community: public"]
    lines += ["  get:", *(f"  - {oid}" for oid in work.SCALARS), "  metrics:"]
    for number, oid in enumerate(work.SCALARS, 1):
        kind = "gauge" if number < len(work.SCALARS) else "DisplayString"
        lines += [f"  - name: v{number}", f"    oid: {oid[:-2]}", f"    type: {kind}"]
    lines += ["wide:", "  version: 2", "  max_repetitions: 25", "  auth:", "    community: public"]
    lines += ["  walk:", *(f"  - {oid}" for oid in work.COLUMNS), "  metrics:"]
    for number, oid in enumerate(work.COLUMNS, 1):
        lines += [f"  - name: c{number}", f"    oid: {oid}", "    type: gauge", "    indexes:"]
        lines += ["    - labelname: ifIndex", "      type: gauge"]
    return "\n".join(lines) + "\n"


async def _ask(url: str, module: str, addresses: Sequence[str]) -> None:
    """Every device once an interval, evenly spread. Raises RuntimeError at an answer without."""
    wanted = work.ROWS * len(work.COLUMNS) if module == "wide" else len(work.SCALARS)
    at_once = asyncio.Semaphore(_ASKED_AT_ONCE)

    async def one(session: aiohttp.ClientSession, number: int) -> None:
        query = {"module": module, "target": f"{addresses[number]}:{PORT}"}
        async with at_once, session.get(url, params=query) as reply:
            text = await reply.text()
        if text.count("\n") < wanted:
            raise RuntimeError(f"the exporter said: {text[:300]}")

    async with aiohttp.ClientSession() as session, asyncio.TaskGroup() as tasks:
        begun = time.monotonic()
        for turn in range(10**6):
            due = begun + turn * INTERVAL_S / len(addresses)
            if (wait := due - time.monotonic()) > 0.01:
                await asyncio.sleep(wait)
            tasks.create_task(one(session, turn % len(addresses)))


@contextlib.asynccontextmanager
async def collectd(place: Ground, load: Load, addresses: Sequence[str]) -> AsyncIterator[Child]:
    """collectd, all on its own. Raises Missing."""
    path = unpacked("collectd-core", "usr/sbin/collectd")
    plugins = path.parents[1] / "lib" / "collectd"
    config = place.folder / "collectd.conf"
    (place.folder / "types.db").write_text(_types(load))
    config.write_text(_collectd(place.folder, plugins, load, addresses))
    child = await place.children.start("collectd", [str(path), "-f", "-C", str(config)])
    yield child
    if not child.running:
        raise RuntimeError(f"collectd ended:\n{child.tail()}")
    if not any((place.folder / "csv").rglob(f"{load.id}*")):
        raise RuntimeError(f"collectd wrote nothing:\n{child.tail()}")


def _types(load: Load) -> str:
    kinds = [tag for tag, _ in (work.TYPES if load.id == "ten" else work.COLUMNS.values())]
    sources = (
        f"v{number}:{'DERIVE' if tag in work.COUNTERS else 'GAUGE'}:U:U"
        for number, tag in enumerate(kinds[:9], 1)
    )
    return f"{load.id} {', '.join(sources)}\n"


def _collectd(folder: Path, plugins: Path, load: Load, addresses: Sequence[str]) -> str:
    oids = work.SCALARS[:9] if load.id == "ten" else tuple(work.COLUMNS)
    lines = [
        f"Interval {INTERVAL_S}",
        f'BaseDir "{folder}"',
        f'PIDFile "{folder}/collectd.pid"',
        f'PluginDir "{plugins}"',
        f'TypesDB "{folder}/types.db"',
        "ReadThreads 5",
        "LoadPlugin logfile",
        f'<Plugin logfile>\n  LogLevel err\n  File "{folder}/log/collectd.txt"\n</Plugin>',
        "LoadPlugin csv",
        f'<Plugin csv>\n  DataDir "{folder}/csv"\n  StoreRates true\n</Plugin>',
        "LoadPlugin snmp",
        "<Plugin snmp>",
        f'  <Data "{load.id}">',
        f'    Type "{load.id}"',
        f"    Table {'false' if load.id == 'ten' else 'true'}",
        "    Values " + " ".join(f'"{oid}"' for oid in oids),
        "  </Data>",
    ]
    for number, one in enumerate(addresses):
        lines += [
            f'  <Host "d{number}">',
            f'    Address "{one}:{PORT}"',
            "    Version 2",
            *(["    BulkSize 25"] if load.id == "wide" else []),
            f'    Community "{work.COMMUNITY}"',
            f'    Collect "{load.id}"',
            "  </Host>",
        ]
    return "\n".join([*lines, "</Plugin>"]) + "\n"

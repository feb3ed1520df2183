"""Samples per second into a real InfluxDB, through the collector's own writer and its encoder.

Blocks as agents send them: a poll of interfaces (four rows with ten columns each) of every
device, most values fractions, a tenth of them missing. A sample is one value; a line is a row.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random
from typing import Final

from bench.figures import Figure, Target
from bench.ground import cpu_s, scratch
from bench.peers import program
from collector.io.history import InfluxHistory
from collector.line import lines
from drill.broker import free_port
from drill.children import Child, ChildEnded, Children
from wire.observation import Block, SampleBody

PART: Final = "samples"
INTERFACES: Final = 4
METRICS: Final = (
    "in-octets", "out-octets", "in-errors", "out-errors", "in-discards", "out-discards",
    "in-packets", "out-packets", "oper-status", "speed",
)  # fmt: skip
_DEVICES: Final = 50
"""Devices in one block, as a flush of an agent has them."""

_BLOCKS: Final = 64
"""Blocks written together: what a sample worker takes at once at most."""

_MISSING: Final = 0.1
_INTERVAL_MS: Final = 30_000
_READY_S: Final = 30.0


def blocks(count: int, at_ms: int, seed: int = 1) -> list[Block]:
    """Polls of ``count`` times fifty devices at ``at_ms``."""
    return [_block(number, at_ms, Random(seed * 1000 + number)) for number in range(count)]


def _block(number: int, at_ms: int, chance: Random) -> Block:
    places = [
        (f"cmcc-s{number}-d{device}", f"GigabitEthernet0/0/{port}")
        for device in range(_DEVICES)
        for port in range(1, INTERFACES + 1)
    ]
    return Block(
        profile="interfaces",
        metrics=METRICS,
        device=tuple(device for device, _ in places),
        instance=tuple(port for _, port in places),
        at_ms=(at_ms,) * len(places),
        columns=tuple(
            tuple(
                None if chance.random() < _MISSING else round(chance.uniform(0, 1e8), 3)
                for _ in places
            )
            for _ in METRICS
        ),
    )


def values(made: list[Block]) -> int:
    """Samples in the blocks."""
    return sum(value is not None for one in made for column in one.columns for value in column)


@asynccontextmanager
async def influxd(folder: Path) -> AsyncIterator[tuple[Child, str]]:
    """Debian's InfluxDB 1.6 with a configuration of its own: the process, and its URL."""
    children, port, data = Children(folder), free_port(), folder / "influx"
    config = folder / "influxd.conf"
    config.write_text(
        f'reporting-disabled = true\nbind-address = "127.0.0.1:{free_port()}"\n'
        f'[meta]\ndir = "{data}/meta"\n[data]\ndir = "{data}/data"\nwal-dir = "{data}/wal"\n'
        "query-log-enabled = false\n[monitor]\nstore-enabled = false\n"
        f'[http]\nbind-address = "127.0.0.1:{port}"\nlog-enabled = false\n'
    )
    try:
        child = await children.start("influxd", [program("influxd"), "run", "-config", str(config)])
        await _listens(child, port)
        yield child, f"http://127.0.0.1:{port}"
    finally:
        await children.close()


async def _listens(child: Child, port: int) -> None:
    until = time.monotonic() + _READY_S
    while time.monotonic() < until:
        if not child.running:
            raise ChildEnded(f"influxd ended:\n{child.tail()}")
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            await asyncio.sleep(0.05)
            continue
        writer.close()
        return
    raise TimeoutError("influxd takes no connection")


async def figures(*, polls: int, rounds: int) -> list[Figure]:
    """Rate into InfluxDB, the encoder's alone, and both processes' CPU for a sample."""
    with scratch() as folder:
        async with influxd(folder) as (server, url):
            history = InfluxHistory(url, "wanglou")
            try:
                found = [await _round(history, server, polls, one) for one in range(rounds + 1)]
            finally:
                await history.close()
    return list(_told(found[1:]))  # the first round makes the series


async def _round(
    history: InfluxHistory, server: Child, polls: int, number: int
) -> tuple[float, ...]:
    """Samples/s, lines/s; samples/s encoded, and read; CPU µs a sample: writer, InfluxDB."""
    first_ms = 1_800_000_000_000 + number * polls * _INTERVAL_MS
    made = [blocks(_BLOCKS, first_ms + poll * _INTERVAL_MS) for poll in range(polls)]
    count = sum(map(values, made))
    began = time.process_time()
    for one in made:
        for block in one:
            for _ in lines(block):
                pass
    encoding = time.process_time() - began
    bodies = [SampleBody(blocks=(block,)).model_dump_json() for one in made for block in one]
    began = time.process_time()
    for body in bodies:
        SampleBody.model_validate_json(body)
    reading = time.process_time() - began
    own, its, began = time.process_time(), cpu_s(server), time.perf_counter()
    rows = 0
    for one in made:
        rows += await history.write(one)
    took = time.perf_counter() - began
    own_us, its_us = (time.process_time() - own) * 1e6, (cpu_s(server) - its) * 1e6
    own_us /= count
    return (
        count / took,
        rows / took,
        count / encoding,
        count / reading,
        own_us,
        its_us / count,
    )


def _told(found: list[tuple[float, ...]]) -> Iterator[Figure]:
    columns = list(zip(*found, strict=True))
    aim = Target(100_000, at_least=True)
    yield Figure(PART, "into InfluxDB, committed", "samples/s", columns[0], aim)
    yield Figure(PART, "into InfluxDB, committed", "lines/s", columns[1])
    yield Figure(PART, "encoded, by CPU", "samples/s", columns[2])
    yield Figure(PART, "read from the wire's JSON and checked, by CPU", "samples/s", columns[3])
    yield Figure(PART, "collector's writer", "CPU µs/sample", columns[4])
    yield Figure(PART, "InfluxDB", "CPU µs/sample", columns[5])

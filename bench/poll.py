"""CPU per device of our engines and of pysnmp, interleaved on the same farm in one run.

``python -m bench.poll [--devices N] [--rounds N]``. CPU is that of this process, kernel included;
the farm runs in another. The median of the rounds counts.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from statistics import median
from typing import Any

from pysnmp.hlapi.v1arch.asyncio import (
    CommunityData,
    ObjectIdentity,
    ObjectType,
    SnmpDispatcher,
    UdpTransportTarget,
    bulk_cmd,
    get_cmd,
)

from agent.io.icmp import IcmpEngine, IcmpOptions
from agent.io.snmp import SnmpEngine, SnmpOptions
from agent.memory import Sizes
from agent.query import Access, IcmpLook, Query, SnmpLook
from bench import work
from config.inventory import SnmpVersion
from wire.observation import Outcome

PORT = 16_100
PYSNMP_DEVICES = 40
Work = Callable[[], Awaitable[int]]


def address(number: int) -> str:
    return f"127.{10 + (number >> 16)}.{number >> 8 & 255}.{number & 255}"


async def all_of(engine: Any, looks: list[Any]) -> int:
    """One look at each; how many were measured, all of them or it is no benchmark."""
    finished = asyncio.get_running_loop().create_future()
    left, measured = len(looks), 0

    def done(result: Any) -> None:
        nonlocal left, measured
        left -= 1
        measured += result.outcome is Outcome.MEASURED and getattr(result, "complete", True)
        if not left:
            finished.set_result(None)

    for look in looks:
        engine.submit(look, done)
    await finished
    if measured != len(looks):
        raise RuntimeError(f"only {measured} of {len(looks)} measured: {engine.stats}")
    return measured


def snmp_looks(query: Query, devices: int) -> list[SnmpLook]:
    access = Access(SnmpVersion.V2C, work.COMMUNITY)
    return [
        SnmpLook(str(number), address(number), PORT, access, query, 5.0, 1)
        for number in range(devices)
    ]


def pysnmp_work(kind: str) -> Work:
    dispatcher = SnmpDispatcher()
    community = CommunityData(work.COMMUNITY.decode(), mpModel=1)

    async def one_round() -> int:
        for number in range(PYSNMP_DEVICES):
            target = await UdpTransportTarget.create((address(number), PORT), timeout=5, retries=1)
            if kind == "get":
                names = [ObjectType(ObjectIdentity(oid)) for oid in work.SCALARS]
                error, status, _, bound = await get_cmd(dispatcher, community, target, *names)
                wanted = len(work.SCALARS)
            else:
                names = [ObjectType(ObjectIdentity(oid)) for oid in work.COLUMNS]
                error, status, _, bound = await bulk_cmd(
                    dispatcher, community, target, 0, work.ROWS + 1, *names
                )
                wanted = (work.ROWS + 1) * len(work.COLUMNS)
            if error or status or len(bound) != wanted:
                raise RuntimeError(f"pysnmp: {error} {status} {len(bound)}")
        return PYSNMP_DEVICES

    return one_round


async def measure(devices: int, rounds: int) -> dict[str, list[float]]:
    """CPU microseconds per device, round by round."""
    sizes = Sizes(bulk=(work.ROWS + 1) * len(work.COLUMNS))
    engine = SnmpEngine(SnmpOptions(packets_per_s=1e6, sizes=sizes))
    pings = IcmpEngine(IcmpOptions(packets_per_s=1e6))
    await engine.start()
    await pings.start()
    gets, bulks = snmp_looks(work.GET, devices), snmp_looks(work.BULK, devices)
    echoes = [IcmpLook(str(n), address(n), count=1, timeout_s=5.0) for n in range(devices)]
    works: dict[str, Work] = {
        "get, ours": lambda: all_of(engine, gets),
        "get, pysnmp": pysnmp_work("get"),
        "bulk, ours": lambda: all_of(engine, bulks),
        "bulk, pysnmp": pysnmp_work("bulk"),
        "icmp, ours": lambda: all_of(pings, echoes),
    }
    figures: dict[str, list[float]] = {name: [] for name in works}
    for number in range(rounds + 1):
        for name, one_round in works.items():
            began = time.process_time()
            count = await one_round()
            if number:  # the first round learns
                figures[name].append((time.process_time() - began) / count * 1e6)
    engine.close()
    pings.close()
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--devices", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with subprocess.Popen(
        [sys.executable, "-m", "bench.farm", str(PORT)], stdout=subprocess.PIPE
    ) as farm:
        assert farm.stdout is not None
        farm.stdout.readline()
        try:
            figures = asyncio.run(measure(options.devices, options.rounds))
        finally:
            farm.kill()
    medians = {name: median(found) for name, found in figures.items()}
    if options.json:
        print(json.dumps(medians))
        return
    for name, found in figures.items():
        print(f"{name:14} {medians[name]:9.1f} µs/device  ({min(found):.1f} to {max(found):.1f})")
    for kind in ("get", "bulk"):
        print(
            f"{kind}: pysnmp / ours = {medians[f'{kind}, pysnmp'] / medians[f'{kind}, ours']:.0f}"
        )


if __name__ == "__main__":
    main()

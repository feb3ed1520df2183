"""One agent process with very many devices: its CPU, memory, punctuality, and what it lost.

The agent is whole: output to its outbox on disk, over mosquitto to a collector, which is not
counted. Devices that move answer by SNMP; the kernel answers echoes on loopback.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

from bench import whole
from bench.figures import Figure, Target
from bench.ground import Ground, cpu_s, ground, memory_mb, scratch, wait_ready
from bench.peers import ROOT, farm
from drill.children import Child

INTERVAL_S: Final = 30.0
SETTLE: Final = 2
"""Intervals before the first one that is counted: learning, and the first state of everything."""

LATE_MS: Final = 250.0
COUNTED: Final = ("looks", "answers", "timeouts", "drops", "could_not_look")


class Crowd(NamedTuple):
    """How many devices, what each is asked for, and what the process may use."""

    devices: int
    profile: str
    icmp: bool
    share: float
    memory_mb: float

    @property
    def title(self) -> str:
        values = 10 if self.profile == "ten" else 144
        more = " and an echo" if self.icmp else ""
        return f"{self.devices:,} devices x {values}{more}, {INTERVAL_S:g} s"


FULL: Final = (
    Crowd(100_000, "ten", icmp=False, share=20.0, memory_mb=150.0),
    Crowd(100_000, "ten", icmp=True, share=30.0, memory_mb=200.0),
    Crowd(30_000, "wide", icmp=False, share=25.0, memory_mb=250.0),
)
QUICK: Final = (Crowd(10_000, "ten", icmp=True, share=3.0, memory_mb=150.0),)


async def figures(crowds: tuple[Crowd, ...], rounds: int) -> list[Figure]:
    """Percent of a core, MB, the 99th percentile of lateness, and what was lost, of each crowd."""
    found: list[Figure] = []
    for crowd in crowds:
        with scratch() as folder:
            async with ground(folder) as place:
                with farm(whole.PORT, "whole"):
                    found += await _one(place, crowd, rounds)
    return found


async def _one(place: Ground, crowd: Crowd, rounds: int) -> list[Figure]:
    config = await whole.county(place, crowd.profile, crowd.devices, INTERVAL_S, icmp=crowd.icmp)
    agent = await _agent(place, config)
    await asyncio.sleep(SETTLE * INTERVAL_S)
    before, shares = await _ask(agent), []
    spent = cpu_s(agent)
    for _ in range(rounds):
        await asyncio.sleep(INTERVAL_S)
        place.check()
        now = cpu_s(agent)
        shares.append((now - spent) / INTERVAL_S * 100)
        spent = now
    after = await _ask(agent)
    return list(_told(crowd, shares, memory_mb(agent), before, after))


def _told(
    crowd: Crowd, shares: list[float], memory: float, before: dict[str, Any], after: dict[str, Any]
) -> Iterator[Figure]:
    counts = {name: after[name] - before[name] for name in COUNTED}
    late = [b - a for a, b in zip(before["late"], after["late"], strict=True)]
    note = ", ".join(f"{count:,} {name}" for name, count in counts.items())
    yield Figure(crowd.title, "agent", "% of a core", tuple(shares), Target(crowd.share), note)
    yield Figure(crowd.title, "resident memory", "MB", (memory,), Target(crowd.memory_mb))
    p99 = _below(after["bounds"], late, 0.99)
    yield Figure(crowd.title, "start later than due, p99 at most", "ms", (p99,), Target(LATE_MS))
    yield Figure(crowd.title, "replies lost to full buffers", "", (counts["drops"],), Target(0.0))


def _below(bounds: list[float], counts: list[int], share: float) -> float:
    """The upper end of the class in which the quantile lies."""
    wanted, seen = share * sum(counts), 0
    for bound, count in zip([*bounds, float("inf")], counts, strict=True):
        seen += count
        if seen >= wanted:
            return bound
    return float("inf")


async def _agent(place: Ground, config: Path) -> Child:
    """An agent that tells its counters when it is asked."""
    log = place.children.folder / "crowd.log"
    with log.open("ab") as errors:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "bench.crowd",
            str(config),
            cwd=ROOT,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=errors,
            start_new_session=True,
        )
    child = Child("crowd", process, log)
    place.children.running.append(child)
    await wait_ready(child)
    return child


async def _ask(agent: Child) -> dict[str, Any]:
    process: Any = agent.process
    process.stdin.write(b"?\n")
    return dict(json.loads(await asyncio.wait_for(process.stdout.readline(), 60)))


async def _main(config: Path) -> None:
    """The agent itself, with one more task that answers on standard output."""
    from agent.app import Agent  # noqa: PLC0415  only the child is one
    from config.io.apart import apart, slimmed  # noqa: PLC0415
    from config.io.load import (  # noqa: PLC0415
        load_agent_settings,
        load_inventory,
        load_profiles,
    )

    settings = load_agent_settings(config)
    options = settings.agent
    inventory = apart(lambda: slimmed(load_inventory(Path(options.inventory))))
    folder = Path(options.profiles_dir) if options.profiles_dir else None
    agent = Agent(settings, inventory, load_profiles(folder))
    lines = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(lines), sys.stdin
    )
    running = asyncio.create_task(agent.run())
    while await lines.readline():
        sys.stdout.write(json.dumps(_counts(agent)) + "\n")
        sys.stdout.flush()
    agent.stop()
    await running


def _counts(agent: Any) -> dict[str, Any]:
    from agent.metrics import gather  # noqa: PLC0415  only the child is an agent

    metrics = agent.metrics
    engines = (agent._fast.stats, agent._icmp.stats)  # noqa: SLF001  it gathers once a round
    gather(metrics, engines, agent._batch)  # noqa: SLF001  as above

    late = metrics.lateness
    return {
        **{name: getattr(metrics, name) for name in COUNTED},
        "late": list(late.counts),
        "bounds": list(late.bounds),
    }


if __name__ == "__main__":
    from transport.io import log as logs

    logs.setup()
    asyncio.run(_main(Path(sys.argv[1])))

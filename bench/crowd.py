"""One agent process with very many devices: its CPU, memory, punctuality, and what it lost.

The agent is whole: output to its outbox on disk, over mosquitto to a collector, which is not
counted. Devices that move answer by SNMP; the kernel answers echoes on loopback.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Final, NamedTuple

import aiohttp

from bench import whole
from bench.figures import Figure, Target
from bench.ground import Ground, cpu_s, ground, memory_mb, scratch
from bench.peers import farm
from drill.broker import HOST, free_port

INTERVAL_S: Final = 30.0
SETTLE: Final = 2
"""Intervals before the first one that is counted: learning, and the first state of everything."""

LATE_MS: Final = 250.0
LATE: Final = "wanglou_agent_lateness_seconds"
COUNTED: Final = {
    "looks": "wanglou_agent_looks_total",
    "answers": 'wanglou_agent_outcomes_total{outcome="measured"}',
    "timeouts": 'wanglou_agent_outcomes_total{outcome="no_answer"}',
    "could not look": 'wanglou_agent_outcomes_total{outcome="could_not_look"}',
    "drops": "wanglou_agent_kernel_drops_total",
}


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
    port = free_port()
    await whole.county(
        place, crowd.profile, crowd.devices, INTERVAL_S, icmp=crowd.icmp, metrics_port=port
    )
    agent = await place.start(f"agent-{whole.AGENT}", "agent", "run")
    await asyncio.sleep(SETTLE * INTERVAL_S)
    before, shares = await _counts(port), []
    spent = cpu_s(agent)
    for _ in range(rounds):
        await asyncio.sleep(INTERVAL_S)
        place.check()
        now = cpu_s(agent)
        shares.append((now - spent) / INTERVAL_S * 100)
        spent = now
    after = await _counts(port)
    return list(_told(crowd, shares, memory_mb(agent), before, after))


async def _counts(port: int) -> dict[str, float]:
    """The agent's own figures, as its page tells them."""
    url = f"http://{HOST}:{port}/metrics"
    async with aiohttp.ClientSession() as session, session.get(url) as reply:
        text = await reply.text()
    lines = (line for line in text.splitlines() if not line.startswith("#"))
    return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines)}


def _told(
    crowd: Crowd,
    shares: list[float],
    memory: float,
    before: dict[str, float],
    after: dict[str, float],
) -> Iterator[Figure]:
    since = {name: after[name] - before.get(name, 0.0) for name in after}
    counts = {word: since.get(name, 0.0) for word, name in COUNTED.items()}
    note = ", ".join(f"{count:,.0f} {word}" for word, count in counts.items())
    yield Figure(crowd.title, "agent", "% of a core", tuple(shares), Target(crowd.share), note)
    yield Figure(crowd.title, "resident memory", "MB", (memory,), Target(crowd.memory_mb))
    p99 = _below(since, 0.99) * 1000
    yield Figure(crowd.title, "start later than due, p99 at most", "ms", (p99,), Target(LATE_MS))
    yield Figure(crowd.title, "replies lost to full buffers", "", (counts["drops"],), Target(0.0))


def _below(since: dict[str, float], share: float) -> float:
    """The upper end (s) of the class of lateness in which the quantile lies."""
    wanted = share * since[f"{LATE}_count"]
    for name, below in since.items():
        if name.startswith(f"{LATE}_bucket") and below >= wanted:
            return float(name.split('"')[1])
    return float("inf")

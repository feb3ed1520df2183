"""The agent at one moment, gathered where its parts count."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Final

import orjson

from agent.conduct import Conduct
from agent.exposition import Snapshot
from agent.io.icmp import IcmpEngine
from agent.io.snmp import SnmpEngine

WORST: Final = 30
"""Devices told of each kind of trouble."""
_STATM: Final = Path("/proc/self/statm")


def cpu_s() -> float:
    """CPU seconds of this process so far, user and system."""
    return time.process_time()


def resident() -> int:
    """Octets of memory that this process holds; 0 where that is not told."""
    try:
        return int(_STATM.read_bytes().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, IndexError, ValueError):
        return 0


def unasked(snmp: SnmpEngine, icmp: IcmpEngine) -> Mapping[str, int]:
    """Packets that answer nothing, by kind."""
    return {
        "foreign": snmp.stats.foreign + icmp.stats.foreign,
        "stray": snmp.stats.stray,
        "malformed": snmp.stats.malformed,
        "duplicate": icmp.stats.duplicates,
    }


def top(agent: str, now: Snapshot, conduct: Conduct, mono_ms: int) -> bytes:
    """The answer to ``wanglou agent top``: figures of all, and the devices that give trouble."""
    one = now.metrics
    lateness = one.lateness.below(0.99)
    return orjson.dumps(
        {
            "agent": agent,
            "version": now.version,
            "mono_ms": mono_ms,
            "window_s": max(0, mono_ms - conduct.since_ms) // 1000,
            "devices": now.devices,
            "silent": now.silent,
            "missed": one.missed,
            "blind": now.blind,
            "looks": one.looks,
            "packets_sent": one.packets_sent,
            "packets_received": one.packets_received,
            "in_flight": one.in_flight,
            "queued": one.queued,
            "kernel_drops": one.drops,
            "late_p99_ms": lateness if lateness != float("inf") else None,
            "cpu_s": now.cpu_s,
            "rss": now.rss,
            "connected": now.link.connected,
            "outbox_rows": sum(lane.rows for lane in now.lanes),
            "outbox_age_s": max((lane.age_s for lane in now.lanes), default=0.0),
            "beyond": conduct.beyond,
            "worst": [asdict(line) for line in conduct.worst(WORST)],
        }
    )

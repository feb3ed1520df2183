"""The frame of every poller: a job comes in as JSON, then a round for each line, CPU goes out.

Standard library only: peers run in an environment that has nothing of ours. CPU is that of the
whole process, kernel and threads included.
"""

from __future__ import annotations

import asyncio
import json
import resource
import sys
import time
from collections.abc import Awaitable, Callable
from typing import Any

Round = Callable[[], Awaitable[int]]
"""One look at every device; how many were measured."""

Job = dict[str, Any]


def serve(begin: Callable[[Job], Awaitable[Round]]) -> None:
    """Serve one job until standard input ends."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    asyncio.run(_serve(begin))


async def _serve(begin: Callable[[Job], Awaitable[Round]]) -> None:
    job = json.loads(sys.stdin.readline())
    one_round = await begin(job)
    _say({"ready": True})
    while sys.stdin.readline():
        wall, cpu = time.perf_counter(), time.process_time()
        count = await one_round()
        cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
        if count != job.get("alive", len(job["addresses"])):
            raise RuntimeError(f"{count} of {len(job['addresses'])} measured")
        _say({"cpu_s": cpu, "wall_s": wall, "count": count})


def _say(what: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


async def all_of(looks: list[Callable[[], Awaitable[None]]], at_once: int) -> int:
    """Run them all, ``at_once`` at a time; how many there were."""
    waiting = iter(looks)

    async def some() -> None:
        for look in waiting:
            await look()

    await asyncio.gather(*(some() for _ in range(at_once)))
    return len(looks)

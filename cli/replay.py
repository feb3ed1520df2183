"""Looks at recordings for the commands that look at devices."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

from agent.io.recording import ReplayEngine, read_recording
from agent.io.snmp import SnmpEngine
from agent.query import Access, Query, SnmpLook, SnmpResult
from agent.recording import Replay
from cli import rounds
from config.faults import ConfigError
from config.inventory import SnmpVersion


def recorded_looks(
    files: Sequence[Path], targets: Sequence[str], version: str, query: Query
) -> tuple[ReplayEngine, list[SnmpLook]]:
    """An engine over the recordings, and a look at each; ends the program when one is unusable."""
    if targets:
        rounds.fail("--from 不与目标一起写 / give targets or --from, not both")
    try:
        devices = {str(file): Replay(read_recording(file)) for file in files}
    except ConfigError as problem:
        rounds.fail(str(problem))
    access = Access(SnmpVersion.V1 if version == SnmpVersion.V1 else SnmpVersion.V2C)
    looks = [SnmpLook(file, "", 0, access, query) for file in devices]
    return ReplayEngine(devices), looks


def look_once(engine: ReplayEngine | None, look: SnmpLook) -> SnmpResult:
    """One look, by an SnmpEngine of its own where no other is given."""
    return asyncio.run(_once(engine or SnmpEngine(), look))


async def _once(engine: ReplayEngine | SnmpEngine, look: SnmpLook) -> SnmpResult:
    await engine.start()
    done: asyncio.Future[SnmpResult] = asyncio.get_running_loop().create_future()
    try:
        engine.submit(look, done.set_result)
        return await done
    finally:
        engine.close()

"""Looks at recordings for the commands that look at devices."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from agent.io.recording import ReplayEngine, read_recording
from agent.query import Access, Query, SnmpLook
from agent.recording import Replay
from cli import rounds
from config.faults import ConfigError


def recorded_looks(
    files: Sequence[Path], targets: Sequence[str], access: Access, query: Query
) -> tuple[ReplayEngine, list[SnmpLook]]:
    """An engine over the recordings, and a look at each; ends the program when one is unusable."""
    if targets:
        rounds.fail("--from 不与目标一起写 / give targets or --from, not both")
    try:
        devices = {str(file): Replay(read_recording(file)) for file in files}
    except ConfigError as problem:
        rounds.fail(str(problem))
    looks = [SnmpLook(file, "", 0, access, query) for file in devices]
    return ReplayEngine(devices), looks

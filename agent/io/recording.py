"""Recordings as files, and an engine that looks at them instead of devices."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from agent.memory import Shared, Sizes
from agent.query import SnmpLook, SnmpResult
from agent.recording import Recording, Replay, look_at, parse
from config.faults import ConfigError, unreadable

MAX_OCTETS: Final = 256 * 1024 * 1024


def read_recording(path: Path) -> Recording:
    """The recording in the file. Raises ConfigError."""
    try:
        if path.stat().st_size > MAX_OCTETS:
            zh, en = f"文件超过 {MAX_OCTETS} 字节", f"is larger than {MAX_OCTETS} bytes"
            raise ConfigError([unreadable(str(path), zh, en)])
        text = path.read_bytes()
    except OSError as problem:
        words = problem.strerror or str(problem)
        fault = unreadable(str(path), f"无法读取：{words}", f"cannot be read: {words}")
        raise ConfigError([fault]) from None
    return parse(text, str(path))


@dataclass(slots=True)
class ReplayStats:
    """The counts that an engine tells; nothing here is ever lost."""

    sent: int = 0
    received: int = 0
    kernel_drops: int = 0


@dataclass(slots=True)
class ReplayEngine:
    """Answers looks from recordings, by the look's ``device``; as an SnmpEngine is used."""

    devices: dict[str, Replay]
    sizes: Sizes = field(default_factory=Sizes)
    stats: ReplayStats = field(default_factory=ReplayStats)
    _shared: Shared | None = None

    async def start(self) -> None:
        self._shared = Shared(self.sizes)

    def close(self) -> None:
        self._shared = None

    def submit(self, look: SnmpLook, done: Callable[[SnmpResult], None]) -> None:
        """Look at once."""
        shared = self._shared
        assert shared is not None, "not started"
        result = look_at(look, self.devices[look.device], shared)
        result.at_ns = time.monotonic_ns()
        self.stats.sent += result.requests
        self.stats.received += result.requests
        done(result)

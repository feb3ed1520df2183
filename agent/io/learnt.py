"""What devices have taught us about how much to ask for, kept over restarts."""

from __future__ import annotations

import json
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Final, Protocol

from agent.learnt import Words, read
from agent.memory import Sizes, words_of

FILE: Final = "learnt.json"
"""In the agent's state directory."""
MOST_OCTETS: Final = 64 * 1024 * 1024
EVERY_MS: Final = 600_000


class Known(Protocol):
    """A device with what an engine remembers of it."""

    id: str
    memory: object


class Learnt:
    """``words`` are those of devices that have not been asked since the start."""

    def __init__(self, state_dir: Path, sizes: Sizes, now_ms: int) -> None:
        self._path = state_dir / FILE
        self._sizes = sizes
        self._next_ms = now_ms + EVERY_MS
        self.words = self._load()
        self._saved = dict(self.words)

    def turn(self, devices: Iterable[Known], now_ms: int) -> None:
        """Save from time to time; monotonic milliseconds."""
        if now_ms >= self._next_ms:
            self._next_ms = now_ms + EVERY_MS
            self.save(devices)

    def save(self, devices: Iterable[Known]) -> None:
        """Write it whole if it has changed; a full disk costs the memory of it alone."""
        found: dict[str, Words] = {}
        for device in devices:
            words = self.words.get(device.id) or words_of(device.memory, self._sizes)
            if words:
                found[device.id] = words
        if found == self._saved:
            return
        fresh = self._path.with_suffix(".new")
        with suppress(OSError):
            fresh.write_text(json.dumps(found, separators=(",", ":")), encoding="utf-8")
            fresh.replace(self._path)
            self._saved = found

    def _load(self) -> dict[str, Words]:
        """What was known before; nothing when that cannot be read."""
        with suppress(OSError, ValueError):
            if self._path.stat().st_size <= MOST_OCTETS:
                return read(json.loads(self._path.read_bytes()))
        return {}

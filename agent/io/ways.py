"""Which engine asks a device, and with which of its credentials; to the agent one SNMP engine."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Final

from agent.devices import Way
from agent.io.pysnmp_engine import PysnmpEngine
from agent.io.snmp import SnmpEngine
from agent.io.sockets import Address
from agent.learnt import Words
from agent.query import SnmpLook, SnmpResult
from agent.trials import Trials
from config.inventory import EngineKind

FILE: Final = "credentials.json"
"""In the agent's state directory: names of devices and of the credentials that fit them."""
SAVE_S: Final = 5.0
MAX_OCTETS: Final = 64 * 1024 * 1024

Done = Callable[[SnmpResult], None]


class Ways:
    """Used as an SnmpEngine is, which it hands nearly everything to."""

    def __init__(self, fast: SnmpEngine, ways: Mapping[str, Way], state_dir: Path) -> None:
        self._fast = fast
        self._other = PysnmpEngine(fast.options.sizes, fast.options.budget)
        self._ways: Mapping[str, Way] = {}
        self._path = state_dir / FILE
        self._trials = Trials({})
        self._saving: asyncio.TimerHandle | None = None
        self.take_noise: Callable[[], dict[Address, int]] = fast.take_noise
        self.push: Callable[[], None] = fast.push
        self.renew(ways)

    def renew(self, ways: Mapping[str, Way], gone: Collection[str] = ()) -> None:
        """Take other ways; what is known of devices that are not ``gone`` stays."""
        self._ways = ways
        lists = {
            device: tuple(name for name, _ in way.accesses)
            for device, way in ways.items()
            if len(way.accesses) > 1
        }
        known = self._load() if lists else {}
        self._trials.renew(lists, {d: name for d, name in known.items() if d not in gone}, gone)
        if ways:
            self.__dict__.pop("submit", None)
        else:
            self.submit = self._fast.submit  # type: ignore[method-assign]  # nothing between

    def teach(self, words: dict[str, Words]) -> None:
        """What devices taught before a restart; each leaves it when it is asked."""
        self._fast.teach(words)
        self._other.teach(words)

    async def start(self) -> None:
        await self._fast.start()
        await self._other.start()

    def close(self) -> None:
        """Close both engines. Idempotent."""
        self._fast.close()
        self._other.close()
        if self._saving is not None:
            self._saving.cancel()
            self._save()

    def submit(self, look: SnmpLook, done: Done) -> None:
        """Look once; ``done`` gets the result."""
        way = self._ways.get(look.device)
        if way is None:
            self._fast.submit(look, done)
            return
        if len(way.accesses) > 1:
            name = self._trials.choose(look.device, time.monotonic_ns() // 1_000_000)
            look.access = dict(way.accesses)[name]
            done = partial(self._learn, way, name, done)
        if way.engine is EngineKind.PYSNMP:
            self._other.submit(look, done)
        else:
            self._fast.submit(look, done)

    def _learn(self, way: Way, name: str, done: Done, result: SnmpResult) -> None:
        """Note what came of a credential; its name goes with a refusal."""
        device = result.look.device
        if self._ways.get(device) != way:
            done(result)  # it is asked in another way meanwhile
            return
        if self._trials.learn(device, result.outcome, result.reason):
            self._saving = self._saving or asyncio.get_running_loop().call_later(SAVE_S, self._save)
        if not result.detail and result.reason:
            result.detail = name
        done(result)

    # -- what is remembered -----------------------------------------------------------------------

    def _load(self) -> dict[str, str]:
        """What fitted before; nothing when that cannot be read."""
        with suppress(OSError, ValueError):
            if self._path.stat().st_size <= MAX_OCTETS:
                found = json.loads(self._path.read_bytes())
                if isinstance(found, dict):
                    return {str(device): str(name) for device, name in found.items()}
        return {}

    def _save(self) -> None:
        """Write it whole; a full disk costs the memory of it alone."""
        self._saving = None
        fresh = self._path.with_suffix(".new")
        with suppress(OSError):
            fresh.write_text(json.dumps(self._trials.fitting), encoding="utf-8")
            fresh.replace(self._path)

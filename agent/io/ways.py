"""Which engine asks a device, and with which of its credentials; to the agent one SNMP engine."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from agent.access import access_of
from agent.io.pysnmp_engine import PysnmpEngine
from agent.io.snmp import SnmpEngine
from agent.io.sockets import Address
from agent.query import Access, SnmpLook, SnmpResult
from agent.trials import Trials
from config.inventory import EngineKind, Inventory

FILE: Final = "credentials.json"
"""In the agent's state directory: names of devices and of the credentials that fit them."""
SAVE_S: Final = 5.0
MAX_OCTETS: Final = 64 * 1024 * 1024

Done = Callable[[SnmpResult], None]


@dataclass(frozen=True, slots=True)
class _Way:
    """A device that is not simply asked: ``several`` credentials, or by pysnmp."""

    several: bool
    pysnmp: bool


class Ways:
    """Used as an SnmpEngine is, which it hands nearly everything to."""

    def __init__(self, fast: SnmpEngine, inventory: Inventory, state_dir: Path) -> None:
        self._fast = fast
        self._other = PysnmpEngine(fast.options.sizes, fast.options.budget)
        self._ways = {
            target.device: _Way(len(target.candidates) > 1, target.engine is EngineKind.PYSNMP)
            for target in inventory.targets
            if len(target.candidates) > 1 or target.engine is EngineKind.PYSNMP
        }
        lists = {
            target.device: target.candidates
            for target in inventory.targets
            if len(target.candidates) > 1
        }
        used = {name for names in lists.values() for name in names}
        self._accesses: dict[str, Access] = {
            one.id: access_of(one) for one in inventory.credentials if one.id in used
        }
        self._path = state_dir / FILE
        self._trials = Trials(lists, self._load() if lists else {})
        self._saving: asyncio.TimerHandle | None = None
        self.take_noise: Callable[[], dict[Address, int]] = fast.take_noise
        self.push: Callable[[], None] = fast.push
        if not self._ways:
            self.submit = fast.submit  # type: ignore[method-assign]  # nothing between, as usual

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
        if way.several:
            name = self._trials.choose(look.device, time.monotonic_ns() // 1_000_000)
            look.access = self._accesses[name]
            done = partial(self._learn, name, done)
        if way.pysnmp:
            self._other.submit(look, done)
        else:
            self._fast.submit(look, done)

    def _learn(self, name: str, done: Done, result: SnmpResult) -> None:
        """Note what came of a credential; its name goes with a refusal."""
        if self._trials.learn(result.look.device, result.outcome, result.reason):
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

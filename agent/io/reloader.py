"""SIGHUP: another configuration is read beside the work, and taken whole or not at all."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Generic, TypeVar

from agent.devices import AgentFault, Diff
from agent.reload import NeedsRestart
from config.faults import ConfigError
from transport.io.log import Log
from transport.io.notify import Notifier

S = TypeVar("S")
T = TypeVar("T")
STEP_S = 0.01
"""Steps of building are taken for so long before all else has its turn."""

REST_S = 0.01
FAULTS_SAID = 20
"""Faults of a refused configuration that the log names one by one."""


@dataclass(slots=True)
class Counts:
    """Reloads since the start, by what came of them."""

    taken: int = 0
    refused: int = 0


class Reloader(Generic[S, T]):
    """``prepare`` reads in a thread, ``build`` makes something of it; both touch nothing.

    ``build`` goes in steps between which all else goes on: in a thread it would take the
    interpreter from the loop for as long at each packet. ``take`` makes it hold at once.

    A fault in ``take`` would leave half of each: it is handed to ``failed``, which ends the agent.
    A signal that comes meanwhile is served afterwards.
    """

    def __init__(
        self,
        prepare: Callable[[], S] | None,
        build: Callable[[S], Generator[None, None, T]],
        take: Callable[[T], Diff],
        failed: Callable[[BaseException], object],
        *,
        notify: Notifier,
        log: Log,
    ) -> None:
        self.counts = Counts()
        self._prepare = prepare
        self._build = build
        self._take = take
        self._failed = failed
        self._notify = notify
        self._log = log
        self._task: asyncio.Task[None] | None = None
        self._again = False

    def ask(self) -> None:
        """The signal has come."""
        if self._prepare is None:
            self._log.warning("SIGHUP ignored: there are no files to reload")
        elif self._task is not None and not self._task.done():
            self._again = True
        else:
            self._task = asyncio.create_task(self._serve(self._prepare))

    async def close(self) -> None:
        """End what is under way."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _serve(self, prepare: Callable[[], S]) -> None:
        self._again = True
        while self._again:
            self._again = False
            self._notify.reloading()
            self._notify.ready(await self._once(prepare))

    async def _once(self, prepare: Callable[[], S]) -> str:
        """One reload; what came of it in a line."""
        try:
            built = await self._built(await asyncio.to_thread(prepare))
        except ConfigError as error:
            return self._refuse(*map(str, error.faults))
        except (AgentFault, NeedsRestart) as fault:
            return self._refuse(str(fault))
        except Exception as error:  # noqa: BLE001  nothing was touched: the agent goes on
            self._log.exception("reload failed in an unforeseen way")
            return self._refuse(f"{type(error).__name__}: {error}")
        try:
            diff = self._take(built)
        except Exception as error:  # noqa: BLE001  told where the work is awaited
            self._failed(error)
            return "reload broke off"
        self.counts.taken += 1
        numbers = {name: len(getattr(diff, name)) for name in ("added", "removed", "changed")}
        self._log.info("reloaded", **numbers)
        return "reloaded: " + ", ".join(f"{count} {name}" for name, count in numbers.items())

    async def _built(self, prepared: S) -> T:
        """What ``build`` makes, a few steps at a time."""
        loop, steps = asyncio.get_running_loop(), self._build(prepared)
        until_s = loop.time() + STEP_S
        while True:
            try:
                next(steps)
            except StopIteration as end:
                made: T = end.value
                return made
            if loop.time() >= until_s:
                await asyncio.sleep(REST_S)
                until_s = loop.time() + STEP_S

    def _refuse(self, *faults: str) -> str:
        """One line that says all: where, what, and that everything goes on as before."""
        self.counts.refused += 1
        more = {"more": len(faults) - FAULTS_SAID} if len(faults) > FAULTS_SAID else {}
        self._log.error(
            "reload refused: the former configuration goes on", faults=faults[:FAULTS_SAID], **more
        )
        return f"reload refused: {faults[0]}"

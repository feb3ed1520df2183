"""SIGHUP: another configuration is read beside the work, and taken whole or not at all."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from agent.devices import AgentFault, Diff
from agent.reload import NeedsRestart
from config.faults import ConfigError
from transport.io.log import Log
from transport.io.notify import Notifier

T = TypeVar("T")
FAULTS_SAID = 20
"""Faults of a refused configuration that the log names one by one."""


@dataclass(slots=True)
class Counts:
    """Reloads since the start, by what came of them."""

    taken: int = 0
    refused: int = 0


class Reloader(Generic[T]):
    """``prepare`` reads and builds in a thread and touches nothing; ``take`` makes it hold.

    A fault in ``take`` would leave half of each: it is handed to ``failed``, which ends the agent.
    A signal that comes meanwhile is served afterwards.
    """

    def __init__(
        self,
        prepare: Callable[[], T] | None,
        take: Callable[[T], Diff],
        failed: Callable[[BaseException], None],
        *,
        notify: Notifier,
        log: Log,
    ) -> None:
        self.counts = Counts()
        self._prepare = prepare
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

    async def _serve(self, prepare: Callable[[], T]) -> None:
        self._again = True
        while self._again:
            self._again = False
            self._notify.reloading()
            self._notify.ready(await self._once(prepare))

    async def _once(self, prepare: Callable[[], T]) -> str:
        """One reload; what came of it in a line."""
        try:
            prepared = await asyncio.to_thread(prepare)
        except ConfigError as error:
            return self._refuse(*map(str, error.faults))
        except (AgentFault, NeedsRestart) as fault:
            return self._refuse(str(fault))
        except Exception as error:  # noqa: BLE001  nothing was touched: the agent goes on
            self._log.exception("reload failed in an unforeseen way")
            return self._refuse(f"{type(error).__name__}: {error}")
        try:
            diff = self._take(prepared)
        except Exception as error:  # noqa: BLE001  told where the work is awaited
            self._failed(error)
            return "reload broke off"
        self.counts.taken += 1
        numbers = {name: len(getattr(diff, name)) for name in ("added", "removed", "changed")}
        self._log.info("reloaded", **numbers)
        return "reloaded: " + ", ".join(f"{count} {name}" for name, count in numbers.items())

    def _refuse(self, *faults: str) -> str:
        """One line that says all: where, what, and that everything goes on as before."""
        self.counts.refused += 1
        more = {"more": len(faults) - FAULTS_SAID} if len(faults) > FAULTS_SAID else {}
        self._log.error(
            "reload refused: the former configuration goes on", faults=faults[:FAULTS_SAID], **more
        )
        return f"reload refused: {faults[0]}"

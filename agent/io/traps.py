"""Traps at the agent: the receiver's process is kept alive, what it stored leads to looks.

A trap of a device of the inventory starts a look at it at once; if that shows nothing new, two
more follow, because many agents answer from a cache. The trap becomes an event with what the look
came to, in the state lane, and is then marked as taken. What comes from elsewhere stays listed in
the store. A device that keeps sending is looked at less often for it; its traps are counted.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import sqlite3
import sys
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from pydantic import SecretStr

from agent import traps
from agent.io.traps_store import TrapRow, TrapStore
from agent.roster import Roster
from config.settings import AgentSettings, TrapSettings
from config.traps import TrapAccess
from transport.io import log as logs
from transport.io.sqlite import StoreTooNew
from wire.observation import Event, EventSource, Method, Outcome, Reading, StateItem

AGAIN_S: Final = (1.0, 3.0)
"""After these seconds a look that showed nothing new is repeated."""
LATE_S: Final = (8.0, 16.0)
"""And once more, for agents that answer from a table that they renew more rarely."""
GAP_S: Final = 1.0
GATHER_S: Final = 0.05
BURST: Final = 8
REFILL_S: Final = 5.0
"""One device's traps start a look so far apart, BURST of them in a row, then one in REFILL_S.

A look waits for what comes GATHER_S after its first trap: one cause has often several. One that
finds something new does not count among them.
"""
BUSY_S: Final = 0.2
BUSY_MOST: Final = 100
"""How often, and how many times, a device is tried that is being looked at just then."""
ROWS: Final = 500
CASES_MOST: Final = 20_000
COUNTED_MOST: Final = 20_000
RESTART_S: Final = (0.2, 30.0)
POLL_S: Final = 5.0
"""The store is looked into this often even if the receiver says nothing."""


@dataclass(frozen=True, slots=True)
class Hooks:
    """What the agent lends.

    ``look`` starts a look out of turn (False: one is under way); ``settle`` has what was measured
    compared with what is known now, so that ``saw`` is told; ``tell`` puts events into the state
    lane and calls back when they are on disk.
    """

    look: Callable[[str], bool]
    settle: Callable[[], None]
    tell: Callable[[Sequence[Event], Callable[[], None]], None]


@dataclass(slots=True)
class _Case:
    """The traps of one device that are being followed; ``due`` runs until its next look.

    ``after`` are traps that came while a look was under way, which may have missed their cause.
    """

    rows: dict[int, TrapRow] = field(default_factory=dict)
    after: dict[int, TrapRow] = field(default_factory=dict)
    looks: int = 0
    tries: int = 0
    under_way: bool = False
    outcome: Outcome | None = None
    changed: int = 0
    due: asyncio.TimerHandle | None = None


@dataclass(slots=True)
class _Pace:
    """When a device's traps last started a look, and how many they may start in a row then."""

    at: float
    left: float = BURST


class Traps:
    """From ``start`` to ``close``; ``looked`` is told of the end of looks that it ``follows``."""

    def __init__(
        self,
        settings: AgentSettings,
        access: TrapAccess,
        roster: Roster,
        hooks: Hooks,
    ) -> None:
        self._settings = settings
        self._options = settings.traps or TrapSettings()
        self._access = access
        self._devices = self._by_address(roster)
        self._hooks = hooks
        self._log = logs.get("traps", agent=settings.agent.id)
        self._changes = logs.Changes(self._log)
        self._folder = Path(settings.agent.state_dir)
        self._cases: dict[str, _Case] = {}
        self._paces: dict[str, _Pace] = {}
        self._held: dict[int, int] = {}
        self._late: dict[str, list[asyncio.TimerHandle]] = {}
        self._counted: dict[tuple[str, int], int] = {}
        self._taken: list[tuple[int, int, str]] = []
        self._news = asyncio.Event()
        self._drops = 0
        self.tally: Mapping[str, int] = {}
        self._task: asyncio.Task[None] | None = None
        self._process: asyncio.subprocess.Process | None = None

    def renew(self, access: TrapAccess, roster: Roster, gone: Collection[str]) -> None:
        """Take another inventory; looks at devices that are ``gone`` from it, or changed, are void.

        Whoever else is believed now, the receiver has to begin anew to know it.
        """
        self._devices = self._by_address(roster)
        here = {device for devices in self._devices.values() for device in devices}
        for device in [one for one in gone if one in self._cases]:
            case = self._cases[device]
            case.under_way = False
            case.rows |= case.after
            case.after = {}
            if device in here:
                self._later(device, case, 0.0)
            else:
                self._conclude(device, case)
        if access != self._access:
            self._access = access
            if self._process is not None and self._process.returncode is None:
                self._process.terminate()

    def _by_address(self, roster: Roster) -> dict[str, list[str]]:
        """The devices at each address, where traps are listened for."""
        found: dict[str, list[str]] = defaultdict(list)
        if self._settings.traps is not None:
            for address, device in zip(roster.addresses, roster.devices, strict=True):
                found[address].append(device)
        return found

    def start(self) -> None:
        """Begin, if there is to be a receiver; its faults end nothing else, and are retried."""
        if self._settings.traps is None:
            return
        self._task = asyncio.create_task(self._run())

    async def close(self) -> None:
        """End the receiver; what it has stored is followed after the next start."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        for case in self._cases.values():
            if case.due is not None:
                case.due.cancel()
        for handles in self._late.values():
            for handle in handles:
                handle.cancel()

    async def _run(self) -> None:
        while True:
            try:
                await self._work()
            except* (sqlite3.Error, OSError, StoreTooNew) as group:
                said = "; ".join(str(error) for error in group.exceptions)
                self._changes.note("work", said, "traps: at rest", level="error", detail=said)
            await asyncio.sleep(RESTART_S[1])

    async def _work(self) -> None:
        """Keep the receiver alive and follow what it stores."""
        store = await asyncio.to_thread(
            TrapStore.open, self._folder, quota_bytes=self._options.quota_bytes
        )
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._serve())
                group.create_task(self._follow(store))
        finally:
            store.close()

    # -- the receiver's process -------------------------------------------------------------------

    async def _serve(self) -> None:
        """Start it, and start it again when it ends."""
        wait_s = RESTART_S[0]
        while True:
            began = asyncio.get_running_loop().time()
            code = await self._once()
            lived = asyncio.get_running_loop().time() - began
            wait_s = RESTART_S[0] if lived > RESTART_S[1] else min(wait_s * 2, RESTART_S[1])
            self._changes.note("ended", code, "trap receiver ended", status=code)
            await asyncio.sleep(wait_s)

    async def _once(self) -> int:
        """One life of the receiver; its exit status."""
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "agent.io.traps_receiver",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            start_new_session=True,
        )  # fmt: skip
        assert process.stdin is not None
        assert process.stdout is not None
        self._process = process
        try:
            process.stdin.write(self._orders())
            async for line in process.stdout:
                self._said(json.loads(line))
            return await process.wait()
        finally:
            process.stdin.close()
            if process.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    process.kill()
                await process.wait()

    def _orders(self) -> bytes:
        options, access = self._options, self._access
        orders = {
            "folder": str(self._folder.resolve()),
            "address": options.listen,
            "port": options.port,
            "quota_bytes": options.quota_bytes,
            "clock": self._settings.clock.model_dump(),
            "communities": [one.get_secret_value() for one in access.communities],
            "users": [
                {
                    "name": user.name,
                    "auth": user.auth,
                    "auth_password": _secret(user.auth_password),
                    "priv": user.priv,
                    "priv_password": _secret(user.priv_password),
                }
                for user in access.user
            ],
        }
        return json.dumps(orders).encode() + b"\n"

    def _said(self, words: dict[str, Any]) -> None:
        if "listening" in words:
            address, number = words["listening"]
            self._changes.forget("ended")
            self._changes.forget("fault")
            self._log.info("traps: listening", address=address, port=number)
        if "fault" in words:
            hint = ""
            if words["fault"] == "not_permitted" and self._options.port < 1024:
                hint = "grant CAP_NET_BIND_SERVICE (see the unit) or take a port from 1024 on"
            self._changes.note(
                "fault", words["fault"], "traps: cannot receive", level="error",
                reason=words["fault"], detail=words["detail"], hint=hint,
            )  # fmt: skip
        self._news.set()

    # -- from the store to looks ------------------------------------------------------------------

    async def _follow(self, store: TrapStore) -> None:
        """Take what is pending, whenever there is news."""
        while True:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._news.wait(), POLL_S)
            self._news.clear()
            taken, self._taken = self._taken, []
            try:
                most = ROWS + len(self._held)
                rows, tally = await asyncio.to_thread(_exchange, store, taken, most)
            except sqlite3.Error as error:
                self._taken = taken + self._taken
                self._changes.note("store", str(error), "traps: the store fails", detail=str(error))
                await asyncio.sleep(POLL_S)
                continue
            self._changes.forget("store")
            self._count(tally)
            news = [self._take(row) for row in rows]
            if any(news) or self._taken:
                self._news.set()  # a full portion, or something to mark: there may be more

    def _count(self, tally: Mapping[str, int]) -> None:
        """Say that traps were lost before we could keep them."""
        self.tally = tally
        drops = tally.get("kernel_drops", 0) + tally.get("given_up", 0)
        if drops > self._drops:
            self._log.warning("traps: lost before they were read", traps=drops - self._drops)
        self._drops = drops

    def _take(self, row: TrapRow) -> bool:
        """Follow a row that is not yet followed as it stands now; whether it was news."""
        if self._held.get(row.id) == row.count:
            return False
        devices = () if row.refused else self._devices.get(row.source, ())
        if not devices and not row.refused and row.agent:
            devices = self._devices.get(row.agent, ())
        if not devices or len(self._cases) >= CASES_MOST:
            self._taken.append((row.id, row.count, ""))
            said = row.refused or "not in the inventory"
            self._changes.note(row.source, said, "traps: of nobody we know", source=row.source,
                               reason=said, kind=traps.kind(row.oid))  # fmt: skip
            return True
        self._held[row.id] = row.count
        for device in devices:
            self._add(device, row)
        return True

    def _add(self, device: str, row: TrapRow) -> None:
        """One more trap of this device; those whose look is over are told first."""
        case = self._cases.get(device)
        if case is not None and case.under_way:
            case.after[row.id] = row
            return
        if case is not None and case.looks:
            self._conclude(device, case)
            case = None
        if case is None:
            case = self._cases[device] = _Case()
            self._later(device, case, self._wait_s(device))
        case.rows[row.id] = row

    def _wait_s(self, device: str) -> float:
        """How long the device's next look for its traps' sake has to wait."""
        pace = self._paces.get(device)
        if pace is None:
            return GATHER_S
        quiet = asyncio.get_running_loop().time() - pace.at
        left = pace.left + quiet / REFILL_S
        if left >= BURST:
            del self._paces[device]
        return max(GATHER_S, GAP_S - quiet, (1 - left) * REFILL_S)

    def _later(self, device: str, case: _Case, wait_s: float) -> None:
        if case.due is not None:
            case.due.cancel()
        case.due = asyncio.get_running_loop().call_later(wait_s, self._look, device)

    def _look(self, device: str) -> None:
        case = self._cases[device]
        case.due = None
        if not self._hooks.look(device):
            case.tries += 1
            if case.tries < BUSY_MOST:
                self._later(device, case, BUSY_S)
            else:
                self._conclude(device, case)
            return
        case.under_way = True
        case.looks += 1
        case.tries = 0
        now = asyncio.get_running_loop().time()
        pace = self._paces.setdefault(device, _Pace(now))
        if case.looks == 1:
            pace.left = min(BURST, pace.left + (now - pace.at) / REFILL_S) - 1
        pace.at = now

    def follows(self, device: str) -> bool:
        """Whether it is wanted how a look at ``device`` came out."""
        return device in self._cases

    def saw(self, items: Sequence[StateItem]) -> None:
        """These were news: of a device that is being looked at for a trap, they confirm it."""
        if not self._cases:
            return
        for item in items:
            if isinstance(item, Reading):
                case = self._cases.get(item.device)
                if case is not None and case.under_way:
                    case.changed += 1

    def looked(self, device: str, outcomes: Mapping[Method, Outcome]) -> None:
        """A look at ``device`` is over, and so it came out."""
        case = self._cases.get(device)
        if case is None or not case.under_way:
            return
        self._hooks.settle()
        case.under_way = False
        case.outcome = outcomes.get(Method.SNMP, outcomes.get(Method.ICMP))
        if case.after or case.changed or case.looks > len(AGAIN_S):
            self._conclude(device, case)
            for row in case.after.values():
                self._add(device, row)
        else:
            self._later(device, case, AGAIN_S[case.looks - 1])

    def _conclude(self, device: str, case: _Case) -> None:
        """Tell of the traps with what the looks showed; they are taken once that is on disk."""
        del self._cases[device]
        if case.due is not None:
            case.due.cancel()
        if case.outcome is Outcome.MEASURED and not case.changed:
            self._look_later(device)
        pace = self._paces.get(device)
        if pace is not None and case.changed:
            pace.left = min(BURST, pace.left + 1)
        rows = []
        for row in case.rows.values():
            counted = self._counted.pop((device, row.id), row.taken)
            self._counted[device, row.id] = row.count
            rows.append(replace(row, taken=max(row.taken, counted)))
        while len(self._counted) > COUNTED_MOST:
            del self._counted[next(iter(self._counted))]
        self._hooks.tell(
            events(device, rows, case.outcome, case.changed), lambda: self._told(device, rows)
        )

    def _look_later(self, device: str) -> None:
        """Further looks whose readings, if they are news, speak for themselves."""
        if device not in self._late:
            loop = asyncio.get_running_loop()
            self._late[device] = [loop.call_later(s, self._hooks.look, device) for s in LATE_S]
            self._late[device].append(loop.call_later(LATE_S[-1], self._late.pop, device))

    def _told(self, device: str, rows: Sequence[TrapRow]) -> None:
        for row in rows:
            if self._held.get(row.id) == row.count:
                del self._held[row.id]
            self._taken.append((row.id, row.count, device))
        self._news.set()


def _secret(held: SecretStr | None) -> str | None:
    return None if held is None else held.get_secret_value()


def _exchange(
    store: TrapStore, taken: Sequence[tuple[int, int, str]], most: int
) -> tuple[list[TrapRow], dict[str, int]]:
    if taken:
        store.take(taken)
    return store.pending(most), store.tally()


def events(
    device: str, rows: Sequence[TrapRow], outcome: Outcome | None, changed: int
) -> list[Event]:
    """One event per kind, counting all that came since they were told last."""
    kinds: dict[str, list[TrapRow]] = defaultdict(list)
    for row in rows:
        kinds[row.oid].append(row)
    return [
        Event(
            device=device,
            source=EventSource.TRAP,
            kind=traps.kind(oid) or "?",
            text=traps.text(traps.unpacked(some[-1].binds)),
            count=max(1, sum(row.count - row.taken for row in some)),
            from_ms=min(row.from_ms for row in some),
            at_ms=max(row.at_ms for row in some),
            look=outcome,
            changed=changed,
        )
        for oid, some in kinds.items()
    ]

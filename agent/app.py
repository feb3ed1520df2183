"""The agent: turns, engines, lanes and uplink put together.

One event loop. A turn submits the looks that are due; their results become state items and
samples; a flush every ``FLUSH_S`` after the first of them writes all in one transaction. What a
SIGKILL can cost is the looks in progress and that one flush.
"""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import asdict, replace
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final, TypeVar

from agent import lanes
from agent.batch import Taken
from agent.bucket import Budget
from agent.conduct import Conduct
from agent.devices import AgentFault, Device, Diff, Fleet, building, fleet, listed, merged
from agent.exposition import LinkNow, Snapshot, page
from agent.io import snapshot
from agent.io.control import Control
from agent.io.engine import Limits
from agent.io.icmp import IcmpEngine, IcmpOptions
from agent.io.learnt import Learnt
from agent.io.lock import Lock
from agent.io.metrics_page import MetricsPage
from agent.io.port import on_grid
from agent.io.reloader import Reloader
from agent.io.selfcheck import SelfCheck
from agent.io.snmp import FLOOD, SnmpEngine, SnmpOptions
from agent.io.tracing import Tracing
from agent.io.traps import Hooks, Traps
from agent.io.uplink import Uplink
from agent.io.ways import Ways
from agent.io.writer import GATHER_S, Writer
from agent.metrics import Metrics, gather
from agent.presence import Identity
from agent.query import IcmpResult, SnmpResult
from agent.reload import Setup, check
from agent.roster import Roster
from agent.schedule import RoundEnd, Schedule
from agent.suspicion import Suspicion
from agent.witness import NO_UPLINK
from config.inventory import Inventory
from config.profile import Profile
from config.settings import AgentSettings
from config.traps import TrapAccess
from transport.io import log as logs
from transport.io.clock import Clock
from transport.io.link import Link, MakeLink
from transport.io.notify import Notifier
from wire.observation import Method, Outcome, Reading, Round
from wire.request import LookRequest

__all__ = ["Agent", "AgentFault"]

R = TypeVar("R", IcmpResult, SnmpResult)
TICK_S: Final = 0.1
"""Turns are at least this far apart, so that one of them submits many looks."""

ASKED_EVERY_S: Final = 5.0
ASKED_MOST: Final = 20
"""Looks out of turn: at most so many devices in that time, each of them once."""

Told = Callable[[Device, R], None]


class Agent:
    """One agent process. ``run`` returns after SIGTERM, SIGINT or ``stop``."""

    def __init__(
        self,
        settings: AgentSettings,
        inventory: Inventory | Roster,
        profiles: Mapping[str, Profile],
        *,
        clock: Clock | None = None,
        link: MakeLink = Link,
        believed: TrapAccess | None = None,
        files: Callable[[], Setup] | None = None,
    ) -> None:
        options = settings.agent
        self._clock = clock or Clock.of(settings.clock)
        self._link = link
        self._log = logs.get("agent", agent=options.id)
        self._changes = logs.Changes(self._log)
        self._notify = Notifier()
        self._interval_ms = round(options.interval_s * 1000)
        self._state_dir = Path(options.state_dir)
        roster = listed(settings, inventory)
        self._fleet = fleet(settings, roster, profiles)
        self._devices = self._fleet.devices
        self._schedule = Schedule(
            self._fleet.turns,
            round_ms=self._interval_ms,
            now_ms=self._clock.monotonic_ms(),
        )
        self._first_round = self._clock.wall_ms() // self._interval_ms
        self._budget = Budget(options.packets_per_s, options.octets_per_s, time.monotonic_ns())
        limits = Limits(gather_s=GATHER_S, in_subnet=options.looks_per_subnet, budget=self._budget)
        at_device = options.requests_per_device
        fast = SnmpEngine(replace(SnmpOptions.within(limits), at_device=at_device))
        self._snmp = Ways(fast, self._fleet.ways, self._state_dir)
        self._learnt = Learnt(self._state_dir, fast.options.sizes, self._clock.monotonic_ms())
        self._snmp.teach(self._learnt.words)
        self._icmp = IcmpEngine(IcmpOptions.within(limits))
        self._fast = fast
        self.metrics = Metrics()
        self._drops_said = 0
        self._conduct = Conduct(self._clock.monotonic_ms())
        self._suspicion = Suspicion(rest_turns=options.rest_turns)
        self._check = SelfCheck(
            self._icmp,
            (settings.broker.host, settings.broker.port),
            addresses=[str(address) for address in options.witness],
            gateways=options.witness_gateways,
            on_change=self._saw_ourselves,
        )
        self._ended: asyncio.Future[None] | None = None
        self._turn_at: asyncio.TimerHandle | None = None
        self._turned_s = 0.0
        self.writer = Writer(self._clock, self._log, saw=self._saw, failed=self._fail)
        self._failed: asyncio.Future[None] | None = None
        self._stop = asyncio.Event()
        self._who = Identity(
            agent=options.id,
            version=version("wanglou"),
            interval_ms=self._interval_ms,
            inventory_hash=roster.hash,
            devices=tuple(self._devices),
            alive_every_ms=round(options.alive_every_s * 1000),
        )
        self._settings = settings
        self._page = MetricsPage(settings.metrics, lambda: page(self._snapshot()), self._log)
        self._control = Control(self._state_dir, {"top": self._top}, self._log)
        self._reloader = Reloader(
            None if files is None else partial(self._read_anew, files),
            self._build,
            self._take_over,
            self._fail,
            notify=self._notify,
            log=self._log,
        )
        self._asked: dict[str, float] = {}
        self._open = False
        self._uplink: Uplink | None = None
        hooks = Hooks(look=self._look_now, settle=self.writer.settle, tell=self.writer.tell)
        self._traps = Traps(settings, believed or TrapAccess(), roster, hooks)
        self._tracing = Tracing(options.trace_per_minute, self._clock, self.writer.add)

    def stop(self) -> None:
        """End ``run`` cleanly: what was seen is on disk, and the broker told, when it returns."""
        self._stop.set()

    async def run(self) -> None:
        """Look, store and send until told to stop. Raises AgentFault when it cannot start."""
        with Lock(self._state_dir):
            wishes = self._requested if self._settings.agent.look_on_request else None
            self._uplink = uplink = Uplink(
                self._settings,
                self._who,
                self._clock,
                wishes,
                self.writer.standing,
                link=self._link,
            )
            self.writer.begin(uplink)
            self._failed = asyncio.get_running_loop().create_future()
            self._signals()
            serving = asyncio.create_task(uplink.run())
            looking = asyncio.create_task(self._look())
            self._traps.start()
            await self._page.start()
            await self._control.start()
            try:
                await self._until_stopped(serving, looking)
            finally:
                self._page.close()
                self._control.close()
                await self._reloader.close()
                await self._traps.close()
                await self._tracing.close()
                await self._close(serving, looking)

    async def _until_stopped(self, *tasks: asyncio.Task[None]) -> None:
        assert self._failed is not None
        stopped: asyncio.Future[Any] = asyncio.create_task(self._stop.wait())
        ends: list[asyncio.Future[Any]] = [self._failed, *tasks]
        try:
            await asyncio.wait([stopped, *ends], return_when=asyncio.FIRST_COMPLETED)
            for end in ends:
                if end.done():
                    end.result()
        finally:
            stopped.cancel()

    async def _close(self, serving: asyncio.Task[None], looking: asyncio.Task[None]) -> None:
        """Stop looking, write what there is, say good-bye, disconnect."""
        assert self._uplink is not None
        self._notify.stopping()
        looking.cancel()
        await asyncio.gather(looking, return_exceptions=True)
        self.writer.close()
        self._learnt.save(self._devices.values())
        if self._stop.is_set():
            self.writer.flush(all_of_it=True)
            await self._uplink.farewell()
        serving.cancel()
        await asyncio.gather(serving, return_exceptions=True)
        self._uplink.close()
        self._log.info("stopped")

    def _signals(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.stop)
        loop.add_signal_handler(signal.SIGHUP, self._reloader.ask)

    # -- another configuration --------------------------------------------------------------------

    def _read_anew(self, files: Callable[[], Setup]) -> Setup:
        """What the files say now; nothing is touched. Raises ConfigError or NeedsRestart."""
        setup = files()
        check(self._settings, setup.settings)
        return setup

    def _build(self, setup: Setup) -> Generator[None, None, tuple[Setup, Fleet]]:
        """What is made of it, in short steps; nothing is touched. Raises AgentFault."""
        made = yield from building(setup.settings, setup.roster, setup.profiles, self._fleet)
        return setup, made

    def _take_over(self, made: tuple[Setup, Fleet]) -> Diff:
        """From now on another configuration; who is asked as before notices nothing of it."""
        setup, after = made
        settings = setup.settings
        options, now_ms = settings.agent, self._clock.monotonic_ms()
        if self._open:
            self._turn(now_ms)  # whose turn has come by now has it
        self.writer.flush(all_of_it=True)
        diff = merged(self._fleet, after)
        gone = diff.gone
        self._fleet, self._devices = after, after.devices
        interval_ms = round(options.interval_s * 1000)
        if interval_ms != self._interval_ms:
            self._interval_ms = interval_ms
            self._first_round = self._clock.wall_ms() // interval_ms
        self._schedule.replace(after.turns, now_ms, round_ms=interval_ms, gone=gone)
        self._suspicion.forget(gone)
        self._suspicion.rest(options.rest_turns)
        self._conduct.forget(gone)
        self.writer.state.forget_of(gone)
        self._budget.allow(options.packets_per_s, options.octets_per_s, time.monotonic_ns())
        self._fast.allow(options.looks_per_subnet, options.requests_per_device)
        self._icmp.allow(options.looks_per_subnet)
        self._snmp.renew(after.ways, gone)
        self._traps.renew(setup.believed, setup.roster, gone)
        self._settings = settings
        self._who = replace(
            self._who,
            interval_ms=interval_ms,
            inventory_hash=setup.roster.hash,
            devices=tuple(after.devices),
            alive_every_ms=round(options.alive_every_s * 1000),
        )
        assert self._uplink is not None
        self._uplink.renew(self._who)
        if self._open:
            self._see_to_turn()
        return diff

    def _fail(self, error: BaseException) -> bool:
        """``run`` ends with the error; False when nobody awaits it any more."""
        if self._failed is None or self._failed.done():
            return False
        self._failed.set_exception(error)
        return True

    def faulted(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """The loop's exception handler, in a process that is this agent's alone.

        When a timer, a reader or what a look's end leads to failed, devices would go without
        looks for good and nobody would know: ``run`` ends with the error.
        """
        error = context.get("exception")
        if error is not None and ("handle" in context or "look" in context):
            self._fail(error)
        else:
            loop.default_exception_handler(context)

    # -- looking ----------------------------------------------------------------------------------

    async def _look(self) -> None:
        """Submit what is due, turn by turn."""
        await self._icmp.start()
        await self._snmp.start()
        self._open = True
        self._notify.ready()
        self._log.info("ready", devices=len(self._devices), buffered=self._buffered())
        self._ended = asyncio.get_running_loop().create_future()
        try:
            self._turned()
            await self._ended
        finally:
            if self._turn_at is not None:
                self._turn_at.cancel()
            self._check.close()
            self._icmp.close()
            self._snmp.close()

    def _turned(self) -> None:
        """A turn, and the moment of the next; a fault in it ends the looking."""
        assert self._ended is not None
        self._turned_s = asyncio.get_running_loop().time()
        try:
            self._turn(self._clock.monotonic_ms())
            self._icmp.push()
            self._snmp.push()
            self._notify.alive(self._clock.monotonic())
        except Exception as error:  # noqa: BLE001  told where the looking is awaited
            if not self._ended.done():
                self._ended.set_exception(error)
            return
        self._see_to_turn()

    def _see_to_turn(self) -> None:
        """The next turn: when something is to be done, ``TICK_S`` after the last at the least."""
        loop = asyncio.get_running_loop()
        if self._turn_at is not None:
            self._turn_at.cancel()
        wait_s = (self._deadline() - self._clock.monotonic_ms()) / 1000
        at_s = loop.time() + min(wait_s, self._notify.every_s or wait_s)
        at_s = max(self._turned_s + TICK_S, at_s)
        self._turn_at = loop.call_at(on_grid(at_s + GATHER_S - 0.001, GATHER_S), self._turned)

    def _turn(self, now_ms: int) -> None:
        for name in self._schedule.due(now_ms):
            if self._suspicion.turn(name):
                self._submit(self._devices[name])
            else:
                self._schedule.finished(name, looked=False)
        for again in self._suspicion.due(now_ms):
            if self._schedule.at_once(again.device):
                if again.confirms:
                    self.writer.state.asked(again.device)
                self._submit(self._devices[again.device])
        self._check.turn(now_ms)
        end = self._schedule.round_over(now_ms)
        if end is not None:
            self._count(len(end.missed))
            self.writer.settle()
            self._conduct.turn(now_ms)
            self._learnt.turn(self._devices.values(), now_ms)
            self._name_noisy()
            self.writer.add(self._round(end, now_ms))

    def _snapshot(self) -> Snapshot:
        """The agent's figures at this moment."""
        gather(self.metrics, (self._fast.stats, self._icmp.stats), self.writer.batch)
        self.metrics.lateness = self._schedule.lateness
        return Snapshot(
            version=self._who.version,
            metrics=self.metrics,
            devices=len(self._devices),
            silent=self._suspicion.doubted,
            under_way=self._schedule.under_way,
            blind=self._check.blind,
            lanes=self._uplink.lanes() if self._uplink is not None else (),
            cpu_s=snapshot.cpu_s(),
            rss=snapshot.resident(),
            reloads=asdict(self._reloader.counts),
            unasked=snapshot.unasked(self._fast, self._icmp),
            traps=self._traps.tally,
            link=LinkNow() if self._uplink is None else self._uplink.figures(),
        )

    def _top(self) -> bytes:
        now_ms = self._clock.monotonic_ms()
        return snapshot.top(self._who.agent, self._snapshot(), self._conduct, now_ms)

    def _count(self, missed: int) -> None:
        """The round's counters, and what must be known about them."""
        metrics = self.metrics
        before = self._drops_said
        gather(metrics, (self._fast.stats, self._icmp.stats), self.writer.batch)
        metrics.missed, metrics.lateness = missed, self._schedule.lateness
        self._drops_said = metrics.drops
        if metrics.drops > before:
            self._log.warning(
                "received too fast: replies dropped by the kernel", replies=metrics.drops - before
            )

    def _requested(self, wish: LookRequest) -> None:
        """Look at once at what the inventory holds, each device at most every few seconds."""
        now = self._clock.monotonic()
        self._asked = {one: at for one, at in self._asked.items() if now - at < ASKED_EVERY_S}
        for name in wish.devices:
            if len(self._asked) >= ASKED_MOST or name in self._asked:
                continue
            if self._look_now(name):
                self._asked[name] = now

    def _look_now(self, name: str) -> bool:
        """Look out of turn; False when it is unknown or being looked at."""
        if not self._open or not self._schedule.at_once(name):
            return False
        self.writer.state.asked(name)
        self._submit(self._devices[name])
        return True

    def _submit(self, device: Device) -> None:
        icmp, snmp = device.icmp(), device.snmp()
        device.waiting = (icmp is not None) + (snmp is not None)
        device.outcomes = None
        device.light = self._check.light
        if icmp is not None:
            self._icmp.submit(icmp, self._icmp_done)
        if snmp is not None:
            self._snmp.submit(snmp, self._snmp_done)
        if device.waiting == 0:
            self._schedule.finished(device.id, looked=False)

    def _icmp_done(self, result: IcmpResult) -> None:
        device: Device = result.look.owner
        if device.gone:
            return
        device.learn(result.look)
        if result.outcome is Outcome.MEASURED:
            self._echoed(device, result)
        else:
            self._once_sure(device, Method.ICMP, result, self._echoed)

    def _snmp_done(self, result: SnmpResult) -> None:
        device: Device = result.look.owner
        if device.gone:
            return
        device.learn(result.look)
        if result.outcome is Outcome.MEASURED:
            self._answered(device, result)
        else:
            self._once_sure(device, Method.SNMP, result, self._answered)

    def _once_sure(self, device: Device, method: Method, result: R, then: Told[R]) -> None:
        """A silence that is news waits until we know that we have an uplink of our own.

        A silence in the dark is none, also when the light is back by the time that it is told.
        """
        if result.outcome is Outcome.NO_ANSWER and not self._suspicion.silent(device.id, method):
            self._check.ask(partial(self._sure, device, method, result, then))
        else:
            self._sure(device, method, result, then)

    def _sure(self, device: Device, method: Method, result: R, then: Told[R]) -> None:
        if device.gone:
            return
        dark = self._check.blind or device.light != self._check.light
        if result.outcome is Outcome.NO_ANSWER and dark:
            result.outcome, result.reason = Outcome.COULD_NOT_LOOK, NO_UPLINK
        elif result.outcome is Outcome.NO_ANSWER:
            fell = not self._suspicion.silent(device.id, method)
            self._conduct.silent(device.id, result.reason, fell=fell)
        elif result.outcome is Outcome.REFUSED:
            self._conduct.refused(device.id, result.reason)
        then(device, result)

    def _saw_ourselves(self, blind: bool) -> None:  # noqa: FBT001  a callback's only word
        if blind:
            self._log.error("no uplink of our own", witnesses=self._check.witnesses.addresses)
        else:
            self._log.warning("our uplink is back")

    def _echoed(self, device: Device, result: IcmpResult) -> None:
        at_ms = self._clock.now_ms()
        median = result.median_ns
        self._said(device, Method.ICMP, result, median, at_ms)
        if result.loss is not None:
            rtt_ms = None if median is None else median / 1e6
            self.writer.sample.add_echo(device.id, rtt_ms, result.loss, at_ms)
        self._one_done(device, result.outcome, result.reason, Method.ICMP)

    def _answered(self, device: Device, result: SnmpResult) -> None:
        at_ms = self._clock.now_ms()
        self._said(device, Method.SNMP, result, result.rtt_ns, at_ms)
        if result.outcome is Outcome.MEASURED:
            self.writer.take(Taken(device.id, device, result, at_ms))
            if not device.plan.icmp_count:  # no echo tells of the way there
                self.writer.sample.add_asked(device.id, result.rtt_ns, result.loss, at_ms)
            if result.took_ns > self._conduct.slow_ns:
                self._conduct.slow(device.id, result.took_ns)
            if not result.complete:
                self._conduct.partial(device.id, result.reason)
        self._one_done(device, result.outcome, result.reason, Method.SNMP)

    def _said(
        self,
        device: Device,
        method: Method,
        result: IcmpResult | SnmpResult,
        rtt_ns: int | None,
        at_ms: int,
    ) -> None:
        outcome, reason, mono_ms = result.outcome, result.reason, self._clock.monotonic_ms()
        if self.writer.state.same(device.id, method, outcome, reason, mono_ms):
            return
        rtt_us = None if rtt_ns is None else rtt_ns // 1000
        said = lanes.Said(device.id, method, outcome, reason, result.detail, rtt_us)
        look = self.writer.state.look(said, at_ms, mono_ms)
        if look is None:
            return
        self.writer.add(look)
        new = outcome is Outcome.NO_ANSWER and look.since_ms == at_ms
        if new and method is Method.ICMP:
            self._tracing.silent(device.id, device.address)

    def _one_done(self, device: Device, outcome: Outcome, reason: str, method: Method) -> None:
        if outcome is Outcome.COULD_NOT_LOOK and reason != lanes.BROKEN_OFF:
            self._changes.note(method, reason, "could not look", method=method, reason=reason)
        if outcome is not Outcome.MEASURED:
            device.outcomes = {**(device.outcomes or {}), method: outcome}
        device.waiting -= 1
        if device.waiting == 0:
            self._all_done(device)
        self.writer.arm()

    def _all_done(self, device: Device) -> None:
        """All looks of a device's turn are over."""
        followed = self._traps.follows(device.id)
        if device.outcomes is None and not followed and self._suspicion.trusts(device.id):
            self._schedule.finished(device.id, looked=True)
            return
        asked = {Method.ICMP: device.plan.icmp_count, Method.SNMP: device.plan.query is not None}
        outcomes = {method: Outcome.MEASURED for method, is_asked in asked.items() if is_asked}
        outcomes |= device.outcomes or {}
        device.outcomes = None
        blind = all(one is Outcome.COULD_NOT_LOOK for one in outcomes.values())
        self._schedule.finished(device.id, looked=not blind)
        if followed:
            self._traps.looked(device.id, outcomes)
        if self._suspicion.ended(device.id, outcomes, self._clock.monotonic_ms()):
            self._see_to_turn()

    def _name_noisy(self) -> None:
        """Say which devices sent us what nobody asked for since the round before."""
        noise = {at[:2]: count for at, count in self._fast.take_noise().items() if count >= FLOOD}
        for one in self._devices.values() if noise else ():
            count = noise.get((one.address, one.port), 0)
            if count and one.plan.query is not None:
                self._conduct.flooded(one.id, count)
                key = ("noise", one.id)
                self._changes.note(key, 1, "device floods us", device=one.id, datagrams=count)

    def _deadline(self) -> int:
        """When something is to be done; monotonic ms."""
        again_ms = self._suspicion.deadline()
        turn_ms = self._schedule.deadline()
        return turn_ms if again_ms is None else min(turn_ms, again_ms)

    def _round(self, end: RoundEnd, now_ms: int) -> Round:
        now = self._clock.now_ms()
        ago = self._clock.to_domain((now_ms - end.started_ms) / 1000)
        return Round(
            number=self._first_round + end.number,
            interval_ms=self._interval_ms,
            started_ms=max(0, now - round(ago * 1000)),
            ended_ms=now,
            looked=end.looked,
            missed=end.missed[:100_000],
        )

    def _saw(self, found: Sequence[Reading]) -> None:
        self._traps.saw(found)

    def _buffered(self) -> int:
        assert self._uplink is not None
        return sum(hop.pending for hop in self._uplink.hops.values())

"""What both engines share: pacing, deadlines, order per address, and the ways a look ends.

No task, future or transport per look. Looks wait in a queue until pace and receive buffer allow
their packet; deadlines are stored moments; a result is handed over by calling back.
"""

from __future__ import annotations

import asyncio
import time
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from functools import partial
from itertools import chain
from typing import Any, Final, Generic, Self, TypeVar

from agent.bucket import Budget, Subnets
from agent.cohorts import Cohorts
from agent.io import port
from agent.io.sockets import Address, GateT, Sockets, Unplaceable
from agent.metrics import Histogram
from wire.observation import Outcome

PAUSE_S: Final = 0.005
MAX_PAUSES: Final = 400
"""Pauses of PAUSE_S that a look may be held up by a system that takes no packet just now."""
TURNS: Final = 64
"""Turns of reading before a deadline is believed: more than the largest receive buffer holds."""
EXCUSES: Final = 3
"""Repeats granted beyond a look's own when our receive buffer overflowed meanwhile."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What an engine may do: ``packets_per_s`` alone, or a ``budget`` shared with others.

    ``in_subnet``: looks under way in one /24 (IPv6: /64), 0: any number; ``at_device``: those at
    one address and port, with a request each. ``gather_s``: answers are read at moments so far
    apart, 0: as they come. ``receive_buffer`` is asked of the kernel, in octets.
    """

    packets_per_s: float = 5000.0
    receive_buffer: int = 8 * 1024 * 1024
    gather_s: float = 0.0
    in_subnet: int = 0
    at_device: int = 1
    budget: Budget | None = None

    @classmethod
    def within(cls, limits: Limits) -> Self:
        """Options with these limits but the own receive buffer."""
        return cls(
            packets_per_s=limits.packets_per_s,
            gather_s=limits.gather_s,
            in_subnet=limits.in_subnet,
            at_device=limits.at_device,
            budget=limits.budget,
        )


LookT = TypeVar("LookT")
ResultT = TypeVar("ResultT")


@dataclass(slots=True)
class Stats:
    """Counts since the start; ``in_flight`` and ``queued`` are of this moment.

    ``foreign``: packets that answered nothing that we had asked there. ``kernel_drops``: packets
    dropped because our receive buffer was full. ``waits``: milliseconds from ``submit`` to the
    first packet. ``send_errors``: packets that the system would not take. Octets are those of
    UDP's or ICMP's content.
    """

    looks: int = 0
    measured: int = 0
    no_answer: int = 0
    refused: int = 0
    could_not_look: int = 0
    sent: int = 0
    received: int = 0
    foreign: int = 0
    icmp_errors: int = 0
    kernel_drops: int = 0
    in_flight: int = 0
    queued: int = 0
    octets_sent: int = 0
    octets_received: int = 0
    send_errors: int = 0
    waits: Histogram = field(default_factory=Histogram)

    def count(self, outcome: Outcome) -> None:
        match outcome:
            case Outcome.MEASURED:
                self.measured += 1
            case Outcome.NO_ANSWER:
                self.no_answer += 1
            case Outcome.REFUSED:
                self.refused += 1
            case Outcome.COULD_NOT_LOOK:
                self.could_not_look += 1


class Flight(Generic[LookT, ResultT, GateT]):
    """One look on its way, submitted at ``since_ns``.

    ``waiting`` are the looks at the same address that come after it; ``entered``: it counts among
    those of its subnet.
    """

    __slots__ = ("address", "done", "due_ns", "entered", "excuses", "gate", "key", "look", "over",
                 "pauses", "sent_ns", "since_ns", "waiting")  # fmt: skip

    def __init__(
        self,
        look: LookT,
        done: Callable[[ResultT], None],
        gate: GateT,
        address: Address,
        key: Hashable,
    ) -> None:
        self.look = look
        self.done = done
        self.gate = gate
        self.address = address
        self.key = key
        self.due_ns = 0
        self.sent_ns = 0
        self.excuses = 0
        self.pauses = 0
        self.over = False
        self.entered = False
        self.since_ns = time.monotonic_ns()
        self.waiting: deque[Any] | None = None


FlightT = TypeVar("FlightT", bound=Flight[Any, Any, Any])
StatsT = TypeVar("StatsT", bound=Stats)


class Engine(ABC, Generic[LookT, ResultT, FlightT, GateT, StatsT]):
    """Looks at many devices through one socket per family; used from one event loop.

    ``submit`` never blocks and never raises for a device's sake; ``done`` is called exactly once
    per submitted look, from the event loop, never from within ``submit``. Looks at one address
    (and port) follow one another, ``at_device`` at a time. ``_octets`` is what the answers under
    way may take of the receive buffer.
    """

    def __init__(self, stats: StatsT, limits: Limits) -> None:
        self.stats = stats
        self._limits = limits
        self._subnets = Subnets(limits.in_subnet)
        self._at_device = limits.at_device
        self._beside: dict[Any, list[FlightT]] = {}
        self._octets = 0
        self._octets_before = 0
        self._gather_s = limits.gather_s
        self._ticker: port.Ticker | None = None
        self._sockets: Sockets[GateT] = Sockets()
        self._flights: dict[Any, FlightT] = {}
        self._queue: deque[FlightT] = deque()
        self._deadlines: Cohorts[FlightT] = Cohorts()
        self._pump_handle: asyncio.Handle | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._timer_ns = 0
        self._open = False

    # -- what each engine does its own way --------------------------------------------------------

    @abstractmethod
    def _opener(self, family: int) -> GateT:
        """Open a socket. Raises OSError."""

    @abstractmethod
    def _flight(self, look: LookT, done: Callable[[ResultT], None]) -> FlightT:
        """A flight for a look. Raises Unplaceable."""

    @abstractmethod
    def _send(self, flight: FlightT) -> bool:
        """Send a flight's next packet; False when the system cannot take it just now."""

    @abstractmethod
    def _drain(self, gate: GateT) -> int:
        """Read what has come, ``port.TURN`` packets at most; how many there were."""

    @abstractmethod
    def _take_errors(self, gate: GateT) -> int:
        """Read the socket's error queue; how many errors there were."""

    @abstractmethod
    def _overdue(self, flight: FlightT) -> None:
        """A flight's deadline has passed."""

    @abstractmethod
    def _result(self, flight: FlightT, outcome: Outcome, reason: str, detail: str) -> ResultT:
        """The result of a flight that is over."""

    @abstractmethod
    def _unlooked(self, look: LookT, reason: str, detail: str) -> ResultT:
        """The result of a look that never became a flight."""

    # -- opening and closing ----------------------------------------------------------------------

    async def start(self) -> None:
        """Open the sockets; what cannot be opened makes its looks ``could_not_look``."""
        self._loop = asyncio.get_running_loop()
        limits = self._limits
        self._budget = limits.budget or Budget(limits.packets_per_s, 0.0, time.monotonic_ns())
        self._sockets.open(self._opener)
        if self._gather_s:
            self._ticker = port.Ticker(self._ticked, self._under_way, self._gather_s)
        else:
            for gate in self._sockets:
                gate.waker = port.Waker(gate.sock, partial(self._woken, gate), self._under_way)
        self._open = True

    def close(self) -> None:
        """Close the sockets; looks under way end as ``could_not_look`` (``closed``). Idempotent."""
        self._open = False
        for handle in (self._pump_handle, self._timer):
            if handle is not None:
                handle.cancel()
        self._pump_handle = self._timer = None
        if self._ticker is not None:
            self._ticker.close()
        self._sockets.close()
        flights = [*self._flights.values(), *chain.from_iterable(self._beside.values())]
        self._flights.clear()
        self._beside.clear()
        self._queue.clear()
        self._subnets.clear()
        for flight in flights:
            for one in (flight, *(flight.waiting or ())):
                one.waiting = None
                self._finish(one, Outcome.COULD_NOT_LOOK, "closed")

    def allow(self, in_subnet: int, at_device: int = 1) -> None:
        """So many looks under way in a subnet and at a device from now on.

        The budget is its owner's matter. At a device more begin as those before them end.
        """
        self._subnets.allow(in_subnet)
        self._at_device = at_device

    # -- looks ------------------------------------------------------------------------------------

    def submit(self, look: LookT, done: Callable[[ResultT], None]) -> None:
        """Look once; ``done`` gets the result."""
        self.stats.looks += 1
        try:
            flight = self._flight(look, done)
        except Unplaceable as error:
            self.stats.count(Outcome.COULD_NOT_LOOK)
            result = self._unlooked(look, error.reason, str(error))
            asyncio.get_running_loop().call_soon(done, result)
            return
        before = self._flights.setdefault(flight.key, flight)
        if before is flight:
            self._queue.append(flight)
            if self._pump_handle is None:
                self._wake_pump()
            return
        if self._at_device > 1 and not before.waiting and self._set_beside(flight):
            return
        if before.waiting is None:
            before.waiting = deque()
        before.waiting.append(flight)

    def _begin(self, flight: FlightT) -> None:
        self._queue.append(flight)
        self._wake_pump()

    def _set_beside(self, flight: FlightT) -> bool:
        """Begin a look beside the first one at its address, if there may be one more.

        The same look again is not: what it remembers of the device is read by one at a time.
        """
        others = self._beside.get(flight.key, [])
        if len(others) + 1 >= self._at_device:
            return False
        if any(one.look is flight.look for one in (self._flights[flight.key], *others)):
            return False
        self._beside[flight.key] = [*others, flight]
        self._begin(flight)
        return True

    def _left_by(self, flight: FlightT) -> None:
        """A look has left its address, where others may be under way beside it, or wait."""
        key, waiting = flight.key, flight.waiting
        first, others = self._flights.get(key), self._beside.pop(key, [])
        if first is flight:
            flight.waiting = None
            if others:
                first = others.pop(0)
            elif waiting:
                first = waiting.popleft()
                self._begin(first)
            else:
                del self._flights[key]
                return
            self._flights[key] = first
            first.waiting = waiting
        others = [one for one in others if one is not flight]
        if others:
            self._beside[key] = others
        while first is not None and first.waiting and self._set_beside(first.waiting[0]):
            first.waiting.popleft()

    async def look(self, look: LookT) -> ResultT:
        """Look once and wait for the result."""
        future: asyncio.Future[ResultT] = asyncio.get_running_loop().create_future()
        self.submit(look, lambda result: None if future.done() else future.set_result(result))
        return await future

    # -- sending ----------------------------------------------------------------------------------

    def _under_way(self) -> int:
        return self.stats.in_flight

    def _woken(self, gate: GateT) -> int:
        """Something has come: read it, and use the room that it leaves."""
        count = self._drain(gate)
        if self._queue and self._open:
            self._pump()
        return count

    def _ticked(self) -> int:
        """The moment to read what has gathered."""
        count = sum(self._empty(gate) for gate in self._sockets)
        if self._queue and self._open:
            self._pump()
        return count

    def push(self) -> None:
        """Send what was submitted at once, as far as pace and receive buffer allow."""
        if self._queue and self._open:
            self._pump()

    def _wake_pump(self) -> None:
        if self._pump_handle is None:
            self._pump_handle = self._loop.call_soon(self._pump)

    def _pump(self) -> None:
        """Send what pace and receive buffer allow."""
        if self._pump_handle is not None:
            self._pump_handle.cancel()
            self._pump_handle = None
        queue, stats = self._queue, self.stats
        if stats.in_flight >= port.BUSY:  # sending may not keep answers waiting
            for gate in self._sockets:
                self._drain(gate)
        now = time.monotonic_ns()
        self._pay()
        allowed = min(self._budget.available(now), port.TURN)
        left, pause = self._send_some(allowed, now)
        self._budget.take(allowed - left)
        stats.queued = len(queue)
        if self._ticker is not None and left < allowed:
            self._ticker.stir()
        self._arm()
        spent = not self._pay()
        if not queue or (left > 0 and not pause and not spent) or not self._open:
            return  # done, or the buffer is spoken for: an answer or a deadline goes on
        full = allowed == port.TURN and not spent
        wait = max(pause, 0.0 if full else self._budget.wait_s(len(queue)))
        self._pump_handle = self._loop.call_later(wait, self._pump)

    def _send_some(self, allowed: int, now_ns: int) -> tuple[int, float]:
        """Send so many packets; how many could not leave, and for how long to pause."""
        queue, subnets, room = self._queue, self._subnets, self._sockets.budget
        bounded, left = self._budget.bounded, allowed
        while queue and left > 0 and self._octets < room:
            flight = queue.popleft()
            if flight.over:
                continue
            if not flight.entered:
                if subnets.most and not subnets.enter(flight.address[0], flight):
                    continue  # it waits there
                flight.entered = True
                self.stats.waits.add((now_ns - flight.since_ns) / 1e6)
            if not self._send(flight):
                return left, PAUSE_S
            left -= 1
            if bounded and not self._pay():
                break
        return left, 0.0

    def _pay(self) -> bool:
        """Count what has passed since the last time; whether the octets allow more."""
        octets = self.stats.octets_sent + self.stats.octets_received
        passed, self._octets_before = octets - self._octets_before, octets
        return self._budget.passed(passed)

    def _push(self, flight: FlightT, data: bytes) -> OSError | None:
        """Send a packet; the error when it could not leave.

        A failed send may only have told of an earlier packet's ICMP error: then try again.
        """
        send = flight.gate.sock.sendto
        failed: OSError | None = None
        for _ in range(3):
            try:
                send(data, flight.address)
            except OSError as error:
                failed = error
            else:
                return None
            if not self._take_errors(flight.gate):
                break
        return failed

    def _held_up(self, flight: FlightT, error: OSError) -> bool:
        """Whether a packet that could not leave is to be sent a little later (queued again)."""
        flight.pauses += 1
        self.stats.send_errors += 1
        if error.errno not in port.RETRY_LATER or flight.pauses >= MAX_PAUSES:
            return False
        self._queue.appendleft(flight)
        return True

    # -- deadlines --------------------------------------------------------------------------------

    def _arm(self) -> None:
        """See to it that we wake at the next deadline."""
        due = self._deadlines.next_ns()
        if due is None or (self._timer is not None and self._timer_ns <= due) or not self._open:
            return
        if self._timer is not None:
            self._timer.cancel()
        self._timer_ns = due
        # The loop's clock is the same monotonic one, in seconds.
        at_s = port.on_grid(due / 1e9 + self._gather_s, self._gather_s)
        self._timer = self._loop.call_at(at_s, self._expire)

    def _expire(self) -> None:
        """Repeat or end what has had no answer in time."""
        self._timer = None
        for gate in self._sockets:
            self._empty(gate)
        now = time.monotonic_ns()
        for gate in self._sockets:
            self.stats.kernel_drops += gate.count_drops(now)
        for flight in self._deadlines.pop_due(now):
            if not flight.over:  # by a close from within a callback
                self._overdue(flight)
        if self._open:
            self._pump()

    def _empty(self, gate: GateT) -> int:
        """Read all that has come: it is not late, we were (a slow disk may hold the loop up)."""
        found = 0
        for _ in range(TURNS):
            count = 0 if gate.closed else self._drain(gate)
            found += count
            if count < port.TURN:
                break
        return found

    # -- ends -------------------------------------------------------------------------------------

    def _finish(self, flight: FlightT, outcome: Outcome, reason: str, detail: str = "") -> None:
        """Count the outcome and hand the result over; the next look at this address may start."""
        self.stats.count(outcome)
        self._end(flight, self._result(flight, outcome, reason, detail))

    def _end(self, flight: FlightT, result: ResultT) -> None:
        """Hand over a result that was counted."""
        flight.over = True
        flight.due_ns = 0
        if self._beside or self._at_device > 1:
            self._left_by(flight)
        elif self._flights.get(flight.key) is flight:
            del self._flights[flight.key]
        if self._subnets.most and flight.entered and self._open:
            after = self._subnets.leave(flight.address[0])
            if after is not None:
                self._queue.append(after)
                self._wake_pump()
        if flight.waiting:
            after = flight.waiting.popleft()
            after.waiting = flight.waiting
            self._flights[after.key] = after
            self._queue.append(after)
            self._wake_pump()
        try:
            flight.done(result)
        except Exception as error:  # noqa: BLE001  a caller's fault may not end the other looks
            told = {"message": "a look's callback failed", "exception": error, "look": flight.key}
            self._loop.call_exception_handler(told)

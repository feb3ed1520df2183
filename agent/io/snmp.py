"""The SNMP engine: one UDP socket per address family for all devices.

No task, future or transport per request. A reply is matched by the address and port it comes
from, then by its request id; everything else is counted and ignored. What may be under way is
capped by what the socket's receive buffer holds, sends are paced, deadlines are stored moments.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from agent import icmp
from agent.ber import BerError
from agent.bucket import Bucket
from agent.cohorts import Cohorts
from agent.conversation import Conversation, Stray
from agent.io import port
from agent.io.lanes import Address, Lane, Lanes, Unplaceable
from agent.memory import Shared, Sizes
from agent.query import SnmpLook, SnmpResult
from agent.snmp import FIRST_ID
from wire.observation import Outcome

RECEIVE: Final = 65_535
SKB_OCTETS: Final = 1280
"""What a small datagram takes of a receive buffer beside twice its own length."""
EXCUSES: Final = 3
"""Repeats granted beyond the look's own when our buffer overflowed meanwhile."""
PAUSE_S: Final = 0.005
MAX_PAUSES: Final = 400
_ID_MASK: Final = 2**30 - 1

Done = Callable[[SnmpResult], None]


@dataclass(frozen=True, slots=True)
class SnmpOptions:
    """``packets_per_s`` paces the sends; ``receive_buffer`` is asked of the kernel, in octets.

    ``sizes`` says how much one request asks for.
    """

    packets_per_s: float = 5000.0
    receive_buffer: int = 8 * 1024 * 1024
    sizes: Sizes = field(default_factory=Sizes)


@dataclass(slots=True)
class SnmpStats:
    """Counts since the start.

    ``foreign``: datagrams from where nothing was asked; ``stray``: from a device, but answering
    no request under way (late, repeated, another's); ``malformed``: no SNMP at all.
    """

    looks: int = 0
    measured: int = 0
    no_answer: int = 0
    refused: int = 0
    could_not_look: int = 0
    sent: int = 0
    repeated: int = 0
    received: int = 0
    as_learnt: int = 0
    foreign: int = 0
    stray: int = 0
    malformed: int = 0
    icmp_errors: int = 0
    kernel_drops: int = 0
    in_flight: int = 0
    queued: int = 0


class _Flight:
    """One look on its way. ``octets`` is what it takes of the in-flight budget now."""

    __slots__ = ("address", "done", "due_ns", "excuses", "first_ns", "lane", "look", "note",
                 "octets", "over", "pauses", "request_id", "requests", "rtt_ns", "sent_ns", "talk",
                 "tries", "waiting")  # fmt: skip

    def __init__(self, look: SnmpLook, done: Done, lane: Lane, address: Address) -> None:
        self.look = look
        self.done = done
        self.lane = lane
        self.address = address
        self.talk: Conversation | None = None
        self.due_ns = 0
        self.sent_ns = 0
        self.rtt_ns: int | None = None
        self.request_id = 0
        self.requests = 0
        self.tries = 0
        self.excuses = 0
        self.pauses = 0
        self.octets = 0
        self.note = ""
        self.over = False
        self.waiting: deque[_Flight] | None = None


class SnmpEngine:
    """SNMP looks at many devices through one socket per family; used from one event loop.

    ``submit`` never blocks and never raises for a device's sake; ``done`` is called exactly once
    per submitted look, from the event loop, never from within ``submit``. One request at a time
    is under way per address and port: further looks at it wait in order.
    """

    def __init__(self, options: SnmpOptions | None = None) -> None:
        self.options = options or SnmpOptions()
        self.stats = SnmpStats()
        self._shared = Shared(self.options.sizes)
        self._lanes = Lanes()
        self._flights: dict[Address, _Flight] = {}
        self._queue: deque[_Flight] = deque()
        self._deadlines: Cohorts[_Flight] = Cohorts()
        self._serial = random.getrandbits(30)
        self._octets = 0
        self._pump_handle: asyncio.Handle | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._timer_ns = 0
        self._open = False

    # -- opening and closing ----------------------------------------------------------------------

    async def start(self) -> None:
        """Open the sockets; what cannot be opened makes its looks ``could_not_look``."""
        self._loop = asyncio.get_running_loop()
        self._bucket = Bucket(self.options.packets_per_s, time.monotonic_ns())
        self._lanes.open(self.options.receive_buffer, self._drain, lambda: self.stats.in_flight)
        self._open = True

    def close(self) -> None:
        """Close the sockets; looks under way end as ``could_not_look`` (``closed``). Idempotent."""
        self._open = False
        for handle in (self._pump_handle, self._timer):
            if handle is not None:
                handle.cancel()
        self._pump_handle = self._timer = None
        self._lanes.close()
        flights = list(self._flights.values())
        self._flights.clear()
        self._queue.clear()
        self._octets = self.stats.in_flight = 0
        for flight in flights:
            for one in (flight, *(flight.waiting or ())):
                one.waiting = None
                self._finish(one, Outcome.COULD_NOT_LOOK, "closed")

    # -- looks ------------------------------------------------------------------------------------

    def submit(self, look: SnmpLook, done: Done) -> None:
        """Look once; ``done`` gets the result."""
        try:
            lane, address = self._lanes.place(look.address, look.port)
        except Unplaceable as error:
            self._cannot(look, done, error.reason, str(error))
            return
        flight = _Flight(look, done, lane, address)
        self.stats.looks += 1
        before = self._flights.setdefault(address, flight)
        if before is not flight:
            if before.waiting is None:
                before.waiting = deque()
            before.waiting.append(flight)
            return
        self._queue.append(flight)
        self._wake_pump()

    async def look(self, look: SnmpLook) -> SnmpResult:
        """Look once and wait for the result."""
        future: asyncio.Future[SnmpResult] = asyncio.get_running_loop().create_future()
        self.submit(look, lambda result: None if future.done() else future.set_result(result))
        return await future

    def _cannot(self, look: SnmpLook, done: Done, reason: str, detail: str) -> None:
        """Tell, a turn later, that we could not look."""
        self.stats.looks += 1
        self.stats.could_not_look += 1
        result = SnmpResult(look, Outcome.COULD_NOT_LOOK, reason, detail, time.monotonic_ns())
        result.complete = False
        asyncio.get_running_loop().call_soon(done, result)

    # -- sending ----------------------------------------------------------------------------------

    def _wake_pump(self) -> None:
        if self._pump_handle is None:
            self._pump_handle = self._loop.call_soon(self._pump)

    def _pump(self) -> None:
        """Send what pace and budget allow."""
        if self._pump_handle is not None:
            self._pump_handle.cancel()
            self._pump_handle = None
        queue, stats = self._queue, self.stats
        allowed = min(self._bucket.available(time.monotonic_ns()), port.TURN)
        left, pause = allowed, 0.0
        while queue and left > 0 and (self._octets < self._lanes.budget or not stats.in_flight):
            flight = queue.popleft()
            if flight.over:
                continue
            if not self._send(flight):
                pause = PAUSE_S
                break
            left -= 1
        self._bucket.take(allowed - left)
        stats.queued = len(queue)
        self._arm()
        if not queue or (left > 0 and not pause and stats.in_flight):
            return  # done, or the budget is used up: an answer or a deadline goes on
        wait = max(pause, 0.0 if allowed == port.TURN else self._bucket.wait_s(len(queue)))
        self._pump_handle = self._loop.call_later(wait, self._pump)

    def _send(self, flight: _Flight) -> bool:
        """Send a flight's request; False when the system cannot take it just now."""
        talk = flight.talk
        if talk is None:
            talk = flight.talk = Conversation(flight.look, self._shared)
        template = talk.template
        if template is None:
            self._finish(flight, Outcome.COULD_NOT_LOOK, "nothing_to_ask")
            return True
        if not flight.tries:
            self._serial = self._serial + 1 & _ID_MASK
            flight.request_id = FIRST_ID + self._serial
        data = template.before + flight.request_id.to_bytes(4, "big") + template.after
        now = time.monotonic_ns()
        try:
            flight.lane.sock.sendto(data, flight.address)
        except OSError as error:
            if not self._send_again(flight, data, error):
                return flight.over
        stats = self.stats
        stats.sent += 1
        if flight.tries or flight.excuses:
            stats.repeated += 1
        flight.tries += 1
        flight.requests += 1
        flight.sent_ns = now
        flight.octets = SKB_OCTETS + 2 * talk.memory.reply_octets
        self._octets += flight.octets
        stats.in_flight += 1
        self._deadlines.add(flight, now, int(flight.look.timeout_s * 1e9))
        return True

    def _send_again(self, flight: _Flight, data: bytes, error: OSError) -> bool:
        """After a failed send: it may have told of an earlier packet's ICMP error, so try again.

        False when it could not be sent: later (queued again) or never (the flight is over).
        """
        for _ in range(3):
            if error.errno not in port.RETRY_LATER and not self._take_errors(flight.lane):
                break
            try:
                flight.lane.sock.sendto(data, flight.address)
            except OSError as again:
                error = again
            else:
                return True
        flight.pauses += 1
        if error.errno in port.RETRY_LATER and flight.pauses < MAX_PAUSES:
            self._queue.appendleft(flight)
            return False
        self._fail(flight, Outcome.COULD_NOT_LOOK, port.error_word(error), str(error))
        return False

    # -- receiving --------------------------------------------------------------------------------

    def _drain(self, lane: Lane) -> int:
        """Read what has come, a bounded number of datagrams; how many there were."""
        receive = lane.sock.recvfrom
        flights, stats = self._flights, self.stats
        count = 0
        while count < port.TURN:
            try:
                data, address = receive(RECEIVE)
            except BlockingIOError:
                break
            except OSError:  # an ICMP error, told once here and in full in the error queue
                self._take_errors(lane)
                count += 1
                continue
            count += 1
            stats.received += 1
            flight = flights.get(address)
            talk = None if flight is None else flight.talk
            if flight is None or talk is None:
                stats.foreign += 1
                continue
            try:
                talk.take(data, flight.request_id)
            except BerError as error:
                stats.malformed += 1
                flight.note = f"malformed: {error}"
            except Stray:
                stats.stray += 1
            else:
                stats.as_learnt += talk.as_learnt
                self._answered(flight, talk)
                if lane.closed:
                    return count  # closed from within a callback
        if self._queue and self._open:
            self._pump()
        return count

    def _answered(self, flight: _Flight, talk: Conversation) -> None:
        """A request has its reply: finish the look, or go on with its next request."""
        under_way = flight.due_ns != 0
        if under_way:
            self._land(flight)
        if flight.requests == 1:
            flight.rtt_ns = time.monotonic_ns() - flight.sent_ns
        if talk.template is None:
            refused = talk.refused and not talk.has_values
            self._finish(flight, Outcome.REFUSED if refused else Outcome.MEASURED, "")
            return
        flight.tries = flight.excuses = 0
        if under_way:  # else it stands in the queue already, to be repeated
            self._queue.appendleft(flight)

    def _land(self, flight: _Flight) -> None:
        """Nothing of this flight is under way any more."""
        flight.due_ns = 0
        self._octets -= flight.octets
        self.stats.in_flight -= 1

    def _take_errors(self, lane: Lane) -> int:
        """Read the socket's error queue: notes for the flights that they are about."""
        for count in range(64):
            error = port.queued_error(lane.sock)
            if error is None:
                return count
            self.stats.icmp_errors += 1
            flight = self._flights.get(error.address)
            if flight is not None and not error.local:
                said = icmp.word(error.icmp_type, error.icmp_code, v6=lane.v6)
                flight.note = f"{said}: {error.router}" if error.router else said
        return 64

    # -- deadlines --------------------------------------------------------------------------------

    def _arm(self) -> None:
        """See to it that we wake at the next deadline."""
        due = self._deadlines.next_ns()
        if due is None or (self._timer is not None and self._timer_ns <= due):
            return
        if self._timer is not None:
            self._timer.cancel()
        self._timer_ns = due
        # The loop's clock is the same monotonic one, in seconds.
        self._timer = self._loop.call_at(due / 1e9, self._expire)

    def _expire(self) -> None:
        """Repeat or end what has had no answer in time."""
        self._timer = None
        for lane in self._lanes:
            self._drain(lane)  # what has come in the meantime is not late
        now = time.monotonic_ns()
        for lane in self._lanes:
            self.stats.kernel_drops += lane.count_drops(now)
        for flight in self._deadlines.pop_due(now):
            self._land(flight)
            self._overdue(flight)
        if self._open:
            self._pump()

    def _overdue(self, flight: _Flight) -> None:
        talk = flight.talk
        assert talk is not None
        overflow = flight.lane.overflow_ns >= flight.sent_ns
        if overflow and flight.excuses < EXCUSES:
            flight.excuses += 1
            flight.tries -= 1
            self._queue.append(flight)
        elif overflow:
            self._fail(flight, Outcome.COULD_NOT_LOOK, "receive_overflow", "")
        elif flight.tries <= flight.look.retries:
            talk.shrink()
            self._queue.append(flight)
        else:
            reason, _, detail = flight.note.partition(": ")
            self._fail(flight, Outcome.NO_ANSWER, reason or "timeout", detail)

    # -- ends -------------------------------------------------------------------------------------

    def _fail(self, flight: _Flight, outcome: Outcome, reason: str, detail: str) -> None:
        """End a look whose request got no answer: measured in part if an earlier one did."""
        talk = flight.talk
        assert talk is not None
        talk.stop(reason)
        if talk.answered:
            outcome = Outcome.MEASURED
        self._finish(flight, outcome, reason, detail)

    def _finish(self, flight: _Flight, outcome: Outcome, reason: str, detail: str = "") -> None:
        """Hand the result over; the next look at this address may start."""
        flight.over = True
        flight.due_ns = 0
        stats = self.stats
        match outcome:
            case Outcome.MEASURED:
                stats.measured += 1
            case Outcome.NO_ANSWER:
                stats.no_answer += 1
            case Outcome.REFUSED:
                stats.refused += 1
            case Outcome.COULD_NOT_LOOK:
                stats.could_not_look += 1
        talk = flight.talk
        if talk is None or outcome is Outcome.COULD_NOT_LOOK:
            result = SnmpResult(flight.look, outcome, complete=False)
        else:
            result = talk.result(outcome)
        result.reason = reason or result.reason
        result.detail = detail
        result.at_ns = time.monotonic_ns()
        result.rtt_ns = flight.rtt_ns
        result.requests = flight.requests
        if self._flights.get(flight.address) is flight:
            del self._flights[flight.address]
        if flight.waiting:
            self._follow(flight.waiting)
        try:
            flight.done(result)
        except Exception as error:  # noqa: BLE001  a caller's fault may not end the other looks
            self._loop.call_exception_handler(
                {"message": "a look's callback failed", "exception": error}
            )

    def _follow(self, waiting: deque[_Flight]) -> None:
        """Start the look that waited for this address; the rest wait for it."""
        after = waiting.popleft()
        after.waiting = waiting
        self._flights[after.address] = after
        self._queue.append(after)
        self._wake_pump()

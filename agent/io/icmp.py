"""The ICMP engine: one socket per address family for all devices.

A reply counts when its source address, identifier, nonce and token are those of an echo under
way. What may be under way is capped by the receive buffer, sends are paced, deadlines are stored
moments. Round trips are measured on the monotonic clock; while 16 or more echoes are under way
answers are gathered for ``port.TICK_S``, which is then the most that a round trip reads too long.
"""

from __future__ import annotations

import asyncio
import random
import secrets
import socket
import time
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from ipaddress import ip_address
from typing import Final

from agent import icmp
from agent.bucket import Bucket
from agent.cohorts import Cohorts
from agent.io import port
from agent.io.echo import EchoLane, open_echo
from agent.io.lanes import Address, Unplaceable
from agent.query import IcmpEvidence, IcmpLook, IcmpResult
from wire.observation import Outcome

RECEIVE: Final = 1500
EXCUSES: Final = 3
"""Echoes sent beyond the look's own when our buffer overflowed meanwhile."""
PAUSE_S: Final = 0.005
MAX_PAUSES: Final = 400
_TOKENS: Final = 2**32 - 1
_ADDRESSES: Final = 500_000

Done = Callable[[IcmpResult], None]


@dataclass(frozen=True, slots=True)
class IcmpOptions:
    """``packets_per_s`` paces the sends; ``receive_buffer`` is asked of the kernel, in octets."""

    packets_per_s: float = 5000.0
    receive_buffer: int = 4 * 1024 * 1024


@dataclass(slots=True)
class IcmpStats:
    """Counts since the start. ``foreign``: packets that answered nothing of ours under way."""

    looks: int = 0
    measured: int = 0
    no_answer: int = 0
    could_not_look: int = 0
    sent: int = 0
    received: int = 0
    errors: int = 0
    foreign: int = 0
    duplicates: int = 0
    kernel_drops: int = 0
    in_flight: int = 0
    queued: int = 0


class _Flight:
    """One look on its way. ``open`` has the sending time of each echo not yet answered."""

    __slots__ = ("address", "count", "done", "due_ns", "errors", "excuses", "key", "lane", "look",
                 "open", "over", "pauses", "rtts", "sent_ns", "tokens", "waiting")  # fmt: skip

    def __init__(self, look: IcmpLook, done: Done, lane: EchoLane, address: Address) -> None:
        self.look = look
        self.done = done
        self.lane = lane
        self.address = address
        self.key = address[0]
        self.count = max(1, look.count)
        self.due_ns = 0
        self.sent_ns = 0
        self.tokens: list[int] = []
        self.open: dict[int, int] = {}
        self.rtts: dict[int, int] = {}
        self.errors: Counter[tuple[str, str]] | None = None
        self.excuses = 0
        self.pauses = 0
        self.over = False
        self.waiting: deque[_Flight] | None = None


class IcmpEngine:
    """Echo requests to many addresses through one socket per family; used from one event loop.

    ``submit`` never blocks and never raises for a device's sake; ``done`` is called exactly once
    per submitted look, from the event loop, never from within ``submit``. Looks at one address
    follow one another.
    """

    def __init__(self, options: IcmpOptions | None = None) -> None:
        self.options = options or IcmpOptions()
        self.stats = IcmpStats()
        self.missing: dict[int, Unplaceable] = {}
        """Address families (AF_INET, AF_INET6) that we cannot look at, and why."""
        self._lanes: dict[int, EchoLane] = {}
        self._places: dict[str, tuple[EchoLane, Address]] = {}
        self._flights: dict[str, _Flight] = {}
        self._queue: deque[_Flight] = deque()
        self._deadlines: Cohorts[_Flight] = Cohorts()
        self._nonce = secrets.token_bytes(icmp.NONCE_OCTETS)
        self._token = random.getrandbits(32)
        self._budget = 0
        self._pump_handle: asyncio.Handle | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._timer_ns = 0
        self._open = False

    # -- opening and closing ----------------------------------------------------------------------

    async def start(self) -> None:
        """Open the sockets; what may not be opened makes its looks ``could_not_look``."""
        self._loop = asyncio.get_running_loop()
        self._bucket = Bucket(self.options.packets_per_s, time.monotonic_ns())
        identifier = random.getrandbits(16)
        for family in (socket.AF_INET, socket.AF_INET6):
            try:
                lane = open_echo(family, identifier, self.options.receive_buffer)
            except OSError as error:
                denied = isinstance(error, PermissionError)
                word = "no_permission" if denied else "no_socket"
                self.missing[family] = Unplaceable(word, str(error))
                continue
            self._budget = min(self._budget or lane.budget, lane.budget)
            self._lanes[family] = lane
            drain = partial(self._drain, lane)
            lane.waker = port.Waker(lane.sock, drain, lambda: self.stats.in_flight)
        self._open = True

    def close(self) -> None:
        """Close the sockets; looks under way end as ``could_not_look`` (``closed``). Idempotent."""
        self._open = False
        for handle in (self._pump_handle, self._timer):
            if handle is not None:
                handle.cancel()
        self._pump_handle = self._timer = None
        for lane in self._lanes.values():
            lane.close()
        self._lanes.clear()
        self._places.clear()
        flights = list(self._flights.values())
        self._flights.clear()
        self._queue.clear()
        for flight in flights:
            for one in (flight, *(flight.waiting or ())):
                one.waiting = None
                self._finish(one, Outcome.COULD_NOT_LOOK, "closed")

    # -- looks ------------------------------------------------------------------------------------

    def submit(self, look: IcmpLook, done: Done) -> None:
        """Look once; ``done`` gets the result."""
        self.stats.looks += 1
        try:
            lane, address = self._places.get(look.address) or self._place(look.address)
        except Unplaceable as error:
            self.stats.could_not_look += 1
            now = time.monotonic_ns()
            result = IcmpResult(look, Outcome.COULD_NOT_LOOK, error.reason, str(error), now)
            asyncio.get_running_loop().call_soon(done, result)
            return
        flight = _Flight(look, done, lane, address)
        before = self._flights.setdefault(flight.key, flight)
        if before is flight:
            self._queue.append(flight)
            self._wake_pump()
            return
        if before.waiting is None:
            before.waiting = deque()
        before.waiting.append(flight)

    async def look(self, look: IcmpLook) -> IcmpResult:
        """Look once and wait for the result."""
        future: asyncio.Future[IcmpResult] = asyncio.get_running_loop().create_future()
        self.submit(look, lambda result: None if future.done() else future.set_result(result))
        return await future

    def _place(self, host: str) -> tuple[EchoLane, Address]:
        """Lane and socket address of a numeric address. Raises Unplaceable."""
        try:
            ip = ip_address(host)
            kind, flags = socket.SOCK_RAW, socket.AI_NUMERICHOST
            family, _, _, _, address = socket.getaddrinfo(host, None, 0, kind, 0, flags)[0]
        except (ValueError, OSError) as error:
            raise Unplaceable("bad_address", str(error)) from error
        lane = self._lanes.get(family)
        if lane is None:
            raise self.missing.get(family) or Unplaceable("closed", "engine is closed")
        if len(self._places) > _ADDRESSES:
            self._places.clear()
        # The scope of a link-local address is a number apart, not part of the text.
        self._places[host] = place = lane, (str(ip).partition("%")[0], *address[1:])
        return place

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
        while queue and left > 0 and stats.in_flight < self._budget:
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
        if not queue or (left > 0 and not pause):
            return  # done, or the budget is used up: an answer or a deadline goes on
        wait = max(pause, 0.0 if allowed == port.TURN else self._bucket.wait_s(len(queue)))
        self._pump_handle = self._loop.call_later(wait, self._pump)

    def _send(self, flight: _Flight) -> bool:
        """Send a flight's next echo; False when the system cannot take it just now."""
        lane, look = flight.lane, flight.look
        self._token = token = self._token + 1 & _TOKENS
        data = icmp.echo_request(lane.identifier, token, self._nonce, v6=lane.v6)
        now = time.monotonic_ns()
        try:
            lane.sock.sendto(data, flight.address)
        except OSError as error:
            failed = self._send_again(flight, data, error)
            if failed is not None:
                return self._unsent(flight, failed)
        self.stats.sent += 1
        self.stats.in_flight += 1
        flight.tokens.append(token)
        flight.open[token] = flight.sent_ns = now
        more = len(flight.tokens) < flight.count + flight.excuses
        wait_s = look.interval_s if more else look.timeout_s
        self._deadlines.add(flight, now, int(wait_s * 1e9))
        return True

    def _send_again(self, flight: _Flight, data: bytes, error: OSError) -> OSError | None:
        """After a failed send: it may have told of an earlier packet's ICMP error, so try again."""
        for _ in range(3):
            if not self._take_errors(flight.lane):
                break
            try:
                flight.lane.sock.sendto(data, flight.address)
            except OSError as again:
                error = again
            else:
                return None
        return error

    def _unsent(self, flight: _Flight, error: OSError) -> bool:
        """An echo could not leave: later, or the look ends with what there is."""
        flight.pauses += 1
        if error.errno in port.RETRY_LATER and flight.pauses < MAX_PAUSES:
            self._queue.appendleft(flight)
            return False
        outcome = Outcome.MEASURED if flight.rtts else Outcome.COULD_NOT_LOOK
        self._finish(flight, outcome, port.error_word(error), str(error))
        return True

    # -- receiving --------------------------------------------------------------------------------

    def _drain(self, lane: EchoLane) -> int:
        """Read what has come, a bounded number of packets; how many there were."""
        receive = lane.sock.recvfrom
        strip = lane.raw and not lane.v6
        for count in range(port.TURN):
            try:
                data, address = receive(RECEIVE)
            except BlockingIOError:
                break
            except OSError:
                self._take_errors(lane)
                continue
            message = icmp.strip_ip(data) if strip else data
            found = None if message is None else icmp.decode(message, self._nonce, v6=lane.v6)
            if found is None or found.identifier != lane.identifier:
                self.stats.foreign += 1
            elif isinstance(found, icmp.EchoReply):
                self._reply(address[0], found.token)
            else:
                family = socket.AF_INET6 if lane.v6 else socket.AF_INET
                target = socket.inet_ntop(family, found.target)
                self._error(target, found.sequence, found.word, address[0])
            if lane.closed:
                return count  # closed from within a callback
        else:
            count = port.TURN
        if self._queue and self._open:
            self._pump()
        return count

    def _reply(self, source: str, token: int) -> None:
        flight = self._flights.get(source)
        if flight is None:
            self.stats.foreign += 1
            return
        sent_ns = flight.open.pop(token, None)
        if sent_ns is None:
            self.stats.duplicates += 1
            return
        self.stats.received += 1
        self.stats.in_flight -= 1
        flight.rtts[token] = time.monotonic_ns() - sent_ns
        if not flight.open:
            self._settled(flight)

    def _error(self, target: str, sequence: int, said: str, router: str) -> None:
        """An ICMP error about an echo of ours: that echo will not be answered any more."""
        flight = self._flights.get(target)
        tokens = () if flight is None else [one for one in flight.open if one & 0xFFFF == sequence]
        if flight is None or not tokens:
            self.stats.foreign += 1
            return
        self.stats.errors += 1
        self.stats.in_flight -= 1
        del flight.open[tokens[0]]
        if flight.errors is None:
            flight.errors = Counter()
        flight.errors[said, router] += 1
        if not flight.open:
            self._settled(flight)

    def _take_errors(self, lane: EchoLane) -> int:
        """Read a ping socket's error queue."""
        for count in range(64):
            error = port.queued_error(lane.sock)
            if error is None:
                return count
            if not error.local and len(error.data) >= 8:
                said = icmp.word(error.icmp_type, error.icmp_code, v6=lane.v6)
                sequence = int.from_bytes(error.data[6:8], "big")
                self._error(error.address[0], sequence, said, error.router)
        return 64

    # -- deadlines and ends -----------------------------------------------------------------------

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
        """Send the next echoes that are due, and end what has had no answer in time."""
        self._timer = None
        for lane in tuple(self._lanes.values()):
            self._drain(lane)  # what has come in the meantime is not late
        now = time.monotonic_ns()
        for lane in tuple(self._lanes.values()):
            self.stats.kernel_drops += lane.count_drops(now)
        for flight in self._deadlines.pop_due(now):
            if len(flight.tokens) < flight.count + flight.excuses:
                self._queue.append(flight)
            elif flight.lane.overflow_ns >= flight.sent_ns and flight.excuses < EXCUSES:
                flight.excuses += 1
                self._queue.append(flight)
            else:
                self._conclude(flight)
        if self._open:
            self._pump()

    def _settled(self, flight: _Flight) -> None:
        """No echo is under way: the look is over unless it has more to send."""
        if len(flight.tokens) >= flight.count:
            self._conclude(flight)

    def _conclude(self, flight: _Flight) -> None:
        """All echoes are sent and answered, or waited for long enough."""
        missed = len(flight.rtts) < len(flight.tokens) - flight.excuses
        overflow = missed and flight.excuses > 0 and flight.lane.overflow_ns >= flight.sent_ns
        if flight.rtts:
            self._finish(flight, Outcome.MEASURED, "receive_overflow" if overflow else "")
        elif overflow:
            self._finish(flight, Outcome.COULD_NOT_LOOK, "receive_overflow")
        elif flight.errors:
            (said, router), _ = flight.errors.most_common(1)[0]
            self._finish(flight, Outcome.NO_ANSWER, said, router)
        else:
            self._finish(flight, Outcome.NO_ANSWER, "timeout")

    def _finish(self, flight: _Flight, outcome: Outcome, reason: str, detail: str = "") -> None:
        """Hand the result over; the next look at this address may start."""
        flight.over = True
        flight.due_ns = 0
        stats = self.stats
        stats.in_flight -= len(flight.open)
        match outcome:
            case Outcome.MEASURED:
                stats.measured += 1
            case Outcome.NO_ANSWER:
                stats.no_answer += 1
            case _:
                stats.could_not_look += 1
        rtts = flight.rtts
        result = IcmpResult(
            flight.look,
            outcome,
            reason,
            detail,
            time.monotonic_ns(),
            max(len(rtts), len(flight.tokens) - flight.excuses),
            [rtts[token] for token in flight.tokens if token in rtts],
            [IcmpEvidence(*key, count) for key, count in (flight.errors or {}).items()],
        )
        if self._flights.get(flight.key) is flight:
            del self._flights[flight.key]
        if flight.waiting:
            after = flight.waiting.popleft()
            after.waiting = flight.waiting
            self._flights[after.key] = after
            self._queue.append(after)
            self._wake_pump()
        try:
            flight.done(result)
        except Exception as error:  # noqa: BLE001  a caller's fault may not end the other looks
            self._loop.call_exception_handler(
                {"message": "a look's callback failed", "exception": error}
            )

"""The ICMP engine: one socket per address family for all devices.

A reply counts when its source address, identifier, nonce and token are those of an echo under
way. What may be under way is capped by the receive buffer, sends are paced, deadlines are stored
moments. Round trips are measured on the monotonic clock; an answer is left to lie while others are
gathered, and for how long it lay is told by the kernel's stamp of its arrival (SO_TIMESTAMPNS).
"""

from __future__ import annotations

import random
import secrets
import socket
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from agent import icmp
from agent.io import port
from agent.io.echo import EchoGate, open_echo
from agent.io.engine import EXCUSES, Engine, Flight, Limits, Stats
from agent.io.sockets import Address
from agent.query import IcmpEvidence, IcmpLook, IcmpResult
from wire.observation import Outcome

RECEIVE: Final = 1500
ECHO_OCTETS: Final = 1280
"""What one reply takes of the receive buffer at most."""
SLACK_NS: Final = 100_000_000
"""No answer came later than this after the reading of its batch began."""
EARLY_NS: Final = 1_000_000
"""An answer's stamp may lie so long before its sending: the wall clock is slewed meanwhile."""
_TOKENS: Final = 2**32 - 1
_MEASURED: Final = Outcome.MEASURED

Done = Callable[[IcmpResult], None]


@dataclass(frozen=True, slots=True)
class IcmpOptions(Limits):
    """The limits; answers to echoes are small."""

    receive_buffer: int = 4 * 1024 * 1024


@dataclass(slots=True)
class IcmpStats(Stats):
    """Beside the common counts: ``duplicates``, replies to echoes that were answered or ended."""

    duplicates: int = 0


class _Flight(Flight[IcmpLook, IcmpResult, EchoGate]):
    """``echoes``, as they were sent: by token the moment of it, later minus the round trip.

    An echo that an error settled has 0. ``heard`` were answered, nothing settled the ``pending``.
    """

    __slots__ = ("count", "echoes", "errors", "heard", "pending")

    def __init__(self, look: IcmpLook, done: Done, gate: EchoGate, address: Address) -> None:
        Flight.__init__(self, look, done, gate, address, address[0])  # super() costs as much again
        self.count = max(1, look.count)
        self.echoes: dict[int, int] = {}
        self.pending = 0
        self.heard = 0
        self.errors: Counter[tuple[str, str]] | None = None


class IcmpEngine(Engine[IcmpLook, IcmpResult, _Flight, EchoGate, IcmpStats]):
    """Echo requests to many addresses; see Engine for how it is used."""

    def __init__(self, options: IcmpOptions | None = None) -> None:
        self.options = options or IcmpOptions()
        super().__init__(IcmpStats(), self.options)
        self._nonce = secrets.token_bytes(icmp.NONCE_OCTETS)
        self._identifier = random.getrandbits(16)
        self._token = random.getrandbits(32)
        self._latest_ns = 0

    def _opener(self, family: int) -> EchoGate:
        gate = open_echo(family, self._identifier, self.options.receive_buffer)
        gate.echoes = icmp.Echoes(gate.identifier, self._nonce, v6=gate.v6)
        return gate

    def _flight(self, look: IcmpLook, done: Done) -> _Flight:
        if look.place is None:
            gate, look.place = self._sockets.place(look.address, 0)
        else:
            gate = self._sockets.gate(look.place)
        return _Flight(look, done, gate, look.place)

    def _unlooked(self, look: IcmpLook, reason: str, detail: str) -> IcmpResult:
        return IcmpResult(look, Outcome.COULD_NOT_LOOK, reason, detail, time.monotonic_ns())

    # -- sending ----------------------------------------------------------------------------------

    def _send(self, flight: _Flight) -> bool:
        """Send a flight's next echo; False when the system cannot take it just now."""
        gate, look, stats = flight.gate, flight.look, self.stats
        self._token = token = self._token + 1 & _TOKENS
        data = gate.echoes.request(token)
        now = time.monotonic_ns()
        try:
            gate.sock.sendto(data, flight.address)
        except OSError:
            failed = self._push(flight, data)
            if failed is not None:
                return self._unsent(flight, failed)
            if flight.over:  # the failed send told of an error that settled the last echo
                return True
        stats.sent += 1
        stats.octets_sent += len(data)
        stats.in_flight += 1
        self._octets += ECHO_OCTETS
        flight.pending += 1
        flight.echoes[token] = flight.sent_ns = now
        more = len(flight.echoes) < flight.count + flight.excuses
        wait_s = look.interval_s if more else look.timeout_s
        self._deadlines.add(flight, now, int(wait_s * 1e9))
        return True

    def _unsent(self, flight: _Flight, error: OSError) -> bool:
        """An echo could not leave: later, or the look ends with what there is."""
        if flight.over:
            return True
        if self._held_up(flight, error):
            return False
        outcome = _MEASURED if flight.heard else Outcome.COULD_NOT_LOOK
        self._finish(flight, outcome, port.error_word(error), str(error))
        return True

    # -- receiving --------------------------------------------------------------------------------

    def _drain(self, gate: EchoGate) -> int:
        """Read what has come, ``port.TURN`` packets at most; how many there were."""
        receive = gate.sock.recvmsg
        strip = gate.raw and not gate.v6
        self._latest_ns = time.monotonic_ns() + SLACK_NS
        ahead_ns = port.ahead_ns()
        for count in range(port.TURN):
            try:
                data, ancillary, _, address = receive(RECEIVE, port.STAMP_ROOM)
            except BlockingIOError:
                return count
            except OSError:
                self._take_errors(gate)
                continue
            token = icmp.plain_token(data, gate.identifier, self._nonce) if strip else None
            if token is not None:
                self._reply(address[0], token, port.came_ns(ancillary, ahead_ns))
                if not self._open:
                    return count  # from within a callback
                continue
            message = icmp.strip_ip(data) if strip else data
            found = None if message is None else icmp.decode(message, self._nonce, v6=gate.v6)
            if found is None or found.identifier != gate.identifier:
                self.stats.foreign += 1
            elif isinstance(found, icmp.EchoReply):
                self._reply(address[0], found.token, port.came_ns(ancillary, ahead_ns))
            else:
                family = socket.AF_INET6 if gate.v6 else socket.AF_INET
                target = socket.inet_ntop(family, found.target)
                self._error(target, found.sequence, found.word, address[0])
            if not self._open:
                return count  # from within a callback
        return port.TURN

    def _reply(self, source: str, token: int, came_ns: int) -> None:
        flight = self._flights.get(source)
        if flight is None:
            self.stats.foreign += 1
            return
        sent_ns = flight.echoes.get(token, 0)
        if sent_ns <= 0:
            self.stats.duplicates += 1
            return
        stats = self.stats
        stats.received += 1
        stats.octets_received += icmp.ECHO_SIZE
        self._land(flight, 1)
        if not sent_ns - EARLY_NS <= came_ns <= self._latest_ns:  # no stamp, or the clock was set
            came_ns = time.monotonic_ns()
        flight.echoes[token] = sent_ns - came_ns if came_ns > sent_ns else -1
        flight.heard = heard = flight.heard + 1
        if heard < flight.count or flight.pending or flight.excuses:
            self._settled(flight)
            return
        stats.measured += 1  # each echo that was sent is answered
        rtts = [-ns for ns in flight.echoes.values()]
        now = time.monotonic_ns()
        self._end(flight, IcmpResult(flight.look, _MEASURED, "", "", now, heard, rtts))

    def _land(self, flight: _Flight, echoes: int) -> None:
        """So many echoes of a flight are not under way any more."""
        flight.pending -= echoes
        self.stats.in_flight -= echoes
        self._octets -= ECHO_OCTETS * echoes

    def _error(self, target: str, sequence: int, said: str, router: str) -> None:
        """An ICMP error about an echo of ours: that echo will not be answered any more."""
        flight = self._flights.get(target)
        echoes = {} if flight is None else flight.echoes
        tokens = [one for one, ns in echoes.items() if ns > 0 and one & 0xFFFF == sequence]
        if flight is None or not tokens:
            self.stats.foreign += 1
            return
        self.stats.icmp_errors += 1
        self._land(flight, 1)
        echoes[tokens[0]] = 0
        if flight.errors is None:
            flight.errors = Counter()
        flight.errors[said, router] += 1
        self._settled(flight)

    def _take_errors(self, gate: EchoGate) -> int:
        """Read a ping socket's error queue; how many errors there were."""
        for count in range(64):
            error = port.queued_error(gate.sock)
            if error is None:
                return count
            if not error.local and len(error.data) >= 8:
                said = icmp.word(error.icmp_type, error.icmp_code, v6=gate.v6)
                sequence = int.from_bytes(error.data[6:8], "big")
                self._error(error.address[0], sequence, said, error.router)
        return 64

    # -- deadlines and ends -----------------------------------------------------------------------

    def _overdue(self, flight: _Flight) -> None:
        """Send the next echo, or end the look."""
        if len(flight.echoes) < flight.count + flight.excuses:
            self._queue.append(flight)
        elif flight.gate.overflow_ns >= flight.sent_ns and flight.excuses < EXCUSES:
            flight.excuses += 1
            self._queue.append(flight)
        else:
            self._conclude(flight)

    def _settled(self, flight: _Flight) -> None:
        """An echo is settled: the look is over unless there is more to send or to wait for."""
        if not flight.pending and len(flight.echoes) >= flight.count:
            self._conclude(flight)

    def _conclude(self, flight: _Flight) -> None:
        """All echoes are sent, and answered or waited for long enough."""
        overflow = flight.excuses >= EXCUSES and flight.gate.overflow_ns >= flight.sent_ns
        if flight.heard:
            self.stats.measured += 1
            reason = "receive_overflow" if overflow else ""
            self._end(flight, self._result(flight, _MEASURED, reason, ""))
        elif overflow:
            self._finish(flight, Outcome.COULD_NOT_LOOK, "receive_overflow")
        elif flight.errors:
            (said, router), _ = flight.errors.most_common(1)[0]
            self._finish(flight, Outcome.NO_ANSWER, said, router)
        else:
            self._finish(flight, Outcome.NO_ANSWER, "timeout")

    def _result(self, flight: _Flight, outcome: Outcome, reason: str, detail: str) -> IcmpResult:
        if flight.pending:
            self._land(flight, flight.pending)
        rtts = [-ns for ns in flight.echoes.values() if ns < 0]  # as they were sent
        return IcmpResult(
            flight.look,
            outcome,
            reason,
            detail,
            time.monotonic_ns(),
            max(flight.heard, len(flight.echoes) - flight.excuses),
            rtts,
            [IcmpEvidence(*key, count) for key, count in flight.errors.items()]
            if flight.errors
            else [],
        )

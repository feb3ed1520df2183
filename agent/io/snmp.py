"""The SNMP engine: one UDP socket per address family for all devices.

A reply is matched by the address and port it comes from, then by its request id; everything else
is counted and ignored. What may be under way is capped by what the socket's receive buffer holds,
sends are paced, deadlines are stored moments, a repeat is the same request again.
"""

from __future__ import annotations

import random
import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from agent import icmp
from agent.ber import BerError
from agent.conversation import Conversation, Stray
from agent.io import port
from agent.io.engine import EXCUSES, Engine, Flight, Limits, Stats
from agent.io.sockets import Address, Gate, open_udp
from agent.learnt import Words
from agent.memory import Shared, Sizes
from agent.query import SnmpLook, SnmpResult
from agent.quick import MORE, Course, Found, Quick, Quicks
from agent.snmp import FIRST_ID
from wire.observation import Outcome
from wire.reasons import NO_LISTENER

RECEIVE: Final = 65_535
SKB_OCTETS: Final = 1280
"""What a small datagram takes of a receive buffer beside twice its own length."""
FLOOD: Final = 100
"""Datagrams beside its answers that a device may send per request of ours before its look ends."""
NOISY: Final = 1000
"""Addresses whose datagrams beside the answers are counted apart."""
LONGEST_NS: Final = 60_000_000_000
"""How long a look may go on asking: a device that answers each request late has no end."""
_ID_MASK: Final = 2**30 - 1
_MEASURED: Final = Outcome.MEASURED

Done = Callable[[SnmpResult], None]


@dataclass(frozen=True, slots=True)
class SnmpOptions(Limits):
    """Beside the limits: ``sizes`` says how much one request asks for."""

    sizes: Sizes = field(default_factory=Sizes)


@dataclass(slots=True)
class SnmpStats(Stats):
    """Beside the common counts: replies ``as_learnt``, requests ``repeated``.

    ``stray``: SNMP from a device, but answering no request under way (late, repeated,
    another's); ``malformed``: no SNMP at all; ``floods``: looks that such datagrams ended.
    """

    repeated: int = 0
    as_learnt: int = 0
    stray: int = 0
    malformed: int = 0
    floods: int = 0


class _Flight(Flight[SnmpLook, SnmpResult, Gate]):
    """``number`` is the id of the request under way (empty: there is none).

    ``octets`` is what its answer may take of the receive buffer.
    ``noise`` counts datagrams from its address that answer nothing, since ``begun_ns``.
    """

    __slots__ = ("begun_ns", "noise", "note", "number", "octets", "quick", "repeats", "requests",
                 "rtt_ns", "talk", "tries")  # fmt: skip

    def __init__(self, look: SnmpLook, done: Done, gate: Gate, address: Address) -> None:
        super().__init__(look, done, gate, address, address)
        self.talk: Conversation | None = None
        self.quick: Quick | Course | None = None
        self.rtt_ns: int | None = None
        self.number = b""
        self.requests = 0
        self.tries = 0
        self.octets = 0
        self.begun_ns = 0
        self.noise = 0
        self.repeats = 0
        self.note = ""

    @property
    def request_id(self) -> int:
        return int.from_bytes(self.number)


class SnmpEngine(Engine[SnmpLook, SnmpResult, _Flight, Gate, SnmpStats]):
    """SNMP looks at many devices, one request under way per address and port; see Engine."""

    def __init__(self, options: SnmpOptions | None = None) -> None:
        self.options = options or SnmpOptions()
        super().__init__(SnmpStats(), self.options)
        self._shared = Shared(self.options.sizes, secrets.randbits(64))
        self._quicks = Quicks(self._shared)
        self._serial = random.getrandbits(30)
        self._stamp: list[tuple[int, int, bytes]] = []
        self._noise: dict[Address, int] = {}

    def teach(self, words: dict[str, Words]) -> None:
        """What devices taught before a restart (``Shared.taught``)."""
        self._shared.taught = words

    def take_noise(self) -> dict[Address, int]:
        """How many datagrams that answered nothing came from where; and count anew."""
        noise, self._noise = self._noise, {}
        return noise

    def _opener(self, family: int) -> Gate:
        gate = open_udp(family, self.options.receive_buffer)
        if self._gather_s:
            port.want_stamps(gate.sock)
        return gate

    def _flight(self, look: SnmpLook, done: Done) -> _Flight:
        if look.place is None:
            gate, look.place = self._sockets.place(look.address, look.port)
        else:
            gate = self._sockets.gate(look.place)
        return _Flight(look, done, gate, look.place)

    def _unlooked(self, look: SnmpLook, reason: str, detail: str) -> SnmpResult:
        now = time.monotonic_ns()
        return SnmpResult(look, Outcome.COULD_NOT_LOOK, reason, detail, now, complete=False)

    # -- sending ----------------------------------------------------------------------------------

    def _send(self, flight: _Flight) -> bool:
        """Send a flight's request; False when the system cannot take it just now."""
        talk, quick = flight.talk, flight.quick
        if talk is None and quick is None:
            try:
                quick = flight.quick = self._quicks.of(flight.look)
                talk = None if quick is not None else self._converse(flight)
            except BerError as error:  # a community that no datagram holds
                self._finish(flight, Outcome.COULD_NOT_LOOK, "bad_request", str(error))
                return True
        if not flight.number:
            self._serial = serial = self._serial + 1 & _ID_MASK
            flight.number = (FIRST_ID + serial).to_bytes(4, "big")
        now = time.monotonic_ns()
        if talk is None:
            assert quick is not None
            octets = quick.reply_octets
            data = quick.template.message(flight.number)
        elif talk.template is None:
            self._finish(flight, Outcome.COULD_NOT_LOOK, "nothing_to_ask")
            return True
        elif talk.session is None:
            octets = talk.memory.reply_octets
            data = talk.template.message(flight.number)
        else:
            octets = talk.memory.reply_octets
            data = talk.session.seal(talk.template, flight.request_id, now)
        try:
            flight.gate.sock.sendto(data, flight.address)
        except OSError:
            failed = self._push(flight, data)
            if failed is not None:
                return self._unsent(flight, failed)
        self._sent(flight, len(data), octets, now)
        return True

    def _converse(self, flight: _Flight) -> Conversation:
        """The long way, which every look can go. Raises BerError."""
        quick, flight.quick = flight.quick, None
        if isinstance(quick, Course):
            talk = quick.conversation(flight.look, self._shared)
        else:
            talk = Conversation(flight.look, self._shared)
        flight.talk = talk
        return talk

    def _talk(self, flight: _Flight) -> Conversation | None:
        """The conversation of a look that is answered in part, or may be asked for less."""
        return self._converse(flight) if type(flight.quick) is Course else flight.talk

    def _sent(self, flight: _Flight, size: int, octets: int, now: int) -> None:
        """A request is under way."""
        stats = self.stats
        stats.sent += 1
        stats.octets_sent += size
        if flight.tries or flight.excuses:
            stats.repeated += 1
            flight.repeats += flight.tries > 0
        flight.tries += 1
        if not flight.requests:
            flight.begun_ns = now
        flight.requests += 1
        flight.sent_ns = now
        flight.octets = SKB_OCTETS + 2 * octets
        self._octets += flight.octets
        stats.in_flight += 1
        self._deadlines.add(flight, now, int(flight.look.timeout_s * 1e9))

    def _unsent(self, flight: _Flight, error: OSError) -> bool:
        """A request could not leave: later, or the look ends with what there is."""
        if self._held_up(flight, error):
            return False
        self._fail(flight, Outcome.COULD_NOT_LOOK, port.error_word(error), str(error))
        return True

    # -- receiving --------------------------------------------------------------------------------

    def _drain(self, gate: Gate) -> int:
        """Read what has come, ``port.TURN`` datagrams at most; how many there were."""
        receive, receive_stamped = gate.sock.recvfrom, gate.sock.recvmsg
        stamped = self._gather_s > 0
        flights, stats, beside = self._flights, self.stats, self._beside
        for count in range(port.TURN):
            try:
                if stamped:
                    data, self._stamp, _, address = receive_stamped(RECEIVE, port.STAMP_ROOM)
                else:
                    data, address = receive(RECEIVE)
            except BlockingIOError:
                return count
            except OSError:  # an ICMP error, told once here and in full in the error queue
                self._take_errors(gate)
                continue
            stats.received += 1
            stats.octets_received += len(data)
            flight = flights.get(address)
            if beside and flight is not None and address in beside:
                flight = _asked(data, (flight, *beside[address]))
            if flight is None or not flight.requests:
                stats.foreign += 1
                self._heard_noise(address, None)
                continue
            if not flight.number:  # between two requests nothing is asked
                stats.stray += 1
                self._heard_noise(address, flight)
                continue
            quick = flight.quick
            found = None if quick is None else quick.take(flight.look, data, flight.number)
            if found is None:
                self._take(flight, data, address)
            else:
                stats.as_learnt += 1
                self._found(flight, found)
            if not self._open:
                return count  # from within a callback
        return port.TURN

    def _rtt_ns(self, flight: _Flight, now_ns: int) -> int:
        """The round trip of the datagram read last, without the time that it lay in the buffer."""
        taken_ns = now_ns - flight.sent_ns
        if not self._stamp:
            return taken_ns
        came_ns = port.came_ns(self._stamp, time.time_ns() - now_ns)
        return came_ns - flight.sent_ns if flight.sent_ns <= came_ns <= now_ns else taken_ns

    def _take(self, flight: _Flight, data: bytes, address: Address) -> None:
        """A datagram that has to be looked at closely."""
        stats, talk = self.stats, flight.talk
        found, quick = None, flight.quick
        try:
            if type(quick) is Quick:
                found = quick.strictly(flight.look, data, flight.request_id)
            if quick is not None and found is None:
                talk = self._converse(flight)
            if talk is not None:
                talk.take(data, flight.request_id)
        except BerError as error:
            stats.malformed += 1
            flight.note = f"malformed: {error}"
            self._heard_noise(address, flight)
        except Stray:
            stats.stray += 1
            self._heard_noise(address, flight)
        else:
            if found is not None:
                self._found(flight, found)
            elif talk is not None:
                stats.as_learnt += talk.as_learnt
                self._answered(flight, talk)

    def _found(self, flight: _Flight, found: Found) -> None:
        """A reply that says what was hoped for: the look has its values, or goes on."""
        now, requests = time.monotonic_ns(), flight.requests
        if requests == 1:
            flight.rtt_ns = self._rtt_ns(flight, now) if self._stamp else now - flight.sent_ns
        if found is MORE:
            self._go_on(flight)
            return
        if flight.due_ns:
            self._land(flight)
        self.stats.measured += 1
        flight.quick = flight.talk = None  # its deadline is remembered for longer
        scalars, tags, tables = found
        rtt_ns, took_ns = flight.rtt_ns, now - flight.begun_ns
        result = SnmpResult(flight.look, _MEASURED, "", "", now, rtt_ns, True, scalars,  # noqa: FBT003  by place in half the time
            tags, tables, requests, flight.repeats, None, took_ns)  # fmt: skip
        self._end(flight, result)

    def _heard_noise(self, address: Address, flight: _Flight | None) -> None:
        """Count what answers nothing; a device that floods us ends its own look."""
        noise = self._noise
        if len(noise) < NOISY or address in noise:
            noise[address] = noise.get(address, 0) + 1
        if flight is None:
            return
        flight.noise += 1
        if flight.noise > FLOOD * max(1, flight.requests):
            self.stats.floods += 1
            if flight.due_ns:
                self._land(flight)
            self._fail(flight, Outcome.NO_ANSWER, "flood", f"{flight.noise} datagrams")

    def _answered(self, flight: _Flight, talk: Conversation) -> None:
        """A request has its reply: finish the look, or go on with its next request."""
        if flight.requests == 1:
            flight.rtt_ns = self._rtt_ns(flight, time.monotonic_ns())
        if talk.template is not None:
            self._go_on(flight)
            return
        if flight.due_ns:
            self._land(flight)
        self._conclude(flight, talk)

    def _go_on(self, flight: _Flight) -> None:
        """Send the look's next request."""
        under_way = flight.due_ns != 0
        if under_way:
            self._land(flight)
        if flight.sent_ns - flight.begun_ns > LONGEST_NS:
            self._fail(flight, Outcome.NO_ANSWER, "too_slow", "")
            return
        flight.tries = flight.excuses = 0
        flight.number, flight.note = b"", ""
        if under_way:  # else it stands in the queue already, to be repeated
            self._queue.appendleft(flight)

    def _conclude(self, flight: _Flight, talk: Conversation) -> None:
        """Finish a look that knows its own end."""
        refused = talk.refused and not talk.has_values
        self._finish(flight, Outcome.REFUSED if refused else Outcome.MEASURED, "")

    def _land(self, flight: _Flight) -> None:
        """Nothing of this flight is under way any more."""
        flight.due_ns = 0
        self._octets -= flight.octets
        flight.octets = 0
        self.stats.in_flight -= 1

    def _take_errors(self, gate: Gate) -> int:
        """Read the socket's error queue: notes for the flights that they are about."""
        for count in range(64):
            error = port.queued_error(gate.sock)
            if error is None:
                return count
            self.stats.icmp_errors += 1
            flight = self._flights.get(error.address)
            if flight is not None and not error.local:
                said = icmp.word(error.icmp_type, error.icmp_code, v6=gate.v6)
                if said == NO_LISTENER and error.router not in {"", flight.address[0]}:
                    said = "prohibited"  # who is on the way cannot know what listens there
                flight.note = f"{said}: {error.router}" if error.router else said
        return 64

    # -- deadlines and ends -----------------------------------------------------------------------

    def _overdue(self, flight: _Flight) -> None:
        """Repeat the request, or end the look."""
        self._land(flight)
        talk = self._talk(flight)
        allowed = flight.tries <= flight.look.retries
        overflow = flight.gate.overflow_ns >= flight.sent_ns
        if overflow and flight.excuses < EXCUSES:
            flight.excuses += 1
            flight.tries -= 1
            self._queue.append(flight)
        elif overflow:
            self._fail(flight, Outcome.COULD_NOT_LOOK, "receive_overflow", "")
        elif allowed if talk is None else talk.again(allowed=allowed):
            self._queue.append(flight)
        elif talk is not None and talk.refused:
            self._conclude(flight, talk)
        else:
            reason, _, detail = flight.note.partition(": ")
            self._fail(flight, Outcome.NO_ANSWER, reason or "timeout", detail)

    def _fail(self, flight: _Flight, outcome: Outcome, reason: str, detail: str) -> None:
        """End a look whose request got no answer: measured in part if an earlier one did."""
        talk = self._talk(flight)
        if talk is not None:
            talk.stop(reason)
            if talk.answered:
                outcome = Outcome.MEASURED
        self._finish(flight, outcome, reason, detail)

    def _result(self, flight: _Flight, outcome: Outcome, reason: str, detail: str) -> SnmpResult:
        if flight.octets:  # closed while under way
            self._land(flight)
        talk = flight.talk
        if talk is None or outcome is Outcome.COULD_NOT_LOOK:
            result = SnmpResult(flight.look, outcome, complete=False)
        else:
            result = talk.result(outcome)
        flight.quick = flight.talk = None
        result.reason = reason or result.reason
        result.detail = detail
        result.at_ns = time.monotonic_ns()
        result.rtt_ns = flight.rtt_ns
        result.requests = flight.requests
        result.repeats = flight.repeats
        result.took_ns = result.at_ns - flight.begun_ns if flight.begun_ns else 0
        return result


def _asked(data: bytes, flights: Sequence[_Flight]) -> _Flight:
    """Whose request, of several at one address, a reply answers; the first one's if nobody's.

    A request's number stands in its reply as four octets, in version 3 before what is encrypted.
    """
    for flight in flights:
        if flight.number and flight.number in data:
            return flight
    return flights[0]

"""SNMPv3 messages with USM (RFC 3412 section 6, RFC 3414 section 2.4): parts to octets and back.

Pure form: nothing here knows a key. What stands around the scoped PDU hardly changes from message
to message, so requests are put together from a ``Frame`` and replies taken apart by a ``Split``
that was made of an earlier one.
"""

from __future__ import annotations

from dataclasses import dataclass
from struct import Struct
from typing import Final, NamedTuple

from agent import ber
from agent.ber import BerError
from agent.snmp import MAX_MESSAGE, V3

AUTH: Final = 0x01
PRIV: Final = 0x02
REPORTABLE: Final = 0x04
USM: Final = 3
"""The security model's number."""

MAX_TIME: Final = 2**31 - 1
MAX_ENGINE: Final = 32
"""Octets of an engine id (RFC 3411 section 5: 5 to 32); older ones have been seen with fewer."""

_MAX_SIZE: Final = ber.encode_integer(MAX_MESSAGE)


class Window(NamedTuple):
    """An engine's boots, and its time in seconds (RFC 3414 section 2.2)."""

    boots: int = 0
    time: int = 0


@dataclass(frozen=True, slots=True)
class Head:
    """Who a message is for and from whom; ``digest`` and ``salt`` are numbers of octets."""

    flags: int
    engine: bytes = b""
    user: bytes = b""
    digest: int = 0
    salt: int = 0


@dataclass(frozen=True, slots=True)
class Frame:
    """The octets of a message between id, time, digest, salt and body, in this order."""

    start: bytes
    to_time: bytes
    to_digest: bytes
    to_salt: bytes
    to_body: bytes


def frame(head: Head, window: Window, body: int) -> Frame:
    """What is the same in every message of a body of so many octets.

    The body is the encrypted scoped PDU's content, or the whole plain scoped PDU. The time may be
    replaced by another of as many octets.
    """
    wrap = b""
    if head.flags & PRIV:
        wrap = bytes((ber.OCTET_STRING,)) + ber.encode_length(body)
    to_salt = bytes((ber.OCTET_STRING, head.salt))  # 48 at most
    user = ber.encode(ber.OCTET_STRING, head.user)
    to_digest = user + bytes((ber.OCTET_STRING, head.digest))
    number = ber.encode_integer(window.time)
    names = ber.encode(ber.OCTET_STRING, head.engine) + ber.encode_integer(window.boots)
    size = len(names) + len(number) + len(to_digest) + head.digest + len(to_salt) + head.salt
    inner = bytes((ber.SEQUENCE,)) + ber.encode_length(size)
    security = bytes((ber.OCTET_STRING,)) + ber.encode_length(len(inner) + size) + inner
    model = ber.encode(ber.OCTET_STRING, bytes((head.flags,))) + ber.encode_integer(USM)
    globe = bytes((ber.SEQUENCE, 6 + len(_MAX_SIZE) + len(model)))
    version = ber.encode_integer(V3)
    whole = len(version) + len(globe) + globe[1] + len(security) + size + len(wrap) + body
    start = bytes((ber.SEQUENCE,)) + ber.encode_length(whole) + version + globe
    return Frame(
        start + bytes((ber.INTEGER, 4)),
        _MAX_SIZE + model + security + names + number[:2],
        to_digest,
        to_salt,
        wrap,
    )


@dataclass(frozen=True, slots=True)
class Parts:
    """A message taken apart. ``digest_at`` is the digest's offset, ``body_at`` the body's.

    ``body``: encrypted content when the flags say so, else the plain scoped PDU.
    """

    message_id: int
    flags: int
    engine: bytes
    window: Window
    user: bytes
    digest: bytes
    digest_at: int
    salt: bytes
    body: bytes
    id_at: int
    time_at: tuple[int, int]
    salt_at: int
    body_at: int

    def zeroed(self, data: bytes) -> bytes:
        """The message as its digest was made of it."""
        at, size = self.digest_at, len(self.digest)
        return data[:at] + bytes(size) + data[at + size :]


def decode(data: bytes) -> Parts:
    """The parts of a message in a datagram. Raises BerError, whatever is wrong."""
    end = len(data)
    at, stop = ber.expect(data, 0, end, ber.SEQUENCE)
    if stop != end:
        raise BerError("octets after the message")
    version, at = _number(data, at, end)
    if version != V3:
        raise BerError(f"SNMP version {version} where 3 was asked")
    at, globe = ber.expect(data, at, end, ber.SEQUENCE)
    id_at, after = ber.expect(data, at, globe, ber.INTEGER)
    message_id = ber.integer(data[id_at:after])
    _, at = _number(data, after, globe)
    start, at = ber.expect(data, at, globe, ber.OCTET_STRING)
    model, stop = _number(data, at, globe)
    if at - start != 1 or model != USM or stop != globe:
        raise BerError("flags or security model are none of USM's")
    flags = data[start]
    if flags & PRIV and not flags & AUTH:
        raise BerError("privacy without authentication")
    at, outer = ber.expect(data, globe, end, ber.OCTET_STRING)
    at, inner = ber.expect(data, at, outer, ber.SEQUENCE)
    if inner != outer:
        raise BerError("octets after the security parameters")
    start, at = _octets(data, at, inner, MAX_ENGINE)
    engine = data[start:at]
    boots, at = _number(data, at, inner)
    time_at = ber.expect(data, at, inner, ber.INTEGER)
    time = ber.integer(data[time_at[0] : time_at[1]])
    if boots < 0 or time < 0:
        raise BerError("negative boots or time")
    start, at = _octets(data, time_at[1], inner, 32)
    user = data[start:at]
    digest_at, digest_end = _octets(data, at, inner, 48)
    salt_at, stop = _octets(data, digest_end, inner, 8)
    if stop != inner:
        raise BerError("octets after the security parameters")
    body_at = outer
    if flags & PRIV:
        body_at, stop = ber.expect(data, outer, end, ber.OCTET_STRING)
        if stop != end:
            raise BerError("octets after the encrypted part")
    return Parts(
        message_id, flags, engine, Window(boots, time), user, data[digest_at:digest_end],
        digest_at, data[salt_at:inner], data[body_at:], id_at, time_at, salt_at, body_at,
    )  # fmt: skip


def _number(data: bytes, at: int, end: int) -> tuple[int, int]:
    start, stop = ber.expect(data, at, end, ber.INTEGER)
    return ber.integer(data[start:stop]), stop


def _octets(data: bytes, at: int, end: int, most: int) -> tuple[int, int]:
    start, stop = ber.expect(data, at, end, ber.OCTET_STRING)
    if stop - start > most:
        raise BerError(f"{stop - start} octets where {most} at most belong")
    return start, stop


class Split:
    """Takes apart an authenticated and encrypted message that looks like one before.

    Everything but id, time, digest, salt and encrypted octets is as it was then.
    """

    __slots__ = ("_digest_at", "_digest_end", "_zeros", "headers", "unpack", "window")

    def __init__(self, parts: Parts, data: bytes) -> None:
        times, after = parts.time_at
        digest_end = parts.digest_at + len(parts.digest)
        marks = (
            (0, parts.id_at), (parts.id_at, parts.id_at + 4), (parts.id_at + 4, times),
            (times, after), (after, parts.digest_at), (parts.digest_at, digest_end),
            (digest_end, parts.salt_at), (parts.salt_at, parts.salt_at + len(parts.salt)),
            (parts.salt_at + len(parts.salt), parts.body_at), (parts.body_at, len(data)),
        )  # fmt: skip
        codes = [f"{stop - start}s" for start, stop in marks]
        codes[1] = "I"
        self.unpack = Struct(">" + "".join(codes)).unpack
        self.headers = self.unpack(data)[::2]
        self.window = parts.window
        self._digest_at, self._digest_end = parts.digest_at, digest_end
        self._zeros = bytes(len(parts.digest))

    def zeroed(self, data: bytes) -> bytes:
        """The message as its digest was made of it."""
        return data[: self._digest_at] + self._zeros + data[self._digest_end :]

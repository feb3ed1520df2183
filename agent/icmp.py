"""ICMP and ICMPv6 echo messages and errors (RFC 792, RFC 4443; checksum RFC 1071). Pure.

An echo carries a nonce of the engine and a token of its own in the payload, so that no reply to
somebody else's echo can match, whatever its identifier. The identifier is the engine's, the
sequence number the lower half of the token: an error message may quote no more than these.
"""

from __future__ import annotations

from dataclasses import dataclass
from struct import Struct
from typing import Final

ECHO_REPLY: Final = 0
UNREACHABLE: Final = 3
ECHO_REQUEST: Final = 8
TIME_EXCEEDED: Final = 11
V6_UNREACHABLE: Final = 1
V6_TOO_BIG: Final = 2
V6_TIME_EXCEEDED: Final = 3
V6_ECHO_REQUEST: Final = 128
V6_ECHO_REPLY: Final = 129

NONCE_OCTETS: Final = 8
ECHO_SIZE: Final = 24
"""Octets of an echo and of its reply."""
_ECHO: Final = Struct("!BBHHH8sI4x")
_PLAIN: Final = Struct("!B8xB10xBB2xH2x8sI4x")
_PLAIN_HEADER: Final = 0x45
_HEAD: Final = Struct("!BBHHH")
_TAIL: Final = Struct("!8sI")
_V6_HEADER: Final = 40
_PROTOCOL_ICMP: Final = 1
_NEXT_ICMPV6: Final = 58

_V4_WORDS: Final = {
    (UNREACHABLE, 0): "network_unreachable",
    (UNREACHABLE, 1): "host_unreachable",
    (UNREACHABLE, 2): "protocol_unreachable",
    (UNREACHABLE, 3): "port_unreachable",
    (UNREACHABLE, 4): "too_big",
    (UNREACHABLE, 6): "network_unknown",
    (UNREACHABLE, 7): "host_unknown",
    (UNREACHABLE, 9): "prohibited",
    (UNREACHABLE, 10): "prohibited",
    (UNREACHABLE, 13): "prohibited",
    (TIME_EXCEEDED, 0): "ttl_exceeded",
    (TIME_EXCEEDED, 1): "reassembly_timeout",
}
_V6_WORDS: Final = {
    (V6_UNREACHABLE, 0): "network_unreachable",
    (V6_UNREACHABLE, 1): "prohibited",
    (V6_UNREACHABLE, 3): "host_unreachable",
    (V6_UNREACHABLE, 4): "port_unreachable",
    (V6_UNREACHABLE, 5): "prohibited",
    (V6_UNREACHABLE, 6): "prohibited",
    (V6_TOO_BIG, 0): "too_big",
    (V6_TIME_EXCEEDED, 0): "ttl_exceeded",
    (V6_TIME_EXCEEDED, 1): "reassembly_timeout",
}


@dataclass(frozen=True, slots=True)
class EchoReply:
    """An echo reply with the engine's nonce."""

    identifier: int
    token: int


@dataclass(frozen=True, slots=True)
class EchoError:
    """An ICMP error that quotes an echo request: what was said, and about which echo."""

    word: str
    identifier: int
    sequence: int
    target: bytes


def word(icmp_type: int, code: int, *, v6: bool = False) -> str:
    """An ICMP error in one word."""
    known = (_V6_WORDS if v6 else _V4_WORDS).get((icmp_type, code))
    return known or f"icmp_{icmp_type}_{code}"


def checksum(data: bytes) -> int:
    """The Internet checksum (RFC 1071); 0 over a message whose checksum is right."""
    if len(data) % 2:
        data += b"\0"
    total = int.from_bytes(data, "big") % 0xFFFF
    # Zero has two forms in one's complement; a sum of any set bits is 0xffff, never 0.
    return 0xFFFF - (total or (0xFFFF if any(data) else 0))


def echo_request(identifier: int, token: int, nonce: bytes, *, v6: bool = False) -> bytes:
    """An echo request of 24 octets; the kernel fills in ICMPv6's checksum itself."""
    sequence = token & 0xFFFF
    kind = V6_ECHO_REQUEST if v6 else ECHO_REQUEST
    if v6:
        return _ECHO.pack(kind, 0, 0, identifier, sequence, nonce, token)
    blank = _ECHO.pack(kind, 0, 0, identifier, sequence, nonce, token)
    return _ECHO.pack(kind, 0, checksum(blank), identifier, sequence, nonce, token)


class Echoes:
    """Makes echo requests: but for the token IPv4's checksum is known once for all."""

    __slots__ = ("_identifier", "_nonce", "_sum", "_v6")

    def __init__(self, identifier: int, nonce: bytes, *, v6: bool = False) -> None:
        self._identifier = identifier
        self._nonce = nonce
        self._v6 = v6
        blank = _ECHO.pack(ECHO_REQUEST, 0, 0, identifier, 0, nonce, 0)
        self._sum = int.from_bytes(blank, "big") % 0xFFFF

    def request(self, token: int) -> bytes:
        """What ``echo_request`` makes."""
        if self._v6:
            return echo_request(self._identifier, token, self._nonce, v6=True)
        sequence = token & 0xFFFF
        total = (self._sum + sequence + sequence + (token >> 16)) % 0xFFFF
        check = 0xFFFF - (total or 0xFFFF)
        return _ECHO.pack(ECHO_REQUEST, 0, check, self._identifier, sequence, self._nonce, token)


def plain_token(packet: bytes, identifier: int, nonce: bytes) -> int | None:
    """The token of the usual IPv4 packet with an echo reply of ours; None: look closely."""
    if len(packet) != _PLAIN.size:
        return None
    first, protocol, kind, code, ours, found, token = _PLAIN.unpack(packet)
    usual = (_PLAIN_HEADER, _PROTOCOL_ICMP, ECHO_REPLY, 0, identifier, nonce)
    return token if (first, protocol, kind, code, ours, found) == usual else None


def strip_ip(packet: bytes) -> bytes | None:
    """The ICMP message in an IPv4 packet as a raw socket gives it; None when it holds none."""
    if len(packet) < 20 or packet[0] >> 4 != 4 or packet[9] != _PROTOCOL_ICMP:
        return None
    header = (packet[0] & 0x0F) * 4
    return packet[header:] if header >= 20 else None


def decode(message: bytes, nonce: bytes, *, v6: bool = False) -> EchoReply | EchoError | None:
    """What a message says about an echo of ours; None when it says nothing about any.

    Never raises, whatever the octets. The caller compares identifier, token and addresses.
    """
    if len(message) < 8:
        return None
    kind, code, _, identifier, _ = _HEAD.unpack_from(message)
    if kind == (V6_ECHO_REPLY if v6 else ECHO_REPLY):
        if len(message) < 20 or code:
            return None
        found, token = _TAIL.unpack_from(message, 8)
        return EchoReply(identifier, token) if found == nonce else None
    if kind not in ((1, 2, 3) if v6 else (UNREACHABLE, TIME_EXCEEDED)):
        return None
    quoted = _quoted_v6(message[8:]) if v6 else _quoted_v4(message[8:])
    if quoted is None:
        return None
    target, echo = quoted
    return _error(word(kind, code, v6=v6), target, echo, nonce, v6=v6)


def _error(said: str, target: bytes, echo: bytes, nonce: bytes, *, v6: bool) -> EchoError | None:
    """The error about a quoted echo request of ours."""
    if len(echo) < 8:
        return None
    kind, code, _, identifier, sequence = _HEAD.unpack_from(echo)
    if kind != (V6_ECHO_REQUEST if v6 else ECHO_REQUEST) or code:
        return None
    if len(echo) >= 8 + NONCE_OCTETS and echo[8 : 8 + NONCE_OCTETS] != nonce:
        return None
    return EchoError(said, identifier, sequence, target)


def _quoted_v4(packet: bytes) -> tuple[bytes, bytes] | None:
    """Destination and ICMP part of a quoted IPv4 packet."""
    echo = strip_ip(packet)
    return None if echo is None else (packet[16:20], echo)


def _quoted_v6(packet: bytes) -> tuple[bytes, bytes] | None:
    """Destination and ICMPv6 part of a quoted IPv6 packet without extension headers."""
    if len(packet) < _V6_HEADER or packet[0] >> 4 != 6 or packet[6] != _NEXT_ICMPV6:
        return None
    return packet[24:40], packet[_V6_HEADER:]

"""IPv4, UDP and ICMP echo as octets: just what a farm behind a TUN device needs. Pure.

RFC 791, RFC 768, RFC 792. No options, no fragments: the device's MTU is wide enough.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Final

ICMP: Final = 1
UDP: Final = 17
ECHO: Final = 8
ECHO_REPLY: Final = 0
_IP: Final = struct.Struct(">BBHHHBBH4s4s")
_UDP: Final = struct.Struct(">HHHH")


@dataclass(frozen=True, slots=True)
class Packet:
    """A received packet. For ICMP the ports are 0 and ``data`` is the whole ICMP message."""

    protocol: int
    source: bytes
    target: bytes
    source_port: int
    target_port: int
    data: bytes


def parse(raw: bytes) -> Packet | None:
    """The packet in ``raw``, or None when it is none that a device would answer."""
    if len(raw) < 20 or raw[0] >> 4 != 4:
        return None
    start = (raw[0] & 0x0F) * 4
    _, _, length, _, fragment, _, protocol, _, source, target = _IP.unpack_from(raw)
    if start < 20 or not start <= length <= len(raw) or fragment & 0x3FFF:
        return None
    data = raw[start:length]
    if protocol == ICMP and len(data) >= 8:
        return Packet(ICMP, source, target, 0, 0, data)
    if protocol == UDP and len(data) >= 8:
        source_port, target_port, size, _ = _UDP.unpack_from(data)
        if 8 <= size <= len(data):
            return Packet(UDP, source, target, source_port, target_port, data[8:size])
    return None


def echo_reply(packet: Packet) -> bytes | None:
    """The packet that answers an echo request, or None when it is no such request."""
    if packet.protocol != ICMP or packet.data[0] != ECHO or packet.data[1] != 0:
        return None
    body = packet.data[4:]
    bare = struct.pack(">BBH", ECHO_REPLY, 0, 0) + body
    message = struct.pack(">BBH", ECHO_REPLY, 0, checksum(bare)) + body
    return _wrap(ICMP, packet.target, packet.source, message)


def udp_reply(packet: Packet, data: bytes) -> bytes:
    """The packet that carries ``data`` back to where ``packet`` came from, without UDP checksum."""
    head = _UDP.pack(packet.target_port, packet.source_port, 8 + len(data), 0)
    return _wrap(UDP, packet.target, packet.source, head + data)


def checksum(data: bytes) -> int:
    """The Internet checksum (RFC 1071)."""
    if len(data) % 2:
        data += b"\0"
    total: int = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def _wrap(protocol: int, source: bytes, target: bytes, data: bytes) -> bytes:
    fields = (0x45, 0, 20 + len(data), 0, 0x4000, 64, protocol)
    head = _IP.pack(*fields, 0, source, target)
    return _IP.pack(*fields, checksum(head), source, target) + data

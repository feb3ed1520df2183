"""Opening the ICMP engine's sockets: raw, unprivileged ("ping socket"), or not allowed.

A raw socket sees every ICMP packet of the host: a classic BPF program in the kernel lets through
only replies to, and errors about, echoes with our identifier, so that others' traffic neither
wakes us nor fills our buffer. A ping socket (net.ipv4.ping_group_range) gets only its own.
"""

from __future__ import annotations

import ctypes
import socket
from struct import Struct
from typing import Final

from agent import icmp
from agent.io import port
from agent.io.sockets import Gate

IPPROTO_ICMPV6: Final = 58
_FILTER: Final = Struct("=HBBI")

# Classic BPF (linux/filter.h): op-codes used below.
_LD_B_IND: Final = 0x50
_LD_H_IND: Final = 0x48
_LD_B_ABS: Final = 0x30
_LD_H_ABS: Final = 0x28
_LDX_IP_HEADER: Final = 0xB1
_JEQ: Final = 0x15
_AND: Final = 0x54
_LSH: Final = 0x64
_ADD_X: Final = 0x0C
_TAX: Final = 0x07
_RET: Final = 0x06
_ALL: Final = 0xFFFF


class EchoGate(Gate):
    """A socket for echoes. ``raw``: IPv4 packets come with their header, errors as packets.

    ``echoes`` makes its requests, once the engine has said what they carry.
    """

    __slots__ = ("echoes", "identifier", "raw")

    echoes: icmp.Echoes

    def __init__(self, sock: socket.socket, buffer: int, *, raw: bool, identifier: int) -> None:
        super().__init__(sock, buffer)
        port.want_stamps(sock)
        self.raw = raw
        self.identifier = identifier


def v4_filter(identifier: int) -> list[tuple[int, int, int, int]]:
    """Echo replies, unreachables and time-exceededs with our identifier (raw IPv4 socket)."""
    return [
        (_LDX_IP_HEADER, 0, 0, 0),  # X = length of the IP header
        (_LD_B_IND, 0, 0, 0),  # ICMP type
        (_JEQ, 9, 0, icmp.ECHO_REPLY),
        (_JEQ, 1, 0, icmp.UNREACHABLE),
        (_JEQ, 0, 10, icmp.TIME_EXCEEDED),
        (_LD_B_IND, 0, 0, 8),  # the quoted packet's version and header length
        (_AND, 0, 0, 0x0F),
        (_LSH, 0, 0, 2),
        (_ADD_X, 0, 0, 0),
        (_TAX, 0, 0, 0),
        (_LD_H_IND, 0, 0, 8 + 4),  # the quoted echo's identifier
        (_JEQ, 2, 3, identifier),
        (_LD_H_IND, 0, 0, 4),  # the reply's identifier
        (_JEQ, 0, 1, identifier),
        (_RET, 0, 0, _ALL),
        (_RET, 0, 0, 0),
    ]


def v6_filter(identifier: int) -> list[tuple[int, int, int, int]]:
    """The same for a raw ICMPv6 socket, which shows no IPv6 header of its own."""
    return [
        (_LD_B_ABS, 0, 0, 0),
        (_JEQ, 5, 0, icmp.V6_ECHO_REPLY),
        (_JEQ, 2, 0, icmp.V6_UNREACHABLE),
        (_JEQ, 1, 0, icmp.V6_TOO_BIG),
        (_JEQ, 0, 5, icmp.V6_TIME_EXCEEDED),
        (_LD_H_ABS, 0, 0, 8 + 40 + 4),
        (_JEQ, 2, 3, identifier),
        (_LD_H_ABS, 0, 0, 4),
        (_JEQ, 0, 1, identifier),
        (_RET, 0, 0, _ALL),
        (_RET, 0, 0, 0),
    ]


def attach(sock: socket.socket, program: list[tuple[int, int, int, int]]) -> None:
    """Attach a classic BPF program (struct sock_fprog: a length and a pointer)."""
    code = b"".join(_FILTER.pack(*step) for step in program)
    buffer = ctypes.create_string_buffer(code, len(code))

    class Fprog(ctypes.Structure):
        _fields_ = (("length", ctypes.c_ushort), ("code", ctypes.c_void_p))

    head = Fprog(len(program), ctypes.addressof(buffer))
    sock.setsockopt(socket.SOL_SOCKET, port.SO_ATTACH_FILTER, bytes(head))


def _empty(sock: socket.socket) -> None:
    """Throw away what came before the filter was there."""
    for _ in range(100_000):
        try:
            sock.recv(1)
        except BlockingIOError:
            return


def open_echo(family: int, identifier: int, buffer: int) -> EchoGate:
    """A socket for echoes with this identifier, if it may be chosen.

    ``buffer`` is asked of the kernel. Raises OSError (PermissionError: we may not).
    """
    v6 = family == socket.AF_INET6
    protocol = IPPROTO_ICMPV6 if v6 else socket.IPPROTO_ICMP
    try:
        sock = socket.socket(family, socket.SOCK_RAW, protocol)
    except PermissionError:
        return _open_ping(family, protocol, buffer)
    try:
        sock.setblocking(False)  # noqa: FBT003  the standard library's signature
        attach(sock, v6_filter(identifier) if v6 else v4_filter(identifier))
        _empty(sock)
        return EchoGate(sock, buffer, raw=True, identifier=identifier)
    except OSError:
        sock.close()
        raise


def _open_ping(family: int, protocol: int, buffer: int) -> EchoGate:
    """An unprivileged ping socket; the kernel chooses the identifier (as its port)."""
    sock = socket.socket(family, socket.SOCK_DGRAM, protocol)
    v6 = family == socket.AF_INET6
    try:
        sock.setblocking(False)  # noqa: FBT003  the standard library's signature
        port.want_errors(sock)
        sock.bind(("::" if v6 else "0.0.0.0", 0))  # noqa: S104  any source
        return EchoGate(sock, buffer, raw=False, identifier=sock.getsockname()[1])
    except OSError:
        sock.close()
        raise

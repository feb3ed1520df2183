"""Sockets of the SNMP engine, one per address family, and where a look's datagrams go."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from functools import partial
from ipaddress import ip_address
from typing import Final

from agent.io import port

Address = tuple[str, int] | tuple[str, int, int, int]
_ADDRESSES: Final = 500_000


class Lane:
    """The socket of one address family. ``overflow_ns`` is when drops were last noticed."""

    __slots__ = ("drops", "overflow_ns", "sock", "v6", "waker")

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.v6 = sock.family == socket.AF_INET6
        self.waker: port.Waker | None = None
        self.drops = 0
        self.overflow_ns = -1

    @property
    def closed(self) -> bool:
        return self.sock.fileno() < 0

    def count_drops(self, now_ns: int) -> int:
        """Datagrams that the kernel has dropped since the last call."""
        drops = port.kernel_drops(self.sock)
        new = drops - self.drops & 0xFFFF_FFFF
        if new:
            self.drops, self.overflow_ns = drops, now_ns
        return new

    def close(self) -> None:
        if self.waker is not None:
            self.waker.close()
        self.sock.close()


class Unplaceable(Exception):  # noqa: N818  a verdict with a reason, not a fault of the program
    """No way to send there: ``reason`` is the outcome's word."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason


class Lanes:
    """All lanes; ``budget`` is how many octets of answers may be under way at once."""

    def __init__(self) -> None:
        self.budget = 0
        self._lanes: dict[int, Lane] = {}
        self._missing: dict[int, str] = {}
        self._places: dict[tuple[str, int], tuple[Lane, Address]] = {}

    def __iter__(self) -> Iterator[Lane]:
        return iter(tuple(self._lanes.values()))

    def open(self, buffer: int, drain: Callable[[Lane], int], under_way: Callable[[], int]) -> None:
        """Open what can be opened; ``drain`` is called when a lane has something to read."""
        for family in (socket.AF_INET, socket.AF_INET6):
            try:
                sock = _open_socket(family)
            except OSError as error:
                self._missing[family] = str(error)
                continue
            granted = port.ask_buffer(sock, buffer)
            self.budget = granted * 7 // 10
            lane = self._lanes[family] = Lane(sock)
            lane.waker = port.Waker(sock, partial(drain, lane), under_way)

    def close(self) -> None:
        for lane in self._lanes.values():
            lane.close()
        self._lanes.clear()
        self._places.clear()

    def place(self, host: str, number: int) -> tuple[Lane, Address]:
        """Lane and socket address, the latter as ``recvfrom`` gives it. Raises Unplaceable."""
        known = self._places.get((host, number))
        if known is not None:
            return known
        try:
            ip = ip_address(host)
            flags = socket.AI_NUMERICHOST | socket.AI_NUMERICSERV
            found = socket.getaddrinfo(host, number, 0, socket.SOCK_DGRAM, 0, flags)
        except (ValueError, OSError) as error:
            raise Unplaceable("bad_address", str(error)) from error
        family, _, _, _, address = found[0]
        lane = self._lanes.get(family)
        if lane is None:
            missing = self._missing.get(family)
            raise Unplaceable("no_socket" if missing else "closed", missing or "engine is closed")
        if len(self._places) > _ADDRESSES:
            self._places.clear()
        # The scope of a link-local address is a number apart, not part of the text.
        place = lane, (str(ip).partition("%")[0], *address[1:])
        self._places[host, number] = place
        return self._places[host, number]


def _open_socket(family: int) -> socket.socket:
    """A bound, non-blocking UDP socket that is told of ICMP errors. Raises OSError."""
    sock = socket.socket(family, socket.SOCK_DGRAM)
    try:
        sock.setblocking(False)  # noqa: FBT003  the standard library's signature
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        port.want_errors(sock)
        sock.bind(("::" if family == socket.AF_INET6 else "0.0.0.0", 0))  # noqa: S104  any source
    except OSError:
        sock.close()
        raise
    return sock

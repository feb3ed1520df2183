"""An engine's sockets, one per address family, and where a look's packets go."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from ipaddress import ip_address
from typing import Generic, TypeVar

from agent.io import port

Address = tuple[str, int] | tuple[str, int, int, int]


class Gate:
    """The socket of one address family.

    ``budget`` is how many octets of answers its receive buffer may be trusted with;
    ``overflow_ns`` is when the kernel's drops were last noticed.
    """

    __slots__ = ("budget", "drops", "overflow_ns", "sock", "v6", "waker")

    def __init__(self, sock: socket.socket, buffer: int) -> None:
        self.sock = sock
        self.v6 = sock.family == socket.AF_INET6
        self.budget = port.ask_buffer(sock, buffer) * 7 // 10
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


GateT = TypeVar("GateT", bound=Gate)


class Unplaceable(Exception):  # noqa: N818  a verdict with a reason, not a fault of the program
    """No way to send there: ``reason`` is the outcome's word."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason


class Sockets(Generic[GateT]):
    """All gates; ``budget`` is that of the smallest. ``missing``: families without one, and why."""

    def __init__(self) -> None:
        self.budget = 0
        self.missing: dict[int, Unplaceable] = {}
        self._gates: dict[int, GateT] = {}

    def __iter__(self) -> Iterator[GateT]:
        return iter(tuple(self._gates.values()))

    def open(self, opener: Callable[[int], GateT]) -> None:
        """Open what can be opened; ``opener`` gets an address family and may raise OSError."""
        self.missing.clear()
        for family in (socket.AF_INET, socket.AF_INET6):
            try:
                gate = opener(family)
            except OSError as error:
                denied = isinstance(error, PermissionError)
                word = "no_permission" if denied else "no_socket"
                self.missing[family] = Unplaceable(word, str(error))
                continue
            self._gates[family] = gate
            self.budget = min(self.budget or gate.budget, gate.budget)

    def close(self) -> None:
        for gate in self._gates.values():
            gate.close()
        self._gates.clear()

    def gate(self, address: Address) -> GateT:
        """The gate of an address that ``place`` gave. Raises Unplaceable."""
        family = socket.AF_INET if len(address) == 2 else socket.AF_INET6
        return self._gates.get(family) or self._gate(family)

    def place(self, host: str, number: int) -> tuple[GateT, Address]:
        """Gate and socket address, the latter as ``recvfrom`` gives it. Raises Unplaceable."""
        try:
            ip = ip_address(host)
            flags = socket.AI_NUMERICHOST | socket.AI_NUMERICSERV
            found = socket.getaddrinfo(host, number, 0, socket.SOCK_DGRAM, 0, flags)
        except (ValueError, OSError) as error:
            raise Unplaceable("bad_address", str(error)) from error
        family, _, _, _, address = found[0]
        gate = self._gate(family)
        # The scope of a link-local address is a number apart, not part of the text.
        name = str(ip).partition("%")[0]
        return gate, (host if name == host else name, *address[1:])

    def _gate(self, family: int) -> GateT:
        gate = self._gates.get(family)
        if gate is None:
            raise self.missing.get(family) or Unplaceable("closed", "engine is closed")
        return gate


def open_udp(family: int, buffer: int) -> Gate:
    """A bound, non-blocking UDP socket that is told of ICMP errors. Raises OSError."""
    sock = socket.socket(family, socket.SOCK_DGRAM)
    try:
        sock.setblocking(False)  # noqa: FBT003  the standard library's signature
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        port.want_errors(sock)
        sock.bind(("::" if family == socket.AF_INET6 else "0.0.0.0", 0))  # noqa: S104  any source
        return Gate(sock, buffer)
    except OSError:
        sock.close()
        raise

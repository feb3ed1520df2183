"""What both engines need of a socket: opening, waking, errors, and the kernel's drop counter.

Linux only, as the agent is. The numbers of socket options that Python's ``socket`` does not name
are those of include/uapi/asm-generic/socket.h, linux/in.h and linux/in6.h.
"""

from __future__ import annotations

import asyncio
import errno
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from struct import Struct
from typing import Final

SO_ATTACH_FILTER: Final = 26
SO_RCVBUFFORCE: Final = 33
SO_TIMESTAMPNS: Final = 35
SO_MEMINFO: Final = 55
SK_MEMINFO_DROPS: Final = 8
IP_RECVERR: Final = 11
IPV6_RECVERR: Final = 25
EE_ORIGIN_LOCAL: Final = 1

TICK_S: Final = 0.002
"""How long to let answers gather while many are under way; round trips are known to this."""
BUSY: Final = 16
"""Requests under way from which on answers are gathered."""
TURN: Final = 512
"""Datagrams read, or packets sent, before the event loop gets its turn."""

STAMP_ROOM: Final = socket.CMSG_SPACE(16)
_TIMESPEC: Final = Struct("@qq")
_MEMINFO: Final = Struct("=9I")
_EXTENDED_ERR: Final = Struct("=IBBBBII")
_OFFENDER_V4: Final = Struct("=HH4s")
_OFFENDER_V6: Final = Struct("=HHI16s")

_WORDS: Final = {
    errno.ENETUNREACH: "network_unreachable",
    errno.EHOSTUNREACH: "host_unreachable",
    errno.EPERM: "not_permitted",
    errno.EACCES: "not_permitted",
    errno.ENETDOWN: "network_down",
    errno.EADDRNOTAVAIL: "no_source_address",
    errno.EAFNOSUPPORT: "no_socket",
    errno.EMSGSIZE: "request_too_large",
    errno.EMFILE: "no_socket",
    errno.ENFILE: "no_socket",
    errno.EINVAL: "bad_address",
}
RETRY_LATER: Final = frozenset((errno.ENOBUFS, errno.EAGAIN, errno.ENOMEM, errno.EINTR))


def error_word(error: OSError) -> str:
    """Why a packet could not leave, in one word."""
    number = error.errno or 0
    return _WORDS.get(number, errno.errorcode.get(number, "os_error").lower())


def ask_buffer(sock: socket.socket, octets: int) -> int:
    """Ask for a receive buffer and return what the kernel granted (its own accounting)."""
    try:
        sock.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, octets)
    except PermissionError:  # without CAP_NET_ADMIN up to net.core.rmem_max only
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, octets)
    return sock.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF)


def kernel_drops(sock: socket.socket) -> int:
    """Packets that the kernel dropped at this socket because its buffer was full (or damaged)."""
    raw = sock.getsockopt(socket.SOL_SOCKET, SO_MEMINFO, _MEMINFO.size)
    return int(_MEMINFO.unpack(raw)[SK_MEMINFO_DROPS])


def want_errors(sock: socket.socket) -> None:
    """Have ICMP errors about our packets queued at the socket (ip(7), IP_RECVERR)."""
    if sock.family == socket.AF_INET6:
        sock.setsockopt(socket.IPPROTO_IPV6, IPV6_RECVERR, 1)
    else:
        sock.setsockopt(socket.IPPROTO_IP, IP_RECVERR, 1)


def want_stamps(sock: socket.socket) -> None:
    """Have each datagram come with the moment at which the kernel got it (socket(7))."""
    try:
        sock.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
    except OSError:
        return  # then the moment of reading counts


def ahead_ns() -> int:
    """By how much the wall clock is ahead of the monotonic one just now.

    Being held up between the two readings only adds: the least of three is the truest.
    """
    return min(-time.monotonic_ns() + time.time_ns() for _ in range(3))


def came_ns(ancillary: list[tuple[int, int, bytes]], ahead_ns: int) -> int:
    """When a datagram came, by the monotonic clock; 0 when that is not told.

    ``ahead_ns``: by how much the wall clock, in which the kernel stamps, is ahead of it just now.
    Only stamps are asked for, so the first of the ancillary data is one.
    """
    if not ancillary or len(ancillary[0][2]) != _TIMESPEC.size:
        return 0
    seconds, nanoseconds = _TIMESPEC.unpack(ancillary[0][2])
    return int(seconds * 1_000_000_000 + nanoseconds - ahead_ns)


@dataclass(frozen=True, slots=True)
class QueuedError:
    """An error from the socket's queue: where our packet was going, ICMP type and code, sender."""

    address: tuple[str, int]
    local: bool
    icmp_type: int
    icmp_code: int
    router: str
    data: bytes


def queued_error(sock: socket.socket) -> QueuedError | None:
    """Take one error from the socket's error queue; None when it is empty."""
    try:
        data, ancillary, _, address = sock.recvmsg(512, 512, socket.MSG_ERRQUEUE)
    except OSError:
        return None
    v6 = sock.family == socket.AF_INET6
    for _, kind, raw in ancillary:
        if kind not in (IP_RECVERR, IPV6_RECVERR) or len(raw) < _EXTENDED_ERR.size:
            continue
        _, origin, icmp_type, icmp_code, _, _, _ = _EXTENDED_ERR.unpack_from(raw)
        router = _offender(raw[_EXTENDED_ERR.size :], v6=v6)
        local = origin == EE_ORIGIN_LOCAL
        return QueuedError(address or ("", 0), local, icmp_type, icmp_code, router, data)
    return QueuedError(address or ("", 0), True, 0, 0, "", data)  # noqa: FBT003  no detail given


def _offender(raw: bytes, *, v6: bool) -> str:
    """The address of who reported (a sockaddr), empty when it is not told."""
    layout, family = (_OFFENDER_V6, socket.AF_INET6) if v6 else (_OFFENDER_V4, socket.AF_INET)
    if len(raw) < layout.size:
        return ""
    parts = layout.unpack_from(raw)
    return socket.inet_ntop(family, parts[-1]) if parts[0] == family else ""


class Waker:
    """Calls ``drain`` when the socket has something: at once, or by ticks while much is under way.

    An event loop's turn costs as much as a reply or two, so answers are left to gather.
    ``drain`` returns how many datagrams it read.
    """

    def __init__(
        self, sock: socket.socket, drain: Callable[[], int], under_way: Callable[[], int]
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._fd = sock.fileno()
        self._drain = drain
        self._under_way = under_way
        self._timer: asyncio.TimerHandle | None = None
        self._closed = False
        self._loop.add_reader(self._fd, self._ready)

    def _ready(self) -> None:
        self._drain()
        if self._under_way() >= BUSY and not self._closed:
            self._loop.remove_reader(self._fd)
            self._timer = self._loop.call_later(TICK_S, self._tick)

    def _tick(self) -> None:
        count = self._drain()
        if self._closed:  # from within a callback
            return
        if count and self._under_way() >= BUSY:
            self._timer = self._loop.call_later(TICK_S, self._tick)
        else:
            self._timer = None
            self._loop.add_reader(self._fd, self._ready)

    def close(self) -> None:
        """Stop calling; idempotent."""
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._loop.remove_reader(self._fd)


class Ticker:
    """Calls ``drain`` at moments of a grid ``grid_s`` apart, as long as something is under way.

    For who looks at many devices for good: answers are left to gather, so that an event loop's
    turn, which costs as much as several of them, is worth its while. While nothing comes the
    moments get rarer, up to ``_SLOWEST`` of them apart.
    """

    _SLOWEST: Final = 5

    def __init__(
        self, drain: Callable[[], int], under_way: Callable[[], int], grid_s: float
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._drain = drain
        self._under_way = under_way
        self._grid_s = grid_s
        self._steps = 1
        self._stirred = False
        self._timer: asyncio.TimerHandle | None = None
        self._closed = False

    def stir(self) -> None:
        """Something was sent: its answer may come soon."""
        if self._timer is not None and self._steps > 1:
            self._timer.cancel()
            self._timer = None
        if self._timer is None:
            self._steps = 1
            self._stirred = True
            self._next()

    def _next(self) -> None:
        if not self._closed:
            at = on_grid(self._loop.time() + self._steps * self._grid_s, self._grid_s)
            self._timer = self._loop.call_at(at, self._tick)

    def _tick(self) -> None:
        self._timer = None
        self._stirred = False
        count = self._drain()
        if self._stirred:  # by what the answers led to
            return
        self._steps = 1 if count else min(self._steps + 1, self._SLOWEST)
        if self._under_way():
            self._next()

    def close(self) -> None:
        """Stop calling; idempotent."""
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


def on_grid(at_s: float, grid_s: float) -> float:
    """The moment of the grid at or before ``at_s``, but for rounding never after it."""
    return at_s - at_s % grid_s if grid_s else at_s

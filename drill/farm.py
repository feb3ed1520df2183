"""The equipment farm: every simulated device on an address of its own, all in one process.

Two ways to give them addresses:

* ``loopback``: 127.64.0.0/10 on one UDP socket that learns and keeps the address asked
  (IP_PKTINFO); needs no privilege, but the kernel answers ICMP there for the dead as well, so
  only SNMP speaks.
* ``tun``: 198.18.0.0/16 (RFC 2544, never on the Internet) behind a TUN device that ends in this
  process, which answers SNMP on port 161 and ICMP echo, with the delay, loss and silence that the
  plant says; needs CAP_NET_ADMIN.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import socket
import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from random import Random
from typing import Final, Protocol, Self

from drill import packet
from drill.county import Box, County
from drill.plant import Net, Plant
from drill.responder import Responder

IP_PKTINFO: Final = 8
"""<linux/in.h>; the socket module does not name it."""

_PKTINFO: Final = struct.Struct("=I4s4s")
_IFREQ: Final = struct.Struct("16sH22x")
_IFREQ_ADDR: Final = struct.Struct("16sHH4s16x")
_IFREQ_INT: Final = struct.Struct("16si20x")
TUNSETIFF: Final = 0x400454CA
IFF_TUN_NO_PI: Final = 0x1001
SIOCSIFADDR: Final = 0x8916
SIOCSIFNETMASK: Final = 0x891C
SIOCSIFFLAGS: Final = 0x8914
SIOCSIFMTU: Final = 0x8922
IFF_UP_RUNNING: Final = 0x41
MTU: Final = 9000
BATCH: Final = 256
"""Datagrams taken per turn of the event loop, so that control is never starved."""


class Where(StrEnum):
    LOOPBACK = "loopback"
    TUN = "tun"


def address_of(box: Box, where: Where) -> str:
    """The device's IPv4 address."""
    rank, high, low = box.address
    if where is Where.LOOPBACK:
        return f"127.{64 + rank}.{high}.{low}"
    return f"198.18.{(rank - 1) * 32 + high}.{low}"


class Road(Protocol):
    """How datagrams come and go."""

    port: int

    def open(self) -> None: ...

    def close(self) -> None: ...


@dataclass
class Farm:
    """All devices of a plant on the network; use as an asynchronous context manager.

    ``clock`` gives domain milliseconds. Nothing here changes the plant but the passing of time.
    """

    plant: Plant
    communities: dict[str, bytes]
    clock: Callable[[], int]
    where: Where = Where.LOOPBACK
    port: int = 0
    chance: Random = field(default_factory=lambda: Random(1))  # noqa: S311  simulated loss

    def __post_init__(self) -> None:
        self.responder = Responder(self.plant, self.communities)
        self.at = {
            socket.inet_aton(address_of(box, self.where)): box for box in self.plant.county.boxes
        }
        self.road: Road = Loopback(self) if self.where is Where.LOOPBACK else Tun(self)

    async def __aenter__(self) -> Self:
        self.road.open()
        self.port = self.road.port
        return self

    async def __aexit__(self, *_: object) -> None:
        self.road.close()

    def snmp(self, target: bytes, data: bytes) -> bytes | None:
        """What the device at the address ``target`` answers to a datagram, None for silence."""
        box = self.at.get(target)
        if box is None:
            return None
        self.plant.advance(self.clock())
        if not self.plant.answers_snmp(box.id):
            return None
        return self.responder.reply(box, data)

    def echoes(self, target: bytes) -> bool:
        """Whether the device at the address ``target`` answers an ICMP echo."""
        box = self.at.get(target)
        if box is None:
            return False
        self.plant.advance(self.clock())
        return self.plant.answers(box.id)

    def send(self, target: bytes, action: Callable[[], None]) -> None:
        """Do ``action`` after the delay of the way to ``target``, or not at all (loss)."""
        box = self.at.get(target)
        net = self.plant.net.get(box.id, Net()) if box else Net()
        if net.loss and self.chance.random() < net.loss:
            return
        if net.delay_ms:
            asyncio.get_running_loop().call_later(net.delay_ms / 1000.0, action)
        else:
            action()


class Loopback:
    """One UDP socket for all of 127.64.0.0/10."""

    def __init__(self, farm: Farm) -> None:
        self.farm = farm
        self.port = farm.port
        self.socket: socket.socket | None = None

    def open(self) -> None:
        found = socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        found.setsockopt(socket.IPPROTO_IP, IP_PKTINFO, 1)
        found.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 * 1024 * 1024)
        # Every address of the block needs the wildcard; bound to lo, no other host gets in.
        found.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"lo\0")
        found.bind(("0.0.0.0", self.port))  # noqa: S104  bound to lo just above
        self.port = found.getsockname()[1]
        self.socket = found
        asyncio.get_running_loop().add_reader(found, self._readable)

    def close(self) -> None:
        if self.socket:
            asyncio.get_running_loop().remove_reader(self.socket)
            self.socket.close()
            self.socket = None

    def _readable(self) -> None:
        assert self.socket
        for _ in range(BATCH):
            try:
                data, extra, _, peer = self.socket.recvmsg(8192, socket.CMSG_SPACE(_PKTINFO.size))
            except BlockingIOError:
                return
            target = _asked(extra)
            reply = self.farm.snmp(target, data) if target else None
            if target and reply is not None:
                self._later(target, reply, peer)

    def _later(self, target: bytes, reply: bytes, peer: object) -> None:
        self.farm.send(target, lambda: self._send(target, reply, peer))

    def _send(self, target: bytes, reply: bytes, peer: object) -> None:
        if self.socket is None:
            return
        info = _PKTINFO.pack(0, target, b"\0\0\0\0")
        try:
            self.socket.sendmsg([reply], [(socket.IPPROTO_IP, IP_PKTINFO, info)], 0, peer)  # type: ignore[arg-type]  # what recvmsg gave
        except BlockingIOError:
            return  # a full send buffer loses a datagram, as a real network does


def _asked(extra: list[tuple[int, int, bytes]]) -> bytes | None:
    """The address that the datagram was sent to."""
    for level, kind, data in extra:
        if (level, kind) == (socket.IPPROTO_IP, IP_PKTINFO):
            return bytes(_PKTINFO.unpack_from(data)[2])
    return None


class Tun:
    """A TUN device whose other end is this process; it vanishes with the process."""

    def __init__(self, farm: Farm) -> None:
        self.farm = farm
        self.port = 161
        self.fd = -1

    def open(self) -> None:
        self.fd = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
        try:
            self._configure()
        except BaseException:
            os.close(self.fd)
            self.fd = -1
            raise
        asyncio.get_running_loop().add_reader(self.fd, self._readable)

    def _configure(self) -> None:
        wanted = _IFREQ.pack(b"wanglou%d", IFF_TUN_NO_PI)
        name = _IFREQ.unpack(fcntl.ioctl(self.fd, TUNSETIFF, wanted))[0]
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
            for request, address in (
                (SIOCSIFADDR, "198.18.255.254"),
                (SIOCSIFNETMASK, "255.255.0.0"),
            ):
                content = _IFREQ_ADDR.pack(name, socket.AF_INET, 0, socket.inet_aton(address))
                fcntl.ioctl(control, request, content)
            fcntl.ioctl(control, SIOCSIFMTU, _IFREQ_INT.pack(name, MTU))
            fcntl.ioctl(control, SIOCSIFFLAGS, _IFREQ.pack(name, IFF_UP_RUNNING))

    def close(self) -> None:
        if self.fd >= 0:
            asyncio.get_running_loop().remove_reader(self.fd)
            os.close(self.fd)
            self.fd = -1

    def _readable(self) -> None:
        for _ in range(BATCH):
            try:
                raw = os.read(self.fd, MTU + 64)
            except BlockingIOError:
                return
            got = packet.parse(raw)
            reply = self._reply(got) if got else None
            if got and reply is not None:
                self._later(got.target, reply)

    def _later(self, target: bytes, reply: bytes) -> None:
        self.farm.send(target, lambda: self._send(reply))

    def _reply(self, got: packet.Packet) -> bytes | None:
        if got.protocol == packet.ICMP:
            return packet.echo_reply(got) if self.farm.echoes(got.target) else None
        if got.target_port != self.port:
            return None
        data = self.farm.snmp(got.target, got.data)
        return packet.udp_reply(got, data) if data is not None else None

    def _send(self, reply: bytes) -> None:
        if self.fd < 0:
            return
        try:
            os.write(self.fd, reply)
        except BlockingIOError:
            return  # a full queue loses a packet, as a real network does


def tun_allowed(county: County) -> bool:
    """Whether a TUN device can be made here and nothing else routes its addresses."""
    first = address_of(county.boxes[0], Where.TUN)
    try:
        fd = os.open("/dev/net/tun", os.O_RDWR)
    except OSError:
        return False
    try:
        fcntl.ioctl(fd, TUNSETIFF, _IFREQ.pack(b"wanglou%d", IFF_TUN_NO_PI))
    except OSError:
        return False
    finally:
        os.close(fd)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect((first, 9))  # no datagram is sent: it only asks the routing table
        except OSError:
            return True
        return not str(probe.getsockname()[0]).startswith("198.18.")

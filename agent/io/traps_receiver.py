"""The trap receiver's process: listen, decode, write to disk, then answer.

``python -m agent.io.traps_receiver`` with its orders (``Orders``, JSON) as the first line of
standard input: secrets are on no command line. It ends when standard input does, that is with the
agent. On standard output it says, a JSON object a line, where it listens, what is wrong, and after
each commit that there is something.

What arrives is read at once into a bounded backlog, because decoding takes 0.3 to 4 ms a trap and
the kernel's buffer holds few. An inform is answered after the commit that holds it, so one that
was not answered may be repeated, and one that was is on disk.
"""

from __future__ import annotations

import json
import os
import select
import socket
import sqlite3
import sys
import time
from collections import Counter, deque
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final

from pydantic import Field

from agent.io import port
from agent.io.traps_decode import Decoder
from agent.io.traps_store import Arrived, TrapStore
from config.base import Config
from config.settings import ClockSettings
from config.traps import TrapAccess
from transport.io.clock import Clock
from transport.io.sqlite import is_full

BACKLOG: Final = 50_000
BACKLOG_OCTETS: Final = 32 * 1024 * 1024
BATCH: Final = 100
"""Traps of one commit at most."""
BATCH_S: Final = 0.1
"""No longer than this is decoded for one commit, so that an inform is answered soon."""
READ_EVERY: Final = 8
"""The socket is read again after so many decoded."""
TICK_S: Final = 1.0
RECEIVE_BUFFER: Final = 8 * 1024 * 1024
DATAGRAM: Final = 65_535

EX_NOPERM: Final = 77
EX_UNAVAILABLE: Final = 69
EX_IOERR: Final = 74
"""sysexits.h: may not listen, cannot listen, cannot write."""

_IP_PKTINFO: Final = 8
_IPV6_PKTINFO: Final = 50
_IPV6_RECVPKTINFO: Final = 49
_ANCILLARY: Final = socket.CMSG_SPACE(64)


class Orders(Config):
    """What the agent tells the process at its start."""

    folder: str
    address: str
    port: Annotated[int, Field(ge=0, le=65535)]
    quota_bytes: int
    clock: ClockSettings
    communities: tuple[str, ...]
    users: tuple[dict[str, str | None], ...]


@dataclass(slots=True)
class _Datagram:
    data: bytes
    source: tuple[Any, ...]
    at_ms: int
    local: list[tuple[int, int, bytes]]


def listen(address: str, number: int) -> socket.socket:
    """A UDP socket that tells to which of our addresses each datagram came. Raises OSError."""
    v6 = ":" in address
    sock = socket.socket(socket.AF_INET6 if v6 else socket.AF_INET, socket.SOCK_DGRAM)
    try:
        sock.setblocking(False)  # noqa: FBT003  the standard library's signature
        if v6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
            sock.setsockopt(socket.IPPROTO_IPV6, _IPV6_RECVPKTINFO, 1)
        else:
            sock.setsockopt(socket.IPPROTO_IP, _IP_PKTINFO, 1)
        port.ask_buffer(sock, RECEIVE_BUFFER)
        sock.bind((address, number))
    except BaseException:
        sock.close()
        raise
    return sock


class Receiver:
    """One socket, one store. ``step`` does one round of work; it never blocks for long."""

    def __init__(
        self, sock: socket.socket, store: TrapStore, decoder: Decoder, clock: Clock
    ) -> None:
        self._sock = sock
        self._store = store
        self._decoder = decoder
        self._clock = clock
        self._backlog: deque[_Datagram] = deque()
        self._octets = 0
        self._drops = port.kernel_drops(sock)
        self._tally: Counter[str] = Counter()

    @property
    def waiting(self) -> int:
        return len(self._backlog)

    def read(self) -> int:
        """Take from the kernel what has come (what fits no more is counted); how many wait."""
        for _ in range(port.TURN):
            try:
                data, local, _, source = self._sock.recvmsg(DATAGRAM, _ANCILLARY)
            except BlockingIOError:
                break
            except OSError:
                continue  # an ICMP error about an answer of ours
            self._tally["received"] += 1
            if len(self._backlog) >= BACKLOG or self._octets + len(data) > BACKLOG_OCTETS:
                self._tally["given_up"] += 1
                continue
            self._octets += len(data)
            self._backlog.append(_Datagram(data, source, self._clock.now_ms(), local))
        return len(self._backlog)

    def step(self) -> int:
        """Decode a batch, write it, answer; how many traps there are to be followed.

        Raises sqlite3.Error when the disk takes nothing; then nothing was answered.
        """
        until = self._clock.monotonic() + BATCH_S
        arrived: list[Arrived] = []
        answers: list[tuple[_Datagram, bytes]] = []
        while self._backlog and len(arrived) < BATCH and self._clock.monotonic() < until:
            if len(arrived) % READ_EVERY == 0:
                self.read()
            one = self._backlog.popleft()
            self._octets -= len(one.data)
            heard = self._decoder.take(one.data, (one.source[0], one.source[1]))
            if heard.refused:
                self._tally[f"refused_{heard.refused}"] += 1
            if heard.trap is not None:
                host = plain(one.source[0])
                arrived.append(Arrived(heard.trap, host, one.source[1], one.at_ms, heard.refused))
            answers += [(one, reply) for reply in heard.replies]
        self._count_drops()
        if arrived or self._tally:
            self._write(arrived)
        for one, reply in answers:
            self._answer(one, reply)
        return len(arrived)

    def _count_drops(self) -> None:
        drops = port.kernel_drops(self._sock)
        self._tally["kernel_drops"] += drops - self._drops & 0xFFFF_FFFF
        self._drops = drops

    def _write(self, arrived: list[Arrived]) -> None:
        try:
            self._store.append(arrived, self._tally)
        except sqlite3.OperationalError as error:
            if not is_full(error):
                raise
            self._store.make_room(self._clock.now_ms())
            self._store.append(arrived, self._tally)
        self._tally.clear()

    def _answer(self, one: _Datagram, reply: bytes) -> None:
        """From the very address to which it came; one that gets lost is asked for again."""
        try:
            self._sock.sendmsg([reply], _from(one.local), 0, one.source)
        except OSError:
            self._tally["unanswered"] += 1


def _from(local: list[tuple[int, int, bytes]]) -> list[tuple[int, int, bytes]]:
    """Received packet information as that of a packet to send (ip(7), ipv6(7))."""
    found = []
    for level, kind, raw in local:
        if level == socket.IPPROTO_IP and kind == _IP_PKTINFO and len(raw) >= 12:
            found.append((level, kind, bytes(4) + raw[4:8] + bytes(4)))
        elif level == socket.IPPROTO_IPV6 and kind == _IPV6_PKTINFO:
            found.append((level, kind, raw))
    return found


def plain(host: str) -> str:
    """An address as the inventory writes it: no zone, IPv4 as IPv4."""
    return host.partition("%")[0].removeprefix("::ffff:")


def say(**words: object) -> None:
    """A line to the agent; one that it does not read now it does not miss."""
    try:
        os.write(1, json.dumps(words).encode() + b"\n")
    except OSError:
        return


def main() -> int:
    """Run until standard input ends."""
    orders = Orders.model_validate_json(sys.stdin.buffer.readline())
    os.set_blocking(1, False)
    access = TrapAccess.model_validate_json(
        json.dumps({"communities": orders.communities, "user": orders.users})
    )
    try:
        sock = listen(orders.address, orders.port)
    except OSError as error:
        say(fault=port.error_word(error), detail=str(error))
        return EX_NOPERM if isinstance(error, PermissionError) else EX_UNAVAILABLE
    try:
        store = TrapStore.open(Path(orders.folder), quota_bytes=orders.quota_bytes)
        decoder = Decoder(access, *store.engine())
        receiver = Receiver(sock, store, decoder, Clock.of(orders.clock))
        say(listening=sock.getsockname()[:2], stored=1)
        serve(receiver, sock, decoder)
    except (sqlite3.Error, OSError) as error:
        say(fault="cannot_write", detail=str(error))
        return EX_IOERR
    return 0


def serve(receiver: Receiver, sock: socket.socket, decoder: Decoder) -> None:
    """Work until standard input ends."""
    ticked = 0.0
    while True:
        wait_s = 0.0 if receiver.waiting else TICK_S
        ready, _, _ = select.select([sock.fileno(), 0], [], [], wait_s)
        if 0 in ready and not os.read(0, 4096):
            return
        receiver.read()
        followed = receiver.step()
        if followed:
            say(stored=followed)
        if time.monotonic() - ticked >= TICK_S:
            ticked = time.monotonic()
            decoder.tick(ticked)


if __name__ == "__main__":
    sys.exit(main())

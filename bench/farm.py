"""A farm of simulated SNMP devices: every address of 127/8 answers at one port, cheaply.

``python -m bench.farm PORT [work|device]`` prints "ready" and serves until it is killed. A
request's shape is understood once; its reply is a template with the request id patched in (made
anew each second when the values move). It comes from the address that was asked (IP_PKTINFO).
"""

from __future__ import annotations

import socket
import sys
import time

from agent import snmp
from agent.ber import BerError
from bench import work

IP_PKTINFO = 8
MOST_SHAPES = 50_000


class Answers:
    """Replies by the shape of the request, and for moving devices by their kind."""

    def __init__(self, mib: work.Mib) -> None:
        self._mib = mib
        self._begun = time.monotonic()
        self._still: dict[bytes, snmp.Template] = {}
        self._moving: dict[tuple[bytes, int], tuple[int, snmp.Template]] = {}

    def to(self, data: bytes, at: int, size: int, kind: int) -> snmp.Template:
        """The reply to ``data``, whose request id has ``size`` octets at ``at``."""
        shape = data[:at] + data[at + size :]
        if not self._mib.still:
            return self._moved(shape, data, kind)
        found = self._still.get(shape)
        if found is None:
            if len(self._still) >= MOST_SHAPES:
                self._still.clear()
            asked = snmp.decode_message(data)
            found = self._still[shape] = self._mib.reply(asked, 0.0, 0)
        return found

    def _moved(self, shape: bytes, data: bytes, kind: int) -> snmp.Template:
        at_s = time.monotonic() - self._begun
        made, found = self._moving.get((shape, kind), (-1, None))
        if found is None or made != int(at_s):
            if len(self._moving) >= MOST_SHAPES:
                self._moving.clear()
            found = self._mib.reply(snmp.decode_message(data), at_s, kind)
            self._moving[shape, kind] = int(at_s), found
        return found


def id_of(data: bytes) -> tuple[int, int]:
    """Where a request's id stands and how many octets it has."""
    # Sequence, version (3 octets), community, then the PDU and the request id.
    at = 2 + _more(data[1]) + 3
    at += 2 + data[at + 1]
    at += 2 + _more(data[at + 1]) + 2
    return at, data[at - 1]


def _more(length: int) -> int:
    """Octets of a length beyond its first."""
    return 0 if length < 0x80 else length & 0x7F


def serve(port: int, mib: work.Mib) -> None:
    """Answer for ever; what is no SNMP of ours gets no answer."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.setsockopt(socket.IPPROTO_IP, IP_PKTINFO, 1)
    sock.setsockopt(socket.SOL_SOCKET, 33, 16 * 1024 * 1024)  # SO_RCVBUFFORCE
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"lo\0")
    sock.bind(("0.0.0.0", port))
    answers = Answers(mib)
    receive, send = sock.recvmsg, sock.sendmsg
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    while True:
        data, extra, _, peer = receive(8192, 64)
        info = extra[0][2]
        try:
            at, size = id_of(data)
            reply = answers.to(data, at, size, info[11] % work.VARIANTS)
        except (BerError, IndexError):
            continue
        number = data[at : at + size].rjust(4, b"\0")  # pysnmp's ids may be shorter
        source = (socket.IPPROTO_IP, IP_PKTINFO, b"\0\0\0\0" + info[8:12] + b"\0\0\0\0")
        send([reply.before, number, reply.after], [source], 0, peer)


if __name__ == "__main__":
    serve(int(sys.argv[1]), work.MIBS[sys.argv[2] if len(sys.argv) > 2 else "work"]())

"""A farm of simulated SNMP devices: every address of 127/8 answers at one port, cheaply.

``python -m bench.farm PORT`` prints "ready" and serves until it is killed. A reply is a template
with the request's id patched in; it comes from the address that was asked (IP_PKTINFO).
"""

from __future__ import annotations

import socket
import sys

from agent import snmp
from bench import work

IP_PKTINFO = 8


def serve(port: int) -> None:
    """Answer for ever."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.setsockopt(socket.IPPROTO_IP, IP_PKTINFO, 1)
    sock.setsockopt(socket.SOL_SOCKET, 33, 16 * 1024 * 1024)  # SO_RCVBUFFORCE
    sock.bind(("0.0.0.0", port))
    replies = {snmp.GET: work.get_reply(), snmp.GETBULK: work.bulk_reply()}
    receive, send = sock.recvmsg, sock.sendmsg
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    while True:
        data, extra, _, peer = receive(4096, 64)
        # Sequence, version (3 octets), community (8 octets), then the PDU and the request id.
        at = 11 + (2 if data[1] < 0x80 else 2 + (data[1] & 0x7F))
        reply = replies[data[at]]
        at += (2 if data[at + 1] < 0x80 else 2 + (data[at + 1] & 0x7F)) + 2
        number = data[at : at + data[at - 1]].rjust(4, b"\0")  # pysnmp's ids may be shorter
        info = extra[0][2]
        source = (socket.IPPROTO_IP, IP_PKTINFO, b"\0\0\0\0" + info[4:8] + b"\0\0\0\0")
        send([reply.before, number, reply.after], [source], 0, peer)


if __name__ == "__main__":
    serve(int(sys.argv[1]))

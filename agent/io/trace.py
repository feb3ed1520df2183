"""Tracing a path with growing hop limits, on icmplib's raw sockets. Blocking: use a thread."""

from __future__ import annotations

from typing import Final

from icmplib import (
    ICMPLibError,
    ICMPRequest,
    ICMPv4Socket,
    ICMPv6Socket,
    SocketPermissionError,
    TimeoutExceeded,
)
from icmplib.utils import unique_identifier

from agent import icmp, trace
from agent.trace import Hop, Trace

SILENT_MOST: Final = 5
"""After so many distances without a word the path counts as ended."""


class TraceFault(Exception):  # noqa: N818  it says why there is no trace
    """A trace that cannot be made: ``no_permission``, ``no_socket`` …; the text says more."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason


def follow(address: str, *, count: int = 2, timeout_s: float = 1.0, hops: int = 30) -> Trace:
    """The path to a numeric ``address``: ``count`` echoes a distance. Raises TraceFault."""
    v6 = ":" in address
    try:
        with (ICMPv6Socket if v6 else ICMPv4Socket)() as sock:
            return _follow(sock, address, count, timeout_s, hops)
    except SocketPermissionError as error:
        raise TraceFault("no_permission", str(error)) from error
    except (ICMPLibError, OSError) as error:
        raise TraceFault("no_socket", str(error)) from error


def _follow(
    sock: ICMPv4Socket | ICMPv6Socket, address: str, count: int, timeout_s: float, hops: int
) -> Trace:
    found: list[Hop] = []
    identifier = unique_identifier()
    silent = 0
    for distance in range(1, hops + 1):
        hop = _hop(sock, (address, identifier, distance), count, timeout_s)
        found.append(hop)
        silent = 0 if hop.router else silent + 1
        if silent >= SILENT_MOST or hop.said not in {"", "ttl_exceeded"}:
            break
    return trace.trimmed(address, found)


def _hop(
    sock: ICMPv4Socket | ICMPv6Socket, aim: tuple[str, int, int], count: int, timeout_s: float
) -> Hop:
    """Who answers at one distance, and with what."""
    address, identifier, distance = aim
    v6 = ":" in address
    router = said = ""
    rtts: list[int] = []
    for number in range(count):
        sequence = distance * 256 + number
        request = ICMPRequest(address, identifier, sequence, ttl=distance)
        try:
            sock.send(request)
            reply = sock.receive(request, timeout_s)
        except TimeoutExceeded:
            continue
        router = reply.source
        answered = reply.type == (icmp.V6_ECHO_REPLY if v6 else icmp.ECHO_REPLY)
        said = trace.REACHED if answered else icmp.word(reply.type, reply.code, v6=v6)
        rtts.append(int((reply.time - request.time) * 1e9))
    return Hop(distance, router, said, count, tuple(rtts))

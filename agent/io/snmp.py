"""The SNMP engine: one UDP socket per address family for all devices."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from agent.query import SnmpLook, SnmpResult


@dataclass(frozen=True, slots=True)
class SnmpOptions:
    """``packets_per_s`` paces the sends; ``receive_buffer`` is asked of the kernel, in bytes."""

    packets_per_s: float = 5000.0
    receive_buffer: int = 8 * 1024 * 1024


@dataclass(slots=True)
class SnmpStats:
    """Counts since the start. ``foreign``: datagrams that answered nothing of ours."""

    looks: int = 0
    measured: int = 0
    no_answer: int = 0
    refused: int = 0
    could_not_look: int = 0
    sent: int = 0
    repeated: int = 0
    received: int = 0
    as_learnt: int = 0
    foreign: int = 0
    malformed: int = 0
    kernel_drops: int = 0
    in_flight: int = 0
    queued: int = 0


class SnmpEngine:
    """SNMP looks at many devices through one socket per family; used from one event loop.

    ``submit`` never blocks and never raises for a device's sake; ``done`` is called exactly once
    per submitted look, from the event loop, never from within ``submit``. One request at a time
    is under way per address and port: further looks at it wait in order.
    """

    def __init__(self, options: SnmpOptions | None = None) -> None:
        self.options = options or SnmpOptions()
        self.stats = SnmpStats()

    async def start(self) -> None:
        """Open the sockets; what cannot be opened makes its looks ``could_not_look``."""

    def close(self) -> None:
        """Close the sockets; looks under way end as ``could_not_look`` (``closed``)."""

    def submit(self, look: SnmpLook, done: Callable[[SnmpResult], None]) -> None:
        """Look once; ``done`` gets the result."""
        raise NotImplementedError

    async def look(self, look: SnmpLook) -> SnmpResult:
        """Look once and wait for the result."""
        raise NotImplementedError

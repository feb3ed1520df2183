"""The ICMP engine: one socket per address family for all devices."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from agent.query import IcmpLook, IcmpResult


@dataclass(frozen=True, slots=True)
class IcmpOptions:
    """``packets_per_s`` paces the sends; ``receive_buffer`` is asked of the kernel, in bytes."""

    packets_per_s: float = 5000.0
    receive_buffer: int = 4 * 1024 * 1024


@dataclass(slots=True)
class IcmpStats:
    """Counts since the start. ``foreign``: packets that answered nothing of ours."""

    looks: int = 0
    measured: int = 0
    no_answer: int = 0
    could_not_look: int = 0
    sent: int = 0
    received: int = 0
    errors: int = 0
    foreign: int = 0
    duplicates: int = 0
    late: int = 0
    kernel_drops: int = 0
    in_flight: int = 0
    queued: int = 0


class IcmpEngine:
    """Echo requests to many addresses through one socket per family; used from one event loop.

    ``submit`` never blocks and never raises for a device's sake; ``done`` is called exactly once
    per submitted look, from the event loop, never from within ``submit``.
    """

    def __init__(self, options: IcmpOptions | None = None) -> None:
        self.options = options or IcmpOptions()
        self.stats = IcmpStats()

    async def start(self) -> None:
        """Open the sockets; what may not be opened makes its looks ``could_not_look``."""

    def close(self) -> None:
        """Close the sockets; looks under way end as ``could_not_look`` (``closed``)."""

    def submit(self, look: IcmpLook, done: Callable[[IcmpResult], None]) -> None:
        """Look once; ``done`` gets the result."""
        raise NotImplementedError

    async def look(self, look: IcmpLook) -> IcmpResult:
        """Look once and wait for the result."""
        raise NotImplementedError

"""Where a path ends: routers by distance, and what the last of them said. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

REACHED: Final = "reached"
SILENT: Final = "silent"
"""How a path can end: at the target, or in nothing; else in an ICMP error's word."""

TEXT_MOST: Final = 500


@dataclass(frozen=True, slots=True)
class Hop:
    """One distance. ``router`` empty: nobody answered; ``said``: the error's word, or ``reached``.

    Round trips are in ns.
    """

    distance: int
    router: str = ""
    said: str = ""
    sent: int = 0
    rtts_ns: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Trace:
    """The hops to ``address`` in order, without the silent ones behind the last that answered.

    ``end`` is ``reached``, ``silent`` (nobody answered behind the last hop) or the word of the
    ICMP error with which the path ends (``prohibited``, ``host_unreachable`` …).
    """

    address: str
    hops: tuple[Hop, ...]
    end: str

    @property
    def reached(self) -> bool:
        return self.end == REACHED

    @property
    def last(self) -> Hop | None:
        """The last hop that answered."""
        return next((hop for hop in reversed(self.hops) if hop.router), None)


def trimmed(address: str, hops: list[Hop]) -> Trace:
    """The trace of what was found."""
    while hops and not hops[-1].router:
        hops = hops[:-1]
    said = hops[-1].said if hops else ""
    return Trace(address, tuple(hops), SILENT if said in {"", "ttl_exceeded"} else said)


def line(trace: Trace) -> str:
    """The path in one line of at most TEXT_MOST characters: distance, router, best ms."""
    parts = []
    for hop in trace.hops:
        best = f" {min(hop.rtts_ns) / 1e6:.1f} ms" if hop.rtts_ns else ""
        parts.append(f"{hop.distance} {hop.router or '*'}{best}")
    text = "; ".join(parts) or "*"
    return text if len(text) <= TEXT_MOST else "…" + text[-TEXT_MOST + 1 :]

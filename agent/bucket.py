"""Token buckets: how many packets and octets may leave now, and when the next may. Pure."""

from __future__ import annotations

from collections import deque
from ipaddress import ip_address
from typing import Any, Final

BURST_S: Final = 0.02
MIN_BURST: Final = 16
"""Packets that may leave at once: those of 20 ms, 16 at least, so that a turn is worth waking."""
MIN_OCTETS: Final = 16_384
"""Octets that may pass at once at the least: two dozen answers of a few hundred each."""


NO_BOUND: Final = 2**62
"""Looks in a subnet when it is not bounded any more: who waits there is still let in in turn."""


class Bucket:
    """``rate`` packets per second on average; times are monotonic nanoseconds."""

    __slots__ = ("_at_ns", "_tokens", "burst", "rate")

    def __init__(self, rate: float, now_ns: int, least: int = MIN_BURST) -> None:
        self.rate = rate
        self.burst = max(float(least), rate * BURST_S)
        self._tokens = self.burst
        self._at_ns = now_ns

    def available(self, now_ns: int) -> int:
        """Whole packets that may leave now."""
        gained = (now_ns - self._at_ns) * self.rate / 1e9
        if gained > 0:
            self._tokens = min(self.burst, self._tokens + gained)
            self._at_ns = now_ns
        return int(self._tokens)

    @property
    def left(self) -> float:
        """What the last ``available`` left; negative: more was taken than there was."""
        return self._tokens

    def take(self, count: int) -> None:
        """That many have left."""
        self._tokens -= count

    def wait_s(self, wanted: int) -> float:
        """Seconds from the last ``available`` until a good part of a burst may leave."""
        need = min(float(max(wanted, 1)), self.burst * 0.75) - self._tokens
        return max(need / self.rate, 0.0)


class Budget:
    """What may pass in all: packets sent per second, and octets per second both ways.

    Engines that share one keep to it together. ``octets_per_s`` 0: as many as the packets have.
    Answers are counted when they have come, so that a burst of large ones is followed by a rest.
    """

    __slots__ = ("_octets", "_packets")

    def __init__(self, packets_per_s: float, octets_per_s: float, now_ns: int) -> None:
        self.allow(packets_per_s, octets_per_s, now_ns)

    def allow(self, packets_per_s: float, octets_per_s: float, now_ns: int) -> None:
        """Begin anew with these rates."""
        self._packets = Bucket(packets_per_s, now_ns)
        self._octets = Bucket(octets_per_s, now_ns, MIN_OCTETS) if octets_per_s else None

    @property
    def bounded(self) -> bool:
        """Whether octets are counted at all."""
        return self._octets is not None

    def available(self, now_ns: int) -> int:
        """Whole packets that may leave now; of large ones fewer may (``rest`` tells)."""
        if self._octets is not None and self._octets.available(now_ns) <= 0:
            self._packets.available(now_ns)
            return 0
        return self._packets.available(now_ns)

    def take(self, packets: int) -> None:
        """That many packets have left."""
        self._packets.take(packets)

    def passed(self, octets: int) -> bool:
        """So many octets have left or come; whether there are any more to spend."""
        if self._octets is None:
            return True
        self._octets.take(octets)
        return self._octets.left > 0

    def wait_s(self, wanted: int) -> float:
        """Seconds from the last ``available`` until a good part of a burst may leave."""
        octets_s = 0.0 if self._octets is None else self._octets.wait_s(1)
        return max(self._packets.wait_s(wanted), octets_s)


def subnet(host: str) -> str:
    """The neighbourhood of an address for budgets: its /24, of IPv6 its /64."""
    if ":" not in host:
        return host.rpartition(".")[0]
    packed = ip_address(host.partition("%")[0]).packed[:8]
    return packed.hex()


class Subnets:
    """At most ``most`` looks under way in each subnet; 0: as many as there are."""

    __slots__ = ("_inside", "_waiting", "most")

    def __init__(self, most: int) -> None:
        self.most = most
        self._inside: dict[str, int] = {}
        self._waiting: dict[str, deque[Any]] = {}

    def allow(self, most: int) -> None:
        """Another bound; looks that wait go on as those before them end."""
        self.most = most or (NO_BOUND if self.most else 0)

    def enter(self, host: str, look: Any) -> bool:
        """Whether a look at ``host`` may begin; else it waits here until ``leave`` gives it."""
        net = subnet(host)
        inside = self._inside.get(net, 0)
        if inside >= self.most:
            self._waiting.setdefault(net, deque()).append(look)
            return False
        self._inside[net] = inside + 1
        return True

    def leave(self, host: str) -> Any | None:
        """A look at ``host`` has ended: the one that may begin in its place, not yet entered."""
        net = subnet(host)
        inside = self._inside.get(net, 0) - 1
        if inside > 0:
            self._inside[net] = inside
        else:
            self._inside.pop(net, None)
        waiting = self._waiting.get(net)
        if not waiting:
            return None
        look = waiting.popleft()
        if not waiting:
            del self._waiting[net]
        return look

    @property
    def waiting(self) -> int:
        """Looks that wait for others in their subnet."""
        return sum(map(len, self._waiting.values()))

    def clear(self) -> None:
        self._inside.clear()
        self._waiting.clear()

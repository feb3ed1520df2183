"""Targets as people write them: names, addresses, ranges, networks. Pure; names stay unresolved.

``10.0.0.1``, ``10.0.0.1-10.0.0.20`` or ``10.0.0.1-20``, ``10.0.0.0/24``, ``2001:db8::1``,
``[2001:db8::1]:1161``, ``ups.example:161``. A network means its hosts, without the network's own
and the broadcast address.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Final

MAX_TARGETS: Final = 1_048_576
_NAME: Final = re.compile(r"(?=.{1,253}\Z)([A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?\.?)+\Z")
_NUMERIC: Final = re.compile(r"[0-9.]+\Z")
_PORT: Final = re.compile(r"(?P<host>\[[^\]]+\]|[^:\[\]]+):(?P<port>[0-9]{1,6})\Z")


class TargetError(ValueError):
    """A target that is none: one sentence, Chinese with English beside."""


@dataclass(frozen=True, slots=True)
class Hosts:
    """What one word of a command line means: addresses ``first`` to ``last``, or a name."""

    text: str
    first: IPv4Address | IPv6Address | None
    last: IPv4Address | IPv6Address | None
    name: str = ""
    port: int | None = None

    @property
    def count(self) -> int:
        """How many targets this is."""
        if self.first is None or self.last is None:
            return 1
        return int(self.last) - int(self.first) + 1

    def addresses(self) -> Iterator[str]:
        """Every address, in order; none for a name."""
        if self.first is None or self.last is None:
            return
        kind = type(self.first)
        for number in range(int(self.first), int(self.last) + 1):
            yield str(kind(number))


def parse(text: str) -> Hosts:
    """What ``text`` means. Raises TargetError."""
    host, port = _split_port(text.strip())
    if "/" in host:
        hosts = _network(text, host, port)
    elif "-" in host and _is_address(host.partition("-")[0]):
        hosts = _range(text, host, port)
    else:
        hosts = _single(text, host, port)
    if hosts.count > MAX_TARGETS:
        raise TargetError(
            f"{text} 有 {hosts.count} 个地址，最多 {MAX_TARGETS} 个 / "
            f"{text} has {hosts.count} addresses, {MAX_TARGETS} at most"
        )
    return hosts


def _split_port(text: str) -> tuple[str, int | None]:
    """Host part and port, without the brackets of an IPv6 address."""
    found = _PORT.match(text)
    host, port = (found["host"], int(found["port"])) if found else (text, None)
    if port is not None and not 1 <= port <= 65535:
        raise TargetError(f"{text} 的端口应为 1 到 65535 / the port of {text} must be 1 to 65535")
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    return host, port


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def _single(text: str, host: str, port: int | None) -> Hosts:
    if _is_address(host):
        address = ip_address(host)
        if "%" in host:  # a scope is kept as written
            return Hosts(text, None, None, host, port)
        return Hosts(text, address, address, port=port)
    if _NUMERIC.match(host) or _NAME.match(host) is None:
        raise TargetError(
            f"{text!r} 不是地址、名称、范围或网段 / {text!r} is no address, name, range or network"
        )
    return Hosts(text, None, None, host, port)


def _network(text: str, host: str, port: int | None) -> Hosts:
    try:
        network = ip_network(host)
    except ValueError:
        pass
    else:
        first, last = network[0], network[-1]
        if network.num_addresses > 2:
            first += 1
            last -= network.version == 4
        return Hosts(text, first, last, port=port)
    try:
        meant = ip_network(host, strict=False)
    except ValueError:
        raise TargetError(f"{text} 不是网段 / {text} is no network") from None
    raise TargetError(
        f"{text} 不是网段的起始地址，是否指 {meant} / "
        f"{text} is not where a network begins: did you mean {meant}?"
    )


def _range(text: str, host: str, port: int | None) -> Hosts:
    left, _, right = host.partition("-")
    first = ip_address(left)
    if right.isdecimal() and right.isascii() and first.version == 4:
        right = f"{left.rpartition('.')[0]}.{right}"
    try:
        last = ip_address(right)
    except ValueError:
        raise TargetError(f"{text} 的末尾不是地址 / the end of {text} is no address") from None
    if first.version != last.version or int(last) < int(first):
        raise TargetError(
            f"{text} 的末尾应在起始之后 / the end of {text} must come after its beginning"
        )
    return Hosts(text, first, last, port=port)

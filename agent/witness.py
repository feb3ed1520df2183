"""Do we have an uplink at all? Judged from witnesses: gateways, addresses of our own choice. Pure.

A witness that has never answered proves nothing by its silence. We are blind when witnesses that
answered before are all silent and the collector cannot be reached either (STYLE: check yourself
first). A device's silence then says nothing about the device.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from ipaddress import IPv4Address, IPv6Address
from typing import Final

NO_UPLINK: Final = "no_uplink"
"""The reason of looks that are not measured because we have no uplink."""

MOST: Final = 8
_RTF_UP_GATEWAY: Final = 0x3


class Witnesses:
    """What the witnesses said; ``blind`` is the present verdict."""

    def __init__(self, addresses: Iterable[str] = ()) -> None:
        self.addresses = tuple(dict.fromkeys(addresses))[:MOST]
        self.proven: set[str] = set()
        self.blind = False

    def replace(self, addresses: Iterable[str]) -> None:
        """Other witnesses: those that stay keep what they proved."""
        self.addresses = tuple(dict.fromkeys(addresses))[:MOST]
        self.proven.intersection_update(self.addresses)

    def heard(self, answers: Mapping[str, bool]) -> bool:
        """Take what a check brought; whether it is for the collector now to tell.

        False: some witness answered, or none ever did, and we are not blind.
        """
        self.proven.update(address for address, answered in answers.items() if answered)
        asked = self.proven & answers.keys()
        if not asked or any(answers.values()):
            self.blind = False
            return False
        return True

    def decide(self, *, collector: bool | None) -> None:
        """No witness answers; ``collector``: whether it can be reached, None: it is no witness."""
        self.blind = not collector


def gateways4(table: str) -> list[str]:
    """The gateways in ``/proc/net/route``, default routes first; [] when it is none."""
    found: list[tuple[bool, str]] = []
    for line in table.splitlines()[1:]:
        words = line.split()
        try:
            target, gateway, flags = (int(word, 16) for word in words[1:4])
            number = int.from_bytes(gateway.to_bytes(4, "little"), "big")
        except (ValueError, OverflowError):
            continue
        if flags & _RTF_UP_GATEWAY == _RTF_UP_GATEWAY:
            found.append((target != 0, str(IPv4Address(number))))
    return _ordered(found)


def gateways6(table: str) -> list[str]:
    """The gateways in ``/proc/net/ipv6_route``, default routes first, link-local with its scope."""
    found: list[tuple[bool, str]] = []
    for line in table.splitlines():
        words = line.split()
        try:
            target, gateway, flags = (int(words[place], 16) for place in (0, 4, 8))
            address = IPv6Address(gateway)
        except (ValueError, IndexError):
            continue
        if flags & _RTF_UP_GATEWAY == _RTF_UP_GATEWAY:
            scope = f"%{words[9]}" if address.is_link_local and len(words) > 9 else ""
            found.append((target != 0, f"{address}{scope}"))
    return _ordered(found)


def _ordered(found: list[tuple[bool, str]]) -> list[str]:
    return list(dict.fromkeys(address for _, address in sorted(found, key=lambda one: one[0])))

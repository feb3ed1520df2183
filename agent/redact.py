"""A recording that may be shared: names, places, serial numbers and addresses masked. Pure.

Masked are sysContact, sysName, sysLocation and their words wherever else they stand, serial and
asset numbers, IPv4 addresses (in values, in texts, in the indexes of tables that have them) and
MAC addresses: each by a stand-in of its own, so that what belonged together still does. Subtrees
that are lists of other people's addresses or programs are left out. What a vendor's own objects
hold nobody can know: look the file over before it leaves the house.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from ipaddress import IPv4Address
from typing import Final

from agent import ber
from agent.snmp import Varbind

Arcs = tuple[int, ...]


def _arcs(*dotted: str) -> tuple[Arcs, ...]:
    return tuple(tuple(map(int, one.split("."))) for one in dotted)


SECRET_TEXTS: Final = _arcs(
    "1.3.6.1.2.1.1.4",  # sysContact
    "1.3.6.1.2.1.1.5",  # sysName
    "1.3.6.1.2.1.1.6",  # sysLocation
    "1.3.6.1.2.1.47.1.1.1.1.11",  # entPhysicalSerialNum
    "1.3.6.1.2.1.47.1.1.1.1.15",  # entPhysicalAssetID
    "1.3.6.1.2.1.47.1.1.1.1.19",  # entPhysicalUUID
    "1.3.6.1.2.1.33.1.1.5",  # upsIdentName
    "1.3.6.1.4.1.6302.2.1.1.4",  # EES-POWER-MIB identName
    "1.3.6.1.4.1.6302.2.1.1.6",  # EES-POWER-MIB identControllerSerialNumber
    "1.3.6.1.4.1.6302.2.1.2.11.4.1.5",  # EES-POWER-MIB psRectifierSerialNumber
    "1.0.8802.1.1.2.1.3.3",  # lldpLocSysName
    "1.0.8802.1.1.2.1.4.1.1.9",  # lldpRemSysName
)
LEFT_OUT: Final = _arcs(
    "1.3.6.1.2.1.3",  # at
    "1.3.6.1.2.1.4.20",  # ipAddrTable
    "1.3.6.1.2.1.4.21",  # ipRouteTable
    "1.3.6.1.2.1.4.22",  # ipNetToMediaTable
    "1.3.6.1.2.1.4.24",  # ipForward
    "1.3.6.1.2.1.4.32",  # ipAddressPrefixTable
    "1.3.6.1.2.1.4.34",  # ipAddressTable
    "1.3.6.1.2.1.4.35",  # ipNetToPhysicalTable
    "1.3.6.1.2.1.4.37",  # ipDefaultRouterTable
    "1.3.6.1.2.1.6.13",  # tcpConnTable
    "1.3.6.1.2.1.6.19",  # tcpConnectionTable
    "1.3.6.1.2.1.6.20",  # tcpListenerTable
    "1.3.6.1.2.1.7.5",  # udpTable
    "1.3.6.1.2.1.7.7",  # udpEndpointTable
    "1.3.6.1.2.1.14.4",  # ospfLsdbTable
    "1.3.6.1.2.1.14.12",  # ospfExtLsdbTable
    "1.3.6.1.2.1.25.4",  # hrSWRun
    "1.3.6.1.2.1.25.6",  # hrSWInstalled
    "1.3.6.1.6.3.15",  # snmpUsmMIB
    "1.3.6.1.6.3.16",  # snmpVacmMIB
    "1.3.6.1.6.3.18",  # snmpCommunityMIB
    "1.0.8802.1.1.2.1.3.8",  # lldpLocManAddrTable
    "1.0.8802.1.1.2.1.4.2",  # lldpRemManAddrTable
)
INDEXED: Final = _arcs("1.3.6.1.2.1.14", "1.3.6.1.2.1.15")
"""Subtrees whose indexes have IPv4 addresses: OSPF-MIB, BGP4-MIB."""
INDEXED_COLUMN: Final = 3
"""Sub-identifiers behind such a subtree after which an index begins: table, entry, column."""
MACS: Final = _arcs(
    "1.3.6.1.2.1.2.2.1.6",  # ifPhysAddress
    "1.3.6.1.2.1.17.1.1",  # dot1dBaseBridgeAddress
    "1.0.8802.1.1.2.1.3.2",  # lldpLocChassisId
    "1.0.8802.1.1.2.1.3.7.1.3",  # lldpLocPortId
    "1.0.8802.1.1.2.1.4.1.1.5",  # lldpRemChassisId
    "1.0.8802.1.1.2.1.4.1.1.7",  # lldpRemPortId
)
SHORTEST: Final = 4
"""Octets of a masked word below which it is masked in other texts as a whole word alone."""

_DOTTED: Final = re.compile(rb"(?<![0-9.])(?:[0-9]{1,3}\.){3}[0-9]{1,3}(?![0-9.])")
_MAC: Final = re.compile(rb"(?<![0-9A-Fa-f])(?:[0-9A-Fa-f]{2}[:-]){5}[0-9A-Fa-f]{2}(?![0-9A-Fa-f])")
_OPEN: Final = frozenset((b"\0\0\0\0", b"\xff\xff\xff\xff", b"\x7f\0\0\1"))
"""Addresses that say nothing about anybody."""


def _whole(word: bytes) -> re.Pattern[bytes]:
    return re.compile(rb"(?<![0-9A-Za-z])" + re.escape(word) + rb"(?![0-9A-Za-z])")


@dataclass(slots=True)
class _Masks:
    """Stand-ins, each the same wherever its original stands."""

    words: dict[bytes, bytes] = field(default_factory=dict)
    hosts: dict[bytes, bytes] = field(default_factory=dict)
    macs: dict[bytes, bytes] = field(default_factory=dict)

    def word(self, raw: bytes) -> bytes:
        return self.words.setdefault(raw, b"masked-%d" % (len(self.words) + 1)) if raw else raw

    def host(self, raw: bytes) -> bytes:
        """An address of 198.18.0.0/15 (RFC 2544: never anybody's)."""
        if raw in _OPEN or raw[0] >= 224:
            return raw
        number = len(self.hosts) % 0x1FFFE + 1
        return self.hosts.setdefault(raw, (0xC6120000 + number).to_bytes(4, "big"))

    def mac(self, raw: bytes) -> bytes:
        """A locally administered address."""
        number = len(self.macs) % 0xFFFFFF + 1
        return self.macs.setdefault(raw, b"\x02\0\0" + number.to_bytes(3, "big"))

    def text(self, raw: bytes) -> bytes:
        """A text without the words, IPv4 and MAC addresses in it."""
        for word, mask in self.words.items():
            if word in raw and len(word) >= SHORTEST:
                raw = raw.replace(word, mask)
            elif word in raw:
                raw = _whole(word).sub(mask, raw)
        raw = _DOTTED.sub(self._dotted, raw)
        return _MAC.sub(self._written_mac, raw)

    def _dotted(self, found: re.Match[bytes]) -> bytes:
        parts = [int(part) for part in found[0].split(b".")]
        if max(parts) > 255:
            return found[0]
        return str(IPv4Address(self.host(bytes(parts)))).encode()

    def _written_mac(self, found: re.Match[bytes]) -> bytes:
        octets = bytes.fromhex(found[0].decode().replace(":", "").replace("-", ""))
        return self.mac(octets).hex(":").encode()


def redacted(objects: Iterable[Varbind]) -> Iterator[Varbind]:
    """``objects`` masked, without those that are left out."""
    listed = [(ber.oid_arcs(bind.oid), bind) for bind in objects]
    masks = _Masks()
    for arcs, bind in listed:
        if _under(arcs, SECRET_TEXTS) and isinstance(bind.value, bytes):
            masks.word(bind.value)
    for arcs, bind in listed:
        if not _under(arcs, LEFT_OUT):
            yield _masked(arcs, bind, masks)


def _under(arcs: Arcs, roots: tuple[Arcs, ...]) -> bool:
    return any(arcs[: len(root)] == root for root in roots)


def _masked(arcs: Arcs, bind: Varbind, masks: _Masks) -> Varbind:
    oid, tag, raw = bind
    if _under(arcs, INDEXED):
        oid = ber.oid_content(".".join(map(str, _index(arcs, masks))))
    if not isinstance(raw, bytes) or tag == ber.OID:
        return Varbind(oid, tag, raw)
    if tag == ber.IP_ADDRESS:
        return Varbind(oid, tag, masks.host(raw))
    if _under(arcs, SECRET_TEXTS):
        return Varbind(oid, tag, masks.word(raw))
    if len(raw) == 6 and _under(arcs, MACS):
        return Varbind(oid, tag, masks.mac(raw))
    return Varbind(oid, tag, masks.text(raw))


def _index(arcs: Arcs, masks: _Masks) -> Arcs:
    """The OID with each address of its index masked: runs of four small sub-identifiers."""
    root = next(one for one in INDEXED if arcs[: len(one)] == one)
    start = len(root) + INDEXED_COLUMN
    kept, index = list(arcs[:start]), arcs[start:]
    while len(index) >= 4 and max(index[:4]) <= 255:
        kept += masks.host(bytes(index[:4]))
        index = index[4:]
    return (*kept, *index)

"""Traps and informs as values: what one says, how equal ones fold, what it is called. Pure.

A trap of version 1 stands here in the terms of version 2 (RFC 3584 section 3.1). A trap is a hint
and nothing more: anybody can send one, so it only starts a look, and the look counts.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from hashlib import blake2b
from typing import Final

SYS_UPTIME: Final = "1.3.6.1.2.1.1.3.0"
TRAP_OID: Final = "1.3.6.1.6.3.1.1.4.1.0"
TRAP_ENTERPRISE: Final = "1.3.6.1.6.3.1.1.4.3.0"
TRAP_ADDRESS: Final = "1.3.6.1.6.3.18.1.3.0"
TRAP_COMMUNITY: Final = "1.3.6.1.6.3.18.1.4.0"
"""snmpTrapCommunity.0: a secret that some proxies add; it is never kept."""

ENTERPRISE_SPECIFIC: Final = 6
_STANDARD: Final = "1.3.6.1.6.3.1.1.5"
_GENERIC_MOST: Final = 5

KINDS: Final = {
    f"{_STANDARD}.1": "coldStart",
    f"{_STANDARD}.2": "warmStart",
    f"{_STANDARD}.3": "linkDown",
    f"{_STANDARD}.4": "linkUp",
    f"{_STANDARD}.5": "authenticationFailure",
    f"{_STANDARD}.6": "egpNeighborLoss",
    "1.3.6.1.2.1.15.0.1": "bgpEstablishedNotification",
    "1.3.6.1.2.1.15.0.2": "bgpBackwardTransNotification",
    "1.3.6.1.2.1.15.7.1": "bgpEstablished",
    "1.3.6.1.2.1.15.7.2": "bgpBackwardTransition",
    "1.3.6.1.2.1.14.16.2.2": "ospfNbrStateChange",
    "1.3.6.1.2.1.14.16.2.16": "ospfIfStateChange",
    "1.3.6.1.2.1.33.2.1": "upsTrapOnBattery",
    "1.3.6.1.2.1.33.2.2": "upsTrapTestCompleted",
    "1.3.6.1.2.1.33.2.3": "upsTrapAlarmEntryAdded",
    "1.3.6.1.2.1.33.2.4": "upsTrapAlarmEntryRemoved",
    "1.3.6.1.2.1.47.2.0.1": "entConfigChange",
}
"""Names of notifications: RFC 3418, RFC 2863, RFC 4273, RFC 4750, RFC 1628, RFC 6933."""

_OBJECTS: Final = {
    "1.3.6.1.2.1.2.2.1.1": "ifIndex",
    "1.3.6.1.2.1.2.2.1.2": "ifDescr",
    "1.3.6.1.2.1.2.2.1.7": "ifAdminStatus",
    "1.3.6.1.2.1.2.2.1.8": "ifOperStatus",
    "1.3.6.1.2.1.31.1.1.1.1": "ifName",
    "1.3.6.1.2.1.31.1.1.1.18": "ifAlias",
    "1.3.6.1.2.1.33.1.2.3": "upsEstimatedMinutesRemaining",
    "1.3.6.1.2.1.33.1.2.2": "upsSecondsOnBattery",
}

TEXT_MOST: Final = 400


@dataclass(frozen=True, slots=True)
class Bind:
    """A varbind: dotted OID, SMI type, value as text (octets that are no text: ``0x`` and hex)."""

    oid: str
    type: str
    value: str


@dataclass(frozen=True, slots=True)
class Trap:
    """A notification in the terms of version 2.

    ``oid`` is snmpTrapOID's value, ``binds`` what came beside sysUpTime and snmpTrapOID.
    ``agent`` is the address that it names as its origin (version 1, or snmpTrapAddress), else
    empty; ``uptime`` is in hundredths of a second.
    """

    version: str
    confirmed: bool
    request_id: int
    oid: str
    uptime: int | None
    binds: tuple[Bind, ...]
    agent: str = ""


def v2_oid(enterprise: str, generic: int, specific: int) -> str:
    """The notification's OID of a version 1 trap (RFC 3584 section 3.1 (2) and (3)).

    A generic number that no RFC knows is kept apart as ``enterprise.0.generic``.
    """
    if 0 <= generic <= _GENERIC_MOST:
        return f"{_STANDARD}.{generic + 1}"
    return f"{enterprise}.0.{specific if generic == ENTERPRISE_SPECIFIC else generic}"


def kind(oid: str) -> str:
    """The notification's name, or its OID when it has none here."""
    return KINDS.get(oid, oid)


def same(trap: Trap) -> bytes:
    """Equal for traps that say the same, whenever and under whatever request id."""
    said = json.dumps([trap.oid, [[one.oid, one.value] for one in trap.binds]])
    return blake2b(said.encode(), digest_size=12).digest()


def inform_key(trap: Trap, source: str, port: int) -> bytes:
    """Equal for the repeats of one inform: same sender, request id, uptime and content."""
    said = json.dumps([source, port, trap.request_id, trap.uptime, same(trap).hex()])
    return blake2b(said.encode(), digest_size=12).digest()


def text(binds: tuple[Bind, ...]) -> str:
    """What the varbinds say, in one line of at most TEXT_MOST characters."""
    parts = []
    for one in binds:
        column, _, row = one.oid.rpartition(".")
        name = _OBJECTS.get(column)
        parts.append(f"{name}.{row}={one.value}" if name else f"{one.oid}={one.value}")
    line = ", ".join(parts)
    return line if len(line) <= TEXT_MOST else line[: TEXT_MOST - 1] + "…"


def packed(binds: tuple[Bind, ...]) -> str:
    """The varbinds for the store."""
    return json.dumps([[one.oid, one.type, one.value] for one in binds], ensure_ascii=False)


def unpacked(data: str) -> tuple[Bind, ...]:
    """The varbinds as ``packed`` wrote them."""
    return tuple(Bind(*one) for one in json.loads(data))

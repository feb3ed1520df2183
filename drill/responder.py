"""The answer of a simulated device to a datagram: SNMP v1 and v2c, GET, GETNEXT, GETBULK. Pure.

What no real agent would answer (other versions, a wrong community, broken BER, a SET) is answered
with silence, as net-snmp does. Requests repeat from poll to poll but for their id, so a decoded one
is remembered.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from agent import ber, snmp
from agent.ber import BerError
from agent.snmp import ErrorStatus
from drill.county import Box
from drill.mib import Object, Tree, tree_of
from drill.plant import Plant

MAX_REPLY: Final = 8000
"""Octets of a reply; a GETBULK is cut to fit, any other becomes tooBig."""

MAX_REMEMBERED: Final = 4096

_ABSENT: Final = {
    tag: ber.encode(tag, b"")
    for tag in (ber.NULL, ber.NO_SUCH_OBJECT, ber.NO_SUCH_INSTANCE, ber.END_OF_MIB_VIEW)
}


@dataclass(frozen=True, slots=True)
class Asked:
    """A request but for its id."""

    version: int
    community: bytes
    pdu: int
    first: int
    second: int
    oids: tuple[bytes, ...]


@dataclass(slots=True)
class Responder:
    """Answers for every device of a plant; ``communities`` by operator."""

    plant: Plant
    communities: dict[str, bytes]
    answered: int = 0
    ignored: int = 0
    _asked: dict[tuple[bytes, bytes], Asked] = field(default_factory=dict)
    _id_at: dict[int, int] = field(default_factory=dict)

    def reply(self, box: Box, data: bytes) -> bytes | None:
        """The datagram with the device's answer, or None for silence."""
        try:
            asked, request_id = self._read(data)
        except BerError:
            self.ignored += 1
            return None
        if asked.community != self.communities.get(box.operator) or asked.pdu == snmp.RESPONSE:
            self.ignored += 1
            return None
        self.answered += 1
        return _message(asked, request_id, *_answer(self.plant, box, asked))

    def _read(self, data: bytes) -> tuple[Asked, bytes]:
        """The request and its id's whole element."""
        at = self._id_at.get(len(data), 0)
        known = self._asked.get((data[:at], data[at + 4 :])) if at else None
        if known:
            return known, data[at - 2 : at + 4]
        message = snmp.decode_message(data)
        asked = Asked(
            message.version,
            message.community,
            message.pdu,
            message.status,
            message.index,
            tuple(message.oids),
        )
        if -(2**31) <= message.request_id < 2**31 and data[message.id_at - 1] == 4:
            if len(self._asked) >= MAX_REMEMBERED:
                self._asked.clear()
            self._id_at[len(data)] = message.id_at
            key = (data[: message.id_at], data[message.id_at + 4 :])
            self._asked[key] = asked
        return asked, ber.encode_integer(message.request_id)


def _answer(plant: Plant, box: Box, asked: Asked) -> tuple[int, int, list[bytes]]:
    """Error status, error index, varbinds (whole elements)."""
    tree = tree_of(plant, box)
    if asked.pdu == snmp.GET:
        pairs = [_get(plant, box, tree, oid) for oid in asked.oids]
    elif asked.pdu == snmp.GETNEXT:
        # RFC 3584 4.2.2.1: version 1 has no Counter64, so a walk steps over them.
        skip = ber.COUNTER64 if asked.version == snmp.V1 else -1
        pairs = [_next(plant, box, tree, ber.oid_arcs(oid), oid, skip) for oid in asked.oids]
    else:
        return 0, 0, _bulk(plant, box, tree, asked)
    if asked.version == snmp.V1:
        for index, (_, item) in enumerate(pairs, 1):
            if item is None or item.tag == ber.COUNTER64:
                return ErrorStatus.noSuchName, index, _echo(asked.oids)
    found = [varbind for varbind, _ in pairs]
    if sum(map(len, found)) > MAX_REPLY:
        return ErrorStatus.tooBig, 0, []
    return 0, 0, found


def _echo(oids: tuple[bytes, ...]) -> list[bytes]:
    return [_pair(ber.encode(ber.OID, oid), _ABSENT[ber.NULL]) for oid in oids]


def _pair(head: bytes, value: bytes) -> bytes:
    return ber.encode(ber.SEQUENCE, head + value)


def _value(plant: Plant, box: Box, item: Object) -> bytes | None:
    raw = item.get(plant, box)
    return None if raw is None else ber.encode_value(item.tag, raw)


def _get(plant: Plant, box: Box, tree: Tree, oid: bytes) -> tuple[bytes, Object | None]:
    """The varbind of an object, and the object if it exists."""
    place = tree.place.get(oid)
    if place is not None:
        value = _value(plant, box, tree.objects[place])
        if value is not None:
            return _pair(tree.objects[place].head, value), tree.objects[place]
    # RFC 3416 4.2.1: another instance of the object exists, or none.
    arcs = ber.oid_arcs(oid)
    here = tree.after(arcs[:-1])
    sibling = here < len(tree.arcs) and tree.arcs[here][: len(arcs) - 1] == arcs[:-1]
    tag = ber.NO_SUCH_INSTANCE if sibling or place is not None else ber.NO_SUCH_OBJECT
    return _pair(ber.encode(ber.OID, oid), _ABSENT[tag]), None


def _next(
    plant: Plant, box: Box, tree: Tree, arcs: tuple[int, ...], oid: bytes, skip: int = -1
) -> tuple[bytes, Object | None]:
    """The varbind behind ``arcs`` and its object, but for objects of the type ``skip``.

    The end of the view repeats ``oid`` and has no object.
    """
    for place in range(tree.after(arcs), len(tree.objects)):
        item = tree.objects[place]
        value = None if item.tag == skip else _value(plant, box, item)
        if value is not None:
            return _pair(item.head, value), item
    return _pair(ber.encode(ber.OID, oid), _ABSENT[ber.END_OF_MIB_VIEW]), None


def _bulk(plant: Plant, box: Box, tree: Tree, asked: Asked) -> list[bytes]:
    """RFC 3416 4.2.3, cut at MAX_REPLY octets."""
    single = min(max(asked.first, 0), len(asked.oids))
    found: list[bytes] = []
    size = 0
    for oid in asked.oids[:single]:
        found.append(_next(plant, box, tree, ber.oid_arcs(oid), oid)[0])
        size += len(found[-1])
    places = [(ber.oid_arcs(oid), oid) for oid in asked.oids[single:]]
    for _ in range(max(asked.second, 0)):
        alive = False
        for column, (arcs, oid) in enumerate(places):
            varbind, item = _next(plant, box, tree, arcs, oid)
            size += len(varbind)
            if size > MAX_REPLY:
                return found
            found.append(varbind)
            if item:
                alive = True
                places[column] = (item.arcs, item.head[2:])
        if not alive:
            break
    return found


def _message(
    asked: Asked, request_id: bytes, status: int, index: int, varbinds: list[bytes]
) -> bytes:
    body = ber.encode(
        snmp.RESPONSE,
        request_id
        + ber.encode_integer(status)
        + ber.encode_integer(index)
        + ber.encode(ber.SEQUENCE, b"".join(varbinds)),
    )
    head = ber.encode_integer(asked.version) + ber.encode(ber.OCTET_STRING, asked.community)
    return ber.encode(ber.SEQUENCE, head + body)

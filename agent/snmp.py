"""SNMP messages of versions 1 and 2c (RFC 1157 section 4, RFC 1901, RFC 3416 section 4).

Of version 3 here are the PDUs and the scoped PDU around them (RFC 3412 section 6.8), in plain
octets: the message around that is ``agent.v3``'s.

Requests are encoded once and sent many times: ``Template`` holds what stands before and after the
request id. Decoding is strict; a fault is a BerError. Request ids that we choose always take
four octets.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Final, NamedTuple

from agent import ber
from agent.ber import BerError, RawValue

V1: Final = 0
V2C: Final = 1
V3: Final = 3

GET: Final = 0xA0
GETNEXT: Final = 0xA1
RESPONSE: Final = 0xA2
GETBULK: Final = 0xA5
REPORT: Final = 0xA8
_PDUS: Final = frozenset((GET, GETNEXT, RESPONSE, GETBULK))
_SCOPED: Final = _PDUS | {REPORT}

FIRST_ID: Final = 0x4000_0000
"""Request ids are FIRST_ID + 0 … 2**30 - 1: positive, and four octets long."""

MAX_MESSAGE: Final = 65_507
AROUND_V3: Final = 1024
"""More than version 3 ever puts around a PDU of ours."""
MAX_VARBINDS: Final = 4096


class ErrorStatus(IntEnum):
    """RFC 3416 section 3; the first six also RFC 1157."""

    noError = 0  # noqa: N815  the names of the RFC, which are shown to people
    tooBig = 1  # noqa: N815
    noSuchName = 2  # noqa: N815
    badValue = 3  # noqa: N815
    readOnly = 4  # noqa: N815
    genErr = 5  # noqa: N815
    noAccess = 6  # noqa: N815
    wrongType = 7  # noqa: N815
    wrongLength = 8  # noqa: N815
    wrongEncoding = 9  # noqa: N815
    wrongValue = 10  # noqa: N815
    noCreation = 11  # noqa: N815
    inconsistentValue = 12  # noqa: N815
    resourceUnavailable = 13  # noqa: N815
    commitFailed = 14  # noqa: N815
    undoFailed = 15  # noqa: N815
    authorizationError = 16  # noqa: N815
    notWritable = 17  # noqa: N815
    inconsistentName = 18  # noqa: N815


_STATUS_NAMES: Final = {status.value: status.name for status in ErrorStatus}


def status_name(status: int) -> str:
    """The RFC's name of an error status; ``error_99`` for one that it does not know.

    Beyond 255 all are ``error_other``: what a device says may not grow what is remembered of it.
    """
    return _STATUS_NAMES.get(status) or (f"error_{status}" if 0 <= status < 256 else "error_other")


class Stray(Exception):  # noqa: N818  it is a verdict about a datagram, not a fault of ours
    """A well-formed message that does not answer the request under way."""


class Varbind(NamedTuple):
    """An object's OID (content octets), its type and its raw value."""

    oid: bytes
    tag: int = ber.NULL
    value: RawValue = None


@dataclass(slots=True)
class Message:
    """A decoded message. The varbinds stand in parallel lists, with the place of each value.

    ``status`` and ``index`` are non-repeaters and max-repetitions in a GETBULK. ``id_at`` is the
    offset of the request id's content, ``starts`` and ``stops`` those of the values' contents.
    """

    version: int
    community: bytes
    pdu: int
    request_id: int
    id_at: int
    status: int
    index: int
    oids: list[bytes]
    tags: bytearray
    values: list[RawValue]
    starts: list[int]
    stops: list[int]

    def varbinds(self) -> list[Varbind]:
        return list(map(Varbind, self.oids, self.tags, self.values))


@dataclass(frozen=True, slots=True)
class Template:
    """A request but for its id; in version 3 its PDU alone."""

    before: bytes
    after: bytes

    def message(self, request_id: bytes) -> bytes:
        """The datagram with this request id (four octets)."""
        return self.before + request_id + self.after


def encode_message(
    version: int,
    community: bytes,
    pdu: int,
    request_id: int,
    status: int,
    index: int,
    varbinds: Iterable[Varbind],
) -> bytes:
    """Any message of these PDUs (status and index as in Message). Raises BerError."""
    before, after = _around_id(version, community, pdu, (status, index), varbinds, request_id)
    return before + ber.encode_integer(request_id)[2:] + after


def template(
    version: int,
    community: bytes,
    pdu: int,
    oids: Sequence[bytes],
    repetitions: int = 0,
) -> Template:
    """A GET, GETNEXT or GETBULK (non-repeaters 0) for these OIDs. Raises BerError."""
    numbers = (0, repetitions)
    varbinds = [Varbind(oid) for oid in oids]
    return Template(*_around_id(version, community, pdu, numbers, varbinds, FIRST_ID))


def _around_id(
    version: int,
    community: bytes,
    pdu: int,
    numbers: tuple[int, int],
    varbinds: Iterable[Varbind],
    request_id: int,
) -> tuple[bytes, bytes]:
    """What stands before and after the content of the request id."""
    if pdu not in (_SCOPED if version == V3 else _PDUS) or (version, pdu) == (V1, GETBULK):
        raise BerError(f"no PDU 0x{pdu:02x} in this version")
    bound = b"".join(
        ber.encode(ber.SEQUENCE, ber.encode(ber.OID, oid) + ber.encode_value(tag, raw))
        for oid, tag, raw in varbinds
    )
    tail = b"".join(map(ber.encode_integer, numbers)) + ber.encode(ber.SEQUENCE, bound)
    number = ber.encode_integer(request_id)
    body = ber.encode(pdu, number + tail)
    whole = body
    if version != V3:
        head = ber.encode_integer(version) + ber.encode(ber.OCTET_STRING, community)
        whole = ber.encode(ber.SEQUENCE, head + body)
    if len(whole) > MAX_MESSAGE - (AROUND_V3 if version == V3 else 0):
        raise BerError("message is larger than a datagram")
    id_at = len(whole) - len(tail) - len(number) + 2
    return whole[:id_at], whole[len(whole) - len(tail) :]


def decode_message(data: bytes) -> Message:
    """The message in a datagram. Raises BerError, whatever is wrong, and nothing else."""
    end = len(data)
    at, stop = ber.expect(data, 0, end, ber.SEQUENCE)
    if stop != end:
        raise BerError("octets after the message")
    version, at = _integer(data, at, end)
    if version not in (V1, V2C):
        raise BerError(f"SNMP version {version} is not spoken here")
    start, at = ber.expect(data, at, end, ber.OCTET_STRING)
    community = data[start:at]
    return _pdu(data, (at, end), version, community, _PDUS)


class Scoped(NamedTuple):
    """A scoped PDU: the context it is about, and the PDU as a Message whose offsets are its own.

    ``size``: octets of it; more may follow (padding).
    """

    context_engine: bytes
    context: bytes
    message: Message
    size: int


def decode_scoped(data: bytes) -> Scoped:
    """The scoped PDU (RFC 3412 section 6.8) that ``data`` begins with. Raises BerError."""
    at, end = ber.expect(data, 0, len(data), ber.SEQUENCE)
    start, at = ber.expect(data, at, end, ber.OCTET_STRING)
    engine = data[start:at]
    start, at = ber.expect(data, at, end, ber.OCTET_STRING)
    context = data[start:at]
    return Scoped(engine, context, _pdu(data, (at, end), V3, b"", _SCOPED), end)


def encode_scoped(engine: bytes, context: bytes, pdu: bytes) -> bytes:
    """A scoped PDU around an encoded PDU."""
    names = ber.encode(ber.OCTET_STRING, engine) + ber.encode(ber.OCTET_STRING, context)
    return ber.encode(ber.SEQUENCE, names + pdu)


def _pdu(
    data: bytes, span: tuple[int, int], version: int, community: bytes, known: frozenset[int]
) -> Message:
    """The PDU that fills the octets from the first to before the second offset."""
    at, end = span
    pdu, at, stop = ber.element(data, at, end)
    if pdu not in known or stop != end:
        raise BerError(f"no PDU (0x{pdu:02x}), or octets after it")
    id_at, after = ber.expect(data, at, end, ber.INTEGER)
    request_id = ber.integer(data[id_at:after])
    status, at = _integer(data, after, end)
    index, at = _integer(data, at, end)
    at, stop = ber.expect(data, at, end, ber.SEQUENCE)
    if stop != end:
        raise BerError("octets after the varbinds")
    message = Message(
        version, community, pdu, request_id, id_at, status, index, [], bytearray(), [], [], []
    )
    _varbinds(data, at, end, message)
    return message


def _integer(data: bytes, at: int, end: int) -> tuple[int, int]:
    start, stop = ber.expect(data, at, end, ber.INTEGER)
    return ber.integer(data[start:stop]), stop


def _varbinds(data: bytes, at: int, end: int, message: Message) -> None:
    """Read the varbinds into ``message``."""
    element, check, value = ber.element, ber.check_oid, ber.value
    while at < end:
        tag, start, stop = element(data, at, end)
        oid_tag, oid_at, value_at = element(data, start, stop)
        if tag != ber.SEQUENCE or oid_tag != ber.OID:
            raise BerError("no varbind")
        kind, first, last = element(data, value_at, stop)
        if last != stop:
            raise BerError("octets after a varbind's value")
        oid = data[oid_at:value_at]
        check(oid)
        message.oids.append(oid)
        message.tags.append(kind)
        message.values.append(value(kind, data[first:last]))
        message.starts.append(first)
        message.stops.append(last)
        if len(message.oids) > MAX_VARBINDS:
            raise BerError("too many varbinds")
        at = stop

"""Recorded devices: ``.snmprec`` text to objects and back, and a device that answers from them.

The format is snmpsim's (docs.lextudio.com/snmpsim, "Simulation data file format"): one object per
line, ``OID|tag|value`` in the order of the OIDs. The tag is the BER tag in decimal: 2 INTEGER,
4 OCTET STRING, 5 NULL, 6 OBJECT IDENTIFIER, 64 IpAddress, 65 Counter32, 66 Gauge32, 67 TimeTicks,
68 Opaque, 70 Counter64; with an ``x`` behind it the value is hexadecimal octets. Pure.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass, field
from ipaddress import AddressValueError, IPv4Address
from typing import Final

from agent import ber, snmp
from agent.ber import BerError, RawValue
from agent.conversation import Conversation
from agent.memory import Shared
from agent.query import SnmpLook, SnmpResult
from agent.snmp import ErrorStatus, Message, Varbind
from config.faults import ConfigError, Fault, Place, error
from wire.observation import Outcome

Arcs = tuple[int, ...]

TAGS: Final = frozenset(
    (
        ber.INTEGER,
        ber.OCTET_STRING,
        ber.NULL,
        ber.OID,
        ber.IP_ADDRESS,
        ber.COUNTER32,
        ber.GAUGE32,
        ber.TIME_TICKS,
        ber.OPAQUE,
        ber.COUNTER64,
    )
)
NUMBERS: Final = frozenset((ber.INTEGER, *ber.UNSIGNED))
OCTETS: Final = ber.TEXTUAL | {ber.IP_ADDRESS}
MAX_FAULTS: Final = 20
MAX_REPLY: Final = 8000
"""Octets of a reply's varbinds; a GETBULK is cut to fit, any other becomes tooBig."""
MAX_REQUESTS: Final = 100_000
"""Requests of one look at a recording."""
_TAG: Final = re.compile(rb"([0-9]{1,3})(x?)")
_NUMBER: Final = re.compile(rb"-?[0-9]{1,20}")


@dataclass(frozen=True, slots=True, eq=False)
class Recording:
    """A device's objects in SNMP's order. ``arcs`` has their OIDs, ``place`` finds one by them."""

    objects: tuple[Varbind, ...]
    arcs: tuple[Arcs, ...] = field(repr=False)
    place: dict[bytes, int] = field(repr=False)

    def after(self, arcs: Arcs) -> int:
        """The number of the first object behind ``arcs``; that of the objects at the end."""
        return bisect_right(self.arcs, arcs)


def recording(objects: Iterable[Varbind]) -> Recording:
    """``objects`` sorted, the first of each OID. Raises BerError for a malformed OID."""
    found: dict[Arcs, Varbind] = {}
    for bind in objects:
        found.setdefault(ber.oid_arcs(bind.oid), bind)
    arcs = tuple(sorted(found))
    kept = tuple(found[one] for one in arcs)
    return Recording(kept, arcs, {bind.oid: number for number, bind in enumerate(kept)})


# -- text ------------------------------------------------------------------------------------------


def dumps(objects: Iterable[Varbind]) -> bytes:
    """``objects`` as the text of a recording, in the order of their OIDs."""
    return b"".join(map(_line, recording(objects).objects))


def _line(bind: Varbind) -> bytes:
    mark, value = _written(bind.tag, bind.value)
    return f"{ber.oid_text(bind.oid)}|{bind.tag}{mark}|".encode() + value + b"\n"


def _written(tag: int, raw: RawValue) -> tuple[str, bytes]:
    """The mark behind the tag and the value. What a reader may strip or misread is hexadecimal."""
    if raw is None or isinstance(raw, int):
        return "", b"" if raw is None else str(raw).encode()
    if tag == ber.OID:
        return "", ber.oid_text(raw).encode()
    if tag == ber.IP_ADDRESS:
        return "", str(IPv4Address(raw)).encode()
    plain = all(32 <= octet <= 126 for octet in raw) and raw == raw.strip()
    return ("", raw) if plain else ("x", raw.hex().encode())


def parse(text: bytes, file: str) -> Recording:
    """The recording in ``text``; empty lines and ``#`` lines are passed over.

    Raises ConfigError with the place of the first faults.
    """
    found: dict[bytes, tuple[int, Varbind]] = {}
    faults: list[Fault] = []
    for number, line in enumerate(text.split(b"\n"), 1):
        content = line.rstrip(b"\r")
        if not content.strip() or content.startswith(b"#"):
            continue
        try:
            bind = _object(content)
        except _LineError as wrong:
            faults.append(error(Place(file, number), wrong.zh, wrong.en))
        else:
            first, _ = found.setdefault(bind.oid, (number, bind))
            if first != number:
                zh, en = f"第 {first} 行已有这个对象", f"the object stands already in line {first}"
                faults.append(error(Place(file, number), zh, en))
        if len(faults) >= MAX_FAULTS:
            break
    if not found and not faults:
        faults.append(error(Place(file), "录制文件是空的", "the recording is empty"))
    if faults:
        raise ConfigError(faults)
    return recording(bind for _, bind in found.values())


class _LineError(ValueError):
    """A line that is no object."""

    def __init__(self, zh: str, en: str) -> None:
        super().__init__(en)
        self.zh, self.en = zh, en


def _object(line: bytes) -> Varbind:
    parts = line.split(b"|", 2)
    if len(parts) != 3:
        raise _LineError("应为 OID|类型|值", "must be OID|tag|value")
    oid = _oid(parts[0].strip())
    kind = _TAG.fullmatch(parts[1])
    if kind is None or int(kind[1]) not in TAGS:
        shown = parts[1][:20].decode("ascii", "replace")
        zh = f"不认识的类型“{shown}”"
        if b":" in parts[1]:
            zh += "：不能用 snmpsim 的变化模块"
        raise _LineError(zh, f'"{shown}" is no type tag (2 4 5 6 64-68 70, x for hexadecimal)')
    tag, value = int(kind[1]), parts[2]
    raw = _hexadecimal(tag, value) if kind[2] else _value(tag, value)
    try:
        ber.encode_value(tag, raw)
    except BerError as wrong:
        raise _LineError("值与类型不符", f"the value does not fit its type: {wrong}") from None
    return Varbind(oid, tag, raw)


def _oid(text: bytes) -> bytes:
    try:
        return ber.oid_content(text.decode("ascii").removeprefix("."))
    except (BerError, UnicodeDecodeError):
        shown = text[:60].decode("ascii", "replace")
        raise _LineError(f"“{shown}”不是 OID", f'"{shown}" is no OID') from None


def _hexadecimal(tag: int, value: bytes) -> RawValue:
    text = value.strip()
    if len(text) % 2 or tag not in OCTETS or re.fullmatch(rb"[0-9A-Fa-f]*", text) is None:
        raise _LineError("x 之后应为成对的十六进制数字", "x calls for octets in hexadecimal")
    return bytes.fromhex(text.decode())


def _value(tag: int, value: bytes) -> RawValue:
    if tag in NUMBERS:
        number = value.strip()
        if _NUMBER.fullmatch(number) is None:
            shown = number[:30].decode("ascii", "replace")
            raise _LineError(f"“{shown}”不是数", f'"{shown}" is no whole number')
        return int(number)
    if tag == ber.OID:
        return _oid(value.strip())
    if tag == ber.IP_ADDRESS:
        try:
            return IPv4Address(value.strip().decode("ascii", "replace")).packed
        except AddressValueError:
            raise _LineError("不是 IPv4 地址", "is no IPv4 address") from None
    return None if tag == ber.NULL else value


# -- answers ---------------------------------------------------------------------------------------


@dataclass(slots=True)
class Replay:
    """A device that has exactly what was recorded: requests in, replies out.

    ``community`` None: any will do. What no device would answer is answered with None (silence).
    """

    recording: Recording
    community: bytes | None = None

    def reply(self, data: bytes) -> bytes | None:
        """The datagram that answers ``data`` (SNMP v1 or v2c; GET, GETNEXT, GETBULK)."""
        try:
            asked = snmp.decode_message(data)
            if asked.pdu == snmp.RESPONSE or self.community not in (None, asked.community):
                return None
            status, index, binds = self._answer(asked)
            return snmp.encode_message(
                asked.version, asked.community, snmp.RESPONSE, asked.request_id,
                status, index, binds,
            )  # fmt: skip
        except BerError:
            return None

    def _answer(self, asked: Message) -> tuple[int, int, list[Varbind]]:
        """Error status, error index, varbinds."""
        if asked.pdu == snmp.GETBULK:
            return 0, 0, self._bulk(asked)
        if asked.pdu == snmp.GET:
            found = [self._get(oid) for oid in asked.oids]
        else:
            # RFC 3584 4.2.2.1: version 1 has no Counter64, so a walk steps over them.
            skip = ber.COUNTER64 if asked.version == snmp.V1 else -1
            found = [self._next(oid, skip) for oid in asked.oids]
        if asked.version == snmp.V1:
            for index, bind in enumerate(found, 1):
                if bind.tag in ber.ABSENT or bind.tag == ber.COUNTER64:
                    return ErrorStatus.noSuchName, index, list(map(Varbind, asked.oids))
        if sum(map(_octets, found)) > MAX_REPLY:
            return ErrorStatus.tooBig, 0, []
        return 0, 0, found

    def _get(self, oid: bytes) -> Varbind:
        """The object, or which kind of absence (RFC 3416 4.2.1): another instance, or none."""
        have = self.recording
        place = have.place.get(oid)
        if place is not None:
            return have.objects[place]
        parent = ber.oid_arcs(oid)[:-1]
        at = have.after(parent)
        sibling = at < len(have.arcs) and have.arcs[at][: len(parent)] == parent
        return Varbind(oid, ber.NO_SUCH_INSTANCE if sibling else ber.NO_SUCH_OBJECT)

    def _next(self, oid: bytes, skip: int = -1) -> Varbind:
        """The object behind ``oid`` that is not of the type ``skip``."""
        have = self.recording
        known = have.place.get(oid)
        start = have.after(ber.oid_arcs(oid)) if known is None else known + 1
        for at in range(start, len(have.objects)):
            if have.objects[at].tag != skip:
                return have.objects[at]
        return Varbind(oid, ber.END_OF_MIB_VIEW)

    def _bulk(self, asked: Message) -> list[Varbind]:
        """RFC 3416 4.2.3, cut at MAX_REPLY octets."""
        single = min(max(asked.status, 0), len(asked.oids))
        found = [self._next(oid) for oid in asked.oids[:single]]
        size = sum(map(_octets, found))
        cursors = asked.oids[single:]
        for _ in range(max(asked.index, 0)):
            cells = [self._next(oid) for oid in cursors]
            for bind in cells:
                size += _octets(bind)
                if size > MAX_REPLY or len(found) >= snmp.MAX_VARBINDS:
                    return found
                found.append(bind)
            if all(bind.tag == ber.END_OF_MIB_VIEW for bind in cells):
                break
            cursors = [bind.oid for bind in cells]
        return found


def _octets(bind: Varbind) -> int:
    """About what a varbind takes of a message."""
    return len(bind.oid) + 12 + (len(bind.value) if isinstance(bind.value, bytes) else 8)


def look_at(look: SnmpLook, replay: Replay, shared: Shared) -> SnmpResult:
    """One look at a recording, through the very conversation that a device gets.

    Times are the caller's to fill in.
    """
    talk = Conversation(look, shared)
    requests = 0
    while talk.template is not None and requests < MAX_REQUESTS:
        request_id = snmp.FIRST_ID + requests
        reply = replay.reply(talk.template.message(request_id.to_bytes(4, "big")))
        requests += 1
        if reply is None:
            talk.stop("timeout")
            break
        talk.take(reply, request_id)
    outcome = Outcome.MEASURED if talk.answered else Outcome.NO_ANSWER
    result = talk.result(outcome)
    result.requests = requests
    return result

"""The part of BER that SNMP uses (X.690; RFC 3417 section 8; types of RFC 2578 section 7).

Only definite lengths, primitive types and SEQUENCE. Length octets may be more than the minimum,
as RFC 3417 section 8 allows, four at most. Whatever is wrong is a BerError and nothing else ever
escapes from the decoders here. Content octets are ``bytes``; OIDs mostly stay such.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

INTEGER: Final = 0x02
OCTET_STRING: Final = 0x04
NULL: Final = 0x05
OID: Final = 0x06
SEQUENCE: Final = 0x30
IP_ADDRESS: Final = 0x40
COUNTER32: Final = 0x41
GAUGE32: Final = 0x42
TIME_TICKS: Final = 0x43
OPAQUE: Final = 0x44
COUNTER64: Final = 0x46
NO_SUCH_OBJECT: Final = 0x80
NO_SUCH_INSTANCE: Final = 0x81
END_OF_MIB_VIEW: Final = 0x82

UNSIGNED: Final = {COUNTER32: 5, GAUGE32: 5, TIME_TICKS: 5, COUNTER64: 9}
"""Types that are never negative, and the most content octets of each."""
EMPTY: Final = frozenset((NULL, NO_SUCH_OBJECT, NO_SUCH_INSTANCE, END_OF_MIB_VIEW))
ABSENT: Final = frozenset((NO_SUCH_OBJECT, NO_SUCH_INSTANCE, END_OF_MIB_VIEW))
TEXTUAL: Final = frozenset((OCTET_STRING, OPAQUE))

MAX_ARCS: Final = 128
"""Sub-identifiers of an OID (RFC 2578 section 3.5)."""
MAX_ARC: Final = 2**32 - 1
MAX_OCTETS: Final = 65_535

# X.690 8.19.2: base 128, the last octet of each sub-identifier below 0x80, none starting with
# 0x80; five octets may start with at most 0x8f, or the number has more than 32 bits.
_ARC: Final = (
    rb"(?:[\x00-\x7f]|[\x81-\xff][\x80-\xff]{0,2}[\x00-\x7f]"
    rb"|[\x81-\x8f][\x80-\xff]{3}[\x00-\x7f])"
)
_ARCS: Final = re.compile(_ARC + rb"{0,127}")
_OID: Final = re.compile(_ARC + rb"{1,127}")

RawValue = int | bytes | None


class BerError(ValueError):
    """Octets that are no BER, or not of the kind that SNMP allows here."""


def length(data: bytes, at: int) -> tuple[int, int]:
    """The length at ``at`` and the offset of the content behind it. ``at`` is inside."""
    size = data[at]
    if size < 0x80:
        return size, at + 1
    octets = size & 0x7F
    if not 1 <= octets <= 4:
        raise BerError("indefinite length" if octets == 0 else f"length of {octets} octets")
    stop = at + 1 + octets
    if stop > len(data):
        raise BerError("length is cut off")
    return int.from_bytes(data[at + 1 : stop], "big"), stop


def element(data: bytes, at: int, end: int) -> tuple[int, int, int]:
    """Tag, content start and content end of the element at ``at``, which must end by ``end``."""
    if at + 2 > end:
        raise BerError("element is cut off")
    size, start = length(data, at + 1)
    if start + size > end:
        raise BerError("element is longer than what holds it")
    return data[at], start, start + size


def expect(data: bytes, at: int, end: int, tag: int) -> tuple[int, int]:
    """Content start and end of the element at ``at``, which must have this tag."""
    found, start, stop = element(data, at, end)
    if found != tag:
        raise BerError(f"tag 0x{found:02x} where 0x{tag:02x} belongs")
    return start, stop


def integer(content: bytes) -> int:
    """An INTEGER of 32 bits (RFC 2578 section 7.1.1)."""
    if not 1 <= len(content) <= 5:
        raise BerError(f"INTEGER of {len(content)} octets")
    number = int.from_bytes(content, "big", signed=True)
    if not -(2**31) <= number < 2**31:
        raise BerError("INTEGER has more than 32 bits")
    return number


def unsigned(tag: int, content: bytes) -> int:
    """The number of a Counter32, Gauge32, TimeTicks or Counter64.

    Agents exist that leave out the leading zero octet of a number with its highest bit set: in
    full width (4 or 8 octets) that is unambiguous and read as it is meant. Shorter it is negative.
    """
    most = UNSIGNED[tag]
    if not 1 <= len(content) <= most:
        raise BerError(f"number of {len(content)} octets")
    if len(content) == most and content[0]:
        raise BerError("number is larger than its type")
    if content[0] & 0x80 and len(content) != most - 1:
        raise BerError("negative number in an unsigned type")
    return int.from_bytes(content, "big")


def value(tag: int, content: bytes) -> RawValue:
    """The raw value of a varbind: a number, the content octets, or None for NULL and absence."""
    if tag == INTEGER:
        return integer(content)
    if tag in UNSIGNED:
        return unsigned(tag, content)
    if tag in TEXTUAL:
        return content
    if tag == OID:
        check_oid(content)
        return content
    if tag in EMPTY:
        if content:
            raise BerError("content where there is none to be")
        return None
    if tag == IP_ADDRESS:
        if len(content) != 4:
            raise BerError(f"IpAddress of {len(content)} octets")
        return content
    raise BerError(f"type 0x{tag:02x} is none of SNMP's")


def check_oid(content: bytes) -> None:
    """Raise BerError unless ``content`` is a well-formed OID of at most 128 sub-identifiers."""
    if _OID.fullmatch(content) is None:
        raise BerError("malformed object identifier")


def arcs(content: bytes) -> tuple[int, ...]:
    """The sub-identifiers in ``content`` taken one by one (an OID's tail, or a whole OID's)."""
    if _ARCS.fullmatch(content) is None:
        raise BerError("malformed object identifier")
    found = []
    number = 0
    for octet in content:
        number = number << 7 | octet & 0x7F
        if octet < 0x80:
            found.append(number)
            number = 0
    return tuple(found)


def oid_arcs(content: bytes) -> tuple[int, ...]:
    """The whole OID: the first sub-identifier holds two arcs (X.690 8.19.4)."""
    check_oid(content)
    first, *rest = arcs(content)
    top = min(first // 40, 2)
    return (top, first - 40 * top, *rest)


def oid_text(content: bytes) -> str:
    """Dotted form."""
    return ".".join(map(str, oid_arcs(content)))


def encode_arcs(numbers: Iterable[int]) -> bytes:
    """Content octets of sub-identifiers taken one by one."""
    out = bytearray()
    for number in numbers:
        if not 0 <= number <= MAX_ARC:
            raise BerError(f"sub-identifier {number} is not of 32 bits")
        shift = 28
        while shift and not number >> shift:
            shift -= 7
        while shift:
            out.append(0x80 | number >> shift & 0x7F)
            shift -= 7
        out.append(number & 0x7F)
    return bytes(out)


def oid_content(dotted: str) -> bytes:
    """Content octets of a dotted OID. Raises BerError."""
    try:
        top, second, *rest = map(int, dotted.split("."))
    except ValueError as error:
        raise BerError(f"{dotted!r} is no object identifier") from error
    if not 0 <= top <= 2 or second < 0 or (top < 2 and second > 39) or len(rest) > MAX_ARCS - 2:
        raise BerError(f"{dotted!r} is no object identifier")
    return encode_arcs((40 * top + second, *rest))


def encode_length(size: int) -> bytes:
    """The shortest definite form."""
    if size < 0x80:
        return bytes((size,))
    octets = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes((0x80 | len(octets),)) + octets


def encode(tag: int, content: bytes) -> bytes:
    """One element."""
    return bytes((tag,)) + encode_length(len(content)) + content


def encode_integer(number: int, tag: int = INTEGER) -> bytes:
    """An INTEGER, or an unsigned type by its tag, in as few octets as possible (X.690 8.3)."""
    low, high = -(2**31), 2**31 - 1
    if tag != INTEGER:
        low, high = 0, 2**64 - 1 if tag == COUNTER64 else 2**32 - 1
    if not low <= number <= high:
        raise BerError(f"{number} does not fit its type")
    size = ((number if number >= 0 else ~number).bit_length() + 8) // 8
    return encode(tag, number.to_bytes(size, "big", signed=True))


def encode_value(tag: int, raw: RawValue) -> bytes:
    """One value as ``value`` gives it back; raises BerError when it does not fit its type."""
    if tag == INTEGER or tag in UNSIGNED:
        if not isinstance(raw, int):
            raise BerError(f"no number for type 0x{tag:02x}")
        return encode_integer(raw, tag)
    content = b"" if raw is None else raw
    if not isinstance(content, bytes) or len(content) > MAX_OCTETS:
        raise BerError(f"no octets for type 0x{tag:02x}")
    value(tag, content)
    return encode(tag, content)

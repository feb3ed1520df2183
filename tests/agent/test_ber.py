"""BER against pyasn1/pysnmp in both directions, and every way to be wrong."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyasn1.codec.ber import decoder, encoder
from pyasn1.type import univ
from pysnmp.proto import rfc1902

from agent import ber
from agent.ber import BerError

OIDS = st.tuples(
    st.integers(0, 2), st.integers(0, 39), st.lists(st.integers(0, 2**32 - 1), max_size=20)
).map(lambda parts: (parts[0], parts[1], *parts[2]))
NUMBERS = {
    ber.INTEGER: (rfc1902.Integer32, -(2**31), 2**31 - 1),
    ber.COUNTER32: (rfc1902.Counter32, 0, 2**32 - 1),
    ber.GAUGE32: (rfc1902.Gauge32, 0, 2**32 - 1),
    ber.TIME_TICKS: (rfc1902.TimeTicks, 0, 2**32 - 1),
    ber.COUNTER64: (rfc1902.Counter64, 0, 2**64 - 1),
}


def content(data: bytes) -> tuple[int, bytes]:
    tag, start, stop = ber.element(data, 0, len(data))
    assert stop == len(data)
    return tag, data[start:stop]


@pytest.mark.parametrize("tag", NUMBERS)
@given(data=st.data())
def test_numbers_as_pysnmp_writes_and_reads_them(tag: int, data: st.DataObject) -> None:
    kind, low, high = NUMBERS[tag]
    number = data.draw(st.integers(low, high) | st.integers(max(low, -300), 300))
    ours = ber.encode_integer(number, tag)
    theirs = encoder.encode(kind(number))
    # pyasn1 spends an octet too many on -128, -32768 …; X.690 8.3.2 wants the fewest.
    assert ours == theirs or (number < 0 and len(ours) < len(theirs))
    assert ber.value(*content(theirs)) == number
    assert ber.value(*content(ours)) == number
    assert int(decoder.decode(ours, asn1Spec=kind())[0]) == number


@given(OIDS)
def test_object_identifiers_as_pyasn1_writes_and_reads_them(arcs: tuple[int, ...]) -> None:
    dotted = ".".join(map(str, arcs))
    ours = ber.encode(ber.OID, ber.oid_content(dotted))
    assert ours == encoder.encode(univ.ObjectIdentifier(arcs))
    assert tuple(decoder.decode(ours)[0]) == arcs
    assert ber.oid_arcs(content(ours)[1]) == arcs
    assert ber.oid_text(content(ours)[1]) == dotted


@given(st.binary(max_size=300))
def test_octets_as_pyasn1_writes_them(octets: bytes) -> None:
    ours = ber.encode_value(ber.OCTET_STRING, octets)
    assert ours == encoder.encode(univ.OctetString(octets))
    assert ber.value(*content(ours)) == octets


@given(st.integers(0, 2**24))
def test_lengths_are_the_shortest(size: int) -> None:
    octets = ber.encode_length(size)
    assert ber.length(octets + bytes(5), 0) == (size, len(octets))


def test_a_length_in_more_octets_than_needed_is_read() -> None:
    # RFC 3417 section 8; net-snmp writes sequences so.
    assert ber.element(bytes.fromhex("3082000205 00".replace(" ", "")), 0, 6) == (0x30, 4, 6)


def test_an_unsigned_number_without_its_leading_zero_is_read_as_meant() -> None:
    assert ber.unsigned(ber.COUNTER32, b"\xff\xff\xff\xfe") == 2**32 - 2
    assert ber.unsigned(ber.COUNTER64, b"\xff" * 8) == 2**64 - 1


@pytest.mark.parametrize(
    ("tag", "octets"),
    [
        (ber.INTEGER, ""),
        (ber.INTEGER, "000000000001"),
        (ber.INTEGER, "0080000000"),
        (ber.COUNTER32, ""),
        (ber.COUNTER32, "ff"),
        (ber.COUNTER32, "ffff"),
        (ber.COUNTER32, "01ffffffff"),
        (ber.COUNTER32, "0000000000ff"),
        (ber.COUNTER64, "ffffffff"),
        (ber.COUNTER64, "01ffffffffffffffff"),
        (ber.TIME_TICKS, "80"),
        (ber.NULL, "00"),
        (ber.NO_SUCH_OBJECT, "00"),
        (ber.END_OF_MIB_VIEW, "05"),
        (ber.IP_ADDRESS, "7f0000"),
        (ber.IP_ADDRESS, "7f00000100"),
        (ber.OID, ""),
        (ber.OID, "2b80"),
        (ber.OID, "2b8001"),
        (ber.OID, "2bff"),
        (ber.OID, "2b90ffffff7f"),
        (ber.OID, "2bffffffffff7f"),
        (ber.OID, "2b" + "01" * 128),
        (0x47, "00"),
        (0x09, "00"),
        (0x24, "040100"),
        (0x1F, "00"),
    ],
)
def test_a_wrong_value_is_refused(tag: int, octets: str) -> None:
    with pytest.raises(BerError):
        ber.value(tag, bytes.fromhex(octets))


@pytest.mark.parametrize(
    "octets",
    [
        "",
        "02",
        "0201",
        "020200",
        "0280",
        "0280000000",
        "0285000000000100",
        "02ff",
        "0284ffffffff00",
    ],
)
def test_a_wrong_element_is_refused(octets: str) -> None:
    data = bytes.fromhex(octets)
    with pytest.raises(BerError):
        ber.element(data, 0, len(data))


@pytest.mark.parametrize(
    "dotted",
    ["", "1", "1.x", "3.1", "1.40", "1.3.-1", "1.3.4294967296", "1.3" + ".1" * 127, "1..3"],
)
def test_a_wrong_dotted_identifier_is_refused(dotted: str) -> None:
    with pytest.raises(BerError):
        ber.oid_content(dotted)


def test_a_value_that_does_not_fit_its_type_is_not_written() -> None:
    for tag, raw in ((ber.COUNTER32, -1), (ber.INTEGER, 2**31), (ber.OID, b""), (ber.NULL, b"x")):
        with pytest.raises(BerError):
            ber.encode_value(tag, raw)
    with pytest.raises(BerError):
        ber.encode_value(ber.INTEGER, b"x")
    with pytest.raises(BerError):
        ber.encode_value(ber.OCTET_STRING, 3)


def test_random_octets_raise_nothing_but_ber_errors() -> None:
    source = random.Random(7)
    for _ in range(10_000):
        data = source.randbytes(source.randrange(24))
        try:
            tag, start, stop = ber.element(data, 0, len(data))
            ber.value(tag, data[start:stop])
            ber.arcs(data)
        except BerError:
            continue

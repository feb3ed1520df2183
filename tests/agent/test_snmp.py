"""SNMP messages against pysnmp, value for value, in both directions; and mutants."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyasn1.codec.ber import decoder, encoder
from pysnmp.proto import api, rfc1155, rfc1902, rfc1905

from agent import ber, snmp
from agent.ber import BerError
from agent.snmp import Varbind
from tests.agent.mutants import mutants

OIDS = st.lists(st.integers(0, 2**32 - 1), min_size=1, max_size=12).map(
    lambda arcs: ber.oid_content(".".join(map(str, (1, 3, 6, *arcs))))
)
COMMON = (
    st.tuples(st.just(ber.INTEGER), st.integers(-(2**31), 2**31 - 1))
    | st.tuples(st.just(ber.OCTET_STRING), st.binary(max_size=200))
    | st.tuples(st.just(ber.NULL), st.none())
    | st.tuples(st.just(ber.OID), OIDS)
    | st.tuples(st.just(ber.IP_ADDRESS), st.binary(min_size=4, max_size=4))
    | st.tuples(st.just(ber.COUNTER32), st.integers(0, 2**32 - 1))
    | st.tuples(st.just(ber.GAUGE32), st.integers(0, 2**32 - 1))
    | st.tuples(st.just(ber.TIME_TICKS), st.integers(0, 2**32 - 1))
    | st.tuples(st.just(ber.OPAQUE), st.binary(max_size=20))
)
NEWER = (
    st.tuples(st.just(ber.COUNTER64), st.integers(0, 2**64 - 1))
    | st.tuples(st.just(ber.NO_SUCH_OBJECT), st.none())
    | st.tuples(st.just(ber.NO_SUCH_INSTANCE), st.none())
    | st.tuples(st.just(ber.END_OF_MIB_VIEW), st.none())
)


def binds(values: Any) -> st.SearchStrategy[list[Varbind]]:
    return st.lists(st.builds(lambda oid, value: Varbind(oid, *value), OIDS, values), max_size=12)


def pysnmp_value(version: int, tag: int, raw: Any) -> Any:
    new = {
        ber.INTEGER: rfc1902.Integer32,
        ber.OCTET_STRING: rfc1902.OctetString,
        ber.COUNTER32: rfc1902.Counter32,
        ber.GAUGE32: rfc1902.Gauge32,
        ber.TIME_TICKS: rfc1902.TimeTicks,
        ber.OPAQUE: rfc1902.Opaque,
        ber.COUNTER64: rfc1902.Counter64,
        ber.IP_ADDRESS: rfc1902.IpAddress,
    }
    old = {
        **new,
        ber.COUNTER32: rfc1155.Counter,
        ber.GAUGE32: rfc1155.Gauge,
        ber.TIME_TICKS: rfc1155.TimeTicks,
        ber.OPAQUE: rfc1155.Opaque,
        ber.IP_ADDRESS: rfc1155.IpAddress,
    }
    if tag == ber.OID:
        return rfc1902.ObjectIdentifier(ber.oid_arcs(raw))
    if tag in ber.EMPTY:
        return {
            ber.NULL: rfc1902.Null(""),
            ber.NO_SUCH_OBJECT: rfc1905.noSuchObject,
            ber.NO_SUCH_INSTANCE: rfc1905.noSuchInstance,
            ber.END_OF_MIB_VIEW: rfc1905.endOfMibView,
        }[tag]
    if tag == ber.IP_ADDRESS:
        raw = ".".join(map(str, raw))
    return (old if version == snmp.V1 else new)[tag](raw)


def pysnmp_message(version: int, community: bytes, request_id: int, bound: list[Varbind]) -> bytes:
    module = api.PROTOCOL_MODULES[version]
    pdu = module.GetResponsePDU()
    module.apiPDU.set_defaults(pdu)
    module.apiPDU.set_request_id(pdu, request_id)
    module.apiPDU.set_varbinds(
        pdu, [(ber.oid_arcs(b.oid), pysnmp_value(version, b.tag, b.value)) for b in bound]
    )
    message = module.Message()
    module.apiMessage.set_defaults(message)
    module.apiMessage.set_community(message, community)
    module.apiMessage.set_pdu(message, pdu)
    return bytes(encoder.encode(message))


@pytest.mark.parametrize("version", [snmp.V1, snmp.V2C])
@settings(deadline=None, max_examples=100)
@given(data=st.data())
def test_a_response_of_pysnmp_reads_as_it_was_written(version: int, data: st.DataObject) -> None:
    bound = data.draw(binds(COMMON if version == snmp.V1 else COMMON | NEWER))
    community = data.draw(st.binary(max_size=40))
    request_id = data.draw(st.integers(0, 2**31 - 1))
    theirs = pysnmp_message(version, community, request_id, bound)
    message = snmp.decode_message(theirs)
    assert message.varbinds() == bound
    assert (message.version, message.community, message.request_id) == (
        version,
        community,
        request_id,
    )
    ours = snmp.encode_message(version, community, snmp.RESPONSE, request_id, 0, 0, bound)
    assert ours == theirs


@settings(deadline=None, max_examples=60)
@given(
    oids=st.lists(OIDS, min_size=1, max_size=30),
    repetitions=st.integers(1, 200),
    pdu=st.sampled_from((snmp.GET, snmp.GETNEXT, snmp.GETBULK)),
    version=st.sampled_from((snmp.V1, snmp.V2C)),
    request_id=st.integers(snmp.FIRST_ID, 2**31 - 1),
)
def test_pysnmp_reads_our_requests(
    oids: list[bytes], repetitions: int, pdu: int, version: int, request_id: int
) -> None:
    if (version, pdu) == (snmp.V1, snmp.GETBULK):
        with pytest.raises(BerError):
            snmp.template(version, b"public", pdu, oids, repetitions)
        return
    count = repetitions if pdu == snmp.GETBULK else 0
    template = snmp.template(version, b"public", pdu, oids, count)
    data = template.message(request_id.to_bytes(4, "big"))
    module = api.PROTOCOL_MODULES[version]
    message, rest = decoder.decode(data, asn1Spec=module.Message())
    assert not rest
    found = module.apiMessage.get_pdu(message)
    names = {
        snmp.GET: module.GetRequestPDU,
        snmp.GETNEXT: module.GetNextRequestPDU,
        snmp.GETBULK: getattr(module, "GetBulkRequestPDU", None),
    }
    assert found.isSameTypeWith(names[pdu]())
    assert int(found[0]) == request_id
    assert int(found[2]) == count
    assert [tuple(bind[0]) for bind in found[3]] == list(map(ber.oid_arcs, oids))
    assert snmp.decode_message(data).pdu == pdu


def response(*bound: Varbind, status: int = 0, index: int = 0) -> bytes:
    request_id = snmp.FIRST_ID + 5
    return snmp.encode_message(snmp.V2C, b"public", snmp.RESPONSE, request_id, status, index, bound)


SYSTEM = ber.oid_content("1.3.6.1.2.1.1.3.0")
TYPICAL = response(
    Varbind(SYSTEM, ber.TIME_TICKS, 123456),
    Varbind(ber.oid_content("1.3.6.1.2.1.1.5.0"), ber.OCTET_STRING, b"a name"),
    Varbind(ber.oid_content("1.3.6.1.2.1.1.2.0"), ber.OID, SYSTEM),
    Varbind(ber.oid_content("1.3.6.1.2.1.31.1.1.1.6.1"), ber.COUNTER64, 2**40 + 7),
    Varbind(ber.oid_content("1.3.6.1.2.1.2.2.1.8.4000000000"), ber.INTEGER, -5),
    Varbind(ber.oid_content("1.3.6.1.2.1.9.1"), ber.NO_SUCH_OBJECT),
)


def test_errors_are_named_as_the_rfc_names_them() -> None:
    message = snmp.decode_message(response(status=16))
    assert snmp.status_name(message.status) == "authorizationError"
    assert snmp.status_name(99) == "error_99"
    assert {snmp.status_name(status) for status in (-1, 256, 2**31 - 1)} == {"error_other"}


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(TYPICAL + b"\0", id="octets behind"),
        pytest.param(TYPICAL[:-1], id="cut"),
        pytest.param(TYPICAL.replace(b"\x02\x01\x01", b"\x02\x01\x03", 1), id="another version"),
        pytest.param(TYPICAL.replace(b"\xa2", b"\xa7", 1), id="a trap"),
        pytest.param(b"HTTP/1.1 400 Bad Request\r\n\r\n", id="text"),
        pytest.param(b"\x30\x80" * 2000, id="depth"),
        pytest.param(bytes.fromhex("3084ffffffff020101"), id="giant length"),
    ],
)
def test_what_is_no_message_is_refused(data: bytes) -> None:
    with pytest.raises(BerError):
        snmp.decode_message(data)


def test_mutants_raise_nothing_but_ber_errors_and_what_they_give_can_be_written_again() -> None:
    read = 0
    for damaged in mutants(TYPICAL, 10_000, seed=11):
        try:
            message = snmp.decode_message(damaged)
        except BerError:
            continue
        read += 1
        again = snmp.encode_message(
            message.version,
            message.community,
            message.pdu if message.pdu != snmp.GETBULK else snmp.GET,
            message.request_id,
            message.status,
            message.index,
            message.varbinds(),
        )
        assert snmp.decode_message(again).varbinds() == message.varbinds()
    assert read > 100


def test_a_message_larger_than_a_datagram_is_not_written() -> None:
    with pytest.raises(BerError):
        response(*[Varbind(SYSTEM, ber.OCTET_STRING, bytes(60_000))] * 2)


EXTREMES = [
    Varbind(ber.oid_content("1.3." + ".".join(["4294967295"] * 126)), ber.INTEGER, -(2**31)),
    Varbind(ber.oid_content("0.0"), ber.INTEGER, 2**31 - 1),
    Varbind(ber.oid_content("2.39.127.128.16383.16384"), ber.INTEGER, -1),
    Varbind(ber.oid_content("1.3.6"), ber.INTEGER, -32769),
    Varbind(ber.oid_content("1.3.6"), ber.COUNTER32, 2**32 - 1),
    Varbind(ber.oid_content("1.3.6"), ber.GAUGE32, 2**31),
    Varbind(ber.oid_content("1.3.6"), ber.TIME_TICKS, 0),
    Varbind(ber.oid_content("1.3.6"), ber.COUNTER64, 2**64 - 1),
    Varbind(ber.oid_content("1.3.6"), ber.COUNTER64, 2**63),
    Varbind(ber.oid_content("1.3.6"), ber.OID, ber.oid_content("1.3" + ".4294967295" * 126)),
    Varbind(ber.oid_content("1.3.6"), ber.OCTET_STRING, b""),
    Varbind(ber.oid_content("1.3.6"), ber.OCTET_STRING, bytes(range(256)) * 100),
    Varbind(ber.oid_content("1.3.6"), ber.OPAQUE, b"\x9f\x78\x04\x42\xf6\x00\x00"),
    Varbind(ber.oid_content("1.3.6"), ber.IP_ADDRESS, b"\xff\xff\xff\xff"),
    Varbind(ber.oid_content("1.3.6"), ber.NULL),
    Varbind(ber.oid_content("1.3.6"), ber.NO_SUCH_OBJECT),
    Varbind(ber.oid_content("1.3.6"), ber.NO_SUCH_INSTANCE),
    Varbind(ber.oid_content("1.3.6"), ber.END_OF_MIB_VIEW),
]


@pytest.mark.parametrize("bind", EXTREMES, ids=lambda one: f"{one.tag:#x}-{str(one.value)[:12]}")
def test_the_ends_of_every_type_in_both_directions(bind: Varbind) -> None:
    """What pysnmp writes we read, and pysnmp reads what we write."""
    theirs = pysnmp_message(snmp.V2C, b"public", 7, [bind])
    assert snmp.decode_message(theirs).varbinds() == [bind]
    ours = snmp.encode_message(snmp.V2C, b"public", snmp.RESPONSE, 7, 0, 0, [bind])
    module = api.PROTOCOL_MODULES[snmp.V2C]
    message, rest = decoder.decode(ours, asn1Spec=module.Message())
    assert not rest
    ((name, value),) = module.apiPDU.get_varbinds(module.apiMessage.get_pdu(message))
    assert tuple(name) == ber.oid_arcs(bind.oid)
    wanted = pysnmp_value(snmp.V2C, bind.tag, bind.value)
    assert value == wanted
    assert value.tagSet == wanted.tagSet

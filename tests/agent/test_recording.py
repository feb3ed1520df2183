"""Recordings: the text both ways, and a recorded device that answers as a real one does."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent import ber, snmp
from agent.decode import compile_query, decode
from agent.memory import Shared
from agent.query import Access, SnmpLook
from agent.recording import OCTETS, TAGS, Replay, dumps, look_at, parse, recording
from agent.snmp import ErrorStatus, Varbind
from config.faults import ConfigError
from config.inventory import SnmpVersion
from config.io.load import load_profiles

OIDS = st.lists(st.integers(0, 2**32 - 1), min_size=1, max_size=12).map(
    lambda arcs: ber.oid_content(".".join(map(str, (1, 3, *arcs))))
)


@st.composite
def binds(draw: st.DrawFn) -> Varbind:
    tag = draw(st.sampled_from(sorted(TAGS)))
    raw: ber.RawValue = None
    if tag == ber.INTEGER:
        raw = draw(st.integers(-(2**31), 2**31 - 1))
    elif tag in ber.UNSIGNED:
        raw = draw(st.integers(0, 2**64 - 1 if tag == ber.COUNTER64 else 2**32 - 1))
    elif tag == ber.OID:
        raw = draw(OIDS)
    elif tag == ber.IP_ADDRESS:
        raw = draw(st.binary(min_size=4, max_size=4))
    elif tag in OCTETS:
        plain = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=20)
        raw = draw(st.binary(max_size=20) | plain.map(str.encode))
    return Varbind(draw(OIDS), tag, raw)


@settings(max_examples=150)
@given(st.lists(binds(), min_size=1, max_size=20))
def test_what_is_written_reads_back_the_same_and_in_order(found: list[Varbind]) -> None:
    written = dumps(found)
    again = parse(written, "x")
    assert again.objects == recording(found).objects
    assert list(again.arcs) == sorted(again.arcs)
    assert dumps(again.objects) == written
    assert written.isascii()


def test_the_lines_are_those_of_snmpsim() -> None:
    text = (
        b"1.3.6.1.2.1.1.1.0|4|a | pipe\n"
        b"1.3.6.1.2.1.1.2.0|6|1.3.6.1.4.1.8072.3.2.10\n"
        b"1.3.6.1.2.1.1.3.0|67|233425120\n"
        b"1.3.6.1.2.1.1.5.0|4x|e69c9be6a5bc\n"
        b"1.3.6.1.2.1.2.2.1.6.1|4x|00127962f940\n"
        b"1.3.6.1.2.1.4.22.1.3.2.192.21.54.7|64|192.21.54.7\n"
        b"1.3.6.1.2.1.31.1.1.1.6.1|70|18446744073709551615\n"
    )
    found = parse(text, "x")
    assert dumps(found.objects) == text
    assert found.objects[0].value == b"a | pipe"
    assert found.objects[5].value == bytes((192, 21, 54, 7))


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (b"1.3.6.1|4", "must be OID|tag|value"),
        (b"1.3.x|4|a", "is no OID"),
        (b"9.3.6|4|a", "is no OID"),
        (b"1.3.6.1|99|a", "is no type tag"),
        (b"1.3.6.1|2:numeric|rate=1", "不能用 snmpsim 的变化模块"),
        (b"1.3.6.1|4x|abc", "octets in hexadecimal"),
        (b"1.3.6.1|2x|ab", "octets in hexadecimal"),
        (b"1.3.6.1|2|4294967296", "does not fit its type"),
        (b"1.3.6.1|65|-1", "does not fit its type"),
        (b"1.3.6.1|66|many", "is no whole number"),
        (b"1.3.6.1|64|1.2.3", "is no IPv4 address"),
        (b"1.3.6.1|64x|0102", "does not fit its type"),
    ],
)
def test_a_line_that_is_none_is_told_with_its_place(line: bytes, said: str) -> None:
    with pytest.raises(ConfigError, match=r"r\.snmprec:2: ") as caught:
        parse(b"# made by hand\n" + line + b"\r\n", "r.snmprec")
    assert said in str(caught.value)


def test_an_object_twice_and_nothing_at_all() -> None:
    with pytest.raises(ConfigError, match="already in line 1"):
        parse(b"1.3.6.1|2|1\n1.3.6.1|2|2\n", "x")
    with pytest.raises(ConfigError, match="empty"):
        parse(b"\n", "x")
    with pytest.raises(ConfigError) as caught:
        parse(b"bad\n" * 100, "x")
    assert len(caught.value.faults) == 20


DEVICE = parse(
    b"1.3.6.1.2.1.1.3.0|67|1000\n1.3.6.1.2.1.1.5.0|4|tower\n"
    + b"".join(b"1.3.6.1.2.1.2.2.1.8.%d|2|1\n" % i for i in (1, 2, 300))
    + b"".join(b"1.3.6.1.2.1.31.1.1.1.6.%d|70|%d\n" % (i, i) for i in (1, 2, 300)),
    "x",
)


def ask(pdu: int, *oids: str, version: int = snmp.V2C, numbers: tuple[int, int] = (0, 0)) -> object:
    request = snmp.encode_message(
        version, b"c", pdu, 7, *numbers, [Varbind(ber.oid_content(oid)) for oid in oids]
    )
    reply = Replay(DEVICE).reply(request)
    assert reply is not None
    message = snmp.decode_message(reply)
    assert (message.request_id, message.community) == (7, b"c")
    if message.status:
        return ErrorStatus(message.status), message.index
    return [(ber.oid_text(bind.oid), bind.tag, bind.value) for bind in message.varbinds()]


def test_a_get_tells_kinds_of_absence_apart() -> None:
    assert ask(snmp.GET, "1.3.6.1.2.1.1.5.0", "1.3.6.1.2.1.1.5.1", "1.3.6.1.2.1.99.0") == [
        ("1.3.6.1.2.1.1.5.0", ber.OCTET_STRING, b"tower"),
        ("1.3.6.1.2.1.1.5.1", ber.NO_SUCH_INSTANCE, None),
        ("1.3.6.1.2.1.99.0", ber.NO_SUCH_OBJECT, None),
    ]
    assert ask(snmp.GET, "1.3.6.1.2.1.1.3.0", "1.3.6.1.2.1.99.0", version=snmp.V1) == (
        ErrorStatus.noSuchName,
        2,
    )


def test_a_walk_steps_in_order_and_ends() -> None:
    assert ask(snmp.GETNEXT, "1.3.6.1.2.1.2.2.1.8.2", "1.3.6.1.2.1.31.1.1.1.6.300") == [
        ("1.3.6.1.2.1.2.2.1.8.300", ber.INTEGER, 1),
        ("1.3.6.1.2.1.31.1.1.1.6.300", ber.END_OF_MIB_VIEW, None),
    ]
    # Version 1 has no Counter64: a walk steps over it and finds the end.
    assert ask(snmp.GETNEXT, "1.3.6.1.2.1.2.2.1.8.300", version=snmp.V1) == (
        ErrorStatus.noSuchName,
        1,
    )
    bulk = ask(snmp.GETBULK, "1.3.6.1.2.1.1", "1.3.6.1.2.1.2.2.1.8", numbers=(1, 10))
    assert isinstance(bulk, list)
    assert bulk[0][0] == "1.3.6.1.2.1.1.3.0"
    assert [place for place, _, _ in bulk[1:4]] == [f"1.3.6.1.2.1.2.2.1.8.{i}" for i in (1, 2, 300)]
    assert bulk[-1][1] == ber.END_OF_MIB_VIEW


def test_silence_for_a_wrong_community_and_for_nonsense() -> None:
    replay = Replay(DEVICE, b"right")
    request = snmp.encode_message(snmp.V2C, b"wrong", snmp.GET, 7, 0, 0, [])
    assert replay.reply(request) is None
    assert replay.reply(b"nonsense") is None
    assert replay.reply(request[:-1]) is None


@pytest.mark.parametrize("version", [SnmpVersion.V1, SnmpVersion.V2C])
def test_a_look_at_a_recording_goes_the_way_of_a_look_at_a_device(version: SnmpVersion) -> None:
    shipped = load_profiles()
    query = compile_query([shipped["generic"], shipped["interfaces"]])
    look = SnmpLook("d", "", 0, Access(version, b""), query)
    shared = Shared()
    for _ in range(3):  # as learnt, too
        result = look_at(look, Replay(DEVICE), shared)
        assert result.complete
        table = decode(result)[-1]
        assert table.instances == ("1", "2", "300")
        counts = table.columns[[metric.name for metric in table.metrics].index("if_in")]
        assert counts == ([None] * 3 if version is SnmpVersion.V1 else [1, 2, 300])


@settings(max_examples=150)
@given(st.binary(max_size=120) | st.from_regex(rb"1\.3\.[0-9.]{1,8}\|[0-9]{1,2}x?\|[ -~]{0,12}"))
def test_whatever_stands_in_a_file_is_read_or_refused_with_places(text: bytes) -> None:
    try:
        found = parse(text, "f")
    except ConfigError:
        return  # whatever else it raised would fail here
    assert parse(dumps(found.objects), "f").objects == found.objects

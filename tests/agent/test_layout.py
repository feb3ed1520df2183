"""A remembered layout gives what the strict decoder gives, or nothing."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from agent import ber, snmp
from agent.ber import BerError
from agent.layout import Layouts
from agent.snmp import Message, Varbind
from tests.agent.mutants import mutants
from tests.agent.test_snmp import COMMON, NEWER, OIDS, TYPICAL

REQUEST = snmp.FIRST_ID + 5
NUMBER = REQUEST.to_bytes(4, "big")
BINDS = st.lists(
    st.builds(lambda oid, value: Varbind(oid, *value), OIDS, COMMON | NEWER), max_size=10
)


def reply(bound: list[Varbind], request_id: int = REQUEST) -> bytes:
    return snmp.encode_message(snmp.V2C, b"public", snmp.RESPONSE, request_id, 0, 0, bound)


@settings(max_examples=150)
@given(BINDS, st.integers(0, 2**30 - 1))
def test_the_learnt_reply_matches_with_any_request_id(bound: list[Varbind], serial: int) -> None:
    data = reply(bound)
    layout = Layouts().learn(snmp.decode_message(data), data)
    assert layout is not None
    again = snmp.FIRST_ID + serial
    number = again.to_bytes(4, "big")
    assert layout.match(reply(bound, again), number) == tuple(bind.value for bind in bound)
    assert layout.tags == bytes(bind.tag for bind in bound)
    if again != REQUEST:
        assert layout.match(data, number) is None


@settings(max_examples=150)
@given(BINDS, st.data())
def test_other_values_in_the_same_shape_match_or_are_left_to_the_decoder(
    bound: list[Varbind], data: st.DataObject
) -> None:
    first = reply(bound)
    layout = Layouts().learn(snmp.decode_message(first), first)
    assert layout is not None
    others = [
        bind._replace(value=data.draw(st.integers(0, 2**31 - 1)))
        if bind.tag in ber.UNSIGNED
        else bind
        for bind in bound
    ]
    second = reply(others)
    if len(second) == layout.split.size:
        assert layout.match(second, NUMBER) in (None, tuple(bind.value for bind in others))


def agrees(layouts: Layouts, data: bytes, damaged: bytes, learnt: Message) -> bool:
    """Whether the layout matches; if so it must say what the decoder says."""
    layout = layouts.learn(learnt, data)
    assert layout is not None
    if len(damaged) != layout.split.size:
        return False
    values = layout.match(damaged, NUMBER)
    if values is None:
        return False
    message = snmp.decode_message(damaged)
    assert tuple(message.values) == values
    assert bytes(message.tags) == layout.tags
    assert message.oids == learnt.oids
    return True


def test_a_mutant_that_matches_is_what_the_strict_decoder_accepts() -> None:
    layouts = Layouts()
    learnt = snmp.decode_message(TYPICAL)
    matched = 0
    for damaged in mutants(TYPICAL, 10_000, seed=5):
        matched += agrees(layouts, TYPICAL, damaged, learnt)
    assert matched > 50


EVERY_WIDTH = [
    Varbind(ber.oid_content(f"1.3.6.1.2.{tag}.{number % 251}"), tag, number)
    for tag, numbers in {
        ber.INTEGER: (0, -1, 300, -300, 40_000, -40_000, 2**30, -(2**30)),
        ber.COUNTER32: (0, 200, 40_000, 2**22, 2**31),
        ber.COUNTER64: (*(2 ** (8 * octets - 2) for octets in range(1, 9)), 2**63),
    }.items()
    for number in numbers
] + [Varbind(b"+", ber.NO_SUCH_INSTANCE), Varbind(b"+", ber.OCTET_STRING, b"")]


def test_each_bit_of_numbers_of_every_width_is_proven_or_read() -> None:
    layouts, data = Layouts(), reply(EVERY_WIDTH)
    learnt = snmp.decode_message(data)
    matched = 0
    for at in range(8 * len(data)):
        damaged = bytearray(data)
        damaged[at // 8] ^= 1 << at % 8
        matched += agrees(layouts, data, bytes(damaged), learnt)
    widths = sum(ber.encode_value(bind.tag, bind.value)[1] for bind in EVERY_WIDTH)
    assert 8 * widths * 0.8 < matched < 8 * widths


@given(
    st.binary(min_size=1, max_size=9),
    st.sampled_from([ber.INTEGER, *sorted(ber.UNSIGNED)]),
    st.binary(max_size=9),
)
def test_numbers_of_every_width_are_read_as_strictly(octets: bytes, tag: int, more: bytes) -> None:
    """A shape learnt from a valid number, then any octets in its place."""
    try:
        kept = 0xFF if tag == ber.INTEGER else 0x7F
        first = ber.value(tag, (octets[0] & kept).to_bytes(1, "big") + octets[1:])
    except BerError:
        return
    bind = Varbind(ber.oid_content("1.3.6.1"), tag, first)
    frame = reply([bind])
    width = len(ber.encode_value(tag, first)) - 2
    layouts = Layouts()
    for candidate in (octets[:width], more[:width]):
        if len(candidate) == width:
            agrees(layouts, frame, frame[:-width] + candidate, snmp.decode_message(frame))


def test_an_error_reply_has_a_layout_too() -> None:
    data = snmp.encode_message(snmp.V1, b"c", snmp.RESPONSE, REQUEST, 2, 1, [Varbind(b"+")])
    layout = Layouts().learn(snmp.decode_message(data), data)
    assert layout is not None
    assert layout.match(data, NUMBER) == (None,)


def test_layouts_share_what_is_equal() -> None:
    layouts = Layouts()
    one, two = (layouts.learn(snmp.decode_message(TYPICAL), TYPICAL) for _ in range(2))
    assert one is not None
    assert two is not None
    assert one is two


def test_layouts_of_equal_lengths_and_types_share_their_form() -> None:
    """Tables of two devices differ in their rows' indexes: only what was learnt is their own."""
    layouts, learnt = Layouts(), []
    for row in ("7", "9"):
        data = reply([Varbind(ber.oid_content(f"1.3.6.1.{row}"), ber.COUNTER64, 2**40)])
        learnt.append(layouts.learn(snmp.decode_message(data), data))
    one, two = learnt
    assert one is not None
    assert two is not None
    assert one is not two
    assert (one.split, id(one.fixed), id(one.tags)) == (two.split, id(two.fixed), id(two.tags))

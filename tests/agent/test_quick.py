"""The short way of a look comes to what the conversation comes to, or leaves it to that."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent import ber, snmp
from agent.ber import BerError
from agent.layout import Layout
from agent.memory import Memory, Shared
from agent.query import Access, Query, SnmpLook, TableQuery
from agent.quick import Quicks
from agent.snmp import FIRST_ID, ErrorStatus, Stray
from config.inventory import SnmpVersion
from tests.agent.fake import Bench, FakeAgent, Objects, oid

NAMES = [(1, 3, 6, 1, 4, 1, 9, number, 0) for number in range(4)]
QUERY = Query(scalars=tuple(oid(*name) for name in NAMES))
PUBLIC = Access(SnmpVersion.V2C, b"public")
VALUES = st.one_of(
    st.tuples(st.just(ber.COUNTER32), st.integers(0, 2**32 - 1)),
    st.tuples(st.just(ber.INTEGER), st.integers(-(2**31), 2**31 - 1)),
    st.tuples(st.just(ber.OCTET_STRING), st.binary(max_size=5)),
    st.tuples(st.just(ber.NO_SUCH_OBJECT), st.none()),
)
FULL: Objects = dict.fromkeys(NAMES, (ber.GAUGE32, 7))


def look() -> SnmpLook:
    return SnmpLook("d", "127.0.0.1", 161, PUBLIC, QUERY)


@given(st.lists(st.lists(VALUES, min_size=4, max_size=4), min_size=1, max_size=6))
def test_it_reads_what_a_conversation_reads(rounds: list[list[tuple[int, ber.RawValue]]]) -> None:
    one, quicks, talk = look(), Quicks(Shared()), Bench(QUERY)
    for number, values in enumerate(rounds):
        agent = FakeAgent(dict(zip(NAMES, values, strict=True)))
        way = quicks.of(one)
        assert way is not None
        request_id = FIRST_ID + number
        reply = agent.answer(way.template.message(request_id.to_bytes(4, "big")))
        found = way.take(one, reply, request_id) or way.strictly(one, reply, request_id)
        absent = any(tag == ber.NO_SUCH_OBJECT for tag, _ in values)
        assert (found is None) is absent
        if found is not None:
            result = talk.look(agent.answer)
            assert (list(found[0]), found[1]) == (list(result.scalars), result.tags)
            again = way.take(one, reply, request_id)
            assert again is None or (list(again[0]), again[1]) == (list(found[0]), found[1])


def test_a_device_remembers_no_more_than_the_shape_of_its_replies() -> None:
    quicks, agent = Quicks(Shared()), FakeAgent(FULL)
    looks = [look(), look()]
    for one in looks:
        way = quicks.of(one)
        assert way is not None
        reply = agent.answer(way.template.message(FIRST_ID.to_bytes(4, "big")))
        assert way.take(one, reply, FIRST_ID) is None
        assert way.strictly(one, reply, FIRST_ID) is not None
        assert way.take(one, reply, FIRST_ID) is not None
    assert type(looks[0].memory) is Layout
    assert looks[0].memory is looks[1].memory
    assert quicks.of(looks[0]) is quicks.of(looks[1])


def test_what_is_not_usual_is_left_to_the_conversation() -> None:
    quicks, one = Quicks(Shared()), look()
    way = quicks.of(one)
    assert way is not None
    asked = way.template.message(FIRST_ID.to_bytes(4, "big"))
    broken = FakeAgent(FULL, broken={NAMES[1]: ErrorStatus.genErr}).answer(asked)
    assert way.strictly(one, broken, FIRST_ID) is None
    true = FakeAgent(FULL).answer(asked)
    with pytest.raises(Stray):
        way.strictly(one, true, FIRST_ID + 1)
    with pytest.raises(Stray):
        way.strictly(one, true.replace(b"public", b"sesame"), FIRST_ID)
    with pytest.raises(BerError):
        way.strictly(one, true[:-1], FIRST_ID)
    assert one.memory is None


def test_who_does_not_go_the_short_way() -> None:
    quicks, known = Quicks(Shared()), look()
    known.memory = Memory(QUERY, PUBLIC, Shared())
    assert quicks.of(known) is None
    tables = Query(scalars=QUERY.scalars, tables=(TableQuery((snmp.GET.to_bytes(1, "big"),)),))
    assert quicks.of(SnmpLook("d", "127.0.0.1", 161, PUBLIC, tables)) is None
    many = Query(scalars=QUERY.scalars * 20)
    assert quicks.of(SnmpLook("d", "127.0.0.1", 161, PUBLIC, many)) is None

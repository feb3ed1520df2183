"""Whole looks at a fake agent: what was asked, what came of it, what was learnt."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent import ber, snmp
from agent.ber import BerError
from agent.conversation import Conversation, Stray
from agent.memory import ASK_AGAIN, Sizes
from agent.query import Query, TableValues
from agent.readers import FAILED_MOST
from agent.snmp import ErrorStatus, Varbind
from config.inventory import SnmpVersion
from tests.agent.fake import Arcs, Bench, FakeAgent, Objects, oid, table
from wire.observation import Outcome

BASE: Arcs = (1, 3, 6, 1, 2, 1)
SCALARS = [(*BASE, 1, number, 0) for number in range(1, 41)]
FORTY: Objects = {name: (ber.INTEGER, name[-2]) for name in SCALARS}
COLUMNS = [(*BASE, 2, 2, 1, number) for number in (1, 2, 5, 10)]
BEYOND: Objects = {(*BASE, 2, 3, 0): (ber.INTEGER, 99), (*BASE, 9, 0): (ber.INTEGER, 99)}


def scalars(count: int = 40) -> Query:
    return Query(scalars=tuple(oid(*name) for name in SCALARS[:count]))


def grid(found: TableValues) -> dict[Arcs, list[object]]:
    width = found.columns
    return {
        index: list(found.cells[row * width : (row + 1) * width])
        for row, index in enumerate(found.index)
    }


# -- scalars ---------------------------------------------------------------------------------------


def test_many_scalars_are_asked_in_parts_and_the_next_look_goes_as_learnt() -> None:
    bench, agent = Bench(scalars()), FakeAgent(FORTY)
    for learnt in (0, 2):
        result = bench.look(agent.answer)
        assert result.outcome is Outcome.MEASURED
        assert result.complete
        assert result.scalars == list(range(1, 41))
        assert result.tags == bytes([ber.INTEGER] * 40)
        assert (bench.asked, bench.learnt) == (2, learnt)


def test_an_object_that_v2c_does_not_have_is_absent_and_costs_no_request() -> None:
    objects = {name: FORTY[name] for name in SCALARS[:10] if name != SCALARS[3]}
    bench = Bench(scalars(10))
    for _ in range(2):
        result = bench.look(FakeAgent(objects).answer)
        assert result.complete
        assert result.scalars[3] is None
        assert result.tags[3] == ber.NO_SUCH_OBJECT
        assert bench.asked == 1


def test_objects_that_v1_does_not_have_are_left_out_and_asked_for_again_later() -> None:
    objects = {name: FORTY[name] for name in SCALARS[:10] if name not in SCALARS[3:5]}
    bench = Bench(scalars(10), SnmpVersion.V1)
    result = bench.look(FakeAgent(objects).answer)
    assert bench.asked == 3
    assert result.complete
    assert result.scalars == [1, 2, 3, None, None, 6, 7, 8, 9, 10]
    assert result.tags[3] == ber.NO_SUCH_OBJECT
    for _ in range(ASK_AGAIN - 2):
        assert bench.look(FakeAgent(FORTY).answer).scalars[3] is None
        assert bench.asked == 1
    assert bench.look(FakeAgent(FORTY).answer).scalars[3] == 4


def test_a_v1_device_that_has_none_of_it_is_measured_each_time() -> None:
    bench = Bench(scalars(3), SnmpVersion.V1)
    for _ in range(2):
        result = bench.look(FakeAgent({}).answer)
        assert result.outcome is Outcome.MEASURED
        assert result.scalars == [None] * 3
        assert bench.asked == 3


def test_too_big_halves_the_request_for_good() -> None:
    bench, agent = Bench(scalars()), FakeAgent(FORTY, most=8)
    result = bench.look(agent.answer)
    assert result.complete
    assert result.scalars == list(range(1, 41))
    bench.look(agent.answer)
    assert bench.asked == bench.learnt == 7


def test_an_object_that_the_device_fails_on_is_named_and_the_rest_is_read() -> None:
    agent = FakeAgent(FORTY, broken={SCALARS[2]: ErrorStatus.genErr})
    bench = Bench(scalars(5))
    for _ in range(2):
        result = bench.look(agent.answer)
        assert result.outcome is Outcome.MEASURED
        assert (result.complete, result.reason) == (False, "genErr")
        assert result.scalars == [1, 2, None, 4, 5]
        assert result.tags[2] == 0


def test_a_refusal_is_named() -> None:
    query = Query(scalars=(oid(*SCALARS[0]),), tables=(table(*COLUMNS),))
    agent = FakeAgent(FORTY, broken={SCALARS[0]: ErrorStatus.authorizationError})
    result = Bench(query).look(agent.answer)
    assert (result.outcome, result.reason) == (Outcome.REFUSED, "authorizationError")
    assert not result.tables[0].complete


def test_silence_half_way_leaves_what_was_read_and_says_so() -> None:
    bench, agent = Bench(scalars()), FakeAgent(FORTY)
    result = bench.look(lambda data: agent.answer(data) if agent.requests < 1 else None)
    assert result.outcome is Outcome.MEASURED
    assert (result.complete, result.reason) == (False, "timeout")
    assert result.scalars == [*range(1, 26), *[None] * 15]
    assert result.tags == bytes([ber.INTEGER] * 25 + [0] * 15)


def test_a_reply_with_other_objects_is_sorted_or_incomplete() -> None:
    def reorder(data: bytes) -> bytes:
        ask = snmp.decode_message(data)
        bound = [Varbind(name, ber.INTEGER, number) for number, name in enumerate(ask.oids)]
        return FakeAgent.reply(ask, bound[::-1])

    def shorten(data: bytes) -> bytes:
        ask = snmp.decode_message(data)
        return FakeAgent.reply(ask, [Varbind(ask.oids[1], ber.INTEGER, 1)])

    assert Bench(scalars(3)).look(reorder).scalars == [0, 1, 2]
    result = Bench(scalars(3)).look(shorten)
    assert (result.complete, result.reason) == (False, "short_reply")
    assert result.scalars == [None, 1, None]


@pytest.mark.parametrize("what", ["id", "community", "version", "pdu"])
def test_what_answers_something_else_is_stray_and_changes_nothing(what: str) -> None:
    bench = Bench(scalars(3))
    talk = Conversation(bench.device, bench.shared)
    template = talk.template
    assert template is not None
    request_id = snmp.FIRST_ID + 1
    good = FakeAgent(FORTY).answer(template.message(request_id.to_bytes(4, "big")))
    wrong: dict[str, Callable[[], None]] = {
        "id": lambda: talk.take(good, request_id + 1),
        "community": lambda: talk.take(good.replace(b"public", b"secret"), request_id),
        "version": lambda: talk.take(good.replace(b"\2\1\1", b"\2\1\0", 1), request_id),
        "pdu": lambda: talk.take(template.message(request_id.to_bytes(4, "big")), request_id),
    }
    with pytest.raises(Stray):
        wrong[what]()
    with pytest.raises(BerError):
        talk.take(good[:-1], request_id)
    assert talk.template is template
    assert not talk.answered
    talk.take(good, request_id)
    assert talk.template is None


# -- tables ----------------------------------------------------------------------------------------

INDEXES = st.lists(
    st.lists(st.integers(0, 300) | st.sampled_from((2**31, 2**32 - 1)), min_size=1, max_size=3).map(
        tuple
    ),
    max_size=12,
    unique=True,
)
CELLS = (
    st.tuples(st.just(ber.GAUGE32), st.integers(0, 2**32 - 1))
    | st.tuples(st.just(ber.COUNTER64), st.integers(0, 2**64 - 1))
    | st.tuples(st.just(ber.INTEGER), st.integers(-300, 300))
    | st.tuples(st.just(ber.OCTET_STRING), st.binary(max_size=6))
)


@st.composite
def tables(draw: st.DrawFn) -> Objects:
    """A table with holes, columns that end early, and objects before and after it."""
    objects = dict(BEYOND)
    for index in draw(INDEXES):
        for column in COLUMNS:
            if draw(st.integers(0, 9)):
                objects[(*column, *index)] = draw(CELLS)
    return objects


def expected(objects: Objects) -> dict[Arcs, list[object]]:
    width = len(COLUMNS[0])
    indexes = {name[width:] for name in objects if name[:width] in COLUMNS}
    return {
        index: [objects.get((*column, *index), (0, None))[1] for column in COLUMNS]
        for index in indexes
    }


@settings(max_examples=40, deadline=None)
@given(
    looks=st.lists(tables(), min_size=1, max_size=3),
    bulk=st.sampled_from((1, 8, 20, 60)),
    most=st.sampled_from((1, 3, 7, 1000)),
    version=st.sampled_from((SnmpVersion.V1, SnmpVersion.V2C)),
)
def test_any_table_is_read_as_it_is_however_it_changes(
    looks: list[Objects], bulk: int, most: int, version: SnmpVersion
) -> None:
    v1 = version is SnmpVersion.V1
    bench = Bench(Query(tables=(table(*COLUMNS),)), version, Sizes(bulk=bulk))
    for objects in looks:
        has = {
            name: value for name, value in objects.items() if not v1 or value[0] != ber.COUNTER64
        }
        agent = FakeAgent(has, most=1000 if v1 else most)
        for again in (False, True):
            result = bench.look(agent.answer)
            found = result.tables[0]
            assert found.complete
            assert result.complete
            assert grid(found) == expected(has)
            if again:
                assert bench.learnt == bench.asked
                assert found.tags == bytes(
                    has.get((*column, *index), (0, None))[0]
                    for index in found.index
                    for column in COLUMNS
                )


FIVE: Objects = BEYOND | {
    (*column, row): (ber.INTEGER, 10 * row) for column in COLUMNS for row in range(1, 31)
}


def test_too_big_asks_for_fewer_repetitions_for_good() -> None:
    bench, agent = Bench(Query(tables=(table(*COLUMNS),))), FakeAgent(FIVE, 30, cut_bulk=False)
    assert len(bench.look(agent.answer).tables[0].index) == 30
    first = bench.asked
    assert bench.look(agent.answer).tables[0].complete
    assert bench.asked == first - 1


def test_silence_in_a_walk_leaves_a_table_that_does_not_look_complete() -> None:
    bench, agent = Bench(Query(tables=(table(*COLUMNS), table(*COLUMNS)))), FakeAgent(FIVE)
    for _ in range(2):
        for last in (1, 0):
            agent.requests = 0
            result = bench.look(lambda data: agent.answer(data) if agent.requests < last else None)  # noqa: B023  called at once
            assert result.outcome is (Outcome.MEASURED if last else Outcome.NO_ANSWER)
            assert len(result.tables[0].index) == 15 * last
            assert [one.complete for one in result.tables] == [False, False]
            assert [one.reason for one in result.tables] == ["timeout", "timeout"]
        bench.look(agent.answer)


def test_a_reply_that_was_lost_once_is_asked_for_in_smaller_parts() -> None:
    bench, agent = Bench(Query(tables=(table(*COLUMNS),))), FakeAgent(FIVE)
    memory = None
    for look in range(3):
        talk = Conversation(bench.device, bench.shared)
        memory = talk.memory.tables[0]
        assert memory.repetitions == (15 if look < 2 else 7)
        lost = look < 2
        serial = 0
        while talk.template is not None:
            if lost:
                assert talk.again(allowed=True)
                lost = False
            serial += 1
            request = (snmp.FIRST_ID + serial).to_bytes(4, "big")
            talk.take(agent.answer(talk.template.message(request)), snmp.FIRST_ID + serial)
        assert grid(talk.result(Outcome.MEASURED).tables[0]) == expected(FIVE)


def test_a_device_that_goes_in_circles_is_stopped() -> None:
    def circle(data: bytes) -> bytes:
        ask = snmp.decode_message(data)
        return FakeAgent.reply(
            ask,
            [Varbind(oid(*column, row), ber.INTEGER, 1) for row in (5, 6) for column in COLUMNS],
        )

    result = Bench(Query(tables=(table(*COLUMNS),))).look(circle)
    found = result.tables[0]
    assert (found.complete, found.reason) == (False, "not_increasing")
    assert found.index == ((5,), (6,))
    assert (result.complete, result.reason) == (False, "not_increasing")


def test_a_table_without_end_is_stopped() -> None:
    def endless(data: bytes) -> bytes:
        ask = snmp.decode_message(data)
        start = max(ber.oid_arcs(name)[-1] for name in ask.oids) if len(ask.oids) else 0
        bound = [
            Varbind(oid(*column, start + row), ber.INTEGER, 1)
            for row in range(1, 600)
            for column in COLUMNS
        ]
        return FakeAgent.reply(ask, bound)

    found = Bench(Query(tables=(table(*COLUMNS),))).look(endless).tables[0]
    assert (found.complete, found.reason) == (False, "too_large")


def test_an_empty_reply_stops_the_walk() -> None:
    def empty(data: bytes) -> bytes:
        return FakeAgent.reply(snmp.decode_message(data), [])

    found = Bench(Query(tables=(table(*COLUMNS),))).look(empty).tables[0]
    assert (found.complete, found.reason) == (False, "empty_reply")


def test_another_access_starts_afresh() -> None:
    bench = Bench(scalars(3))
    bench.look(FakeAgent(FORTY).answer)
    before = bench.device.memory
    bench.look(FakeAgent(FORTY).answer)
    assert bench.device.memory is before
    bench.device.query = scalars(4)
    assert bench.look(FakeAgent(FORTY).answer).scalars == [1, 2, 3, 4]
    assert bench.device.memory is not before


@pytest.mark.parametrize("named", [0, 1, 2, 40])
def test_a_device_that_fails_on_one_object_and_names_another_costs_that_one_alone(
    named: int,
) -> None:
    """Agents exist that name the wrong object in an error, or none."""
    agent = FakeAgent(FORTY, broken={SCALARS[6]: ErrorStatus.genErr})

    def misnamed(data: bytes) -> bytes:
        told = snmp.decode_message(agent.answer(data))
        return FakeAgent.reply(
            snmp.decode_message(data), told.varbinds(), told.status, named if told.status else 0
        )

    bench = Bench(scalars(20))
    wanted: list[object] = list(range(1, 21))
    wanted[6] = None
    asked = []
    for _ in range(3):
        result = bench.look(misnamed)
        assert (result.outcome, result.reason) == (Outcome.MEASURED, "genErr")
        assert list(result.scalars) == wanted
        asked.append(bench.asked)
    assert asked[0] < 10
    assert asked[1:] == [1, 1]
    assert bench.learnt == 1


def test_a_device_that_fails_on_everything_is_not_asked_for_ever() -> None:
    agent = FakeAgent(FORTY, broken=dict.fromkeys(SCALARS, ErrorStatus.genErr))
    bench = Bench(scalars(40))
    for _ in range(10):
        result = bench.look(agent.answer)
        assert (result.complete, result.reason) == (False, "genErr")
        assert bench.asked <= 6 * FAILED_MOST

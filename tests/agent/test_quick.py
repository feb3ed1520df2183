"""The short way of a look comes to what the conversation comes to, or leaves it to that."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent import ber, snmp
from agent.ber import BerError
from agent.conversation import Conversation
from agent.layout import Layout
from agent.memory import Memory, Shared, Sizes
from agent.query import Access, Query, SnmpLook, TableQuery, TableValues
from agent.quick import MORE, Course, Quick, Quicks
from agent.snmp import FIRST_ID, ErrorStatus, Stray
from config.inventory import SnmpVersion
from tests.agent.fake import Bench, FakeAgent, Objects, oid
from wire.observation import Outcome

NAMES = [(1, 3, 6, 1, 4, 1, 9, number, 0) for number in range(4)]
QUERY = Query(scalars=tuple(oid(*name) for name in NAMES))
PUBLIC = Access(SnmpVersion.V2C, b"public")
VALUES = st.one_of(
    st.tuples(st.just(ber.COUNTER32), st.integers(0, 2**32 - 1)),
    st.tuples(st.just(ber.INTEGER), st.integers(-(2**31), 2**31 - 1)),
    st.tuples(st.just(ber.OCTET_STRING), st.binary(max_size=5)),
    st.tuples(st.just(ber.NO_SUCH_OBJECT), st.none()),
)
FIRST = FIRST_ID.to_bytes(4, "big")
FULL: Objects = dict.fromkeys(NAMES, (ber.GAUGE32, 7))


def look() -> SnmpLook:
    return SnmpLook("d", "127.0.0.1", 161, PUBLIC, QUERY)


@given(st.lists(st.lists(VALUES, min_size=4, max_size=4), min_size=1, max_size=6))
def test_it_reads_what_a_conversation_reads(rounds: list[list[tuple[int, ber.RawValue]]]) -> None:
    one, quicks, talk = look(), Quicks(Shared()), Bench(QUERY)
    for number, values in enumerate(rounds):
        agent = FakeAgent(dict(zip(NAMES, values, strict=True)))
        way = quicks.of(one)
        assert isinstance(way, Quick)
        request_id = FIRST_ID + number
        octets = request_id.to_bytes(4, "big")
        reply = agent.answer(way.template.message(octets))
        found = way.take(one, reply, octets) or way.strictly(one, reply, request_id)
        absent = any(tag == ber.NO_SUCH_OBJECT for tag, _ in values)
        assert (found is None) is absent
        if found is not None:
            result = talk.look(agent.answer)
            assert (list(found[0]), found[1]) == (list(result.scalars), result.tags)
            again = way.take(one, reply, octets)
            assert again is None or (list(again[0]), again[1]) == (list(found[0]), found[1])


def test_a_device_remembers_no_more_than_the_shape_of_its_replies() -> None:
    quicks, agent = Quicks(Shared()), FakeAgent(FULL)
    looks = [look(), look()]
    for one in looks:
        way = quicks.of(one)
        assert isinstance(way, Quick)
        reply = agent.answer(way.template.message(FIRST))
        assert way.take(one, reply, FIRST) is None
        assert way.strictly(one, reply, FIRST_ID) is not None
        assert way.take(one, reply, FIRST) is not None
    assert type(looks[0].memory) is Layout
    assert looks[0].memory is looks[1].memory
    assert quicks.of(looks[0]) is quicks.of(looks[1])


def test_what_is_not_usual_is_left_to_the_conversation() -> None:
    quicks, one = Quicks(Shared()), look()
    way = quicks.of(one)
    assert isinstance(way, Quick)
    asked = way.template.message(FIRST)
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
    known.memory = Memory(QUERY, Access(SnmpVersion.V1, b"public"), Shared())
    assert quicks.of(known) is None
    tables = Query(scalars=QUERY.scalars, tables=(TableQuery((snmp.GET.to_bytes(1, "big"),)),))
    assert quicks.of(SnmpLook("d", "127.0.0.1", 161, PUBLIC, tables)) is None
    many = Query(scalars=QUERY.scalars * 20)
    assert quicks.of(SnmpLook("d", "127.0.0.1", 161, PUBLIC, many)) is None


COLUMNS = [(1, 3, 6, 1, 2, 1, 2, 2, 1, number) for number in (8, 10, 16)]
WIDE = Query(
    scalars=QUERY.scalars,
    tables=(
        TableQuery(tuple(oid(*name) for name in COLUMNS[:2])),
        TableQuery((oid(*COLUMNS[2]),)),
    ),
    uptime=0,
)
SMALL = Sizes(get=3, bulk=6)
Answer = Callable[[bytes], bytes | None]
Told = tuple[list[ber.RawValue], bytes, list[tuple[object, ...]]]
CELLS = st.dictionaries(
    st.tuples(st.sampled_from(COLUMNS), st.integers(1, 6)),
    st.tuples(st.just(ber.COUNTER64), st.integers(0, 2**40)),
    max_size=14,
)


def told(scalars: object, tags: bytes, tables: object) -> Told:
    assert isinstance(scalars, list | tuple)
    assert isinstance(tables, list | tuple)
    return list(scalars), tags, [table_told(one) for one in tables]


def table_told(table: TableValues) -> tuple[object, ...]:
    return tuple(table.index), list(table.cells), table.tags, table.complete, table.reason


class Courses:
    """Looks as the engine takes them: a course as long as it goes, else a conversation."""

    def __init__(self) -> None:
        self.shared = Shared(SMALL)
        self.quicks = Quicks(self.shared)
        self.device = SnmpLook("d", "127.0.0.1", 161, PUBLIC, WIDE)
        self.serial = self.went = 0

    def look(self, answer: Answer) -> Told:
        way = self.quicks.of(self.device)
        course = way if isinstance(way, Course) else None
        talk = None if course is not None else Conversation(self.device, self.shared)
        while True:
            current = talk or course
            if current is None or current.template is None:
                break
            self.serial += 1
            number = (FIRST_ID + self.serial).to_bytes(4, "big")
            data = answer(current.template.message(number))
            found = None if course is None or data is None else course.take(
                self.device, data, number
            )  # fmt: skip
            if found is MORE:
                continue
            if found is not None:
                self.went += 1
                return told(*found)
            if course is not None:
                talk = course.conversation(self.device, self.shared)
                assert talk.template is course.template
                course = None
            assert talk is not None
            if data is None:
                talk.stop("timeout")
                break
            talk.take(data, FIRST_ID + self.serial)
        assert talk is not None
        result = talk.result(Outcome.MEASURED)
        return told(result.scalars, result.tags, result.tables)


def state(look: SnmpLook) -> list[tuple[int, ...]]:
    return [
        (one.repetitions, one.doubts, one.most, one.used, one.width, one.calm, one.patience)
        for one in look.memory.tables
    ]


def silent_from(number: int, agent: FakeAgent) -> Answer:
    """No answer to the ``number``-th request and those behind it."""

    def answer(data: bytes) -> bytes | None:
        return agent.answer(data) if agent.requests < number else None

    return answer


@given(
    st.lists(
        st.tuples(
            st.lists(VALUES, min_size=4, max_size=4),
            CELLS,
            st.integers(1, 3),
            st.sampled_from((1000, 1000, 1000, 4)),
            st.sampled_from((1000, 1000, 1000, 1, 2, 3, 5)),
        ),
        min_size=1,
        max_size=4,
    )
)
def test_a_course_comes_to_what_a_conversation_comes_to(
    rounds: list[
        tuple[
            list[tuple[int, ber.RawValue]],
            dict[tuple[tuple[int, ...], int], tuple[int, ber.RawValue]],
            int,
            int,
            int,
        ]
    ],
) -> None:
    """Each state of a device is looked at several times, whole or cut off somewhere."""
    courses, talks = Courses(), Bench(WIDE, sizes=SMALL)
    for values, cells, times, most, silence in rounds:
        objects: Objects = dict(zip(NAMES, values, strict=True))
        objects |= {(*column, row): value for (column, row), value in cells.items()}
        for _ in range(times):
            one, two = (FakeAgent(objects, most=most, cut_bulk=most > 4) for _ in range(2))
            found = courses.look(silent_from(silence, one))
            result = talks.look(silent_from(silence, two))
            assert found == told(result.scalars, result.tags, result.tables)
            assert state(courses.device) == state(talks.device)


def test_a_device_that_stays_as_it_was_is_looked_at_on_its_course() -> None:
    objects: Objects = FULL | {
        (*column, row): (ber.COUNTER64, 2**20 + row) for column in COLUMNS for row in range(1, 8)
    }
    courses = Courses()
    first = [courses.look(FakeAgent(objects).answer) for _ in range(3)]
    assert courses.went == 2
    assert first[0] == first[1] == first[2]
    moved: Objects = {name: (tag, 2**20 + 99) for name, (tag, _) in objects.items()} | FULL
    assert courses.look(FakeAgent(moved).answer) != first[0]
    assert courses.went == 3
    fewer = {name: value for name, value in objects.items() if name[-1] != 7}
    courses.look(FakeAgent(fewer).answer)
    assert courses.went == 3
    courses.look(FakeAgent(fewer).answer)
    assert courses.went == 4


def test_a_credential_tried_meanwhile_is_for_the_next_look() -> None:
    courses, agent = Courses(), FakeAgent(FULL)
    for _ in range(2):
        courses.look(agent.answer)
    one = courses.quicks.of(courses.device)
    assert isinstance(one, Course)
    first = agent.answer(one.template.message(FIRST))
    assert one.take(courses.device, first, FIRST) is MORE
    courses.device.access = Access(SnmpVersion.V2C, b"sesame")
    talk = one.conversation(courses.device, courses.shared)
    assert talk.template is one.template
    talk.take(agent.answer(one.template.message(FIRST)), FIRST_ID)
    talk.stop("timeout")
    assert list(talk.result(Outcome.MEASURED).scalars) == [7] * 4
    assert not isinstance(courses.quicks.of(courses.device), Course)

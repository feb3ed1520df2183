"""How much of a table is asked for at once: learnt per device, less and carefully more again."""

from __future__ import annotations

from agent import ber, snmp
from agent.conversation import Conversation
from agent.memory import GROW_AFTER
from agent.query import Query
from agent.snmp import Varbind
from agent.walk import MAX_OCTETS
from config.inventory import SnmpVersion
from tests.agent.fake import Bench, FakeAgent, Objects, oid, table
from tests.agent.test_conversation import (
    BASE,
    BEYOND,
    COLUMNS,
    FIVE,
    FORTY,
    SCALARS,
    expected,
    grid,
)
from wire.observation import Outcome

NINE = [(*BASE, 2, 2, 1, number) for number in range(1, 10)]
WIDE: Objects = BEYOND | {(*c, row): (ber.GAUGE32, row * c[-1]) for c in NINE for row in range(9)}


def smaller(talk: Conversation) -> None:
    """As before a repeat."""
    talk._reader.shrink()
    talk.template = talk._reader.template


def repetitions(bench: Bench) -> int:
    memory = bench.device.memory.tables[0]
    return int(memory.used)


def test_after_calm_looks_a_table_is_asked_for_in_larger_parts_again() -> None:
    bench = Bench(Query(tables=(table(*COLUMNS),)))
    narrow, wide = FakeAgent(FIVE, 30, cut_bulk=False), FakeAgent(FIVE)
    bench.look(narrow.answer)
    assert repetitions(bench) == 7
    for _ in range(GROW_AFTER - 1):
        assert bench.look(wide.answer).complete
        assert repetitions(bench) == 7
    assert bench.look(wide.answer).complete
    assert (repetitions(bench), bench.learnt) == (14, 0)
    for _ in range(2 * GROW_AFTER):
        assert bench.look(wide.answer).complete
    assert repetitions(bench) == 15  # what it began with, and no more
    assert grid(bench.look(wide.answer).tables[0]) == expected(FIVE)


def test_an_attempt_in_vain_costs_one_request_and_the_next_one_comes_later() -> None:
    bench = Bench(Query(tables=(table(*COLUMNS),)))
    narrow = FakeAgent(FIVE, 30, cut_bulk=False)
    bench.look(narrow.answer)
    attempts = []
    usual = None
    for look in range(1, 8 * GROW_AFTER):
        assert bench.look(narrow.answer).complete
        usual = usual or bench.asked
        if bench.asked > usual:
            attempts.append(look)
            assert bench.asked == usual + 1
    assert len(attempts) == 3
    assert attempts[1] - attempts[0] >= 2 * GROW_AFTER
    assert attempts[2] - attempts[1] >= 4 * GROW_AFTER


def test_too_big_for_a_single_row_asks_for_fewer_columns_at_once() -> None:
    for version in (SnmpVersion.V1, SnmpVersion.V2C):
        bench = Bench(Query(tables=(table(*NINE),)), version)
        agent = FakeAgent(WIDE, most=2, cut_bulk=False)
        for _ in range(2):
            found = bench.look(agent.answer).tables[0]
            assert found.complete
            assert grid(found) == {
                (row,): [row * column[-1] for column in NINE] for row in range(9)
            }
        assert bench.learnt == bench.asked


def test_a_device_that_cannot_even_tell_one_value_is_read_in_part() -> None:
    bench = Bench(Query(tables=(table(*NINE),)))
    agent = FakeAgent(WIDE, most=0, cut_bulk=False)
    for _ in range(2):
        found = bench.look(agent.answer).tables[0]
        assert (found.complete, found.reason) == (False, "tooBig")
    assert bench.asked == 1


def test_a_way_that_takes_no_large_reply_is_found_out_in_a_few_looks() -> None:
    """The device answers its scalars, so that it lives; what is lost is its large replies."""
    bench = Bench(Query(scalars=(oid(*SCALARS[0]),), tables=(table(*COLUMNS),)))
    agent = FakeAgent(FIVE | FORTY)
    looks = 0
    complete = False
    while not complete:
        looks += 1
        assert looks < 10
        talk = Conversation(bench.device, bench.shared)
        tries = 0
        while talk.template is not None:
            bench.serial += 1
            request_id = snmp.FIRST_ID + bench.serial
            data = agent.answer(talk.template.message(request_id.to_bytes(4, "big")))
            if len(data) <= 300:
                talk.take(data, request_id)
                tries = 0
            elif tries:
                talk.stop("timeout")
            else:
                tries = 1
                smaller(talk)
        result = talk.result(Outcome.MEASURED)
        complete = result.complete
    assert grid(result.tables[0]) == expected(FIVE)
    assert looks > 2


def test_a_dead_device_is_not_asked_for_less() -> None:
    bench = Bench(Query(tables=(table(*COLUMNS),)))
    bench.look(FakeAgent(FIVE).answer)
    for _ in range(10):
        talk = Conversation(bench.device, bench.shared)
        smaller(talk)
        talk.stop("timeout")
    assert bench.device.memory.tables[0].repetitions == 15


def test_a_walk_holds_no_more_octets_than_its_bound() -> None:
    def giant(data: bytes) -> bytes:
        ask = snmp.decode_message(data)
        last = max(ber.oid_arcs(name)[-1] for name in ask.oids)
        return FakeAgent.reply(
            ask, [Varbind(oid(*COLUMNS[0], last + 1), ber.OCTET_STRING, bytes(60_000))]
        )

    bench = Bench(Query(tables=(table(COLUMNS[0]),)))
    found = bench.look(giant).tables[0]
    assert (found.complete, found.reason) == (False, "too_large")
    assert bench.asked == MAX_OCTETS // 60_000 + 1

"""What a device has taught about how much to ask for outlives a restart."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from agent.io.learnt import EVERY_MS, FILE, Learnt
from agent.io.pysnmp_engine import _plain
from agent.io.snmp import SnmpEngine
from agent.learnt import mark, read
from agent.memory import GROW_AFTER, PATIENCE, Sizes, words_of
from agent.query import Query
from tests.agent.fake import Bench, FakeAgent, oid, table
from tests.agent.liar import OBJECTS, WITH_TABLE, Liar
from tests.agent.test_conversation import COLUMNS, FIVE, FORTY, SCALARS
from tests.agent.test_table_sizes import NINE, WIDE
from wire.observation import Outcome

BOTH = Query(scalars=tuple(oid(*one) for one in SCALARS), tables=(table(*COLUMNS),))


def restarted(bench: Bench) -> Bench:
    """Another bench that knows what the first one's device taught, by way of a file."""
    fresh = Bench(bench.query, bench.version)
    words = {"d": words_of(bench.device.memory, bench.sizes)}
    fresh.shared.taught = read(json.loads(json.dumps(words)))
    return fresh


@pytest.mark.parametrize(
    ("query", "agent"),
    [
        (BOTH, lambda: FakeAgent(FIVE | FORTY, 6, cut_bulk=False)),
        (Query(tables=(table(*NINE),)), lambda: FakeAgent(WIDE, most=2, cut_bulk=False)),
    ],
)
def test_the_first_look_after_a_restart_asks_for_no_more_than_the_last_before(
    query: Query, agent: Callable[[], FakeAgent]
) -> None:
    bench = Bench(query)
    assert bench.look(agent().answer).complete
    dear = bench.asked
    before = bench.look(agent().answer)
    usual = bench.asked
    assert usual < dear
    fresh = restarted(bench)
    found = fresh.look(agent().answer)
    assert (found.complete, fresh.asked) == (True, usual)
    assert list(found.scalars) == list(before.scalars)
    assert list(found.tables[0].cells) == list(before.tables[0].cells)
    assert fresh.shared.taught == {}
    assert words_of(fresh.device.memory, fresh.sizes) == words_of(bench.device.memory, bench.sizes)


def test_after_a_restart_more_is_asked_for_again_as_carefully_as_before() -> None:
    bench = Bench(Query(tables=(table(*COLUMNS),)))
    narrow = FakeAgent(FIVE, 30, cut_bulk=False)
    for _ in range(3 * GROW_AFTER):
        bench.look(narrow.answer)
    patience = bench.device.memory.tables[0].patience
    assert patience > GROW_AFTER
    fresh = restarted(bench)
    for _ in range(2):
        fresh.look(narrow.answer)
    assert fresh.device.memory.tables[0].patience == patience


def test_who_is_asked_as_all_are_has_no_words_and_another_table_is_not_meant() -> None:
    bench = Bench(BOTH)
    bench.look(FakeAgent(FIVE | FORTY).answer)
    assert words_of(bench.device.memory, bench.sizes) == {}
    assert words_of(None, bench.sizes) == words_of((), bench.sizes) == {}
    bench = Bench(Query(tables=(table(*COLUMNS),)))
    bench.shared.taught = {"d": {mark((b"x",)): [1, 0, 20]}, "other": {"get": [1]}}
    bench.look(FakeAgent(FIVE).answer)
    assert words_of(bench.device.memory, bench.sizes) == {}
    assert bench.shared.taught == {"other": {"get": [1]}}


@pytest.mark.parametrize("numbers", [[99, 0, 20], [1, 99, 20], [1, 0, 10**9]])
def test_words_of_another_time_are_kept_within_what_is_possible(numbers: list[int]) -> None:
    bench = Bench(Query(tables=(table(*COLUMNS),)))
    columns = bench.query.tables[0].columns
    bench.shared.taught = {"d": {mark(columns): numbers, "get": [1000]}}
    assert bench.look(FakeAgent(FIVE).answer).complete
    memory = bench.device.memory.tables[0]
    assert 1 <= memory.used <= memory.most
    assert memory.width == 0
    assert memory.patience <= PATIENCE


@pytest.mark.parametrize(
    "found",
    [[], None, {"d": 1}, {"d": {"get": [0]}}, {"d": {"get": [True]}}, {"d": {"m": [1, 2]}},
     {"d": {"m": [1, -1, 2]}}, {"d": {"m": [1.5, 0, 2]}}, {"d": {"get": [1, 2]}}],
)  # fmt: skip
def test_what_are_no_words_is_left_out(found: Any) -> None:
    assert not any(read(found).values())


def one(name: str, memory: object) -> Any:
    return SimpleNamespace(id=name, memory=memory)


def test_the_file_keeps_who_was_not_asked_yet_and_loses_who_is_gone(tmp_path: Path) -> None:
    bench = Bench(Query(tables=(table(*COLUMNS),)))
    bench.look(FakeAgent(FIVE, 30, cut_bulk=False).answer)
    taught = bench.device.memory
    first = Learnt(tmp_path, Sizes(), 0)
    assert first.words == {}
    first.save([one("new", None)])
    assert not (tmp_path / FILE).exists()  # nothing to tell
    first.turn([one("d", taught), one("e", taught)], EVERY_MS - 1)
    assert not (tmp_path / FILE).exists()
    first.turn([one("d", taught), one("e", taught)], EVERY_MS)
    second = Learnt(tmp_path, Sizes(), 0)
    words = words_of(taught, Sizes())
    assert second.words == {"d": words, "e": words}
    second.save([one("d", None)])
    assert Learnt(tmp_path, Sizes(), 0).words == {"d": words}
    (tmp_path / FILE).write_bytes(b'{"d": ')
    assert Learnt(tmp_path, Sizes(), 0).words == {}


async def test_engines_are_taught(tmp_path: Path) -> None:
    """By way of the engine and the file; what pysnmp asks is remembered within another look."""
    liar = Liar(objects=dict(OBJECTS))
    liar.agent.most, liar.agent.cut_bulk = 1, False
    await liar.serve()
    asked = []
    try:
        for _ in range(2):
            engine, learnt = SnmpEngine(), Learnt(tmp_path, Sizes(), 0)
            engine.teach(learnt.words)
            await engine.start()
            look = liar.look(query=WITH_TABLE, timeout_s=20.0)
            before = liar.asked
            result = await engine.look(look)
            asked.append(liar.asked - before)
            assert (result.outcome, result.complete) == (Outcome.MEASURED, True)
            learnt.save([one("liar", look.memory)])
            engine.close()
    finally:
        liar.close()
    assert asked[1] < asked[0]
    plain = _plain(look)
    plain.memory = Bench(BOTH).device.memory
    assert words_of(look.memory, Sizes()) == {}

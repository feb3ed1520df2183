"""Devices that lie: each costs its own look, is called what it is, and nobody else notices."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
import pytest_asyncio

from agent.io.snmp import FLOOD, SnmpEngine
from tests.agent import liar as lies
from tests.agent.liar import HASTY, TRUTH, WITH_TABLE, Liar, Script
from wire.observation import Outcome

Serve = Callable[..., Any]
SILENT, MEASURED = Outcome.NO_ANSWER, Outcome.MEASURED


@pytest_asyncio.fixture
async def engine() -> AsyncIterator[SnmpEngine]:
    engine = SnmpEngine()
    await engine.start()
    yield engine
    engine.close()


@pytest_asyncio.fixture
async def serve() -> AsyncIterator[Serve]:
    liars: list[Liar] = []

    async def start(*args: Any) -> Liar:
        liars.append(await Liar(*args).serve())
        return liars[-1]

    yield start
    for liar in liars:
        liar.close()


@pytest.mark.parametrize(
    ("lie", "outcome", "reason"),
    [
        (lies.truncated, SILENT, "malformed"),
        (lies.late, SILENT, "timeout"),
        (lies.anothers, SILENT, "timeout"),
        (lies.of_another_community, SILENT, "timeout"),
        (lies.wrong_objects, MEASURED, "short_reply"),
        (lies.wrong_types, MEASURED, ""),
        (lies.absent, MEASURED, ""),
        (lies.not_increasing, MEASURED, "not_increasing"),
        (lies.endless, MEASURED, "too_large"),
        (lies.oversized, MEASURED, "short_reply"),
        (lies.empty, MEASURED, "short_reply"),
        (lies.unknown_error, Outcome.REFUSED, "error_other"),
        (lies.always_too_big, Outcome.REFUSED, "tooBig"),
        (lies.repeated, MEASURED, ""),
    ],
)
async def test_a_lie_is_called_what_it_is_and_the_neighbour_is_read(
    engine: SnmpEngine, serve: Serve, lie: Script, outcome: Outcome, reason: str
) -> None:
    liar, good = await serve(lie), await serve()
    patience = {"timeout_s": 0.6, "retries": 0} if outcome is SILENT else {}
    look = liar.look(query=WITH_TABLE, **patience)
    other = good.look(query=WITH_TABLE)
    for _ in range(2):
        result, truth = await asyncio.gather(engine.look(look), engine.look(other))
        assert (result.outcome, result.reason) == (outcome, reason)
        assert result.complete is (reason == "")
        assert truth.complete
        assert (list(truth.scalars), list(truth.tables[0].cells)) == (TRUTH, [1, 2, 3, 4, 5])
    assert liar.asked < 60
    assert engine.stats.in_flight == engine.stats.queued == engine._octets == 0


async def test_an_answer_from_another_port_is_nobodys(engine: SnmpEngine, serve: Serve) -> None:
    liar = await serve()
    liar.elsewhere = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    liar.elsewhere.bind(("127.0.0.1", 0))
    result = await engine.look(liar.look(**HASTY))
    assert (result.outcome, engine.stats.foreign) == (SILENT, 2)
    assert engine.take_noise() == {liar.elsewhere.getsockname(): 2}
    assert engine.take_noise() == {}


async def test_a_flood_ends_its_own_look_is_counted_and_named_and_delays_nobody(
    engine: SnmpEngine, serve: Serve
) -> None:
    liar, good = await serve(lies.flooding), await serve()
    look, other = liar.look(query=WITH_TABLE), good.look()
    for number in range(1, 4):
        result, truth = await asyncio.gather(engine.look(look), engine.look(other))
        assert (result.outcome, result.reason) == (SILENT, "flood")
        assert list(truth.scalars) == TRUTH
        assert truth.requests == 1
        assert engine.stats.floods == number
    assert liar.asked == 3  # not even a repeat
    noise = engine.take_noise()
    assert noise[liar.place] > 3 * FLOOD
    assert good.place not in noise


async def test_a_table_told_a_hundred_times_over_is_read_all_the_same(
    engine: SnmpEngine, serve: Serve
) -> None:
    """The noise that a look bears grows with what it asks."""
    liar = await serve(lambda _number, _ask, truth: [(0, truth)] * (FLOOD - 10))
    result = await engine.look(liar.look(query=WITH_TABLE))
    assert (result.outcome, result.complete) == (MEASURED, True)
    assert list(result.tables[0].cells) == [1, 2, 3, 4, 5]


async def test_a_device_that_answers_each_request_late_does_not_go_on_for_ever(
    engine: SnmpEngine, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agent.io.snmp.LONGEST_NS", -1)
    liar = await serve()
    result = await engine.look(liar.look(query=WITH_TABLE))
    assert (result.outcome, result.reason, result.complete) == (MEASURED, "too_slow", False)
    assert list(result.scalars) == TRUTH
    assert not result.tables[0].complete

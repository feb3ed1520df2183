"""The SNMP engine with version 3 peers that damage, delay and repeat what they say."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from typing import Any

import pytest_asyncio

from agent.io.snmp import SnmpEngine
from agent.query import Access, SnmpLook
from config.inventory import SnmpVersion
from tests.agent.fake import FakeAgent
from tests.agent.fake_v3 import FakeEngine
from tests.agent.mutants import mutants
from tests.agent.test_session import OBJECTS, QUERY, USER
from wire.observation import Outcome

Script = Callable[[int, bytes], list[bytes]]
"""From the request's number (from 1) and the true reply to datagrams."""


class Peer(asyncio.DatagramProtocol):
    def __init__(self, script: Script) -> None:
        self.engine = FakeEngine(FakeAgent(OBJECTS), (USER,))
        self.script = script
        self.asked = 0
        self.transport: Any = None

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def datagram_received(self, data: bytes, addr: Any) -> None:
        self.asked += 1
        truth = self.engine.answer(data)
        for datagram in self.script(self.asked, truth) if truth is not None else ():
            self.transport.sendto(datagram, addr)


@pytest_asyncio.fixture
async def engine() -> AsyncIterator[SnmpEngine]:
    one = SnmpEngine()
    await one.start()
    yield one
    one.close()


async def serve(script: Script, **options: Any) -> tuple[Peer, SnmpLook]:
    loop = asyncio.get_running_loop()
    transport, peer = await loop.create_datagram_endpoint(lambda: Peer(script), ("127.0.0.1", 0))
    host, port = transport.get_extra_info("sockname")
    access = Access(SnmpVersion.V3, user=options.pop("user", USER))
    look = SnmpLook("liar", host, port, access, QUERY, **{"timeout_s": 5.0, **options})
    return peer, look


async def test_damaged_datagrams_never_reach_the_loop(engine: SnmpEngine) -> None:
    """Each look gets a few damaged copies of its answers, and then the true ones."""
    faults: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: faults.append(context))

    def damaged_first(number: int, truth: bytes) -> list[bytes]:
        return [*mutants(truth, 20, number), truth]

    peer, look = await serve(damaged_first)
    outcomes = [(await engine.look(look)).outcome for _ in range(40)]
    assert faults == []
    assert outcomes.count(Outcome.MEASURED) > 20  # a forged report may end a look by its name
    assert Outcome.NO_ANSWER not in outcomes
    assert engine.stats.malformed > 100
    assert peer.asked < 40 * 8
    peer.transport.close()


async def test_nothing_but_damage_ends_in_time(engine: SnmpEngine) -> None:
    peer, look = await serve(lambda number, truth: list(mutants(truth, 20, number)), timeout_s=0.1)
    for _ in range(5):
        result = await engine.look(look)
        assert result.outcome is not Outcome.COULD_NOT_LOOK
        assert result.requests <= 12
    peer.transport.close()


async def test_answers_said_twice_and_those_before_are_not_taken_again(
    engine: SnmpEngine,
) -> None:
    before: list[bytes] = []

    def parrot(_number: int, truth: bytes) -> list[bytes]:
        before.append(truth)
        return [*before[-4:-1], truth, truth]

    peer, look = await serve(parrot)
    for _ in range(5):
        result = await engine.look(look)
        assert (result.outcome, result.complete) == (Outcome.MEASURED, True)
    assert peer.asked == 6
    assert engine.stats.stray > 5
    peer.transport.close()


async def test_a_boots_jump_in_mid_flight_and_an_engine_for_each_request(
    engine: SnmpEngine,
) -> None:
    def restless(number: int, truth: bytes) -> list[bytes]:
        peer.engine.engine = b"\x80\0\0\0\x05" + str(number).encode()
        return [truth]

    peer, look = await serve(restless)
    result = await engine.look(look)
    assert (result.outcome, result.reason) == (Outcome.REFUSED, "unknownEngineIDs")
    assert peer.asked < 8
    peer.script = lambda _number, truth: [truth]
    peer.engine.boots += 7
    assert (await engine.look(look)).outcome is Outcome.MEASURED
    look.access = Access(SnmpVersion.V3, user=replace(USER, auth_password=b"something"))
    assert (await engine.look(look)).reason == "wrongDigests"
    peer.transport.close()

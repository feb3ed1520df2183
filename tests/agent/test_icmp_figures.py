"""Round trips as they were, whatever kept us; and looks that end once."""

from __future__ import annotations

import asyncio
import select
import socket
import time
from collections.abc import AsyncIterator
from struct import Struct
from typing import Any

import pytest
import pytest_asyncio

from agent.io import port
from agent.io.icmp import IcmpEngine
from agent.query import IcmpLook, IcmpResult
from wire.observation import Outcome

BLOCKED_S = 0.6
SLEWED_NS = 20_000_000
"""What the wall clock, which stamps, may be slewed by against the other one meanwhile."""


@pytest_asyncio.fixture
async def engine() -> AsyncIterator[IcmpEngine]:
    engine = IcmpEngine()
    await engine.start()
    if engine._sockets.missing:
        pytest.skip("may not send ICMP")
    yield engine
    engine.close()


@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
async def test_a_held_up_loop_makes_no_round_trip_longer(engine: IcmpEngine, address: str) -> None:
    """The answer lies there while the loop is blocked: the kernel's stamp tells when it came."""
    sent: asyncio.Future[socket.socket] = asyncio.get_running_loop().create_future()
    send = engine._send

    def noticed(flight: Any) -> bool:
        done = send(flight)
        sent.set_result(flight.gate.sock)
        return done

    engine._send = noticed  # type: ignore[method-assign]
    began_ns = time.monotonic_ns()
    look = asyncio.ensure_future(engine.look(IcmpLook("d", address, count=1)))
    assert select.select([await sent], [], [], 60)[0]  # it has come
    came_ns = time.monotonic_ns()
    time.sleep(BLOCKED_S)  # noqa: ASYNC251  this is the fault
    result = await look
    assert result.median_ns is not None
    assert 0 < result.median_ns < came_ns - began_ns + SLEWED_NS


def test_a_stamp_is_of_the_wall_clock() -> None:
    ancillary = [(socket.SOL_SOCKET, port.SO_TIMESTAMPNS, Struct("@qq").pack(1000, 5))]
    assert port.came_ns(ancillary, 999 * 10**9) == 10**9 + 5
    assert port.came_ns([], 0) == 0


async def test_a_wall_clock_that_was_set_lengthens_and_shortens_nothing(
    engine: IcmpEngine,
) -> None:
    """A stamp before the sending, or long after the reading: the moment of reading counts."""
    for came_ns in (0, 2**62):
        flight = engine._flight(IcmpLook("d", "127.0.0.9", count=1), lambda _: None)
        engine._flights[flight.key] = flight
        assert engine._send(flight)
        (token,) = flight.echoes
        engine._reply("127.0.0.9", token, came_ns)
        assert -(10**10) < flight.echoes[token] < 0


class Telling:
    """A ping socket whose send fails because an earlier packet's ICMP error is told then."""

    def sendto(self, *_: object) -> None:
        raise OSError(113, "No route to host")


async def test_a_look_ends_once_even_when_its_send_tells_of_its_end(engine: IcmpEngine) -> None:
    """An echo beyond the count (our buffer overflowed); its send tells that the first failed."""
    ended: list[IcmpResult] = []
    flight = engine._flight(IcmpLook("d", "127.0.0.9", count=1), ended.append)
    engine._flights[flight.key] = flight
    assert engine._send(flight)
    flight.excuses = 1
    (token,) = flight.echoes
    gate = flight.gate

    def told(one: Any, _: bytes) -> OSError | None:
        engine._error("127.0.0.9", token & 0xFFFF, "host_unreachable", "127.0.0.1")
        assert one.over
        return OSError(113, "No route to host")

    engine._push = told  # type: ignore[assignment,method-assign]
    real, gate.sock = gate.sock, Telling()  # type: ignore[assignment]
    try:
        assert engine._send(flight)
    finally:
        gate.sock = real
    assert [one.outcome for one in ended] == [Outcome.NO_ANSWER]
    assert engine.stats.in_flight == 0
    assert engine.stats.no_answer == 1
    assert not flight.pending


@pytest.mark.parametrize(
    ("rtts", "p95", "jitter"),
    [((), None, None), ((5,), 5, None), ((5, 9, 6), 9, 3), (tuple(range(1, 101)), 95, 1)],
)
def test_percentile_and_jitter(rtts: tuple[int, ...], p95: int | None, jitter: int | None) -> None:
    look = IcmpLook("d", "127.0.0.1")
    result = IcmpResult(look, Outcome.MEASURED, sent=len(rtts), rtts_ns=rtts)
    assert (result.p95_ns, result.jitter_ns) == (p95, jitter)

"""Every look ends once, and no end is put on a device that we ourselves kept waiting."""

from __future__ import annotations

import asyncio
import socket
import threading
import time

import pytest

from agent.io.snmp import SnmpEngine, SnmpOptions
from agent.memory import Sizes
from agent.query import Access, IcmpLook, IcmpResult, SnmpLook, SnmpResult
from config.inventory import SnmpVersion
from tests.agent.liar import QUERY, TRUTH, Answers, Liar
from wire.observation import Outcome

PUBLIC = Access(SnmpVersion.V2C, b"public")
JUNK = 1500
"""More than a turn of the loop reads, and what an expiring deadline reads once."""


async def test_a_request_that_no_datagram_holds_ends_its_look_and_no_other() -> None:
    engine = SnmpEngine()
    await engine.start()
    liar = await Liar().serve()
    try:
        long = SnmpLook("x", "127.0.0.9", 161, Access(SnmpVersion.V2C, b"x" * 70_000), QUERY)
        bad, good = await asyncio.gather(engine.look(long), engine.look(liar.look()))
    finally:
        engine.close()
        liar.close()
    assert (bad.outcome, bad.reason) == (Outcome.COULD_NOT_LOOK, "bad_request")
    assert "xxx" not in bad.detail
    assert good.outcome is Outcome.MEASURED


async def test_closing_while_deadlines_expire_ends_each_look_once() -> None:
    engine = SnmpEngine()
    await engine.start()
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as two,
    ):
        ended: list[str] = []
        both = asyncio.Event()

        def done(result: SnmpResult) -> None:
            ended.append(result.look.device)
            engine.close()
            if len(ended) > 1:
                both.set()

        for name, sock in (("one", one), ("two", two)):
            sock.bind(("127.0.0.1", 0))
            host, port = sock.getsockname()
            look = SnmpLook(name, host, port, PUBLIC, QUERY, timeout_s=0.05, retries=0)
            engine.submit(look, done)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        time.sleep(0.1)  # noqa: ASYNC251  both deadlines pass before the loop has its turn
        await asyncio.wait_for(both.wait(), 60)
        await asyncio.sleep(0)
    assert sorted(ended) == ["one", "two"]
    assert engine.stats.in_flight == 0


class Crowd(threading.Thread):
    """Answers one request behind more strangers' datagrams than one turn reads."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.bind(("127.0.0.1", 0))
        self.sock.settimeout(60)
        self.answered = threading.Event()

    def run(self) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
            data, peer = self.sock.recvfrom(2000)
            for _ in range(JUNK):
                stranger.sendto(b"junk", peer)
            self.sock.sendto(Liar().agent.answer(data), peer)
        self.answered.set()


async def test_what_waits_in_our_buffer_while_we_were_held_up_is_not_late() -> None:
    engine = SnmpEngine()
    await engine.start()
    crowd = Crowd()
    crowd.start()
    try:
        host, port = crowd.sock.getsockname()
        look = SnmpLook("d", host, port, PUBLIC, QUERY, timeout_s=0.2, retries=0)
        looking = asyncio.ensure_future(engine.look(look))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert crowd.answered.wait(60)  # blocks this loop, as a slow disk does
        time.sleep(0.25)  # noqa: ASYNC251  past the deadline
        result = await looking
    finally:
        engine.close()
        crowd.join(60)
        crowd.sock.close()
    assert engine.stats.kernel_drops == 0
    assert (result.outcome, list(result.scalars)) == (Outcome.MEASURED, TRUTH)


async def test_a_reply_that_comes_before_its_question_is_stray() -> None:
    """Between two requests of a look nothing is asked: request id 0 matches none."""

    def script(number: int, ask: bytes, truth: bytes) -> Answers:
        zero = truth.replace(ask[ask.index(b"\x02\x04") : ask.index(b"\x02\x04") + 6],
                             b"\x02\x04\0\0\0\0", 1)  # fmt: skip
        return ((0.0, truth), (0.0, zero)) if number == 1 else ((0.0, truth),)

    engine = SnmpEngine(SnmpOptions(packets_per_s=20, sizes=Sizes(get=1)))
    await engine.start()
    liar = await Liar(script).serve()
    idle = [await Liar().serve() for _ in range(16)]
    try:
        others = [engine.look(one.look()) for one in idle]
        result, *_ = await asyncio.gather(engine.look(liar.look()), *others)
    finally:
        engine.close()
        for one in (liar, *idle):
            one.close()
    assert (result.outcome, list(result.scalars), result.complete) == (
        Outcome.MEASURED,
        TRUTH,
        True,
    )
    assert engine.stats.stray == 1


@pytest.mark.parametrize("reason", ["closed", "receive_overflow"])
def test_an_interrupted_echo_says_nothing_about_loss(reason: str) -> None:
    look = IcmpLook("d", "127.0.0.1")
    assert IcmpResult(look, Outcome.COULD_NOT_LOOK, reason, sent=2, rtts_ns=[5]).loss is None
    assert IcmpResult(look, Outcome.MEASURED, sent=2, rtts_ns=[5]).loss == 0.5
    assert IcmpResult(look, Outcome.NO_ANSWER, sent=2).loss == 1.0

"""Requests under way at one device: one, or as many as are allowed; each answer finds its own."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

import pytest

from agent import ber, snmp
from agent.io.snmp import SnmpEngine, SnmpOptions
from agent.query import Access, Query, SnmpLook
from config.inventory import SnmpVersion
from wire.observation import Outcome

OIDS = tuple(ber.oid_content(f"1.3.6.1.4.1.9.{number}.0") for number in range(12))


@dataclass
class Counting(asyncio.DatagramProtocol):
    """Holds each request until no more come, and then answers all, the last one first.

    Until ``wanted`` are held it waits for long: the asker may be kept from sending the rest.
    """

    wanted: int = 1
    most: int = 0
    held: list[tuple[bytes, tuple[str, int]]] = field(default_factory=list)
    later: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.DatagramTransport) -> None:  # type: ignore[override]
        self.transport = transport

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self.held.append((data, addr))
        self.most = max(self.most, len(self.held))
        if self.later is not None:
            self.later.cancel()
        wait_s = 0.05 if len(self.held) >= self.wanted else 1.0
        self.later = asyncio.get_running_loop().call_later(wait_s, self.answer)

    def answer(self) -> None:
        held, self.held = self.held, []
        for data, addr in reversed(held):
            asked = snmp.decode_message(data)
            self.transport.sendto(reply(asked), addr)


def reply(asked: snmp.Message) -> bytes:
    """Each object has its own number for a value."""
    number = OIDS.index(asked.oids[0])
    binding = tlv(0x30, tlv(ber.OID, asked.oids[0]) + tlv(ber.INTEGER, bytes([number])))
    request = tlv(ber.INTEGER, asked.request_id.to_bytes(4, "big"))
    pdu = tlv(snmp.RESPONSE, request + tlv(2, b"\0") + tlv(2, b"\0") + tlv(0x30, binding))
    return tlv(0x30, tlv(2, b"\1") + tlv(4, asked.community) + pdu)


def tlv(tag: int, content: bytes) -> bytes:
    assert len(content) < 128
    return bytes([tag, len(content)]) + content


@pytest.mark.parametrize("allowed", [1, 3, 20])
async def test_as_many_requests_are_under_way_as_are_allowed(allowed: int) -> None:
    loop = asyncio.get_running_loop()
    transport, peer = await loop.create_datagram_endpoint(Counting, local_addr=("127.0.31.1", 0))
    port = transport.get_extra_info("sockname")[1]
    peer.wanted = min(allowed, len(OIDS))
    engine = SnmpEngine(SnmpOptions(at_device=allowed))
    await engine.start()
    access = Access(SnmpVersion.V2C, b"public")
    try:
        for _ in range(2):
            looks = [
                SnmpLook(f"d{at}", "127.0.31.1", port, access, Query(scalars=(oid,)), 20.0)
                for at, oid in enumerate(OIDS)
            ]
            results = await asyncio.gather(*map(engine.look, looks))
            assert {one.outcome for one in results} == {Outcome.MEASURED}
            assert [one.scalars[0] for one in results] == list(range(len(OIDS)))
        assert peer.most == min(allowed, len(OIDS))
        assert not engine._flights
        assert not engine._beside
    finally:
        engine.close()
        transport.close()


async def test_another_bound_holds_for_those_that_begin_after_it() -> None:
    loop = asyncio.get_running_loop()
    transport, peer = await loop.create_datagram_endpoint(Counting, local_addr=("127.0.31.2", 0))
    port = transport.get_extra_info("sockname")[1]
    engine = SnmpEngine(SnmpOptions())
    await engine.start()
    access = Access(SnmpVersion.V2C, b"public")
    looks = [
        SnmpLook(f"d{at}", "127.0.31.2", port, access, Query(scalars=(oid,)), 20.0)
        for at, oid in enumerate(OIDS)
    ]
    try:
        ends = [asyncio.ensure_future(engine.look(one)) for one in looks]
        await ends[0]
        engine.allow(0, 4)
        peer.wanted = 4
        await asyncio.wait(ends[:8], return_when=asyncio.ALL_COMPLETED)
        assert peer.most == 4
        engine.allow(0, 1)
        peer.wanted = 1
        results = await asyncio.gather(*ends)
        assert {one.outcome for one in results} == {Outcome.MEASURED}
        assert not engine._flights
        assert not engine._beside
    finally:
        engine.close()
        transport.close()


async def test_at_the_end_all_are_told() -> None:
    engine = SnmpEngine(SnmpOptions(at_device=2))
    await engine.start()
    access = Access(SnmpVersion.V2C, b"public")
    looks = [SnmpLook("d", "127.0.31.3", 9, access, Query(scalars=(oid,)), 20.0) for oid in OIDS]
    ends = [asyncio.ensure_future(engine.look(one)) for one in looks]
    await asyncio.sleep(0)
    engine.close()
    results = await asyncio.gather(*ends)
    assert len(results) == len(OIDS)
    assert not engine._beside


async def test_the_same_look_again_waits_for_itself() -> None:
    loop = asyncio.get_running_loop()
    transport, peer = await loop.create_datagram_endpoint(Counting, local_addr=("127.0.31.3", 0))
    port = transport.get_extra_info("sockname")[1]
    engine = SnmpEngine(SnmpOptions(at_device=3))
    await engine.start()
    access = Access(SnmpVersion.V2C, b"public")
    one, two = (
        SnmpLook("d", "127.0.31.3", port, access, Query(scalars=(oid,)), 20.0) for oid in OIDS[:2]
    )
    try:
        results = await asyncio.gather(*map(engine.look, (one, one, two, one)))
        assert {result.outcome for result in results} == {Outcome.MEASURED}
        assert peer.most <= 2
        assert not engine._flights
        assert not engine._beside
    finally:
        engine.close()
        transport.close()

"""A scripted SNMP peer on loopback: it answers as an agent does, or lies as it is told."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Iterable
from typing import Any

from agent import ber, snmp
from agent.query import Access, Query, SnmpLook, TableQuery
from agent.snmp import Varbind
from config.inventory import SnmpVersion
from tests.agent.fake import FakeAgent, Objects, oid

NAME = (1, 3, 6, 1, 2, 1, 1, 5, 0)
COLUMN = (1, 3, 6, 1, 2, 1, 2, 2, 1, 2)
OBJECTS: Objects = {
    NAME: (ber.OCTET_STRING, b"liar"),
    (*NAME[:7], 3, 0): (ber.TIME_TICKS, 1234),
    **{(*COLUMN, row): (ber.INTEGER, row) for row in range(1, 6)},
}
QUERY = Query(scalars=(oid(*NAME), oid(*NAME[:7], 3, 0)))
WITH_TABLE = Query((), QUERY.scalars, (TableQuery((oid(*COLUMN),)),))
TRUTH = [b"liar", 1234]
HASTY: dict[str, Any] = {"timeout_s": 0.15, "retries": 1}
Answers = Iterable[tuple[float, bytes]]
Script = Callable[[int, bytes, bytes], Answers]
"""From the request's number (from 1), the request and the true reply to delays and datagrams."""


def honest(_number: int, _ask: bytes, truth: bytes) -> Answers:
    return ((0.0, truth),)


class Liar(asyncio.DatagramProtocol):
    """Serves at ``address``; ``asked`` counts requests, ``elsewhere`` answers from another port."""

    def __init__(self, script: Script = honest, objects: Objects | None = None) -> None:
        self.script = script
        self.agent = FakeAgent(dict(OBJECTS if objects is None else objects))
        self.asked = 0
        self.heard = asyncio.Event()
        self.elsewhere: socket.socket | None = None
        self.transport: asyncio.DatagramTransport | None = None

    async def serve(self, host: str = "127.0.0.1", port: int = 0) -> Liar:
        loop = asyncio.get_running_loop()
        await loop.create_datagram_endpoint(lambda: self, (host, port))
        return self

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def datagram_received(self, data: bytes, addr: Any) -> None:
        self.asked += 1
        self.heard.set()
        truth = self.agent.answer(data)
        for delay, reply in self.script(self.asked, data, truth):
            asyncio.get_running_loop().call_later(delay, self._send, reply, addr)

    def _send(self, reply: bytes, addr: Any) -> None:
        assert self.transport is not None
        if self.elsewhere is not None:
            self.elsewhere.sendto(reply, addr)
        elif not self.transport.is_closing():
            self.transport.sendto(reply, addr)

    @property
    def place(self) -> tuple[str, int]:
        assert self.transport is not None
        host, port = self.transport.get_extra_info("sockname")[:2]
        return host, port

    def look(self, **options: Any) -> SnmpLook:
        """Patient, as machines pause; who waits for a silence says ``**HASTY``, or how long."""
        host, port = self.place
        access = Access(SnmpVersion.V2C, b"public")
        settings: dict[str, Any] = {"timeout_s": 30.0, "retries": 1, **options}
        return SnmpLook("liar", host, port, access, settings.pop("query", QUERY), **settings)

    def close(self) -> None:
        if self.transport is not None:
            self.transport.close()
        if self.elsewhere is not None:
            self.elsewhere.close()


# -- lies: scripts for a Liar, each one way to be wrong --------------------------------------------


def retold(ask: bytes, truth: bytes, change: Callable[[Varbind], Varbind]) -> bytes:
    """The true reply with its varbinds changed."""
    told = snmp.decode_message(truth)
    binds = [change(bind) for bind in told.varbinds()]
    return FakeAgent.reply(snmp.decode_message(ask), binds, told.status, told.index)


def truncated(_number: int, _ask: bytes, truth: bytes) -> Answers:
    return ((0, truth[: len(truth) // 2]),)


def repeated(_number: int, _ask: bytes, truth: bytes) -> Answers:
    return [(0, truth)] * 4


def late(_number: int, _ask: bytes, truth: bytes) -> Answers:
    return ((5.0, truth),)


def anothers(_number: int, ask: bytes, truth: bytes) -> Answers:
    told = snmp.decode_message(ask).request_id
    other = snmp.FIRST_ID + (told - snmp.FIRST_ID ^ 1)
    return ((0, truth.replace(told.to_bytes(4, "big"), other.to_bytes(4, "big"))),)


def of_another_community(_number: int, _ask: bytes, truth: bytes) -> Answers:
    return ((0, truth.replace(b"public", b"PUBLIC")),)


def wrong_types(_number: int, ask: bytes, truth: bytes) -> Answers:
    def opaque(bind: Varbind) -> Varbind:
        return bind if bind.tag in ber.ABSENT else Varbind(bind.oid, ber.OPAQUE, b"\x9f\x78\x04?")

    return ((0, retold(ask, truth, opaque)),)


def wrong_objects(_number: int, ask: bytes, truth: bytes) -> Answers:
    return ((0, retold(ask, truth, lambda b: Varbind(oid(1, 3, 6, 1, 4, 1, 9), b.tag, b.value))),)


def absent(_number: int, ask: bytes, truth: bytes) -> Answers:
    return ((0, retold(ask, truth, lambda b: Varbind(b.oid, ber.NO_SUCH_INSTANCE))),)


def not_increasing(_number: int, ask: bytes, _truth: bytes) -> Answers:
    told = snmp.decode_message(ask)
    if told.pdu == snmp.GET:
        return ((0, FakeAgent(OBJECTS).answer(ask)),)
    rows = [Varbind(oid(*COLUMN, 3), ber.INTEGER, 1), Varbind(oid(*COLUMN, 2), ber.INTEGER, 2)]
    return ((0, FakeAgent.reply(told, rows)),)


def endless(_number: int, ask: bytes, _truth: bytes) -> Answers:
    told = snmp.decode_message(ask)
    if told.pdu == snmp.GET:
        return ((0, FakeAgent(OBJECTS).answer(ask)),)
    arcs = ber.oid_arcs(told.oids[0])
    last = arcs[-1] if len(arcs) > len(COLUMN) else 0
    rows = [Varbind(oid(*COLUMN, last + n), ber.INTEGER, n) for n in range(1, 2000)]
    return ((0, FakeAgent.reply(told, rows)),)


def oversized(_number: int, ask: bytes, _truth: bytes) -> Answers:
    told = snmp.decode_message(ask)
    binds = [Varbind(name, ber.OCTET_STRING, bytes(60_000)) for name in told.oids[:1]]
    return ((0, FakeAgent.reply(told, binds)),)


def empty(_number: int, ask: bytes, _truth: bytes) -> Answers:
    return ((0, FakeAgent.reply(snmp.decode_message(ask), [])),)


def unknown_error(_number: int, ask: bytes, truth: bytes) -> Answers:
    told = snmp.decode_message(truth)
    return ((0, FakeAgent.reply(snmp.decode_message(ask), told.varbinds(), 2**31 - 1, -5)),)


def always_too_big(_number: int, ask: bytes, _truth: bytes) -> Answers:
    return ((0, FakeAgent.reply(snmp.decode_message(ask), [], snmp.ErrorStatus.tooBig)),)


def flooding(_number: int, ask: bytes, truth: bytes) -> Answers:
    """A thousand datagrams to each request, the last of them true."""
    junk = next(iter(anothers(0, ask, truth)))[1]
    return [(0, junk if number % 2 else truth[:-1]) for number in range(999)] + [(0, truth)]

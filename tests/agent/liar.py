"""A scripted SNMP peer on loopback: it answers as an agent does, or lies as it is told."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Iterable
from typing import Any

from agent import ber
from agent.query import Access, Query, SnmpLook
from config.inventory import SnmpVersion
from tests.agent.fake import FakeAgent, Objects, oid

NAME = (1, 3, 6, 1, 2, 1, 1, 5, 0)
OBJECTS: Objects = {NAME: (ber.OCTET_STRING, b"liar"), (*NAME[:7], 3, 0): (ber.TIME_TICKS, 1234)}
QUERY = Query(scalars=(oid(*NAME), oid(*NAME[:7], 3, 0)))
TRUTH = [b"liar", 1234]
Answers = Iterable[tuple[float, bytes]]
Script = Callable[[int, bytes, bytes], Answers]
"""From the request's number (from 1), the request and the true reply to delays and datagrams."""


def honest(_number: int, _ask: bytes, truth: bytes) -> Answers:
    return ((0.0, truth),)


class Liar(asyncio.DatagramProtocol):
    """Serves at ``address``; ``asked`` counts requests, ``elsewhere`` answers from another port."""

    def __init__(self, script: Script = honest, objects: Objects | None = None) -> None:
        self.script = script
        self.agent = FakeAgent(OBJECTS if objects is None else objects)
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
        host, port = self.place
        access = Access(SnmpVersion.V2C, b"public")
        settings: dict[str, Any] = {"timeout_s": 0.15, "retries": 1, **options}
        return SnmpLook("liar", host, port, access, settings.pop("query", QUERY), **settings)

    def close(self) -> None:
        if self.transport is not None:
            self.transport.close()
        if self.elsewhere is not None:
            self.elsewhere.close()

"""Devices that count: whoever asks one gets a number that nobody got before.

So what an agent stored is told apart look by look: a number missing at the end was lost, one
that is there twice was doubled. The devices keep their own history of what they said and when.
"""

from __future__ import annotations

import socket
import struct
import threading
import time
from dataclasses import dataclass, field
from typing import Final, Self

from agent import ber, snmp
from agent.ber import BerError
from agent.snmp import Varbind

IP_PKTINFO: Final = 8
SO_TIMESTAMP: Final = 29
LATE_S: Final = 0.5
"""What waited for so long is not answered: its agent may have given up, and the number be lost."""

OID: Final = "1.3.6.1.4.1.99999.7.1.0"
PROFILE: Final = f"""id = "count"
title = "a number that nobody got before"
[[scalars]]
name = "number"
oid = "{OID}"
watched = true
"""


@dataclass
class Device:
    """One device: the numbers it said, with the moment; ``silent`` until which moment."""

    said: list[tuple[int, float]] = field(default_factory=list)
    silent_until: float = 0.0
    last_request: int = -1


class Devices:
    """Devices on addresses of 127/8 at one port, served by a thread; a context manager."""

    def __init__(self, addresses: list[str]) -> None:
        self.by_address = {address: Device() for address in addresses}
        self._sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._sock.setsockopt(socket.IPPROTO_IP, IP_PKTINFO, 1)
        self._sock.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMP, 1)
        self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        self._sock.bind(("", 0))
        self._sock.settimeout(0.2)
        self.port: int = self._sock.getsockname()[1]
        self._asked = ber.oid_content(OID)
        self._frozen = False
        self._stopping = False
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping = True
        self._thread.join(60)
        self._sock.close()

    def silence(self, address: str, seconds: float) -> None:
        self.by_address[address].silent_until = time.monotonic() + seconds

    def freeze(self) -> None:
        """From now on every device answers, and says its last number again."""
        self._frozen = True

    def _serve(self) -> None:
        while not self._stopping:
            try:
                data, extra, _, peer = self._sock.recvmsg(2048, 128)
                parts = {kind: content for _, kind, content in extra}
                seconds, micros = struct.unpack("qq", parts[SO_TIMESTAMP])
                if time.time() - seconds - micros / 1e6 > LATE_S:
                    continue
                address = parts[IP_PKTINFO][8:12]
                reply = self._reply(socket.inet_ntoa(address), data)
            except (TimeoutError, BerError, KeyError):
                continue
            if reply is not None:
                source = (socket.IPPROTO_IP, IP_PKTINFO, bytes(4) + address + bytes(4))
                self._sock.sendmsg([reply], [source], 0, peer)

    def _reply(self, address: str, data: bytes) -> bytes | None:
        asked, device = snmp.decode_message(data), self.by_address[address]
        now = time.monotonic()
        if not self._frozen and now < device.silent_until:
            return None
        bound = [self._bound(oid, asked.request_id, device, now) for oid in asked.oids]
        return snmp.encode_message(
            asked.version, asked.community, snmp.RESPONSE, asked.request_id, 0, 0, bound
        )

    def _bound(self, oid: bytes, request: int, device: Device, now: float) -> Varbind:
        if oid != self._asked:
            return Varbind(oid, ber.NO_SUCH_OBJECT)
        # The same request again (its answer came late) gets the same number.
        if not device.said or (request != device.last_request and not self._frozen):
            device.said.append((len(device.said) + 1, now))
            device.last_request = request
        return Varbind(oid, ber.GAUGE32, device.said[-1][0])

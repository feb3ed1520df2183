"""SNMPv3 devices at 127.9.x.y, each an engine of its own: GET of counters, authPriv.

``python -m bench.pollers.v3_farm PORT DEVICES`` says ``ready`` and serves until it is killed.
"""

from __future__ import annotations

import selectors
import socket
import sys
import time

from agent import ber, snmp, v3
from agent.ber import BerError
from agent.snmp import Varbind
from agent.usm import KeyRing, User
from agent.v3 import AUTH, PRIV, Parts
from config.inventory import AuthProtocol, PrivProtocol

NAME, AUTH_PASSWORD, PRIV_PASSWORD = "watch", "auth-password", "priv-password"
USER = User(
    NAME.encode(),
    AuthProtocol.SHA256,
    AUTH_PASSWORD.encode(),
    PrivProtocol.AES128,
    PRIV_PASSWORD.encode(),
)
_UNKNOWN = ber.oid_content("1.3.6.1.6.3.15.1.1.4.0")
_LATE = ber.oid_content("1.3.6.1.6.3.15.1.1.2.0")


def address(number: int) -> str:
    return f"127.9.{number // 250}.{number % 250 + 1}"


class Device:
    """One engine; ``reply`` answers a datagram, or not."""

    def __init__(self, number: int, ring: KeyRing, began: float) -> None:
        self.engine = b"\x80\x00\x1f\x88\x04" + number.to_bytes(4, "big")
        self.ring = ring
        self.began = began

    def reply(self, data: bytes) -> bytes | None:
        try:
            parts = v3.decode(data)
            if parts.engine != self.engine:
                return self._report(parts, _UNKNOWN, 0)
            keys = self.ring.keys(USER, self.engine)
            if keys is None or keys.privacy is None or not parts.flags & PRIV:
                return None
            if not keys.genuine(parts.zeroed(data), parts.digest):
                return None
            boots, at = parts.window
            if boots != 1 or abs(at - self._time()) > 150:
                return self._report(parts, _LATE, AUTH)
            window = boots.to_bytes(4, "big") + at.to_bytes(4, "big")
            scoped = snmp.decode_scoped(keys.privacy.decrypt(parts.body, window, parts.salt))
        except BerError:
            return None
        asked = scoped.message
        bound = [Varbind(oid, ber.COUNTER32, 123_456_789) for oid in asked.oids]
        pdu = snmp.encode_message(snmp.V3, b"", snmp.RESPONSE, asked.request_id, 0, 0, bound)
        answer = snmp.encode_scoped(scoped.context_engine, scoped.context, pdu)
        return self._sealed(parts, answer, AUTH | PRIV)

    def _time(self) -> int:
        return int(time.monotonic() - self.began) + 1000

    def _report(self, parts: Parts, oid: bytes, flags: int) -> bytes:
        pdu = snmp.encode_message(
            snmp.V3, b"", snmp.REPORT, 0, 0, 0, [Varbind(oid, ber.COUNTER32, 1)]
        )
        return self._sealed(parts, snmp.encode_scoped(self.engine, b"", pdu), flags)

    def _sealed(self, parts: Parts, scoped: bytes, flags: int) -> bytes:
        keys = self.ring.keys(USER, self.engine) if flags else None
        at, salt = self._time(), b""
        if flags & PRIV and keys is not None and keys.privacy is not None:
            salt = self.ring.salt()
            window = (1).to_bytes(4, "big") + at.to_bytes(4, "big")
            scoped = keys.privacy.encrypt(scoped, window, salt)
        octets = 0 if keys is None else keys.octets
        text, number = ber.OCTET_STRING, ber.encode_integer
        globe = number(parts.message_id) + number(65507) + ber.encode(text, bytes((flags,)))
        names = ber.encode(text, self.engine) + number(1) + number(at)
        names += ber.encode(text, parts.user) + ber.encode(text, bytes(octets))
        security = ber.encode(ber.SEQUENCE, names + ber.encode(text, salt))
        whole = number(snmp.V3) + ber.encode(ber.SEQUENCE, globe + number(v3.USM))
        whole += ber.encode(text, security) + (ber.encode(text, scoped) if salt else scoped)
        message = ber.encode(ber.SEQUENCE, whole)
        if keys is None:
            return message
        start = v3.decode(message).digest_at
        return message[:start] + keys.digest(message) + message[start + octets :]


def main(port: int, devices: int) -> None:
    ring, began = KeyRing(), time.monotonic()
    waiting = selectors.DefaultSelector()
    for number in range(devices):
        one = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        one.settimeout(0)
        one.bind((address(number), port))
        waiting.register(one, selectors.EVENT_READ, Device(number, ring, began))
    print("ready", flush=True)
    while True:
        for key, _ in waiting.select():
            sock = key.fileobj
            assert isinstance(sock, socket.socket)
            data, source = sock.recvfrom(65535)
            answer = key.data.reply(data)
            if answer:
                sock.sendto(answer, source)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))

"""An authoritative SNMPv3 engine in a few lines around the fake agent: RFC 3414 section 3.2."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from agent import ber, snmp, v3
from agent.ber import BerError
from agent.snmp import Varbind
from agent.usm import SALT, KeyRing, User
from agent.v3 import AUTH, PRIV, Head, Parts, Window
from tests.agent.fake import FakeAgent

STATS = "1.3.6.1.6.3.15.1.1.{}.0"
REPORTS = {
    "unsupportedSecLevels": 1,
    "notInTimeWindows": 2,
    "unknownUserNames": 3,
    "unknownEngineIDs": 4,
    "wrongDigests": 5,
    "decryptionErrors": 6,
}


@dataclass
class FakeEngine:
    """``time`` is the engine's, in seconds. ``tells``: whether it reports what it cannot decrypt.

    ``reports`` are the names of those sent.
    """

    agent: FakeAgent
    users: Iterable[User]
    engine: bytes = b"\x80\x00\x1f\x88\x04here"
    boots: int = 3
    time: int = 1000
    tells: bool = False
    reports: list[str] = field(default_factory=list)
    ring: KeyRing = field(default_factory=KeyRing)

    def __post_init__(self) -> None:
        self.known = {user.name: user for user in self.users}

    def answer(self, data: bytes) -> bytes | None:
        """The reply to a request; None is silence."""
        try:
            parts = v3.decode(data)
        except BerError:
            return None
        user = self.known.get(parts.user)
        wrong = self._wrong(parts, data, user)
        if wrong or user is None:
            timely = user if wrong == "notInTimeWindows" else None
            return self._report(parts, wrong, timely)
        body = parts.body
        if parts.flags & PRIV:
            keys = self.ring.keys(user, self.engine)
            assert keys is not None
            assert keys.privacy is not None
            window = parts.window.boots.to_bytes(4, "big") + parts.window.time.to_bytes(4, "big")
            body = keys.privacy.decrypt(body, window, parts.salt)
        try:
            return self._answer(parts, body, user)
        except BerError:
            return self._report(parts, "decryptionErrors") if self.tells else None

    def _wrong(self, parts: Parts, data: bytes, user: User | None) -> str:
        """What is to be reported, in the RFC's order; empty: all is well."""
        if parts.engine != self.engine:
            return "unknownEngineIDs"
        if user is None:
            return "unknownUserNames"
        level = (AUTH if user.auth else 0) | (PRIV if user.priv else 0)
        if parts.flags & ~level & (AUTH | PRIV):
            return "unsupportedSecLevels"
        if not parts.flags & AUTH:
            return ""
        keys = self.ring.keys(user, self.engine)
        assert keys is not None
        if not keys.genuine(parts.zeroed(data), parts.digest):
            return "wrongDigests"
        boots, time = parts.window
        timely = boots == self.boots and abs(time - self.time) <= 150
        return "" if timely else "notInTimeWindows"

    def _answer(self, parts: Parts, body: bytes, user: User) -> bytes:
        scoped = snmp.decode_scoped(body)
        asked = scoped.message
        plain = self.agent.answer(
            snmp.encode_message(
                snmp.V2C, b"", asked.pdu, asked.request_id, asked.status, asked.index,
                asked.varbinds(),
            )
        )  # fmt: skip
        found = snmp.decode_message(plain)
        pdu = snmp.encode_message(
            snmp.V3, b"", snmp.RESPONSE, found.request_id, found.status, found.index,
            found.varbinds(),
        )  # fmt: skip
        answer = snmp.encode_scoped(scoped.context_engine, scoped.context, pdu)
        return self.seal(parts.message_id, answer, user, parts.flags & (AUTH | PRIV))

    def _report(self, parts: Parts, name: str, user: User | None = None) -> bytes:
        """A report; authenticated when there is a user."""
        self.reports.append(name)
        oid = ber.oid_content(STATS.format(REPORTS[name]))
        bind = Varbind(oid, ber.COUNTER32, len(self.reports))
        pdu = snmp.encode_message(snmp.V3, b"", snmp.REPORT, 0, 0, 0, [bind])
        scoped = snmp.encode_scoped(self.engine, b"", pdu)
        return self.seal(parts.message_id, scoped, user or User(parts.user), AUTH if user else 0)

    def seal(self, message_id: int, scoped: bytes, user: User, flags: int) -> bytes:
        """A message of ours around a scoped PDU."""
        keys = self.ring.keys(user, self.engine) if flags & AUTH else None
        salt = b""
        window = self.boots.to_bytes(4, "big") + self.time.to_bytes(4, "big")
        if flags & PRIV:
            assert keys is not None
            assert keys.privacy is not None
            salt = self.ring.salt()
            scoped = keys.privacy.encrypt(scoped, window, salt)
        digest = keys.octets if keys is not None else 0
        head = Head(flags, self.engine, user.name, digest, SALT if salt else 0)
        frame = v3.frame(head, Window(self.boots, self.time), len(scoped))
        time = ber.encode_integer(self.time)[2:]
        start = frame.start + message_id.to_bytes(4, "big") + frame.to_time + time + frame.to_digest
        rest = frame.to_salt + salt + frame.to_body + scoped
        if keys is None:
            return start + rest
        return start + keys.digest(start + bytes(digest) + rest) + rest

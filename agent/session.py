"""One device's SNMPv3 session: who it is, what time it has, what it said to us. Pure.

A look begins with the request itself, or, when the device is unknown or was silent last time,
with a discovery (RFC 3414 section 4). Silence is followed by a discovery too: a repeat first asks
who is there, so a unit that was swapped is found within the look, and what answers a discovery is
never called down. Reports change the session or end the look by their names (RFC 3414 section
3.2). A privacy key that the device does not share is silence with most agents: a request without
privacy that is answered tells.

Message ids are the request ids, never used twice within hours, so an authentic message with the
id under way cannot be an old one repeated; its boots and time are believed even when they fall.
"""

from __future__ import annotations

from enum import Enum
from typing import Any, Final

from agent import ber, snmp, v3
from agent.ber import BerError
from agent.snmp import Message, Stray, Template
from agent.usm import SALT, KeyRing, Keys, User, digest_octets
from agent.v3 import AUTH, PRIV, REPORTABLE, Frame, Head, Parts, Split, Window
from config.inventory import PrivProtocol

WRONG_PRIVACY: Final = "wrongPrivacyKey"
SILENT: Final = "silentToUser"
"""Reasons of ours, beside the names of reports: see ``wire.reasons``."""

REPORTS: Final = 3
"""Reports in one look after which a device is believed not to get along with us."""

TIME_WINDOW: Final = 150
"""Seconds (RFC 3414 section 2.2.3)."""

_FRAMES: Final = 64
_SPLITS: Final = 8
_ENGINE_OCTETS: Final = 5

_STATS: Final = ber.oid_content("1.3.6.1.6.3.15.1.1")
_USM_REPORTS: Final = {
    1: "unsupportedSecLevels",
    2: "notInTimeWindows",
    3: "unknownUserNames",
    4: "unknownEngineIDs",
    5: "wrongDigests",
    6: "decryptionErrors",
}
_REPORTS: Final = {
    **{_STATS + bytes((number, 0)): name for number, name in _USM_REPORTS.items()},
    ber.oid_content("1.3.6.1.6.3.11.2.1.1.0"): "unknownSecurityModels",
    ber.oid_content("1.3.6.1.6.3.11.2.1.2.0"): "invalidMsgs",
    ber.oid_content("1.3.6.1.6.3.11.2.1.3.0"): "unknownPDUHandlers",
    ber.oid_content("1.3.6.1.6.3.12.1.4.0"): "unavailableContexts",
    ber.oid_content("1.3.6.1.6.3.12.1.5.0"): "unknownContexts",
}
_DISCOVERY: Final = snmp.template(snmp.V3, b"", snmp.GET, ())
_UPTIME: Final = ber.oid_content("1.3.6.1.2.1.1.3.0")
_PROBE: Final = snmp.template(snmp.V3, b"", snmp.GET, (_UPTIME,))
_from_bytes: Final = int.from_bytes


class Step(Enum):
    """What is asked now; the probes are for sysUpTime alone, without and with privacy."""

    DISCOVER = "discover"
    ASK = "ask"
    PROBE_OPEN = "probe open"
    PROBE_SEALED = "probe sealed"


class Session:
    """``seal`` makes datagrams, ``open`` reads them; ``refused`` names why the device will not.

    ``probed``: small requests are answered where the look's own is not.
    """

    __slots__ = ("_frames", "_head", "_heard", "_keys", "_reports", "_ring", "_silent", "_splits",
                 "_spoke", "_suspect", "_synced", "_synced_ns", "_window", "engine", "probed",
                 "refused", "sent_ns", "step", "user")  # fmt: skip

    def __init__(self, user: User, ring: KeyRing) -> None:
        self.user = user
        self.engine = b""
        self.step = Step.DISCOVER
        self.refused = ""
        self.probed = False
        self.sent_ns = 0
        self._ring = ring
        self._keys: Keys | None = None
        self._window = Window()
        self._synced_ns = 0
        self._synced = False
        self._silent = False
        self._suspect = False
        self._heard = False
        self._spoke = False
        self._reports = 0
        self._head = Head(REPORTABLE)
        self._frames: dict[Template, tuple[int, Template, Frame]] = {}
        self._splits: dict[int, Split] = {}

    @property
    def boots(self) -> tuple[bytes, int] | None:
        """Engine id and snmpEngineBoots by the device's last authentic word; None without one."""
        return (self.engine, self._window.boots) if self._synced else None

    def begin(self) -> None:
        """A new look."""
        self.step = Step.ASK if self.engine and not self._silent else Step.DISCOVER
        self.refused = ""
        self.probed = self._heard = self._spoke = False
        self._reports = 0

    # -- sending ----------------------------------------------------------------------------------

    def seal(self, template: Template, request_id: int, now_ns: int) -> bytes:
        """The datagram to send now, monotonic time given."""
        self.sent_ns = now_ns
        if self.step is not Step.ASK:
            template = _DISCOVERY if self.step is Step.DISCOVER else _PROBE
        boots, time = self._window
        if self._synced_ns:
            time = min(time + (now_ns - self._synced_ns) // 1_000_000_000, v3.MAX_TIME)
        if self.step is Step.DISCOVER:
            boots = time = 0
        octets = time.bit_length() // 8 + 1
        known = self._frames.get(template) if self.step is Step.ASK else None
        if known is None or known[0] != octets:
            known = self._frame(template, Window(boots, time), octets)
        _, inner, frame = known
        number = request_id.to_bytes(4, "big")
        body = inner.before + number + inner.after
        start = frame.start + number + frame.to_time + time.to_bytes(octets, "big")
        start += frame.to_digest
        keys = self._keys
        if keys is None or self.step is Step.DISCOVER:
            return start + frame.to_salt + frame.to_body + body
        rest = frame.to_salt + frame.to_body + body
        if self.step is not Step.PROBE_OPEN and keys.privacy is not None:
            salt = self._salt(boots)
            window = boots.to_bytes(4, "big") + time.to_bytes(4, "big")
            rest = frame.to_salt + salt + frame.to_body + keys.privacy.encrypt(body, window, salt)
        return start + keys.digest(start + bytes(keys.octets) + rest) + rest

    def _salt(self, boots: int) -> bytes:
        """RFC 3414 section 8.1.1.1 (DES: boots and a number), RFC 3826 section 3.1.2.1."""
        salt = self._ring.salt()
        if self.user.priv is PrivProtocol.DES:
            return boots.to_bytes(4, "big") + salt[4:]
        return salt

    def _frame(
        self, template: Template, window: Window, octets: int
    ) -> tuple[int, Template, Frame]:
        """The scoped PDU around the id, and what stands around it."""
        user, head = self.user, self._head
        engine, context = user.context_engine or self.engine, user.context
        if self.step is Step.DISCOVER:
            head, engine, context = Head(REPORTABLE), b"", b""
        elif self.step is Step.PROBE_OPEN:
            head = Head(head.flags & ~PRIV, head.engine, head.user, head.digest)
        pdu = template.before + bytes(4) + template.after
        scoped = snmp.encode_scoped(engine, context, pdu)
        before = scoped[: len(scoped) - len(template.after) - 4]
        size = len(scoped)
        if head.flags & PRIV and user.priv is PrivProtocol.DES:
            size += -size % 8
        made = octets, Template(before, template.after), v3.frame(head, window, size)
        if len(self._frames) >= _FRAMES:
            self._frames.clear()
        if self.step is Step.ASK:
            self._frames[template] = made
        return made

    # -- receiving --------------------------------------------------------------------------------

    def open(self, data: bytes, request_id: int) -> bytes | None:
        """The plain scoped PDU of the reply to the look's request.

        None: the session has taken it (a report, a probe's answer). Raises BerError or Stray.
        """
        split = self._splits.get(len(data))
        if split is not None and self.step is Step.ASK:
            found = split.unpack(data)
            if found[::2] == split.headers and found[1] == request_id:
                return self._quickly(split, data, found)
        parts = v3.decode(data)
        if parts.message_id != request_id:
            raise Stray
        genuine = self._genuine(parts, data)
        plain = self._plain(parts)
        if plain is None:
            self._refuse(WRONG_PRIVACY)
            return None
        body, message = plain
        if message.pdu == snmp.REPORT:
            self._report(parts, message, genuine=genuine)
            return None
        if message.pdu != snmp.RESPONSE:  # our own request sent back is authentic, too
            raise Stray
        return body if self._response(parts, message, data) else None

    def _plain(self, parts: Parts) -> tuple[bytes, Message] | None:
        """The scoped PDU in a message; None when decryption gave no such thing."""
        sealed = bool(parts.flags & PRIV)
        body = self._decrypted(parts) if sealed else parts.body
        try:
            scoped = snmp.decode_scoped(body)
        except BerError:
            if sealed:
                return None
            raise
        if scoped.size < len(body) and not sealed:  # sealed it is padding
            raise BerError("octets after the scoped PDU")
        return body[: scoped.size], scoped.message

    def message(self, plain: bytes, request_id: int) -> Message:
        """The decoded reply in a plain scoped PDU, if it answers the request under way."""
        engine, context, message, _ = snmp.decode_scoped(plain)
        ours = (self.user.context_engine or self.engine, self.user.context)
        if message.pdu != snmp.RESPONSE or message.request_id != request_id:
            raise Stray
        if (engine, context) != ours:
            raise Stray
        return message

    def _quickly(self, split: Split, data: bytes, found: tuple[Any, ...]) -> bytes:
        """The scoped PDU of a reply that looks like an earlier one."""
        keys = self._keys
        assert keys is not None
        assert keys.privacy is not None
        _, _, _, time, _, digest, _, salt, _, body = found
        number = _from_bytes(time, "big")
        if number > v3.MAX_TIME or not keys.genuine(split.zeroed(data), digest):
            raise BerError("digest is wrong")
        boots = split.window.boots
        self._timely(Window(boots, number))
        window = boots.to_bytes(4, "big") + number.to_bytes(4, "big")
        plain = keys.privacy.decrypt(body, window, salt)
        self._heard = self._spoke = True
        if self.user.priv is PrivProtocol.DES:  # RFC 3414 section 8.1.1.2: padding is ignored
            _, _, end = ber.element(plain, 0, len(plain))
            return plain[:end]
        return plain

    def _genuine(self, parts: Parts, data: bytes) -> bool:
        """Whether a message is authentic; raises BerError when it only says so."""
        if not parts.flags & AUTH:
            return False
        keys = self._keys
        if keys is None or parts.engine != self.engine or parts.user != self.user.name:
            raise Stray
        if not keys.genuine(parts.zeroed(data), parts.digest):
            raise BerError("digest is wrong")
        return True

    def _decrypted(self, parts: Parts) -> bytes:
        """The octets of an authentic message's body, padding included."""
        privacy = None if self._keys is None else self._keys.privacy
        if privacy is None or len(parts.salt) != SALT or not parts.body:
            raise BerError("encrypted without need, salt or content")
        boots, time = parts.window
        window = boots.to_bytes(4, "big") + time.to_bytes(4, "big")
        return privacy.decrypt(parts.body, window, parts.salt)

    def _response(self, parts: Parts, message: Message, data: bytes) -> bool:
        """Take note of a response; whether it is for the look (or for a probe)."""
        sealed = bool(parts.flags & PRIV)
        probed = self.step is Step.PROBE_OPEN and not sealed
        level = self._head.flags & (AUTH if probed else AUTH | PRIV)
        if parts.flags & (AUTH | PRIV) != level or not self.engine:
            raise Stray  # less protected than what was asked (RFC 3412 section 7.2 step 10)
        if parts.engine != self.engine or parts.user != self.user.name:
            raise Stray
        if parts.flags & AUTH:
            self._timely(parts.window)
        self._heard = True
        if probed:
            self._open_answered()
            return False
        self._suspect = False
        if self.step is Step.PROBE_SEALED and message.oids == [_UPTIME]:
            self.probed = True
            return False
        self._silent, self._spoke, self.step = False, True, Step.ASK
        if sealed:
            if len(self._splits) >= _SPLITS:
                self._splits.clear()
            self._splits[len(data)] = Split(parts, data)
        return True

    def _timely(self, window: Window) -> None:
        """RFC 3414 section 3.2 step 7 b: take over an authentic time; raises Stray for an old one.

        The moment of sending stands for that of the reply: never too late, and near enough.
        """
        if self._synced:
            boots, time = self._window
            time += (self.sent_ns - self._synced_ns) // 1_000_000_000
            if window.boots < boots or (window.boots == boots and window.time < time - TIME_WINDOW):
                raise Stray
        if window.boots != self._window.boots:
            self._frames.clear()
            self._splits.clear()
        self._window, self._synced_ns, self._synced = window, self.sent_ns, True

    # -- reports and silence ----------------------------------------------------------------------

    def _report(self, parts: Parts, message: Message, *, genuine: bool) -> None:
        """Act on a report."""
        name = _REPORTS.get(message.oids[0], "") if message.oids else ""
        self._heard = True
        self._reports += 1
        if self.step is Step.DISCOVER:
            if not parts.engine:
                raise Stray
            self._meet(parts)
        elif name == "unknownEngineIDs" and parts.engine not in (b"", self.engine):
            self._meet(parts)
        elif name == "notInTimeWindows" and parts.engine == self.engine and self._keys is not None:
            self._frames.clear()
            self._splits.clear()
            self._window, self._synced_ns, self._synced = parts.window, self.sent_ns, genuine
        elif self.step is Step.PROBE_OPEN and name not in {"unknownUserNames", "wrongDigests"}:
            self._open_answered()
        else:
            self._refuse(name or "unknownReport")
        if self._reports > REPORTS:
            self._refuse(name or "unknownReport")

    def _meet(self, parts: Parts) -> None:
        """The device has said who it is; its time is a hint until an authentic one comes."""
        self.step, self._silent = Step.ASK, False
        if parts.engine == self.engine:
            return
        user, engine = self.user, parts.engine
        self.engine = engine
        self._keys = self._ring.keys(user, engine)
        self._frames.clear()
        self._splits.clear()
        self._suspect = False
        self._window, self._synced_ns, self._synced = parts.window, self.sent_ns, False
        flags = REPORTABLE
        digest = salt = 0
        if user.auth is not None:
            flags, digest = flags | AUTH, digest_octets(user.auth)
            if user.priv is not None:
                flags, salt = flags | PRIV, SALT
        self._head = Head(flags, engine, user.name, digest, salt)

    def _open_answered(self) -> None:
        """A request without privacy was answered where those with it are not."""
        if self._suspect:
            self._refuse(WRONG_PRIVACY)
        else:
            self.step = Step.PROBE_SEALED

    def _refuse(self, reason: str) -> None:
        self.refused = reason

    def missed(self, *, allowed: bool) -> bool:
        """Nothing came in time; ``allowed``: the look has a repeat left. Whether to send again."""
        if self.step is Step.PROBE_SEALED:
            self._suspect = True
            self._refuse(WRONG_PRIVACY)
            return False
        if self.step is Step.PROBE_OPEN:
            if self._heard:
                self._refuse(SILENT)
            self._silent, self._suspect = not self._heard, False
            return False
        if self.step is Step.DISCOVER or self._spoke:
            self._silent = not (allowed or self._heard)
            return allowed
        return self._unanswered(allowed=allowed)

    def _unanswered(self, *, allowed: bool) -> bool:
        """The look's own request was not answered, nor any before it in this look."""
        if self._suspect or (self._heard and not allowed and self.user.priv is not None):
            self.step = Step.PROBE_OPEN
            return True
        if not self._heard:
            self.step = Step.DISCOVER if allowed else self.step
            self._silent = not allowed
            return allowed
        if not allowed:
            self._refuse(SILENT)
        return allowed

"""Octets to traps, by pysnmp: versions 1, 2c and 3 (USM), and the answers to informs.

Whatever comes, nothing escapes from ``Decoder.take`` but a verdict. Answers are handed back, not
sent: the caller sends them once the inform is on disk.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from pyasn1.codec.ber import decoder, encoder
from pysnmp.carrier.base import AbstractTransportDispatcher
from pysnmp.entity import config as usm
from pysnmp.entity.engine import SnmpEngine
from pysnmp.proto import api
from pysnmp.proto.api import v1, v2c, verdec
from pysnmp.proto.mpmod.rfc3412 import SNMPv3Message
from pysnmp.proto.rfc1902 import OctetString
from pysnmp.proto.secmod.rfc3414.service import UsmSecurityParameters

from agent import traps
from agent.traps import Bind, Trap
from config.traps import TrapAccess, TrapUser

ENGINES_MOST: Final = 4096
"""Engines of senders of SNMPv3 traps that are remembered."""

_DOMAIN: Final = (1, 3, 6, 1, 6, 1, 1)
_V3: Final = 3
_TEXT_MOST: Final = 512
_NAMES: Final = {0: "1", 1: "2c", 3: "3"}

_AUTH: Final = {
    None: usm.USM_AUTH_NONE,
    "MD5": usm.USM_AUTH_HMAC96_MD5,
    "SHA": usm.USM_AUTH_HMAC96_SHA,
    "SHA-224": usm.USM_AUTH_HMAC128_SHA224,
    "SHA-256": usm.USM_AUTH_HMAC192_SHA256,
    "SHA-384": usm.USM_AUTH_HMAC256_SHA384,
    "SHA-512": usm.USM_AUTH_HMAC384_SHA512,
}
_PRIV: Final = {
    None: usm.USM_PRIV_NONE,
    "DES": usm.USM_PRIV_CBC56_DES,
    "AES": usm.USM_PRIV_CFB128_AES,
    "AES-192": usm.USM_PRIV_CFB192_AES_BLUMENTHAL,
    "AES-256": usm.USM_PRIV_CFB256_AES_BLUMENTHAL,
    "AES-192-C": usm.USM_PRIV_CFB192_AES,
    "AES-256-C": usm.USM_PRIV_CFB256_AES,
}


@dataclass(frozen=True, slots=True)
class Heard:
    """What a datagram came to.

    ``trap`` None: none was in it, and ``refused`` says why (``undecodable``, ``not_a_trap``,
    ``not_believed`` for SNMPv3 that does not authenticate; empty for USM's discovery). A trap
    with ``refused`` ``community`` is kept, and nothing follows from it. ``replies`` are sent when
    the trap is on disk, those of no trap at once.
    """

    trap: Trap | None = None
    refused: str = ""
    replies: tuple[bytes, ...] = ()


class _Held(AbstractTransportDispatcher):  # type: ignore[misc]  # pysnmp has no types
    """A transport that keeps what pysnmp sends."""

    def __init__(self) -> None:
        super().__init__()
        self.sent: list[bytes] = []

    def send_message(self, outgoing: Any, _domain: Any, _address: Any) -> None:
        self.sent.append(bytes(outgoing))


class Decoder:
    """``engine_id`` and ``boots`` are ours (RFC 3411, RFC 3414): informs are under us."""

    def __init__(self, access: TrapAccess, engine_id: bytes, boots: int) -> None:
        self._communities = [one.get_secret_value().encode() for one in access.communities]
        self._users = {user.name.encode(): user for user in access.user}
        self._engine_id = engine_id
        self._engines: set[tuple[bytes, bytes]] = set()
        self._heard: list[Heard] = []
        self._held = _Held()
        self._engine: Any = None
        if self._users:
            self._engine = self._open(engine_id, boots)

    def take(self, data: bytes, source: tuple[str, int]) -> Heard:
        """One datagram from ``source``. Never raises."""
        try:
            version = int(verdec.decode_message_version(data))
            if version == _V3:
                return self._v3(data, source)
            return self._community_based(data, version)
        except Exception:  # noqa: BLE001  hostile octets raise anything in a decoder
            return Heard(refused="undecodable")

    def tick(self, now_s: float) -> None:
        """Let pysnmp forget what is over; to be called every second or so."""
        self._held.handle_timer_tick(now_s)

    # -- versions 1 and 2c ------------------------------------------------------------------------

    def _community_based(self, data: bytes, version: int) -> Heard:
        module = api.PROTOCOL_MODULES[version]
        message, _ = decoder.decode(data, asn1Spec=module.Message())
        pdu = module.apiMessage.get_pdu(message)
        community = bytes(module.apiMessage.get_community(message))
        known = any(hmac.compare_digest(community, one) for one in self._communities)
        refused = "" if known or not self._communities else "community"
        if pdu.tagSet == v1.TrapPDU.tagSet and version == 0:
            return Heard(_v1(pdu), refused)
        confirmed = pdu.tagSet == v2c.InformRequestPDU.tagSet
        if version == 0 or not (confirmed or pdu.tagSet == v2c.SNMPv2TrapPDU.tagSet):
            return Heard(refused="not_a_trap")
        replies: tuple[bytes, ...] = ()
        if confirmed and not refused:
            answer = v2c.apiMessage.get_response(message)
            v2c.apiPDU.set_varbinds(v2c.apiMessage.get_pdu(answer), v2c.apiPDU.get_varbinds(pdu))
            replies = (bytes(encoder.encode(answer)),)
        return Heard(_v2(pdu, "2c"), refused, replies)

    # -- version 3 --------------------------------------------------------------------------------

    def _open(self, engine_id: bytes, boots: int) -> Any:
        engine = SnmpEngine()  # given its id, it would keep a count of boots in a file of its own
        builder = engine.get_mib_builder()
        own, held = builder.import_symbols(
            "__SNMP-FRAMEWORK-MIB", "snmpEngineID", "snmpEngineBoots"
        )
        own.syntax = engine.snmpEngineID = own.syntax.clone(engine_id)
        held.syntax = held.syntax.clone(boots)
        engine.register_transport_dispatcher(self._held)
        kinds = (v2c.SNMPv2TrapPDU.tagSet, v2c.InformRequestPDU.tagSet)
        engine.message_dispatcher.register_context_engine_id(b"", kinds, self._taken)
        for user in self._users.values():
            _add(engine, user, None)
        return engine

    def _v3(self, data: bytes, source: tuple[str, int]) -> Heard:
        if self._engine is None:
            return Heard(refused="not_believed")
        learnt = self._learn(data)
        self._heard.clear()
        self._held.sent.clear()
        self._engine.message_dispatcher.receive_message(self._engine, _DOMAIN, source, data)
        replies = tuple(self._held.sent)
        if self._heard:
            heard = self._heard[0]
            return Heard(heard.trap, heard.refused, () if heard.refused else replies)
        if learnt is not None:  # it did not prove that it is one of our users
            self._engines.discard(learnt)
            usm.delete_v3_user(self._engine, learnt[1].decode(), OctetString(learnt[0]))
        return Heard(refused="" if replies else "not_believed", replies=replies)

    def _learn(self, data: bytes) -> tuple[bytes, bytes] | None:
        """Give a user its keys at the sender's engine, the first time that it comes from there.

        A trap is under its sender's authority: the keys are those of its engine (RFC 3414 2.6).
        """
        message, _ = decoder.decode(data, asn1Spec=SNMPv3Message())
        found, _ = decoder.decode(bytes(message[2]), asn1Spec=UsmSecurityParameters())
        engine_id, name = bytes(found[0]), bytes(found[3])
        known = (engine_id, name)
        if engine_id == self._engine_id or known in self._engines or name not in self._users:
            return None
        if not 5 <= len(engine_id) <= 32 or len(self._engines) >= ENGINES_MOST:
            return None
        _add(self._engine, self._users[name], engine_id)
        self._engines.add(known)
        return known

    def _taken(self, engine: Any, *given: Any) -> None:
        """Take a notification that pysnmp has authenticated and decrypted (its ``process_pdu``)."""
        model, security, name, level, context_id, context, pdu_version, pdu, size, state = given
        user = self._users.get(bytes(name))
        wanted = 1
        if user is not None:
            wanted += (user.auth is not None) + (user.priv is not None)
        if user is None or int(level) < wanted:
            self._heard.append(Heard(refused="not_believed"))
            return
        if pdu.tagSet == v2c.InformRequestPDU.tagSet:
            answer = v2c.apiPDU.get_response(pdu)
            v2c.apiPDU.set_varbinds(answer, v2c.apiPDU.get_varbinds(pdu))
            engine.message_dispatcher.return_response_pdu(
                engine, model, security, name, level, context_id, context, pdu_version, answer,
                size, state, {},
            )  # fmt: skip
        self._heard.append(Heard(_v2(pdu, "3")))


def _add(engine: Any, user: TrapUser, engine_id: bytes | None) -> None:
    usm.add_v3_user(
        engine,
        user.name,
        _AUTH[user.auth],
        None if user.auth_password is None else user.auth_password.get_secret_value(),
        _PRIV[user.priv],
        None if user.priv_password is None else user.priv_password.get_secret_value(),
        securityEngineId=None if engine_id is None else OctetString(engine_id),
    )


def _v1(pdu: Any) -> Trap:
    get = v1.apiTrapPDU
    enterprise = _dotted(get.get_enterprise(pdu))
    generic, specific = int(get.get_generic_trap(pdu)), int(get.get_specific_trap(pdu))
    agent = _address(bytes(get.get_agent_address(pdu)))
    binds = _binds(get.get_varbinds(pdu))
    return Trap(
        "1",
        confirmed=False,
        request_id=0,
        oid=traps.v2_oid(enterprise, generic, specific),
        uptime=int(get.get_timestamp(pdu)),
        binds=(*binds, Bind(traps.TRAP_ENTERPRISE, "ObjectIdentifier", enterprise)),
        agent="" if agent == "0.0.0.0" else agent,  # noqa: S104  it says that it does not know
    )


def _v2(pdu: Any, version: str) -> Trap:
    get = v2c.apiPDU
    oid, agent, uptime = "", "", None
    binds = []
    for bind in _binds(get.get_varbinds(pdu)):
        if bind.oid == traps.TRAP_OID and not oid:
            oid = bind.value
        elif bind.oid == traps.SYS_UPTIME and uptime is None and bind.value.isdecimal():
            uptime = int(bind.value)
        else:
            binds.append(bind)
            if bind.oid == traps.TRAP_ADDRESS:
                agent = bind.value
    return Trap(
        version,
        confirmed=pdu.tagSet == v2c.InformRequestPDU.tagSet,
        request_id=int(get.get_request_id(pdu)),
        oid=oid[:_TEXT_MOST],
        uptime=uptime,
        binds=tuple(binds),
        agent=agent[:64],
    )


def _binds(found: Iterable[tuple[Any, Any]]) -> tuple[Bind, ...]:
    binds = (Bind(_dotted(name), type(value).__name__, _text(value)) for name, value in found)
    return tuple(one for one in binds if one.oid != traps.TRAP_COMMUNITY)


def _dotted(oid: Any) -> str:
    return ".".join(map(str, tuple(oid)))


def _address(octets: bytes) -> str:
    return ".".join(map(str, octets))


def _text(value: Any) -> str:
    """A value as text; octets that are no printable text as ``0x`` and hex."""
    kind = type(value).__name__
    if kind in {"ObjectIdentifier", "ObjectName"}:
        return _dotted(value)
    if kind == "IpAddress":
        return _address(bytes(value))
    if hasattr(value, "asOctets"):
        octets = bytes(value)
        try:
            text = octets.decode()
        except UnicodeDecodeError:
            return f"0x{octets.hex()}"
        return text if text.isprintable() else f"0x{octets.hex()}"
    return str(int(value)) if hasattr(value, "__int__") else ""

"""pysnmp's process: requests in, replies out, a JSON object a line.

``python -m agent.io.pysnmp_worker``. A request is a line with its number ``n``, the address ``to``,
the access ``as`` (a number, and ``access`` itself when it is new), the level, ``timeout`` in
seconds and ``ask``: a version 2c message in hexadecimal whose PDU is to be asked; ``fresh``: what
was known of the device is to be forgotten (its engine id may be another now); ``bare``: in no
context. The reply has ``n`` and ``got`` (a version 2c message with the response's PDU), or
``error`` (the name of pysnmp's error indication, empty for silence). Secrets come by standard
input alone; the process ends with it.
"""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any, Final

from pyasn1.codec.ber import decoder, encoder
from pyasn1.error import PyAsn1Error
from pysnmp.carrier.asyncio.dgram import udp, udp6
from pysnmp.entity import config
from pysnmp.entity.engine import SnmpEngine
from pysnmp.entity.rfc3413.cmdgen import CommandGenerator
from pysnmp.error import PySnmpError
from pysnmp.proto.api import v2c
from pysnmp.proto.errind import RequestTimedOut
from pysnmp.proto.error import StatusInformation
from pysnmp.proto.rfc1902 import OctetString

LINE: Final = 1024 * 1024
TARGETS: Final = 2000
"""Addresses kept per access; pysnmp slows down with their number."""
OWN: Final = 100
"""Devices with an engine of their own: pysnmp does not forget a device's engine id otherwise."""

AUTH: Final = {
    "": config.USM_AUTH_NONE,
    "MD5": config.USM_AUTH_HMAC96_MD5,
    "SHA": config.USM_AUTH_HMAC96_SHA,
    "SHA-224": config.USM_AUTH_HMAC128_SHA224,
    "SHA-256": config.USM_AUTH_HMAC192_SHA256,
    "SHA-384": config.USM_AUTH_HMAC256_SHA384,
    "SHA-512": config.USM_AUTH_HMAC384_SHA512,
}
PRIV: Final = {
    "": config.USM_PRIV_NONE,
    "DES": config.USM_PRIV_CBC56_DES,
    "AES": config.USM_PRIV_CFB128_AES,
    "AES-192": config.USM_PRIV_CFB192_AES_BLUMENTHAL,
    "AES-256": config.USM_PRIV_CFB256_AES_BLUMENTHAL,
    "AES-192-C": config.USM_PRIV_CFB192_AES,
    "AES-256-C": config.USM_PRIV_CFB256_AES,
}
_MODEL: Final = {"1": 0, "2c": 1, "3": 3}
_TICK_S: Final = 0.1


class Speaker:
    """pysnmp's engine with one access: users of one name may have several passwords elsewhere.

    ``heard``: something has been answered, so there is something to forget.
    """

    def __init__(self, access: dict[str, Any]) -> None:
        self.heard = False
        self._version = access["version"]
        self._context = bytes.fromhex(access["context"])
        self._context_engine = bytes.fromhex(access["context_engine"]) or None
        self._engine = SnmpEngine()
        self._generator = CommandGenerator()
        self._targets: dict[tuple[str, int, str, float], str] = {}
        self._levels: set[str] = set()
        self._name: bytes | str = "asked"
        if self._version == "3":
            self._name = bytes.fromhex(access["name"])
            auth, auth_type = _password(access["auth_password"])
            priv, priv_type = _password(access["priv_password"])
            config.add_v3_user(
                self._engine,
                self._name,
                AUTH[access["auth"]],
                auth,
                PRIV[access["priv"]],
                priv,
                authKeyType=auth_type,
                privKeyType=priv_type,
            )
        else:
            community = bytes.fromhex(access["community"])
            config.add_v1_system(self._engine, "asked", community, securityName="asked")
        config.add_transport(
            self._engine, udp.DOMAIN_NAME, udp.UdpAsyncioTransport().open_client_mode()
        )
        config.add_transport(
            self._engine, udp6.DOMAIN_NAME, udp6.Udp6AsyncioTransport().open_client_mode()
        )
        self._engine.transport_dispatcher.set_timer_resolution(_TICK_S)

    @property
    def full(self) -> bool:
        return len(self._targets) >= TARGETS

    def close(self) -> None:
        self._engine.close_dispatcher()

    def ask(self, request: dict[str, Any]) -> asyncio.Future[dict[str, Any]]:
        """What is to be answered, in the end. Raises PySnmpError or PyAsn1Error."""
        message, _ = decoder.decode(bytes.fromhex(request["ask"]), asn1Spec=v2c.Message())
        done: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()

        def over(_engine: Any, _handle: Any, error: Any, pdu: Any, _context: Any) -> None:
            silent = isinstance(error, RequestTimedOut)
            self.heard = self.heard or not silent
            if done.done():
                return
            if error is not None:
                done.set_result({"error": "" if silent else type(error).__name__})
                return
            answer = v2c.Message()
            v2c.apiMessage.set_defaults(answer)
            v2c.apiMessage.set_community(answer, b"")
            v2c.apiMessage.set_pdu(answer, pdu)
            done.set_result({"got": encoder.encode(answer).hex()})

        self._generator.send_pdu(
            self._engine,
            self._target(request),
            self._context_engine,
            b"" if request["bare"] else self._context,
            v2c.apiMessage.get_pdu(message),
            over,
            None,
        )
        return done

    def _target(self, request: dict[str, Any]) -> str:
        """The name under which the engine knows address, level and time-out."""
        (host, port), level = request["to"], request["level"]
        timeout = request["timeout"]
        if level not in self._levels:
            self._levels.add(level)
            model = _MODEL[self._version]
            config.add_target_parameters(self._engine, level, self._name, level, model)
        key = (host, port, level, timeout)
        name = self._targets.get(key)
        if name is None:
            name = self._targets[key] = f"t{len(self._targets)}"
            domain = udp6.DOMAIN_NAME if ":" in host else udp.DOMAIN_NAME
            config.add_target_address(
                self._engine, name, domain, (host, port), level, round(timeout * 100), 0
            )
        return name


def _password(octets: str) -> tuple[OctetString | None, int]:
    """A password, or none, and of what kind of key it is."""
    if not octets:
        return None, config.USM_KEY_TYPE_LOCALIZED
    return OctetString(bytes.fromhex(octets)), config.USM_KEY_TYPE_PASSPHRASE


class Worker:
    """Serves requests until standard input ends."""

    def __init__(self) -> None:
        self._access: dict[int, dict[str, Any]] = {}
        self._speakers: dict[int, Speaker] = {}
        self._own: dict[tuple[int, str, int], Speaker] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def serve(self) -> None:
        loop = asyncio.get_running_loop()
        lines = asyncio.StreamReader(limit=LINE)
        await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
        async for line in lines:
            request = json.loads(line)
            if "access" in request:
                self._access[request["as"]] = request["access"]
            task = asyncio.create_task(self._serve(request))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _serve(self, request: dict[str, Any]) -> None:
        try:
            reply = await self._speaker(request).ask(request)
        except StatusInformation as error:
            reply = {"error": type(error.get("errorIndication")).__name__}
        except (PySnmpError, PyAsn1Error, OSError, ValueError) as error:
            reply = {"error": type(error).__name__, "detail": str(error)[:200]}
        sys.stdout.write(json.dumps({"n": request["n"], **reply}) + "\n")
        sys.stdout.flush()

    def _speaker(self, request: dict[str, Any]) -> Speaker:
        number = request["as"]
        own = (number, *request["to"])
        if request["fresh"] and (own not in self._own or self._own[own].heard):
            if own in self._own:
                self._own.pop(own).close()
            elif len(self._own) >= OWN:
                self._own.pop(next(iter(self._own))).close()
            self._own[own] = Speaker(self._access[number])
        if own in self._own:
            return self._own[own]
        known = self._speakers.get(number)
        if known is not None and known.full:
            self._speakers.pop(number).close()
            known = None
        if known is None:
            known = self._speakers[number] = Speaker(self._access[number])
        return known


if __name__ == "__main__":
    asyncio.run(Worker().serve())

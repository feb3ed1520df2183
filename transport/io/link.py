"""One process's connection to the MQTT broker, for ever.

aiomqtt's traps, closed here (DESIGN "Dependencies"):

* it never reconnects: a new client each time, with full jitter;
* an in-flight publish hangs 10 s when the link dies: ours are answered at the disconnection;
* a refused PUBACK looks like success: MQTT 5 is tried first because only there a refusal has a
  reason code, and the answer of ``publish`` is that code. MQTT 3.1.1 is enough otherwise;
* it acknowledges on arrival: nothing here relies on that (``transport.delivery``);
* its queue of arrivals has no bound: ours does, and a surplus is counted; senders repeat.

Of several places the first that takes us serves; from another one it goes back to the first as
soon as that one can be reached again.

Everything is QoS 1 in clean sessions.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import socket
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Final, NamedTuple

import aiomqtt
from paho.mqtt.client import MQTT_CLEAN_START_FIRST_ONLY
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from config.settings import BrokerPlace, BrokerSettings
from transport.io import log as logs
from transport.io.tls import context_of, plainly
from wire.codec import MAX_PAYLOAD

FIRST_DELAY_S: Final = 0.25
MOST_DELAY_S: Final = 10.0
"""Bounds of the waiting time before a reconnection; the time is drawn between 0 and the bound."""

RETURN_S: Final = 300.0
"""How often it is tried whether the first broker of several is back."""

LASTING_S: Final = 5.0
"""A connection that ends sooner counts as a failure: two clients of one id slow each other down."""

_PACKET_MOST: Final = MAX_PAYLOAD + 4096
_ARRIVALS_MOST: Final = 5000
_CONNECT_TIMEOUT_S: Final = 10.0
_LINGER_S: Final = 2.0
_UNSUPPORTED_VERSION: Final = 132
_SUSPICIOUS: Final = 3
"""Short connections in a row after which people are told."""

_TAKEN_OVER: Final = 142
"""MQTT 5: another client connected under our id (FAULTS F14)."""

_NO_ANSWER: Final = "Operation timed out"


class Message(NamedTuple):
    """A message from or to the broker."""

    topic: str
    payload: bytes
    retain: bool = False


class Link:
    """A connection that comes back by itself.

    ``on_message`` is called for each arrival, in order; it must not block: hand over to a
    bounded queue and drop what the sender repeats anyway. ``on_connected`` runs after the
    subscriptions stand and before any arrival is handed on (birth goes here);
    ``on_disconnected`` gets the reason. ``will`` is asked before each connection, so that a
    session counter can rise with each. What ``on_message`` and ``on_connected`` raise ends
    ``run``; so does a password or certificate file that cannot be read, until there has been a
    connection: after that it is tried again like any other failure.
    """

    def __init__(
        self,
        broker: BrokerSettings,
        *,
        client_id: str,
        on_message: Callable[[Message], None],
        subscriptions: tuple[str, ...] = (),
        will: Callable[[], Message | None] = lambda: None,
        on_connected: Callable[[], Awaitable[None]] | None = None,
        on_disconnected: Callable[[str], None] | None = None,
    ) -> None:
        self._broker = broker
        self._client_id = broker.username or client_id
        self._subscriptions = subscriptions
        self._will = will
        self._on_message = on_message
        self._on_connected = on_connected
        self._on_disconnected = on_disconnected
        self._client: _Client | None = None
        self._protocol = aiomqtt.ProtocolVersion.V5
        self._log = logs.get("link", client=self._client_id)
        self._changes = logs.Changes(self._log)
        self._ever = False
        self._at = 0
        self._left = False
        self._away_until = 0.0
        self.taken_over = 0
        self.too_large = 0
        self.refused = 0

    @property
    def connected(self) -> bool:
        return self._client is not None

    @property
    def place(self) -> BrokerPlace:
        """Where the broker is that serves us now, or is tried next."""
        return self._broker.places[self._at]

    def leave(self, seconds: float) -> None:
        """End this connection, and try none for so long (and up to a half more)."""
        self._away_until = time.monotonic() + seconds * random.uniform(1, 1.5)  # noqa: S311
        if self._client is not None:
            self._left = True
            self._client.leave("leaving for a while")

    async def run(self) -> None:
        """Connect, serve, reconnect; ends only when cancelled."""
        failures = 0
        while True:
            begun, self._left = time.monotonic(), False
            served = await self._once()
            _heed_cancellation()
            lasting = served and time.monotonic() - begun >= LASTING_S
            failures = 0 if lasting else failures + 1
            if served and failures == _SUSPICIOUS:
                self._log.error("connections do not last: does another client have our id?")
            if self._left:
                failures = 0
            elif not lasting:
                self._at = (self._at + 1) % len(self._broker.places)
            rounds = failures // len(self._broker.places)
            bound = min(MOST_DELAY_S, FIRST_DELAY_S * 2 ** min(rounds, 16))
            await asyncio.sleep(random.uniform(0, bound))  # noqa: S311  jitter is no secret
            await asyncio.sleep(max(0.0, self._away_until - time.monotonic()))

    async def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> bool:
        """Publish at QoS 1; True when the broker took it, False when refused or not connected.

        True is not delivery: the broker may still lose it.
        """
        answer = self.post(topic, payload, retain=retain)
        return answer is not None and await answer

    def post(
        self, topic: str, payload: bytes, *, retain: bool = False
    ) -> asyncio.Future[bool] | None:
        """Hand a message to the connection, in order; None when there is none.

        The future becomes True when the broker took it, False when it refused it or the
        connection ended before, or it is too large for anybody to take.
        """
        if self._client is None:
            return None
        if len(payload) > MAX_PAYLOAD:
            self.too_large += 1
            self._changes.note(
                ("large", topic), len(payload), "payload too large to send", topic=topic
            )
            answer: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
            answer.set_result(False)
            return answer
        return self._client.post(topic, payload, retain=retain)

    async def _once(self) -> bool:
        """One connection from beginning to end; whether it came to be."""
        served = False
        reason = "closed"
        back: asyncio.Task[None] | None = None
        try:
            client = self._new_client()
        except OSError as error:
            if not self._ever:
                raise
            self._changes.note("link", str(error), "no connection", reason=str(error))
            return False
        try:
            async with client:
                client.watch()
                _heed_cancellation()
                await self._subscribe(client)
                _heed_cancellation()
                self._client = client
                served = self._ever = True
                place = self.place
                self._changes.note(
                    "link", "up", "connected", level="info", host=place.host, port=place.port
                )
                back = asyncio.create_task(self._go_back(client)) if self._at else None
                await self._serve(client)
        except (aiomqtt.MqttError, UnicodeError) as error:  # a host that cannot be a name
            cause = error.__cause__ or error
            tls = self._broker.cafile is not None
            reason = client.why or plainly(error, self.place.host, tls=tls)
            if _code(cause) == _TAKEN_OVER:
                self.taken_over += 1
                self._changes.note("id", "taken", "another client has our id", level="error")
            if not served:
                self._other_version(error)
        finally:
            if back is not None:
                back.cancel()
            client.give_up()
            self._down(reason, client, served=served)
            await client.linger()
        return served

    async def _go_back(self, client: _Client) -> None:
        """End this connection once the first broker can be reached again."""
        first = self._broker.places[0]
        while True:
            await asyncio.sleep(RETURN_S * random.uniform(1, 1.5))  # noqa: S311  no secret
            try:
                async with asyncio.timeout(_CONNECT_TIMEOUT_S):
                    _, writer = await asyncio.open_connection(first.host, first.port)
            except (OSError, TimeoutError):
                continue
            writer.close()
            self._at, self._left = 0, True
            client.leave("back to the first broker")
            return

    def _other_version(self, error: Exception) -> None:
        """Speak the other MQTT version next time when this one was not understood.

        A broker of 3.1.1 alone says so (code 132 by paho) or never answers.
        """
        if _code(error) == _UNSUPPORTED_VERSION or str(error) == _NO_ANSWER:
            v5 = self._protocol is aiomqtt.ProtocolVersion.V5
            self._protocol = aiomqtt.ProtocolVersion.V311 if v5 else aiomqtt.ProtocolVersion.V5

    async def _serve(self, client: _Client) -> None:
        if self._on_connected is not None:
            await self._on_connected()
        async for arrived in client.messages:
            payload: bytes = arrived.payload
            if len(payload) > MAX_PAYLOAD:
                self.too_large += 1
                self._changes.note(
                    ("large", str(arrived.topic)), 1, "payload too large", topic=str(arrived.topic)
                )
                continue
            self._on_message(Message(str(arrived.topic), payload, bool(arrived.retain)))

    def _down(self, reason: str, client: _Client, *, served: bool) -> None:
        self._client = None
        self.refused += client.refused
        event = "disconnected" if served else "no connection"
        self._changes.note("link", reason, event, reason=reason)
        if served and self._on_disconnected is not None:
            self._on_disconnected(reason)

    async def _subscribe(self, client: _Client) -> None:
        """Subscribe; raises MqttError naming the filters that the broker refused."""
        if not self._subscriptions:
            return
        if self._protocol is aiomqtt.ProtocolVersion.V5:
            wanted: Any = [(topic, SubscribeOptions(qos=1)) for topic in self._subscriptions]
        else:
            wanted = [(topic, 1) for topic in self._subscriptions]
        codes = await client.subscribe(wanted)
        values = [code if isinstance(code, int) else code.value for code in codes]
        refused = [
            topic for topic, value in zip(self._subscriptions, values, strict=True) if value >= 0x80
        ]
        if refused:
            raise aiomqtt.MqttError(f"subscription refused: {', '.join(refused)}")

    def _new_client(self) -> _Client:
        broker = self._broker
        will = self._will()
        v5 = self._protocol is aiomqtt.ProtocolVersion.V5
        return _Client(
            hostname=self.place.host,
            port=self.place.port,
            username=broker.username,
            password=_password(broker),
            identifier=self._client_id,
            protocol=self._protocol,
            clean_session=None if v5 else True,
            clean_start=True if v5 else MQTT_CLEAN_START_FIRST_ONLY,
            properties=_connect_properties() if v5 else None,
            will=aiomqtt.Will(will.topic, will.payload, 1, will.retain) if will else None,
            # paho notices a silent cut after two keepalives of its own: with 0.7 of ours that
            # is within 1.5 of ours (FAULTS F6).
            keepalive=max(1, int(broker.keepalive_s * 0.7)),
            timeout=_CONNECT_TIMEOUT_S,
            max_queued_incoming_messages=_ARRIVALS_MOST,
            tls_context=context_of(broker),
            socket_options=(
                (socket.IPPROTO_TCP, socket.TCP_NODELAY, 1),
                (
                    socket.IPPROTO_TCP,
                    socket.TCP_USER_TIMEOUT,
                    int(broker.keepalive_s * 1400),
                ),
            ),
        )


MakeLink = Callable[..., Link]
"""What makes a process's link: ``Link`` itself, or a simulated network (docs/TESTING.md)."""


class _Client(aiomqtt.Client):
    """aiomqtt's client with publishing of our own: an answer for each, and no 10 s of silence."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._answers: dict[int, asyncio.Future[bool]] = {}
        self.refused = 0
        self.why = ""
        self._kept: socket.socket | None = None

    def post(self, topic: str, payload: bytes, *, retain: bool) -> asyncio.Future[bool] | None:
        info = self._client.publish(topic, payload, 1, retain)
        if info.rc != 0:
            return None
        answer: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._answers[info.mid] = answer
        return answer

    def leave(self, why: str) -> None:
        """End the connection by our own will; ``linger`` has to follow."""
        self.why = why
        ours = self._client.socket()
        if ours is not None and self._kept is None:
            self._kept = socket.socket(fileno=os.dup(ours.fileno()))
        self._client.disconnect()

    async def linger(self) -> None:
        """After ``leave`` wait until the broker has ended the connection, too.

        paho closes behind its DISCONNECT. What the broker then still writes is answered by a
        reset, and a broker that meets that first takes us for lost and publishes the Will.
        """
        kept, self._kept = self._kept, None
        if kept is None:
            return
        loop = asyncio.get_running_loop()
        with kept, contextlib.suppress(OSError, TimeoutError):
            async with asyncio.timeout(_LINGER_S):
                while await loop.sock_recv(kept, 65_536):
                    pass

    def watch(self) -> None:
        """Answer what is open at the moment of disconnection (aiomqtt waits 10 s instead)."""
        self._disconnected.add_done_callback(lambda _: self.give_up())

    def give_up(self) -> None:
        """The connection has ended: nothing is answered any more, and the socket is closed."""
        self._client.disconnect()
        for answer in self._answers.values():
            if not answer.done():
                answer.set_result(False)
        self._answers.clear()

    def _on_socket_register_write(
        self,
        client: Any,
        userdata: Any,  # noqa: ARG002  paho's signature
        sock: Any,
    ) -> None:
        """As aiomqtt's, but paho may have closed the socket before the loop gets to it.

        So it is for a process that was stopped for longer than its keepalive; its number may be
        somebody else's by then.
        """

        def write() -> None:
            try:
                client.loop_write()
            except Exception as error:  # noqa: BLE001  whatever it is, the connection broke
                if not self._disconnected.done():
                    self._disconnected.set_exception(error)

        def register() -> None:
            if sock.fileno() >= 0:
                self._loop.add_writer(sock.fileno(), write)

        self._loop.call_soon_threadsafe(register)

    def _on_publish(
        self,
        client: Any,
        userdata: Any,
        mid: int,
        reason_code: ReasonCode,
        properties: Properties,
    ) -> None:
        """Where the answer's reason code is: aiomqtt's own handler drops it."""
        answer = self._answers.pop(mid, None)
        failed = bool(reason_code.is_failure)
        self.refused += failed
        if answer is not None and not answer.done():
            answer.set_result(not failed)
        super()._on_publish(client, userdata, mid, reason_code, properties)


def _heed_cancellation() -> None:
    """End now if we were to: a cancellation that meets a result is swallowed on the way here.

    ``asyncio.wait_for``, which aiomqtt connects and subscribes with, does so before Python 3.12
    (https://github.com/python/cpython/issues/86296).
    """
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError


def _code(error: BaseException) -> object:
    """The reason code in an error of aiomqtt, if it has one."""
    code = getattr(error, "rc", None)
    return getattr(code, "value", code)


def _connect_properties() -> Properties:
    """Ask an MQTT 5 broker not to send what would be refused for its size."""
    properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]  # paho
    properties.MaximumPacketSize = _PACKET_MOST
    return properties


def _password(broker: BrokerSettings) -> str | None:
    """The password, read anew for each connection so that it can be changed."""
    if broker.password_file is None:
        return None
    return Path(broker.password_file).read_text(encoding="utf-8").rstrip("\r\n")

"""A broker and its lines, in memory: what ``transport.io.link.Link`` would be connected to.

A line (TCP) keeps order and loses nothing while it lives; a cut line holds everything back and is
given up after 1.5 keepalives. The broker takes a message, says so, and may then lose, double or
reorder it on the way to its subscribers: a PUBACK is not delivery. Killed, it forgets all that
was in flight and all that it retained.
"""

from __future__ import annotations

import asyncio
import contextvars
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import cache
from random import Random
from typing import Final

from config.settings import BrokerSettings
from tests.sim.clock import OWNER, Life, VirtualLoop
from transport.io.link import Link, Message

ARRIVALS_MOST: Final = 5000
CONNECT_S: Final = 10.0
FIRST_S: Final = 0.25
MOST_S: Final = 10.0
KEEPALIVE_S: Final = 20.0


@dataclass
class Weather:
    """How bad the broker and its lines are now: shares of messages, and seconds."""

    loss: float = 0.0
    double: float = 0.0
    reorder: float = 0.0
    delay_s: float = 0.02


Note = Callable[[str, str], None]


@dataclass(eq=False)
class Session:
    """One connection of one client, as the broker and the client see it."""

    client: str
    life: Life
    topics: tuple[str, ...]
    will: Message | None
    arrived: deque[Message] = field(default_factory=deque)
    wake: asyncio.Event = field(default_factory=asyncio.Event)
    answers: dict[int, asyncio.Future[bool]] = field(default_factory=dict)
    number: int = 0
    open: bool = True
    gone: str = ""
    last_up: float = 0.0
    last_down: float = 0.0
    held: list[Callable[[], None]] = field(default_factory=list)


class Broker:
    """The broker, its sessions and the state of every client's line."""

    def __init__(self, loop: VirtualLoop, random: Random, note: Note) -> None:
        self._loop = loop
        self._random = random
        self._note = note
        self._nobody = contextvars.Context()
        self.weather = Weather()
        self.up = True
        self.cut: set[str] = set()
        self.refusing: dict[str, bool] = {}
        """Clients whose messages an ACL refuses, and whether the PUBACK says so (MQTT 5)."""

        self.kept: deque[Message] = deque(maxlen=40)
        """The last notices, for whoever plays them again."""

        self.sessions: dict[str, Session] = {}
        self.retained: dict[str, bytes] = {}
        kinds = ("published", "lost", "doubled", "delivered", "overflow", "refused")
        self.counts = dict.fromkeys(kinds, 0)
        self.flying = 0

    # ── What the simulation does to it ───────────────────────────────────────────────────────────

    def kill(self) -> None:
        """SIGKILL with persistence off: no Will is published, everything is forgotten."""
        self.up = False
        self.retained.clear()
        for session in list(self.sessions.values()):
            self._close(session, "broker killed", will=False)

    def start(self) -> None:
        self.up = True

    def sever(self, client: str) -> None:
        """Cut a client's line without a word to either end."""
        self.cut.add(client)
        session = self.sessions.get(client)
        if session is not None:
            self._later(1.5 * KEEPALIVE_S, lambda: self._missed(session))

    def mend(self, client: str) -> None:
        self.cut.discard(client)
        session = self.sessions.get(client)
        if session is not None:
            held, session.held = session.held, []
            for step in held:
                step()

    def silent(self, client: str, life: Life) -> None:
        """The client's process is stopped: its keepalive will be missed."""
        session = self.sessions.get(client)
        if session is not None and session.life is life:
            self._later(1.5 * KEEPALIVE_S, lambda: self._missed(session))

    def died(self, client: str, life: Life) -> None:
        """The client's process is dead, and its kernel closed the line (unless that is cut)."""
        session = self.sessions.get(client)
        if session is None or session.life is not life:
            return
        if client in self.cut:
            self._later(1.5 * KEEPALIVE_S, lambda: self._close(session, "keepalive", will=True))
        else:  # what it gave to its kernel before still goes out
            after = max(self._loop.time(), session.last_up) + 1e-6
            self._at(after, lambda: self._close(session, "reset", will=True))

    # ── What clients do ──────────────────────────────────────────────────────────────────────────

    def connect(
        self, client: str, life: Life, topics: tuple[str, ...], will: Message | None
    ) -> Session:
        """A new session; one of the same id is thrown out (MQTT 3.1.4)."""
        other = self.sessions.get(client)
        if other is not None:
            self._close(other, "taken over", will=True)
        session = self.sessions[client] = Session(client, life, topics, will)
        self._note("connect", client)
        for topic in sorted(self.retained):
            if any(_matches(one, topic) for one in topics):
                self._send(session, Message(topic, self.retained[topic], retain=True))
        return session

    def leave(self, session: Session) -> None:
        """A clean DISCONNECT is what a Link does when it is cancelled: no Will.

        Not so one that was killed: ``died`` closes its line, after what was on it already.
        """
        if not session.life.dead:
            self._close(session, "left", will=False)

    def publish(self, session: Session, message: Message) -> asyncio.Future[bool] | None:
        """Take a message from a client's line; the future is its PUBACK."""
        if not session.open or session.life.dead:
            return None
        answer: asyncio.Future[bool] = self._loop.create_future()
        session.number += 1
        number = session.number
        session.answers[number] = answer
        at = max(self._loop.time() + self._delay(), session.last_up + 1e-6)
        session.last_up = at

        def taken() -> None:
            if not session.open:
                return
            if session.client in self.cut:
                session.held.append(taken)
                return
            taken_in = session.client not in self.refusing or message.topic.endswith("/alive")
            if taken_in:
                self.route(message)
            else:
                self.counts["refused"] += 1
                self._note("refuse", f"{session.client} {message.topic}")
            good = taken_in or not self.refusing[session.client]
            self._at(at + self._delay(), lambda: acked(good=good))

        def acked(*, good: bool) -> None:
            if not session.open:
                return
            if session.client in self.cut:
                session.held.append(lambda: acked(good=good))
                return
            found = session.answers.pop(number, None)
            if found is not None and not found.done():
                found.set_result(good)

        self._at(at, taken)
        return answer

    # ── Inside ───────────────────────────────────────────────────────────────────────────────────

    def route(self, message: Message) -> None:
        """To whoever has subscribed to it."""
        self.counts["published"] += 1
        self._note("publish", f"{message.topic} {len(message.payload)}")
        if message.topic.endswith("/notice"):
            self.kept.append(message)
        if message.retain:
            if message.payload:
                self.retained[message.topic] = message.payload
            else:
                self.retained.pop(message.topic, None)
        for client in list(self.sessions):
            session = self.sessions[client]
            if any(_matches(one, message.topic) for one in session.topics):
                self._forward(session, message._replace(retain=False))

    def _forward(self, session: Session, message: Message) -> None:
        if self._random.random() < self.weather.loss:
            self.counts["lost"] += 1
            self._note("lose", f"{session.client} {message.topic}")
            return
        self._send(session, message)
        if self._random.random() < self.weather.double:
            self.counts["doubled"] += 1
            self._send(session, message)

    def _send(self, session: Session, message: Message) -> None:
        at = self._loop.time() + self._delay()
        if self._random.random() >= self.weather.reorder:
            at = session.last_down = max(at, session.last_down + 1e-6)
        else:
            at += self._delay() * 5
        self.flying += 1

        def landed() -> None:
            self.flying -= 1
            hand_over()

        def hand_over() -> None:
            if not session.open or session.life.dead:
                return
            if session.client in self.cut:
                session.held.append(hand_over)
            elif len(session.arrived) >= ARRIVALS_MOST:
                self.counts["overflow"] += 1
            else:
                self.counts["delivered"] += 1
                self._note("deliver", f"{session.client} {message.topic} {len(message.payload)}")
                session.arrived.append(message)
                session.wake.set()

        self._at(at, landed)

    def _missed(self, session: Session) -> None:
        """1.5 keepalives later: given up by both ends when it is still as it was."""
        if session.open and (session.client in self.cut or session.life.stopped):
            self._close(session, "keepalive", will=True)

    def _close(self, session: Session, reason: str, *, will: bool) -> None:
        if not session.open:
            return
        session.open = False
        session.gone = reason
        session.held.clear()
        self._note("close", f"{session.client} {reason}")
        if self.sessions.get(session.client) is session:
            del self.sessions[session.client]
        answers = [answer for answer in session.answers.values() if not answer.done()]
        session.answers.clear()
        for answer in answers:
            answer.set_result(False)
        session.wake.set()
        if will and session.will is not None and self.up:
            self.route(session.will)

    def _delay(self) -> float:
        return self.weather.delay_s * (0.2 + 1.6 * self._random.random())

    def _at(self, when: float, step: Callable[[], None]) -> None:
        self._loop.call_at(when, step, context=self._nobody)

    def _later(self, seconds: float, step: Callable[[], None]) -> None:
        self._at(self._loop.time() + seconds, step)


class SimLink(Link):
    """``Link`` over the simulated broker: same words, same order of hooks, same promises."""

    def __init__(
        self,
        network: Broker,
        random: Random,
        broker: BrokerSettings,
        *,
        client_id: str,
        on_message: Callable[[Message], None],
        subscriptions: tuple[str, ...] = (),
        will: Callable[[], Message | None] = lambda: None,
        on_connected: Callable[[], Awaitable[None]] | None = None,
        on_disconnected: Callable[[str], None] | None = None,
    ) -> None:
        super().__init__(
            broker,
            client_id=client_id,
            on_message=on_message,
            subscriptions=subscriptions,
            will=will,
            on_connected=on_connected,
            on_disconnected=on_disconnected,
        )
        life = OWNER.get()
        assert life is not None, "a link belongs to a life"
        self._network = network
        self._random = random
        self._life = life
        self._session: Session | None = None
        self._until = 0.0

    @property
    def connected(self) -> bool:
        return self._session is not None

    def post(
        self, topic: str, payload: bytes, *, retain: bool = False
    ) -> asyncio.Future[bool] | None:
        if self._session is None:
            return None
        return self._network.publish(self._session, Message(topic, payload, retain))

    def leave(self, seconds: float) -> None:
        """End this connection, and try none for so long."""
        self._until = asyncio.get_running_loop().time() + seconds
        if self._session is not None:
            self._network.leave(self._session)

    async def run(self) -> None:
        failures = 0
        while True:
            await asyncio.sleep(max(0.0, self._until - asyncio.get_running_loop().time()))
            served = await self._once()
            failures = 0 if served else failures + 1
            bound = min(MOST_S, FIRST_S * 2 ** min(failures, 16))
            await asyncio.sleep(self._random.uniform(0, bound))

    async def _once(self) -> bool:
        client, network = self._client_id, self._network
        will = self._will()
        if client in network.cut:
            await asyncio.sleep(CONNECT_S)
            return False
        await asyncio.sleep(network._delay() * 2)
        if not network.up or client in network.cut:
            return False
        session = network.connect(client, self._life, self._subscriptions, will)
        self._session = session
        try:
            if self._on_connected is not None:
                await self._on_connected()
            while session.open or session.arrived:
                while session.arrived and session.open:
                    self._on_message(session.arrived.popleft())
                    await asyncio.sleep(0)
                if not session.open:
                    break
                session.wake.clear()
                await session.wake.wait()
        finally:
            self._session = None
            network.leave(session)
            if self._on_disconnected is not None:
                self._on_disconnected(session.gone or "closed")
        return True


@cache
def _matches(pattern: str, topic: str) -> bool:
    if "+" not in pattern:
        return pattern == topic
    wanted, given = pattern.split("/"), topic.split("/")
    return len(wanted) == len(given) and all(
        one in {"+", two} for one, two in zip(wanted, given, strict=True)
    )

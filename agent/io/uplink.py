"""The agent's way to the collector: outbox, two lanes, one link, birth and signs of life."""

from __future__ import annotations

import asyncio
import random
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from pydantic import TypeAdapter

from agent import lanes, presence, present
from agent.devices import AgentFault
from agent.exposition import LaneNow, LinkNow
from agent.presence import Identity
from config.settings import AgentOptions, AgentSettings
from transport import frames
from transport.delivery import Acked, Renumber, Window
from transport.io import log as logs
from transport.io.clock import Clock
from transport.io.hop import SendingHop
from transport.io.keys import KeyFault, key_in
from transport.io.link import Link, MakeLink, Message
from transport.io.outbox import Outbox, OutboxFull, Quota, Row, Thinned, TooLarge, fits
from transport.io.sqlite import is_full
from transport.sign import SigningKey
from wire.base import AgentId, OperatorId
from wire.codec import Refused, decode
from wire.presence import LaneState
from wire.request import LookRequest
from wire.topics import Topics

STATE: Final = "state"
HISTORY: Final = "history"
SAMPLE: Final = "sample"
IDENTITY: Final = "identity"
"""The lane of the acknowledgement that tells a second process of one identity so (F14)."""

AWAY_S: Final = 300.0
_SESSION: Final = "session"
_WINDOWS: Final = {
    STATE: Window(rows=64, size=256 * 1024),
    HISTORY: Window(rows=16, size=128 * 1024, least=4096),
    SAMPLE: Window(rows=16, size=128 * 1024, least=8192),
}
"""History and samples never stand before much of the state lane, however slow the link."""

_SHARES: Final = {STATE: 1.0, HISTORY: 0.5, SAMPLE: 0.75}
"""How much of the link a lane may have; both together, when both wait, about half each."""

OVERDUE_S: Final = 30.0
"""What waited for so long is history: how things stand now overtakes it (FAULTS F8)."""

OVERDUE_ROWS: Final = 2000
SAID_EVERY_S: Final = 30.0
"""Unless something is overdue, connections that follow sooner need not hear everything again."""

UNHEARD_S: Final = 1800.0
"""How everything stood is said again so much later although nobody has heard it yet."""

_FAREWELL_S: Final = 2.0
Bodies = list[tuple[bytes, int]]
"""Bodies of rows of the state lane, with the number of their entries."""

_REQUEST: Final = TypeAdapter(LookRequest)


class Uplink:
    """Rows go in by ``append``; they leave when the link and the collector allow it.

    ``run`` serves until cancelled; ``farewell`` says good-bye before that. An fsync that fails
    raises out of both: the process must end (FAULTS F11).
    """

    def __init__(
        self,
        settings: AgentSettings,
        who: Identity,
        clock: Clock,
        on_request: Callable[[LookRequest], None] | None = None,
        standing: Callable[[], Iterator[Bodies]] = lambda: iter(()),
        *,
        link: MakeLink = Link,
    ) -> None:
        options = settings.agent
        # Ten digits, so that payloads are of one length.
        life = who.life or random.getrandbits(30) + 2**30
        key = _own_key(options)
        who = self._who = replace(who, life=life, key=key)
        self._clock = clock
        self._log = logs.get("uplink", agent=who.agent)
        self._changes = logs.Changes(self._log)
        self._every_s = options.alive_every_s
        topics = Topics(settings.county.county, settings.county.tree)
        operator, agent = OperatorId(options.operator), AgentId(options.id)
        self._topic = {
            leaf: topics.agent(operator, agent, leaf)
            for leaf in (STATE, SAMPLE, "birth", "alive", "ack", "request")
        }
        self._topic[HISTORY] = self._topic[STATE]
        self._on_request = on_request
        self.outbox = Outbox.open(
            Path(options.state_dir) / "agent.db",
            now_s=lambda: clock.wall_ms() // 1000,
            quotas={
                STATE: Quota(options.state_quota_bytes),
                HISTORY: Quota(0),  # what it has counts with the state lane
                SAMPLE: Quota(
                    options.sample_quota_bytes,
                    thin=True,
                    age_s=round(options.sample_quota_days * 86_400),
                ),
            },
        )
        past = self.outbox.past
        if past.set_aside is not None:
            self._log.error("outbox damaged, set aside", path=str(past.set_aside))
        elif past.lost:
            self._log.error("outbox gone, begun anew in a newer epoch")
        elif past.old:
            self._log.error("outbox is an old copy, goes on in a newer epoch", lanes=past.old)
        self._session = self._beat = 0
        self._pressure = presence.Pressure()
        self._apart = presence.apart(who)
        self._born = asyncio.Event()
        self._leaving = False
        self.link = link(
            settings.broker,
            client_id=options.id,
            subscriptions=(self._topic["ack"], *([self._topic["request"]] if on_request else [])),
            will=self._will,
            on_message=self._arrived,
            on_connected=self._connected,
            on_disconnected=self._disconnected,
        )
        self.hops = {lane: self._hop(lane) for lane in (STATE, HISTORY, SAMPLE)}
        self.acks = 0
        self.connections = 0
        self.refused_acks = 0
        self._standing = standing
        self._steps: Iterator[Bodies] | None = None
        self._step_at: asyncio.Handle | None = None
        self._begins_at: tuple[int, int] | None = None
        self._said_s = -SAID_EVERY_S
        self._anew = False

    def append(self, state: Sequence[Row], sample: Sequence[Row]) -> bool:
        """Write rows to disk in one transaction and send them; False when nothing more fits."""
        try:
            thinned = self._append(state, sample)
        except OutboxFull as full:
            self._changes.note("outbox", "full", "outbox full", level="error", error=str(full))
            self._pressure = self._pressure._replace(no_space=not sample)
            return False
        self._pressure = presence.Pressure(
            self._pressure.given_up + sum(one.samples for one in thinned)
        )
        self._changes.note("outbox", "open", "outbox has room", level="info")
        for one in thinned:
            self._changes.note(
                "thin", one.reason, "samples given up", rows=one.rows, samples=one.samples
            )
        for hop in self.hops.values():
            hop.wake()
        return True

    def _append(self, state: Sequence[Row], sample: Sequence[Row]) -> tuple[Thinned, ...]:
        """Append; bodies that fit no payload in parts (devices choose how long names are)."""
        try:
            return self.outbox.append({STATE: state, SAMPLE: sample})
        except TooLarge:
            return self.outbox.append({STATE: _fitting(state), SAMPLE: _fitting(sample)})

    async def run(self) -> None:
        """Serve link and lanes until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self.link.run())
            group.create_task(self._heartbeat())
            for hop in self.hops.values():
                group.create_task(hop.run())

    async def farewell(self) -> None:
        """Give what is waiting a short time to leave, then say that we go."""
        if not self._born.is_set():
            return
        try:
            async with asyncio.timeout(_FAREWELL_S):
                await self.hops[STATE].idle.wait()
        except TimeoutError:
            self._log.info("state rows stay on disk", rows=self.hops[STATE].pending)
        self._leaving = True  # a sign of life that is due meanwhile must not take it back
        await self._say(online=False)

    def renew(self, who: Identity) -> None:
        """What we look at has changed: a new session begins, whose birth says so.

        The lane says it too, behind what was seen before: late words of devices that we gave up
        are followed by that.
        """
        who = replace(who, life=self._who.life, key=self._who.key)
        if who == self._who:
            return
        self._who, self._apart = who, presence.apart(who)
        self._every_s = who.alive_every_ms / 1000
        at_ms = self._clock.now_ms()
        listed = present.inventory(who.devices)
        self.append([Row(STATE, at_ms, body, count) for body, count in listed], ())
        self.link.leave(0.0)

    def lanes(self) -> tuple[LaneNow, ...]:
        """What waits in each lane."""
        now_ms = self._clock.now_ms()
        found = []
        for lane, hop in self.hops.items():
            oldest_ms = self.outbox.oldest_ms(lane)
            age_s = 0.0 if oldest_ms is None else max(0, now_ms - oldest_ms) / 1000
            found.append(LaneNow(lane, hop.pending, self.outbox.lane(lane).bytes, age_s))
        return tuple(found)

    def figures(self) -> LinkNow:
        """What passed over the link."""
        return LinkNow(
            connected=self.link.connected,
            connections=self.connections,
            acks=self.acks,
            refused_acks=self.refused_acks,
            given_up=self._pressure.given_up,
        )

    def close(self) -> None:
        if self._step_at is not None:
            self._step_at.cancel()
        self.outbox.close()

    def _hop(self, lane: str) -> SendingHop:
        return SendingHop(
            sender=self._who.agent,
            lane=lane,
            topic=self._topic[lane],
            outbox=self.outbox,
            link=self.link,
            clock=self._clock,
            window=_WINDOWS[lane],
            on_restart=lambda action: self._restarted(lane, action),
            share=_SHARES[lane],
        )

    def _restarted(self, lane: str, action: Renumber) -> None:
        """The rows go on in the new epoch by themselves; what was lost is said again (F13)."""
        self._log.warning("lane begins a new epoch", lane=lane, reason=action.reason.value)
        self._anew |= lane == STATE

    # -- how things stand, before what has waited (FAULTS F8) -------------------------------------

    def _begin(self) -> None:
        """Say how everything stands; what waits in the state lane for long becomes history.

        The other lanes begin when that is acknowledged.
        """
        state = self.hops[STATE]
        now_s = self._clock.monotonic()
        bodies: Bodies | None = None
        unheard = self._begins_at is not None and state.position < self._begins_at
        ago_s = now_s - self._said_s
        overdue = self._overdue() and not (unheard and ago_s < UNHEARD_S)
        if overdue or self._anew or (ago_s >= SAID_EVERY_S and not unheard):
            self._steps = self._standing()
            bodies = next(self._steps, None)
        if overdue:
            self._retire()
        if bodies is not None or self._apart:
            self._said_s, self._anew = now_s, False
        if self._apart:
            bodies = [*(bodies or ()), *present.inventory(self._who.devices)]
        self._say_all(bodies or ())
        for lane in (HISTORY, SAMPLE):
            self.hops[lane].disconnected()
        if self._steps is not None and self._step_at is None:
            self._step_at = asyncio.get_running_loop().call_soon(self._step)
        self._go_on()

    def _step(self) -> None:
        """Of very many devices the rest follows step by step: looks go on meanwhile."""
        assert self._steps is not None
        bodies = next(self._steps, None)
        if bodies is None:
            self._steps = self._step_at = None
            self._go_on()
            return
        self._say_all(bodies)
        self._step_at = asyncio.get_running_loop().call_soon(self._step)

    def _say_all(self, bodies: Iterable[tuple[bytes, int]]) -> None:
        at_ms = self._clock.now_ms()
        self.append([Row(STATE, at_ms, body, count) for body, count in bodies], ())
        self._begins_at = self.hops[STATE].end

    def _overdue(self) -> bool:
        """Whether rows wait in the state lane for longer than a link that works leaves them."""
        oldest_ms = self.outbox.oldest_ms(STATE)
        if oldest_ms is None:
            return False
        waited_ms = self._clock.now_ms() - oldest_ms
        limit_ms = self._clock.to_domain(OVERDUE_S) * 1000
        return waited_ms > limit_ms or self.hops[STATE].pending > OVERDUE_ROWS

    def _late(self) -> bool:
        ago_s = self._clock.monotonic() - self._said_s
        return ago_s >= SAID_EVERY_S and self._overdue()

    def _retire(self) -> None:
        try:
            self.hops[STATE].retire_to(self.hops[HISTORY])
        except sqlite3.OperationalError as error:
            if not is_full(error):
                raise
            self._log.error("no disk space: what has waited goes first")

    def _go_on(self) -> None:
        """Let the other lanes begin once the collector knows how things stand."""
        if self._steps is not None or self._begins_at is None:
            return
        if self.hops[STATE].position < self._begins_at:
            return
        self._begins_at = None
        for lane in (HISTORY, SAMPLE):
            self.hops[lane].connected()

    def _will(self) -> Message:
        """A new session for each connection; its Will carries the same number (PLAN 7, MQTT)."""
        try:
            self._session = self.outbox.next_counter(_SESSION)
        except sqlite3.OperationalError as error:
            if not is_full(error):
                raise
            # Unix seconds are the counter's floor, so the next one from disk is not below.
            self._session = max(self._session + 1, self._clock.wall_ms() // 1000)
        self._beat = 0
        return Message(self._topic["alive"], self._alive(online=False), retain=True)

    def _alive(self, *, online: bool) -> bytes:
        self._beat += 1
        online = online and not self._leaving
        return presence.alive(
            self._who,
            presence.Word(self._session, self._beat, self._clock.now_ms()),
            online=online,
            lanes=self._lane_states() if online else (),
            pressure=self._pressure,
        )

    def _lane_states(self) -> list[LaneState]:
        """The watermark of each lane: what was written, what of it was acknowledged."""
        return [
            LaneState(lane=info.name, epoch=info.epoch, last_seq=info.highest, acked_seq=info.acked)
            for info in map(self.outbox.lane, self.hops)
        ]

    async def _say(self, *, online: bool) -> bool:
        return await self.link.publish(
            self._topic["alive"], self._alive(online=online), retain=True
        )

    async def _connected(self) -> None:
        """Birth, presence, how everything stands; then the lanes.

        The birth is retained, so that a collector that comes later knows the inventory too.
        """
        self.connections += 1
        payload = presence.birth(
            self._who,
            session=self._session,
            at_ms=self._clock.now_ms(),
            lanes=self._lane_states(),
            apart=self._apart,
        )
        born = self.link.post(self._topic["birth"], payload, retain=True)
        alive = self.link.post(self._topic["alive"], self._alive(online=True), retain=True)
        self.hops[STATE].connected()
        self._begin()
        self._born.set()
        for said in (born, alive):
            if said is None or not await said:
                self._changes.note("birth", self._session, "birth was not taken")

    def _disconnected(self, reason: str) -> None:
        self._born.clear()
        for hop in self.hops.values():
            hop.disconnected()
        self._changes.note("uplink", reason, "buffering", level="info", reason=reason)

    async def _heartbeat(self) -> None:
        while True:
            await asyncio.sleep(self._every_s)
            await self._born.wait()
            await self._say(online=True)

    def _arrived(self, message: Message) -> None:
        if message.topic == self._topic["request"]:
            self._requested(message.payload)
        if message.topic != self._topic["ack"]:
            return
        try:
            lane, acked = frames.read_ack(message.payload)
        except Refused as refused:
            self._refuse(refused.reason, str(refused))
            return
        hop = self.hops.get(lane)
        if lane == IDENTITY:
            self._turned_away(acked)
            return
        if hop is None:
            self._refuse("unknown_lane", f"no lane {lane} here")
            return
        self.acks += 1
        hop.acknowledged(acked)
        if not self._born.is_set():
            return
        if lane == STATE and (self._anew or (acked.again and self._late())):
            self._begin()  # the collector is back, or has lost what it knew
        self._go_on()

    def _turned_away(self, acked: Acked) -> None:
        """Another process has our identity and was there before: stay away, keep everything."""
        if acked.refused and acked.check == self._who.life:
            self._log.error(
                "another agent with our identity is at work: refused, staying away",
                agent=self._who.agent,
                seconds=AWAY_S,
            )
            self.link.leave(AWAY_S)

    def _requested(self, payload: bytes) -> None:
        """A wish to look at once; what is none is named and dropped."""
        if self._on_request is None:
            return
        try:
            self._on_request(decode(_REQUEST, payload))
        except Refused as refused:
            self._changes.note("request", refused.reason, "request refused", text=str(refused))

    def _refuse(self, reason: str, text: str) -> None:
        self.refused_acks += 1
        self._changes.note("ack", reason, "acknowledgement refused", text=text)


def _own_key(options: AgentOptions) -> SigningKey | None:
    """The key that signs our births and presence. Raises AgentFault."""
    if options.key is None:
        return None
    try:
        return key_in(Path(options.key), options.id)
    except KeyFault as fault:
        raise AgentFault(str(fault)) from fault


def _fitting(rows: Sequence[Row]) -> list[Row]:
    return [
        row._replace(body=body, rows=count)
        for row in rows
        for body, count in lanes.fitting(row.body, fits)
    ]

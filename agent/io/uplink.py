"""The agent's way to the collector: outbox, two lanes, one link, birth and signs of life."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from pydantic import TypeAdapter

from agent import lanes, presence
from agent.presence import Identity
from config.settings import AgentSettings
from transport import frames
from transport.delivery import Renumber, Window
from transport.io import log as logs
from transport.io.clock import Clock
from transport.io.hop import SendingHop
from transport.io.link import Link, MakeLink, Message
from transport.io.outbox import Outbox, OutboxFull, Quota, Row, Thinned, TooLarge, fits
from transport.io.sqlite import is_full
from wire.base import AgentId, OperatorId
from wire.codec import Refused, decode
from wire.presence import LaneState
from wire.request import LookRequest
from wire.topics import Topics

STATE: Final = "state"
SAMPLE: Final = "sample"
_SESSION: Final = "session"
_WINDOWS: Final = {
    STATE: Window(rows=64, size=256 * 1024),
    SAMPLE: Window(rows=16, size=128 * 1024),
}
"""Samples get the smaller window, so that they never stand before much of the state lane."""

_FAREWELL_S: Final = 2.0
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
        *,
        link: MakeLink = Link,
    ) -> None:
        options = settings.agent
        self._who = who
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
        self._on_request = on_request
        self.outbox = Outbox.open(
            Path(options.state_dir) / "agent.db",
            now_s=lambda: clock.wall_ms() // 1000,
            quotas={
                STATE: Quota(options.state_quota_bytes),
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
        self._session = 0
        self._born = asyncio.Event()
        self.link = link(
            settings.broker,
            client_id=options.id,
            subscriptions=(self._topic["ack"], *([self._topic["request"]] if on_request else [])),
            will=self._will,
            on_message=self._arrived,
            on_connected=self._connected,
            on_disconnected=self._disconnected,
        )
        self.hops = {lane: self._hop(lane) for lane in (STATE, SAMPLE)}
        self.refused_acks = 0

    def append(self, state: Sequence[Row], sample: Sequence[Row]) -> bool:
        """Write rows to disk in one transaction and send them; False when nothing more fits."""
        try:
            thinned = self._append(state, sample)
        except OutboxFull as full:
            self._changes.note("outbox", "full", "outbox full", level="error", error=str(full))
            return False
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
        await self._say(online=False)

    def close(self) -> None:
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
            on_restart=self._restarted,
        )

    def _restarted(self, action: Renumber) -> None:
        """Only for people: the rows go on in the new epoch by themselves (FAULTS F13)."""
        self._log.warning("lane begins a new epoch", reason=action.reason.value)

    def _will(self) -> Message:
        """A new session for each connection; its Will carries the same number (PLAN 7, MQTT)."""
        try:
            self._session = self.outbox.next_counter(_SESSION)
        except sqlite3.OperationalError as error:
            if not is_full(error):
                raise
            # Unix seconds are the counter's floor, so the next one from disk is not below.
            self._session = max(self._session + 1, self._clock.wall_ms() // 1000)
        return Message(self._topic["alive"], self._alive(online=False), retain=True)

    def _alive(self, *, online: bool) -> bytes:
        return presence.alive(
            self._who, session=self._session, at_ms=self._clock.now_ms(), online=online
        )

    async def _say(self, *, online: bool) -> bool:
        return await self.link.publish(
            self._topic["alive"], self._alive(online=online), retain=True
        )

    async def _connected(self) -> None:
        """Birth, presence, then the lanes.

        The birth is retained, so that a collector that comes later knows the inventory too.
        """
        states = [
            LaneState(lane=info.name, epoch=info.epoch, last_seq=info.highest, acked_seq=info.acked)
            for info in map(self.outbox.lane, self.hops)
        ]
        payload = presence.birth(
            self._who, session=self._session, at_ms=self._clock.now_ms(), lanes=states
        )
        said = await self.link.publish(self._topic["birth"], payload, retain=True)
        said = await self._say(online=True) and said
        if not said:
            self._changes.note("birth", self._session, "birth was not taken")
        for hop in self.hops.values():
            hop.connected()
        self._born.set()

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
        if hop is None:
            self._refuse("unknown_lane", f"no lane {lane} here")
        else:
            hop.acknowledged(acked)

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


def _fitting(rows: Sequence[Row]) -> list[Row]:
    return [
        row._replace(body=body, rows=count)
        for row in rows
        for body, count in lanes.fitting(row.body, fits)
    ]
